"""The rules of a bundle: when each bulletin plays, with its turn in a campaign.

In a campaign every bulletin plays `share` times a day, spread over the campaign's times; each
begins one time further than the one before it, and all of them one further each weekday, so that
nobody always has the early hour. Among what is due at one moment nodes play by the rule's id
(`protocols.play_queue`), so an id's beginning says what goes first.
"""

from collections.abc import Sequence
from typing import Any

from hub import slots, timing
from hub.frame import Frame
from hub.store import Row

Rule = dict[str, Any]
# Ids of bulletins begin with "b".
_ORDER = {slots.FIRST: "0-", slots.USUAL: "", slots.AFTER: "z-"}
ALL_WEEK = range(1, 8)


def deal(times: Sequence[str], turn: int, share: int, weekday: int) -> tuple[str, ...]:
    """Return the times of a weekday on which the bulletin of a turn plays."""
    count = len(times)
    wanted = min(share, count)
    picked = {
        times[(turn + weekday + number * count // wanted) % count] for number in range(wanted)
    }
    return tuple(sorted(picked))


def turns(rows: Sequence[Row]) -> dict[str, int]:
    """Return each bulletin's turn within its slot, oldest first."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: (row["created_s"], row["bulletin"])):
        slot = row["timing"].get("slot")
        if slot:
            found[row["bulletin"]] = counts.get(slot["id"], 0)
            counts[slot["id"]] = found[row["bulletin"]] + 1
    return found


def of(row: Row, items: list[str], held: Frame, turn: int) -> list[Rule]:
    """Return the rules by which a bulletin plays; `items` are its own and those of variants."""
    plain = timing.rule(row["timing"])
    wanted = row["timing"].get("slot")
    body = held.slots[wanted["id"]] if wanted else {}
    if body.get("kind") != slots.CAMPAIGN:
        return [{"id": items[0], "items": items, **plain}]
    by_times: dict[tuple[str, ...], list[int]] = {}
    for weekday in plain["weekdays"]:
        picked = deal(plain["times"], turn, body["share"], weekday)
        by_times.setdefault(picked, []).append(weekday)
    name = _ORDER[body["order"]] + items[0]
    return [
        {
            **plain,
            "id": f"{name}.{number}",
            "items": items,
            "times": list(picked),
            "weekdays": days,
        }
        for number, (picked, days) in enumerate(sorted(by_times.items()))
    ]
