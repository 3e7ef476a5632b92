"""Whom a broadcast reached: people of the hamlets whose loudspeaker was heard in a period."""

from collections.abc import Collection
from typing import Any, NamedTuple

from hub.evidence import HEARD_GRADE
from hub.reports import Period
from hub.store import Above, Row, Store, UpTo


class Hamlet(NamedTuple):
    """Hold a hamlet, its people (None: nobody said), and how many plays were heard there."""

    unit_name: str
    name: str
    people: int | None
    heard: int


class Reached(NamedTuple):
    """Hold the hamlets seen, the people of all and of those reached, and hamlets without figure."""

    hamlets: list[Hamlet]
    people: int
    people_reached: int
    without_figure: int


def count(store: Store, units: dict[str, Row], seen: Collection[str], when: Period) -> Reached:
    """Count by hamlet; a play counts where power or sound was measured, as in the report."""
    measured: Row = {"grade": Above(HEARD_GRADE - 1), "started_ms": UpTo(when.to_ms - 1)}
    tests: dict[str, dict[str, Any]] = {
        "measured": measured,
        "failed": {**measured, "outcome": "failed"},
    }
    where = {"unit": sorted(seen), "started_ms": Above(when.from_ms - 1)}
    plays = store.tally("plays", tests, where, by="node")
    heard: dict[tuple[str, str], int] = {}
    for node in store.each("nodes", {"unit": sorted(seen), "kind": "speaker"}):
        if node["hamlet"] and node["node"] in plays:
            key = (node["unit"], node["hamlet"])
            sums = plays[node["node"]]
            heard[key] = heard.get(key, 0) + sums["measured"] - sums["failed"]
    found = []
    for row in store.each("hamlets", {"unit": sorted(seen)}):
        unit = units.get(row["unit"])
        plays_there = heard.get((row["unit"], row["hamlet"]), 0)
        unit_name = str(unit["name"]) if unit else row["unit"]
        found.append(Hamlet(unit_name, row["name"], row["people"], plays_there))
    found.sort(key=lambda one: (one.unit_name, one.name))
    return Reached(
        found,
        sum(one.people or 0 for one in found),
        sum(one.people or 0 for one in found if one.heard),
        sum(1 for one in found if one.people is None),
    )
