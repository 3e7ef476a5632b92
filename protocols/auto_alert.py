"""Alerts that no person signed: how long they sound, how old, how often, and whom they may name.

A unit may let the hub relay listed senders under the role `auto-alert-<unit>`, whose key lies open
at the hub. What that key can do in a stranger's hands is bounded here, at the node: short sound, a
short life, few a day over all units of the chain, and never a word about an alert of a person's.
"""

from protocols import canonical, media
from protocols.alert import Alerts
from protocols.errors import RemoteFault
from protocols.fields import Fields, check_integer, check_list, check_text
from protocols.limits import (
    AUTO_AGE_S_MAX,
    AUTO_AHEAD_S_MAX,
    AUTO_GAP_S_MIN,
    AUTO_LIFE_S_MAX,
    AUTO_PER_DAY_MAX,
    AUTO_SEEN_BYTES_MAX,
    AUTO_SOUND_MS_MAX,
    EPOCH_S_MAX,
    ID_BYTES_MAX,
)

FORMAT = "chieng-auto/1"
# Every id begins so; one that an approver's alert bears can be neither taken nor named.
PREFIX = "auto."
_DAY_S = 86400


def _refuse(code: str, message: str) -> RemoteFault:
    return RemoteFault("alert." + code, message, "Let an approver of the unit sign it.")


def check(found: Alerts) -> None:
    """Raise `RemoteFault("alert.auto")` unless every alert keeps within the bounds."""
    for one in found.alerts:
        for name in (one.id,) + tuple(one.references):
            if not name.startswith(PREFIX):
                raise _refuse("auto", name + " is not a relayed alert's")
        if one.is_cancel():
            continue
        if one.expires_s - one.sent_s > AUTO_LIFE_S_MAX:
            raise _refuse("auto", one.id + " lives too long")
        if one.maximum_age_s > AUTO_AGE_S_MAX:
            raise _refuse("auto", one.id + " may be heard too late")
        if one.repeat is not None and one.repeat.gap_s < AUTO_GAP_S_MIN:
            raise _refuse("auto", one.id + " repeats too soon")
        if media.duration_ms(one.renditions) > AUTO_SOUND_MS_MAX:
            raise _refuse("auto", one.id + " is too long")


class Allowance:
    """Count the relayed alerts of a day; `seen` maps what began to when (Unix seconds).

    What comes back after it was taken off, or says something else under an id that stands, begins
    anew and counts anew. While the time is unknown nothing is forgotten, so a node without a clock
    hears fewer, not more.
    """

    def __init__(self, seen: "dict[str, int] | None" = None):
        self.seen = dict(seen or {})

    def admit(self, found: Alerts, held: Alerts | None, now_s: int | None) -> bool:
        """Count what `held`, the version in force, lacks; tells whether there is news to store.

        One version counts once, however often it is offered. Raises
        `RemoteFault("alert.auto_rate")` when it would be too many and `RemoteFault("alert.auto")`
        for an alert of the future, and counts nothing then.
        """
        if now_s is not None:
            for name in list(self.seen):
                if not self.seen[name]:
                    self.seen[name] = now_s
                elif now_s - self.seen[name] >= _DAY_S:
                    del self.seen[name]
        fresh = []
        for one in found.alerts:
            if one.is_cancel() or (held is not None and one in held.alerts):
                continue
            if now_s is not None and one.sent_s - now_s > AUTO_AHEAD_S_MAX:
                raise _refuse("auto", one.id + " is of the future")
            name = "%s/%d/%s" % (found.unit, found.version, one.id)
            if name not in self.seen:
                fresh.append(name)
        if len(self.seen) + len(fresh) > AUTO_PER_DAY_MAX:
            raise _refuse("auto_rate", "more relayed alerts than a day allows")
        for name in fresh:
            self.seen[name] = now_s or 0
        return bool(fresh)

    def export(self) -> bytes:
        """Return the bytes that `read` takes."""
        seen = [[name, self.seen[name]] for name in sorted(self.seen)]
        return canonical.encode({"format": FORMAT, "seen": seen})


def read(data: bytes) -> Allowance:
    """Return what was stored; raises `RemoteFault` (`json.*`, `format.field`)."""
    fields = Fields(canonical.decode(data, AUTO_SEEN_BYTES_MAX), "auto")
    fields.choice("format", (FORMAT,))
    seen = {}
    for entry in check_list(fields.value("seen"), "auto.seen", 0, AUTO_PER_DAY_MAX):
        pair = check_list(entry, "auto.seen", 2, 2)
        name = check_text(pair[0], "auto.seen", 1, 3 * ID_BYTES_MAX)
        seen[name] = check_integer(pair[1], "auto.seen", 0, EPOCH_S_MAX)
    return Allowance(seen)
