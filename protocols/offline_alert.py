"""An alert signed on a laptop and carried by hand to nodes that no network reaches.

The file is `{"signatures": [{"keyid", "sig"}], "signed": {"_type": "offline-alert", "manifest"}}`.
`manifest` is an ordinary alerts manifest with exactly one alert; signatures cover the canonical
form of `signed`, whose `_type` no TUF role has, so neither can pass for the other. The file counts
without timestamp and snapshot: by the keys and threshold that the node's stored registry gives to
`alert-<unit>`, for a day at most, and once.

The node's order: `read`, `role` from the stored registry of the alert's unit, `check`, then
`Replays.add` and the bytes of `Replays` on disk, and only then play.
"""

from collections import namedtuple

from protocols import alert, canonical, delegation, fields, metadata, trust_checks, units
from protocols.errors import RemoteFault
from protocols.limits import (
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    OFFLINE_ALERT_AHEAD_S_MAX,
    OFFLINE_ALERT_BYTES_MAX,
    OFFLINE_ALERT_LIFE_S_MAX,
    OFFLINE_ALERTS_MAX,
)

TYPE = "offline-alert"
REPLAYS_FORMAT = "chieng-replays/1"
_REMEDIES = {
    "offline_alert.format": "make the file again with `chieng-tool alert`",
    "offline_alert.unit": "carry it to the nodes of its own unit",
    "offline_alert.life": "sign it for at most 24 hours",
    "offline_alert.early": "set the laptop's clock, then sign again",
    "offline_alert.expired": "sign a new alert",
    "offline_alert.replayed": "sign a new alert; each plays once",
    "offline_alert.role": "let a registrar give the unit approvers, and sync the node once",
    "offline_alert.full": "wait until earlier alerts have expired",
}


class OfflineAlert(namedtuple("OfflineAlert", ("unit", "alerts", "signed", "signatures", "where"))):
    """Hold a read file: nothing of it counts before `check`.

    `alerts` is the manifest as `protocols.alert.Alerts`, with one alert.
    """

    @property
    def alert(self) -> alert.Alert:
        """Return the one alert."""
        found: alert.Alert = self.alerts.alerts[0]
        return found


def _refuse(code: str, message: str) -> RemoteFault:
    return RemoteFault(code, message, _REMEDIES[code])


def signed_part(manifest: bytes) -> dict[str, object]:
    """Return the `signed` part for an alerts manifest, checked as a node will."""
    signed: dict[str, object] = {
        "_type": TYPE,
        "manifest": canonical.decode(manifest, OFFLINE_ALERT_BYTES_MAX),
    }
    _check_life(_alerts(signed).alerts[0])
    return signed


def encode(signed: dict[str, object], signatures: dict[str, str]) -> bytes:
    """Return the file for a signed part and its signatures (key id to hex)."""
    listed = [{"keyid": name, "sig": signatures[name]} for name in sorted(signatures)]
    return canonical.encode({"signatures": listed, "signed": signed})


def read(data: bytes) -> OfflineAlert:
    """Read a file; raises `RemoteFault` (`json.*`, `trust.format`, `format.field`,
    `offline_alert.format`)."""
    document = canonical.decode(data, OFFLINE_ALERT_BYTES_MAX)
    signed, signatures = metadata.envelope(document, TYPE)
    alerts = _alerts(signed)
    return OfflineAlert(alerts.unit, alerts, signed, signatures, TYPE + " of " + alerts.unit)


def _alerts(signed: dict[str, object]) -> alert.Alerts:
    if signed.get("_type") != TYPE or len(signed) != 2:
        raise _refuse("offline_alert.format", "this is no offline alert")
    alerts = alert.from_dict(signed.get("manifest"))
    if len(alerts.alerts) != 1:
        raise _refuse("offline_alert.format", "it holds " + str(len(alerts.alerts)) + " alerts")
    return alerts


def role(registry: dict[str, object], unit: str, now_s: int) -> metadata.Role:
    """Return the keys and threshold of `alert-<unit>` from the signed part of a stored registry.

    The registry was verified when it was stored; here only its expiry is looked at again.
    """
    version_and_expiry = metadata.read_targets(registry, "registry of " + unit)
    trust_checks.check_fresh(version_and_expiry[1], now_s, "registry of " + unit)
    for found in delegation.find(registry, units.alert_path(unit), "registry of " + unit):
        if found.name == "alert-" + unit:
            given: metadata.Role = found.role
            return given
    raise _refuse("offline_alert.role", "alert-" + unit + " is not delegated")


