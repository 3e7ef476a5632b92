"""Emergencies: a unit's open alerts in one signed manifest, shaped after CAP 1.2.

`update` and `cancel` name what they replace or end by `references`; `expires_s`, `maximum_age_s`
and the end of a repeat say how long each may still be heard.
"""

from collections import namedtuple

from protocols import canonical, media
from protocols.fields import Fields, refuse
from protocols.items import read_alert_page
from protocols.limits import (
    ALERT_GAP_S_MAX,
    ALERT_LIFE_S_MAX,
    ALERTS_MAX,
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    LANGUAGE_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    PAGES_MAX,
    REFERENCES_MAX,
    TITLE_BYTES_MAX,
)
from protocols.media import Blob
from protocols.targets import read_targets
from protocols.units import take_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.targets import Place

FORMAT = "chieng-alerts/1"
ALERT = "alert"
UPDATE = "update"
CANCEL = "cancel"

Repeat = namedtuple("Repeat", ("gap_s", "until_s"))
"""Play again after a pause of `gap_s`, as long as a play may start before `until_s`."""


class Alert(
    namedtuple(
        "Alert",
        (
            "id",
            "kind",
            "references",
            "drill",
            "title",
            "language",
            "sent_s",
            "expires_s",
            "maximum_age_s",
            "repeat",
            "renditions",
            "pages",
            "targets",
        ),
    )
):
    """Describe one alert; times are Unix seconds, `repeat` is None for a single play."""

    def is_cancel(self) -> bool:
        """Tell whether this only ends others."""
        return bool(self.kind == CANCEL)

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {
            "id": self.id,
            "kind": self.kind,
            "references": list(self.references),
            "drill": self.drill,
            "title": self.title,
            "language": self.language,
            "sent_s": self.sent_s,
            "expires_s": self.expires_s,
            "maximum_age_s": self.maximum_age_s,
            "renditions": [rendition.to_dict() for rendition in self.renditions],
            "pages": [page.to_dict() for page in self.pages],
        }
        if self.repeat is not None:
            value["repeat"] = {"gap_s": self.repeat.gap_s, "until_s": self.repeat.until_s}
        targets = self.targets.to_dict()
        if targets:
            value["targets"] = targets
        return value


class Alerts(namedtuple("Alerts", ("version", "unit", "issued_s", "alerts"))):
    """Hold one version of a unit's alerts."""

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form; reading it back gives equal alerts."""
        return {
            "format": FORMAT,
            "version": self.version,
            "unit": self.unit,
            "issued_s": self.issued_s,
            "alerts": [alert.to_dict() for alert in self.alerts],
        }


def _references(fields: Fields, kind: str, own_id: str) -> tuple[str, ...]:
    found = fields.ids("references", REFERENCES_MAX, ID_BYTES_MAX)
    path = fields.name("references")
    if own_id in found:
        raise refuse(path, "names the alert itself", "Name the earlier alert.")
    if kind == ALERT and found:
        raise refuse(path, "stands in a first alert", "Use kind update or cancel.")
    if kind != ALERT and not found:
        raise refuse(path, "is empty", "Name the alerts that this one replaces or ends.")
    return found


def _repeat(fields: Fields, sent_s: int, expires_s: int) -> Repeat | None:
    if not fields.has("repeat"):
        return None
    inner = fields.nested("repeat")
    gap_s = inner.integer("gap_s", 0, ALERT_GAP_S_MAX)
    return Repeat(gap_s, inner.integer("until_s", sent_s + 1, expires_s))


def read_alert(fields: Fields) -> Alert:
    """Return one alert of a manifest."""
    name = fields.id("id", ID_BYTES_MAX)
    kind = fields.choice("kind", (ALERT, UPDATE, CANCEL))
    sent_s = fields.integer("sent_s", 0, EPOCH_S_MAX - 1)
    latest_s = min(EPOCH_S_MAX, sent_s + ALERT_LIFE_S_MAX)
    expires_s = fields.integer("expires_s", sent_s + 1, latest_s)
    pages = []
    for entry in fields.objects("pages", PAGES_MAX):
        pages.append(read_alert_page(entry, sent_s, expires_s))
    return Alert(
        name,
        kind,
        _references(fields, kind, name),
        fields.flag("drill", False),
        fields.text("title", 1, TITLE_BYTES_MAX),
        fields.text("language", 2, LANGUAGE_BYTES_MAX),
        sent_s,
        expires_s,
        fields.integer("maximum_age_s", 1, ALERT_LIFE_S_MAX, expires_s - sent_s),
        _repeat(fields, sent_s, expires_s),
        media.read_renditions(fields, True),
        tuple(pages),
        read_targets(fields),
    )


def from_dict(value: object, unit: str | None = None) -> Alerts:
    """Return the alerts of a decoded manifest, completely checked.

    With `unit` (the one its path names) another unit's manifest is refused. Raises
    `RemoteFault("format.field")` naming the field (`alert.alerts[0].expires_s`).
    """
    fields = Fields(value, "alert")
    fields.choice("format", (FORMAT,))
    name = take_unit(fields, "unit")
    if unit is not None and name != unit:
        raise refuse("alert.unit", "is another unit's", "Publish it at its own unit's path.")
    found: list[Alert] = []
    seen: set[str] = set()
    for entry in fields.objects("alerts", ALERTS_MAX):
        alert = read_alert(entry)
        if alert.id in seen:
            raise refuse(entry.name("id"), "stands twice", "Give every alert its own id.")
        seen.add(alert.id)
        found.append(alert)
    version = fields.integer("version", 1, JSON_INTEGER_MAX)
    return Alerts(version, name, fields.integer("issued_s", 0, EPOCH_S_MAX), tuple(found))


def read(data: bytes, unit: str | None = None) -> Alerts:
    """Return the alerts in a manifest's bytes; raises `RemoteFault` (`json.*`, `format.field`)."""
    return from_dict(canonical.decode(data, MANIFEST_BYTES_MAX), unit)


def build(value: dict[str, object]) -> bytes:
    """Return the canonical bytes of a manifest after checking it as a node will.

    `format` may be left out. Raises `RemoteFault` for a wrong field or too large a manifest.
    """
    fields = dict(value)
    fields["format"] = FORMAT
    data = canonical.encode(from_dict(fields).to_dict())
    if len(data) > MANIFEST_BYTES_MAX:
        raise refuse("alert", "is larger than a node reads", "Drop expired alerts.")
    return data


def blobs_needed(alerts: Alerts, place: "Place") -> list[Blob]:
    """Return what a node at `place` needs of a unit's alerts, each wanted at once (`at_ms` 0)."""
    found = []
    for alert in alerts.alerts:
        if alert.kind == CANCEL or not alert.targets.reach(place):
            continue
        steps = media.ladder(alert.renditions, place.profiles)[:1]
        for page in alert.pages:
            steps.extend(media.ladder(page.renditions, place.profiles)[:1])
        for step in steps:
            found.append(Blob(0, step.sha256, step.length, step.media_type))
    return media.in_order(found)
