"""When notices are sent and what stands in one letter. Pure.

What begins waits some minutes for company. What flaps waits longer each time it comes back, four
times as long, up to six hours: a node that goes and comes all day is told five times, not a
hundred. At quiet hours everything waits for their end, save urgent things where that is wanted.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hub.notices import KINDS, URGENT
from hub.store import Row

MINUTE_MS = 60_000
# Urgent things wait for those of the same look alone.
URGENT_WAIT_MS = MINUTE_MS
WAIT_MS_MAX = 6 * 3600_000
LINES_MAX = 40
NODES_MAX = 10


class Rules(NamedTuple):
    """Hold what a subscription wants; quiet hours are local `HH:MM`, both empty for none."""

    group_min: int
    quiet_from: str
    quiet_to: str
    breaks: bool


def wait_ms(kind: str, repeats: int, group_min: int) -> int:
    """Return how long a notice waits for company."""
    first_ms = group_min * MINUTE_MS
    if kind == URGENT:
        first_ms = min(first_ms, URGENT_WAIT_MS)
    return max(first_ms, min(first_ms << (2 * repeats), WAIT_MS_MAX))


def is_quiet(rules: Rules, clock: str) -> bool:
    """Tell whether a local time (`HH:MM`) is within the quiet hours, over midnight too."""
    first, last = rules.quiet_from, rules.quiet_to
    if not first or not last:
        return False
    if first <= last:
        return first <= clock < last
    return clock >= first or clock < last


def is_ready(rows: Sequence[Row], rules: Rules, now_ms: int, clock: str) -> bool:
    """Tell whether notices that wait are to be sent now, all together."""
    due = [
        row
        for row in rows
        if row["noted_ms"] + wait_ms(row["kind"], row["repeats"], rules.group_min) <= now_ms
    ]
    if not is_quiet(rules, clock):
        return bool(due)
    return rules.breaks and any(row["kind"] == URGENT for row in due)


def gather(
    rows: Sequence[Row], units: Mapping[str, str], nodes: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a letter says: `lines`, the gravest first, and how many `more` there were.

    `units` and `nodes` hold names by id. A line counts how often its thing began (`times`), at how
    many nodes (`count`) and how many of them have it still (`open`).
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    open_at: dict[tuple[str, str], dict[str, bool]] = {}
    for row in rows:
        key = (row["unit"], row["code"])
        line = found.setdefault(key, {"times": 0, "first_ms": row["at_ms"], "kind": row["kind"]})
        line["times"] += not row["is_over"]
        line["first_ms"] = min(line["first_ms"], row["at_ms"])
        line["last_ms"] = max(line.get("last_ms", 0), row["at_ms"])
        line["kind"] = min(line["kind"], row["kind"], key=KINDS.index)
        open_at.setdefault(key, {})[row["node"]] = not row["is_over"]
    lines = []
    for (unit, code), line in found.items():
        state = open_at[unit, code]
        names = sorted(state, key=lambda node: (not state[node], nodes.get(node, node), node))
        line.update(unit=unit, unit_name=units.get(unit, unit), code=code, count=len(state))
        line["open"] = sum(state.values())
        line["nodes"] = [{"node": one, "name": nodes.get(one, one)} for one in names[:NODES_MAX]]
        lines.append(line)
    lines.sort(
        key=lambda one: (
            KINDS.index(one["kind"]),
            not one["open"],
            one["unit_name"],
            one["unit"],
            one["code"],
        )
    )
    return {"lines": lines[:LINES_MAX], "more": len(lines) - len(lines[:LINES_MAX])}