def check(
    found: OfflineAlert,
    given: metadata.Role,
    chain: "list[str] | tuple[str, ...]",
    now_s: int,
    replays: "Replays",
    verifier: "object",
    knows_time: bool = True,
) -> None:
    """Require everything that lets an offline alert play; raise `RemoteFault` otherwise.

    `chain` is the node's unit and its ancestors, `now_s` the node's clock, never below its floor.
    A node that does not know the time (`knows_time` False, `now_s` its floor) cannot tell an alert
    of tomorrow from one of today: it takes any that is newer than the floor, once.
    """
    one = found.alert
    if found.unit not in chain:
        raise _refuse("offline_alert.unit", "the alert is of unit " + found.unit)
    _check_life(one)
    if knows_time and one.sent_s > now_s + OFFLINE_ALERT_AHEAD_S_MAX:
        raise _refuse("offline_alert.early", one.id + " was sent in the future")
    if one.expires_s <= now_s or now_s - one.sent_s > one.maximum_age_s:
        raise _refuse("offline_alert.expired", one.id + " has expired")
    if replays.holds(found.unit, one.id) or one.expires_s <= replays.forgotten_s:
        raise _refuse("offline_alert.replayed", one.id + " was taken before")
    trust_checks.check_signatures(found, given, verifier, {})  # type: ignore[arg-type]


def _check_life(one: alert.Alert) -> None:
    if one.expires_s - one.sent_s > OFFLINE_ALERT_LIFE_S_MAX:
        raise _refuse("offline_alert.life", one.id + " lives longer than a day")


class Replays:
    """Remember the offline alerts that were taken, until they have expired.

    `forgotten_s` is the latest expiry of any that was forgotten: whatever expires by then is
    refused for good, also on a node that has lost the time since.
    """

    def __init__(self) -> None:
        self._expires_s: dict[str, int] = {}
        self.forgotten_s = 0

    def holds(self, unit: str, name: str) -> bool:
        """Tell whether an alert was taken before."""
        return unit + "/" + name in self._expires_s

    def add(self, found: OfflineAlert, now_s: int) -> None:
        """Take note of a checked alert; raises `RemoteFault("offline_alert.full")`.

        What expired before `now_s` is forgotten: it is refused by its dates.
        """
        for name in list(self._expires_s):
            if self._expires_s[name] <= now_s:
                self.forgotten_s = max(self.forgotten_s, self._expires_s[name])
                del self._expires_s[name]
        if len(self._expires_s) >= OFFLINE_ALERTS_MAX:
            raise _refuse("offline_alert.full", "too many offline alerts within a day")
        self._expires_s[found.unit + "/" + found.alert.id] = found.alert.expires_s

    def to_bytes(self) -> bytes:
        """Return the bytes to keep on disk."""
        value = {
            "format": REPLAYS_FORMAT,
            "taken": self._expires_s,
            "forgotten_s": self.forgotten_s,
        }
        return canonical.encode(value)


def read_replays(data: bytes) -> Replays:
    """Read what `to_bytes` wrote; raises `RemoteFault` for anything else."""
    value = fields.Fields(canonical.decode(data, OFFLINE_ALERT_BYTES_MAX), "replays")
    value.choice("format", (REPLAYS_FORMAT,))
    taken = value.nested("taken")
    if len(taken.values) > OFFLINE_ALERTS_MAX:
        raise fields.refuse("replays.taken", "is too long", "Remove the file.")
    found = {}
    for name in taken.values:
        unit, _, own = name.partition("/")
        if not units.is_unit_id(unit) or not fields.is_id(own, ID_BYTES_MAX):
            raise fields.refuse("replays.taken", "holds a wrong id", "Remove the file.")
        found[name] = taken.integer(name, 0, EPOCH_S_MAX)
    replays = Replays()
    replays._expires_s = found
    replays.forgotten_s = value.integer("forgotten_s", 0, EPOCH_S_MAX, 0)
    return replays
