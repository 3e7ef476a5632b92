"""Our alerts as CAP 1.2: an Atom index and a file for each, public as what is heard in the street.

Every publication of a unit's alerts is one message: Alert, Update of what it corrects, or Cancel. A
drill is an Exercise. What was made of a CAP message keeps its category, event and grades.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hub import bulletins, fleet, programme, timing
from hub.cap import areas, intake, reader, tree
from hub.cap.feed import ATOM
from hub.cap.message import Info
from hub.cap.tree import Part
from hub.config import Config
from hub.store import Row, Store

LISTED_MAX = 100
LISTED_S = 30 * 86400
CANCEL = ".cancel"


class Grades(NamedTuple):
    """What CAP asks for and a bulletin does not say."""

    category: str = "Safety"
    urgency: str = "Immediate"
    severity: str = "Severe"
    certainty: str = "Observed"


def listed(store: Store, now_s: int) -> list[Row]:
    """Return the publications of the last month, newest first."""
    where = {"kind": "alerts", "state": "published"}
    rows = store.find(
        "publications", where, order=["published_s"], descending=True, limit=LISTED_MAX
    )
    return [row for row in rows if row["published_s"] > now_s - LISTED_S]


def name_of(publication: Row) -> str:
    """Return what a publication's file is called."""
    return str(publication["bulletin"]) + (CANCEL if publication["action"] == "recall" else "")


def find(store: Store, name: str) -> Row | None:
    """Return the published publication of a file's name."""
    bulletin = name.removesuffix(CANCEL)
    action = "publish" if bulletin == name else "recall"
    where = {"bulletin": bulletin, "action": action, "kind": "alerts", "state": "published"}
    rows = store.find("publications", where, order=["published_s"], descending=True, limit=1)
    return rows[0] if rows else None


def build(store: Store, publication: Row, config: Config) -> bytes:
    """Return one message."""
    row = bulletins.current(store, publication["bulletin"])
    is_cancel = publication["action"] == "recall"
    sent_s = int(publication["published_s"])
    if is_cancel:
        kind, named = "Cancel", [programme.item_id(row)]
    else:
        named = list(row["timing"].get("replaces", []))
        kind = "Update" if named else "Alert"
        sent_s = int(row["timing"]["sent_s"])
    references = [one for one in (_reference(store, item, config) for item in named) if one]
    parts = [
        Part("identifier", programme.item_id(row) + (CANCEL if is_cancel else "")),
        Part("sender", _sender(row["unit"], config)),
        Part("sent", moment(sent_s, config.utc_offset_min)),
        Part("status", "Exercise" if row["timing"]["drill"] else "Actual"),
        Part("msgType", kind),
        Part("scope", "Public"),
    ]
    if references:
        parts.append(Part("references", " ".join(references)))
    parts.append(_info(store, row, sent_s, is_cancel, config))
    return tree.write(Part("alert", parts), reader.NAMESPACE)


def _sender(unit: str, config: Config) -> str:
    return f"{unit}@{config.public_name or 'localhost'}"


def _reference(store: Store, item: str, config: Config) -> str | None:
    bulletin = item.rsplit(".", 1)[0]
    if store.get("bulletins", bulletin) is None:
        return None
    row = bulletins.current(store, bulletin)
    sent = moment(row["timing"]["sent_s"], config.utc_offset_min)
    return f"{_sender(row['unit'], config)},{item},{sent}"


def moment(seconds: int, offset_min: int) -> str:
    """Return Unix seconds as CAP writes them: local time with its zone, never Z."""
    local = datetime.fromtimestamp(seconds, UTC) + timedelta(minutes=offset_min)
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{local:%Y-%m-%dT%H:%M:%S}{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"


def _origin(store: Store, bulletin: str) -> Info | None:
    """Return the CAP message's part that a bulletin was made of."""
    link = store.get("cap_bulletins", bulletin)
    row = store.get("cap_messages", link["message"]) if link else None
    return intake.given_of(store, row).first() if row else None


def _info(store: Store, row: Row, sent_s: int, is_cancel: bool, config: Config) -> Part:
    origin, grades = _origin(store, row["bulletin"]), Grades()
    if origin is not None:
        grades = Grades(origin.categories[0], origin.urgency, origin.severity, origin.certainty)
    day = timing.local_time(sent_s, config.utc_offset_min).date().isoformat()
    unit = fleet.units_on(store, day).get(row["unit"]) or {}
    name = unit.get("name") or row["unit"]
    expires_s = sent_s + programme.CANCEL_S if is_cancel else programme.until_s(row, 0)
    parts = [
        Part("language", row["language"]),
        Part("category", grades.category),
        Part("event", origin.event if origin else row["title"]),
        *([Part("responseType", "AllClear")] if is_cancel else []),
        Part("urgency", "Past" if is_cancel else grades.urgency),
        Part("severity", grades.severity),
        Part("certainty", grades.certainty),
        Part("expires", moment(expires_s, config.utc_offset_min)),
        Part("senderName", name),
        Part("headline", row["title"]),
        Part("description", row["text"] or row["title"]),
        _area(store, row, unit, name, day),
    ]
    return Part("info", parts)


def _area(store: Store, row: Row, unit: Row, name: str, day: str) -> Part:
    """Return the unit by its code and the code list of the day, or the hamlets, not more."""
    codes: list[tuple[str, str]] = []
    said = name
    if row["hamlets"]:
        found = [store.get("hamlets", row["unit"], one) for one in row["hamlets"]]
        said = ", ".join([one["name"] for one in found if one]) + f" ({name})"
        codes = [(areas.OWN_HAMLETS, f"{row['unit']}/{one}") for one in row["hamlets"]]
    else:
        codes = [(areas.OWN_LIST, row["unit"])]
        if unit.get("code_system") and unit.get("code"):
            system, code = unit["code_system"], unit["code"]
            codes += [(system, code), (f"{system}@{day}", code)]
    pairs = [
        Part("geocode", [Part("valueName", system), Part("value", code)]) for system, code in codes
    ]
    return Part("area", [Part("areaDesc", said), *pairs])


def index(store: Store, now_s: int, config: Config) -> bytes:
    """Return the Atom index."""
    base = f"https://{config.public_name}" if config.public_name else ""
    rows = listed(store, now_s)
    newest = rows[0]["published_s"] if rows else 0
    entries: list[Any] = [_entry(store, row, base, config) for row in rows]
    head = [
        Part("id", f"tag:{config.public_name or 'localhost'},2025:cap/alerts"),
        Part("title", "CAP 1.2"),
        Part("updated", moment(newest, config.utc_offset_min)),
        Part("author", [Part("name", config.public_name or "Chiêng")]),
        Part("link", "", [("rel", "self"), ("href", base + "/cap/alerts.xml")]),
    ]
    return tree.write(Part("feed", [*head, *entries]), ATOM)


def _entry(store: Store, publication: Row, base: str, config: Config) -> Part:
    row, name = bulletins.current(store, publication["bulletin"]), name_of(publication)
    link = [
        ("rel", "alternate"),
        ("type", "application/cap+xml"),
        ("href", f"{base}/cap/alerts/{name}.xml"),
    ]
    return Part(
        "entry",
        [
            Part("id", f"tag:{config.public_name or 'localhost'},2025:cap/alerts/{name}"),
            Part("title", row["title"]),
            Part("updated", moment(publication["published_s"], config.utc_offset_min)),
            Part("link", "", link),
        ],
    )
