"""The few things that are true of the hub as a whole, by name."""

import json
from typing import Any

from hub.store import Store

# Numbers of manifests start above this after a restore: nodes refuse numbers they have passed.
NUMBER_FLOOR = "number_floor"
# The sequence and hash of the newest audit entry that retention has erased.
AUDIT_ANCHOR = "audit_anchor"
# How many days things are kept (`hub.retention`).
RETENTION = "retention"


# Minutes that the province's wall clock is ahead of UTC: what a day is, wherever rows are counted.
UTC_OFFSET_MIN = "utc_offset_min"
# Viet Nam has one time zone.
DEFAULT_OFFSET_MIN = 420


def get(store: Store, name: str, otherwise: Any = None) -> Any:
    """Return a fact, or `otherwise`."""
    row = store.get("facts", name)
    return otherwise if row is None else json.loads(row["value_json"])


def put(store: Store, name: str, value: Any) -> None:
    """State a fact."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if not store.change("facts", (name,), {"value_json": text}):
        store.add("facts", {"name": name, "value_json": text})


def above(store: Store, number: int) -> int:
    """Return the next number of a manifest: `number`, or what a restore made the least."""
    return max(number, int(get(store, NUMBER_FLOOR, 0)))
