"""What a node does now and next, by its own word or by what was published for it.

What should play is expanded from the published manifests with the nodes' own `protocols.schedule`.
"""

import json
from typing import Any

from hub import fleet, orders, standing
from hub.repository import request as requests
from hub.store import Row, Store
from protocols import alert, bundle, media, schedule, settings
from protocols.alert import Alerts
from protocols.bundle import Bundle
from protocols.errors import Fault
from protocols.targets import Place
from protocols.units import alert_path, bundle_path

AHEAD_MS = 24 * 3600_000
# Parsed manifests that are kept: bundle and alerts of the units of a large province.
KEPT_MAX = 600


class Programmes:
    """Keep the published manifests of every unit, parsed once."""

    def __init__(self) -> None:
        self._kept: dict[str, Bundle | Alerts] = {}

    def bundle(self, store: Store, unit: str) -> Bundle | None:
        """Return a unit's bundle in force."""
        found = self._read(store, unit, "bundle")
        return found if isinstance(found, Bundle) else None

    def alerts(self, store: Store, unit: str) -> Alerts | None:
        """Return a unit's alerts in force."""
        found = self._read(store, unit, "alerts")
        return found if isinstance(found, Alerts) else None

    def _read(self, store: Store, unit: str, kind: str) -> Bundle | Alerts | None:
        where = {"unit": unit, "kind": kind, "state": "published"}
        rows = store.find("publications", where, order=["version"], descending=True, limit=1)
        if not rows:
            return None
        name = rows[0]["publication"]
        if name not in self._kept:
            files = requests.read(rows[0]["request"]).files
            if len(self._kept) > KEPT_MAX:
                self._kept.clear()
            if kind == "bundle":
                self._kept[name] = bundle.read(files[bundle_path(unit)], unit)
            else:
                self._kept[name] = alert.read(files[alert_path(unit)], unit)
        return self._kept[name]


# From publication to the first sample, at a node that checks every few minutes.
START_S = 300


def node(
    store: Store,
    programmes: Programmes,
    units: dict[str, Row],
    row: Row,
    faults: list[Row],
    now_ms: int,
) -> dict[str, Any]:
    """Return a node with what it does now and next, its last play, faults and orders."""
    status = store.get("node_status", row["node"]) or {}
    hamlet = store.get("hamlets", row["unit"], row["hamlet"]) if row["hamlet"] else None
    contact_ms = status.get("contact_ms")
    now, following = _now_and_next(store, programmes, units, row, now_ms)
    now = _reported(status, now_ms) or now
    return {
        **row,
        "status": status,
        "hamlet_name": hamlet["name"] if hamlet else "",
        "stands": standing.state(status, now_ms) if status else "never",
        "contact_ms": contact_ms,
        "faults": faults,
        "now": now,
        "next": following,
        "last": _last_play(store, row),
        "orders": orders.of_node(store, row["node"]),
    }


def _reported(status: Row, now_ms: int) -> dict[str, Any] | None:
    """Return what a node said it is playing, until it says that this ended or must have."""
    air_ms = status.get("air_ms")
    if air_ms is None or now_ms >= status["air_until_ms"] or air_ms <= _last_end(status):
        return None
    return {
        "title": status["air_title"],
        "class": status["air_class"],
        "at_ms": air_ms,
        "reported": True,
    }


def _last_end(status: Row) -> int:
    return int(status.get("play_ended_ms") or 0)


def _last_play(store: Store, node: Row) -> Row | None:
    where = {"node": node["node"]}
    rows = store.find("plays", where, order=["started_ms"], descending=True, limit=1)
    return {**rows[0], "kind": node["kind"]} if rows else None


def place_of(row: Row) -> Place:
    """Return where a node stands, as manifests target it."""
    groups = tuple(json.loads(row["groups_json"]))
    profiles = (f"board-{row['board']}",) if row["board"] else ("opus", "pcm16")
    return Place(row["unit"], row["hamlet"] or "", groups, row["kind"], profiles)


def settings_of(store: Store, node: str) -> settings.Settings | None:
    """Return the settings last published for a node, or None."""
    where = {"node": node, "channel": "settings", "state": ["sent", "done"]}
    rows = store.find("orders", where, order=["sequence"], descending=True, limit=1)
    if not rows:
        return None
    detail = json.loads(rows[0]["detail_json"])
    given = {"node": node, "unit": rows[0]["unit"], "sequence": rows[0]["sequence"], **detail}
    try:
        return settings.read_settings(settings.build_settings(given))
    except Fault:
        return None


def _heard_until_ms(one: alert.Alert, kind: str) -> int:
    """Return until when an alert is on air: a board shows it to its end, a loudspeaker plays it
    once unless it repeats."""
    end_s: int = one.expires_s
    if kind != "board":
        if one.repeat is not None:
            end_s = min(end_s, one.repeat.until_s)
        else:
            end_s = min(end_s, one.sent_s + media.duration_ms(one.renditions) // 1000 + START_S)
    return end_s * 1000


def _is_over(store: Store, one: alert.Alert, node: Row) -> bool:
    """Tell whether a loudspeaker has already played an alert that does not repeat."""
    if node["kind"] == "board" or one.repeat is not None:
        return False
    return store.count("plays", {"node": node["node"], "item": one.id, "outcome": "complete"}) > 0


def _planned(title: str, legal_class: str, at_ms: int) -> dict[str, Any]:
    return {"title": title, "class": legal_class, "at_ms": at_ms, "reported": False}


def _now_and_next(
    store: Store, programmes: Programmes, units: dict[str, Row], row: Row, now_ms: int
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return what a node should be playing now, and what comes next within a day."""
    place = place_of(row)
    now = following = None
    for unit in [row["unit"], *fleet.ancestors(units, row["unit"])]:
        alerts = programmes.alerts(store, unit)
        for one in alerts.alerts if alerts else ():
            live = one.kind != alert.CANCEL and now_ms < _heard_until_ms(one, row["kind"])
            if live and one.targets.reach(place) and not _is_over(store, one, row):
                now = _planned(one.title, "emergency", one.sent_s * 1000)
        found = programmes.bundle(store, unit)
        if found is None or not found.is_valid_at(now_ms):
            continue
        if row["kind"] == "board":
            shown = _page_now(found, place, now_ms)
            now = now or shown
            continue
        for one in schedule.occurrences(
            found.rules, now_ms, now_ms + AHEAD_MS, found.utc_offset_min, place
        ):
            entry = _entry(found, one, own=unit == row["unit"])
            if entry is None:
                continue
            if one.start_ms <= now_ms:
                now = now or entry
            elif following is None or one.start_ms < following["at_ms"]:
                following = entry
    return now, following


def _entry(found: Bundle, one: schedule.Occurrence, own: bool) -> dict[str, Any] | None:
    """Return one occurrence; normal items from above wait for the commune and are left out."""
    item = found.items[one.rule.items[0]]
    if not own and item.legal_class == "normal":
        return None
    return _planned(item.title, item.legal_class, one.start_ms)


def _page_now(found: Bundle, place: Place, now_ms: int) -> dict[str, Any] | None:
    for page in found.pages:
        if page.from_s * 1000 <= now_ms < page.until_s * 1000 and page.targets.reach(place):
            return _planned(page.title, page.legal_class, page.from_s * 1000)
    return None
