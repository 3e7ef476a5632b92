"""How a node stands at a moment, from a few columns that are kept ready: nothing is read per node.

A node says with every status record how often it reports and when its next slot starts. So each
contact tells by when the next one must come, and a node is judged by its own schedule: one report
missed, or a slot begun without a word, and it is late; more of it, and it is offline.
"""

import json
from typing import Any

from hub.store import Above, Row, Store, UpTo
from protocols import canonical
from protocols.limits import STATUS_S_MAX
from protocols.records import Record

# How often nodes report that have not said it: the default of a node's configuration.
REPORT_S = 900
# A link that comes and goes, and a clock that is a little behind.
SLACK_MS = 300_000
LATE_REPORTS, OFFLINE_REPORTS = 2, 4
# A node that plays says so within seconds; what hinders the word may not hinder the sound.
SLOT_LATE_MS, SLOT_OFFLINE_MS = 600_000, 1_800_000
# Records whose last one is kept ready for the node's page.
KEPT_WORDS = ("status", "modem", "senses")

# A year of starts says how a place's power is.
BOOTS_KEPT_MS = 400 * 86_400_000

STATES = ("playing", "idle", "late", "offline", "never")
MARKS = ("fault", "budget", "clock")


def filters(now_ms: int) -> dict[str, Row]:
    """Return what to ask `nodes` joined with `node_status` for each state and mark."""
    here = {"node_status.late_ms": Above(now_ms)}
    return {
        "playing": {**here, "node_status.playing_until_ms": Above(now_ms)},
        "idle": {**here, "node_status.playing_until_ms": UpTo(now_ms)},
        "late": {"node_status.late_ms": UpTo(now_ms), "node_status.offline_ms": Above(now_ms)},
        "offline": {"node_status.offline_ms": UpTo(now_ms)},
        "never": {"node_status.contact_ms": None},
        "fault": {"node_status.open_faults": Above(0)},
        "budget": {"node_status.budget_low": 1},
        "clock": {"node_status.clock": "unknown"},
    }


def state(row: Row, now_ms: int) -> str:
    """Return the one state of a node, from its row joined with its status."""
    if row["contact_ms"] is None:
        return "never"
    if row["offline_ms"] <= now_ms:
        return "offline"
    if row["late_ms"] <= now_ms:
        return "late"
    return "playing" if row["playing_until_ms"] > now_ms else "idle"


def due(contact_ms: int, report_s: int | None, slot_ms: int | None) -> Row:
    """Return from when a node is late and offline that was last heard at `contact_ms`."""
    report_ms = (report_s or REPORT_S) * 1000
    late_ms = contact_ms + LATE_REPORTS * report_ms + SLACK_MS
    offline_ms = contact_ms + OFFLINE_REPORTS * report_ms + SLACK_MS
    if slot_ms is not None and slot_ms > contact_ms:
        late_ms = min(late_ms, slot_ms + SLOT_LATE_MS)
        offline_ms = min(offline_ms, slot_ms + SLOT_OFFLINE_MS)
    return {"late_ms": late_ms, "offline_ms": offline_ms}


def follow(row: Row, changes: Row) -> Row:
    """Return what follows from changes to a node's status; `row` is what stood."""
    now = {**row, **changes}
    followed: Row = {}
    if now.get("contact_ms") is not None:
        followed = due(now["contact_ms"], now.get("report_s"), now.get("slot_ms"))
    air_ms, ended_ms = now.get("air_ms"), now.get("play_ended_ms") or 0
    is_on = air_ms is not None and air_ms > ended_ms
    followed["playing_until_ms"] = now["air_until_ms"] if is_on else 0
    return followed


def of_status(body: dict[str, Any]) -> Row:
    """Return what a status record says of the next report, the next slot, and the SIM's bytes."""
    plan, expected = _number(body, "sim_bytes"), _number(body, "sim_expected_bytes")
    report_s = _number(body, "report_s") or 0
    return {
        "budget_low": int(plan is not None and expected is not None and expected > plan),
        "report_s": report_s if 0 < report_s <= STATUS_S_MAX else None,
        "slot_ms": _number(body, "next_start_ms"),
    }


def _number(body: dict[str, Any], name: str) -> int | None:
    found: Any = body.get(name)
    return found if is_count(found) else None


def keep(store: Store, record: Record, now_ms: int) -> None:
    """Keep a record's words for the node's page, unless later ones stand."""
    at_ms = record.at_ms or now_ms
    if record.kind == "boot":
        if record.at_ms is not None and store.get("node_boots", record.node, at_ms) is None:
            store.add("node_boots", {"node": record.node, "at_ms": at_ms})
            old_ms = at_ms - BOOTS_KEPT_MS
            store.erase("node_boots", {"node": record.node}, "at_ms", old_ms, 100)
        return
    if record.kind not in KEPT_WORDS:
        return
    key = (record.node, record.kind)
    row = store.get("node_words", *key)
    said = {"at_ms": at_ms, "body_json": canonical.encode(record.body).decode()}
    if row is None:
        store.add("node_words", {"node": record.node, "kind": record.kind, **said})
    elif at_ms >= row["at_ms"]:
        store.change("node_words", key, said)


def words(store: Store, node: str) -> dict[str, dict[str, Any]]:
    """Return the last word of each kind with its moment (`at_ms`)."""
    return {
        row["kind"]: {**json.loads(row["body_json"]), "at_ms": row["at_ms"]}
        for row in store.find("node_words", {"node": node})
    }


def is_count(value: Any) -> bool:
    """Tell whether a value of a record is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
