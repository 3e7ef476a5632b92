"""Bulletins follow their slots and moves: what pages say of them is what nodes were given."""

import json

from hub import bulletins, frame, moves, programme, slots, timing
from hub.store import Above, Row, Store

_BEFORE_AIR = (
    bulletins.MAKING,
    bulletins.READY,
    bulletins.FAILED,
    bulletins.RETURNED,
    bulletins.APPROVED,
)
# What ended longer ago does not come back with a slot that is prolonged.
OVER_S = 60 * 86400


def rows(store: Store, unit: str, now_s: int) -> list[Row]:
    """Return the bulletins of a unit that stand in a slot, whatever the slot has become."""
    found = store.find("bulletins", {"unit": unit, "state": list(_BEFORE_AIR)})
    aired = {"unit": unit, "state": bulletins.PUBLISHED, "until_s": Above(now_s - OVER_S)}
    found += store.find("bulletins", aired)
    current = [bulletins.current(store, row["bulletin"]) for row in found]
    return [row for row in current if row["timing"].get("slot")]


def follow(store: Store, unit: str, now_s: int, offset_min: int) -> None:
    """Give the bulletins of a unit the times of their slots as these stand now, and those that
    were moved beyond their end another end.
    """
    held = frame.of(store, unit)
    for row in slots.refresh(rows(store, unit, now_s), held):
        key = (row["bulletin"], row["version"])
        store.change("bulletin_versions", key, {"timing_json": json.dumps(row["timing"])})
        if row["state"] == bulletins.PUBLISHED:
            over_s = programme.until_s(row, offset_min)
            store.change("bulletins", (row["bulletin"],), {"until_s": over_s})
    for name in {body["bulletin"] for body in held.moves.values()}:
        moved, last_s = store.get("bulletins", name), moves.last_s(held, name, offset_min)
        if moved is not None and (moved["until_s"] or 0) < last_s + timing.BOARD_S:
            store.change("bulletins", (name,), {"until_s": last_s + timing.BOARD_S})
