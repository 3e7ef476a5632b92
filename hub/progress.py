"""The plan's targets, counted from the registry: who is reached by a loudspeaker, who has a board.

"100 % of communes have a station that reaches every hamlet, over 70 % of communes a board" (the
province's plan, DOMAIN section 1).
"""

from collections.abc import Collection
from typing import NamedTuple

from hub.store import Row, Store

STATION_PERCENT, BOARD_PERCENT = 100, 70


class Commune(NamedTuple):
    """Hold a unit without units below it: its hamlets, those with a loudspeaker, its boards."""

    unit: str
    name: str
    hamlets: int
    reached: int
    missing: tuple[str, ...]
    speakers: int
    boards: int

    @property
    def is_reached(self) -> bool:
        """Tell whether every hamlet has a loudspeaker; a unit without hamlets needs one."""
        return self.reached == self.hamlets if self.hamlets else self.speakers > 0


class Progress(NamedTuple):
    """Hold the communes, and in percent how many are reached and how many have a board."""

    communes: list[Commune]
    reached_percent: int
    board_percent: int


def count(store: Store, units: dict[str, Row], seen: Collection[str]) -> Progress:
    """Count the units in force that a reader may see."""
    parents = {row["parent"] for row in units.values()}
    found = []
    for unit in sorted(set(seen) & set(units) - parents, key=lambda one: units[one]["name"]):
        hamlets = {row["hamlet"]: row["name"] for row in store.find("hamlets", {"unit": unit})}
        nodes = store.find("nodes", {"unit": unit, "state": "enrolled"})
        speakers = [row for row in nodes if row["kind"] == "speaker"]
        reached = {row["hamlet"] for row in speakers} & set(hamlets)
        missing = tuple(sorted(name for one, name in hamlets.items() if one not in reached))
        boards = len(nodes) - len(speakers)
        name = str(units[unit]["name"])
        found.append(
            Commune(unit, name, len(hamlets), len(reached), missing, len(speakers), boards)
        )
    return Progress(
        found,
        _percent(sum(one.is_reached for one in found), len(found)),
        _percent(sum(one.boards > 0 for one in found), len(found)),
    )


def _percent(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0
