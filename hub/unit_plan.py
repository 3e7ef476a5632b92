"""What a file of units would change, shown before it is done, and done whole or not at all.

A merger is such a file: one row ends and names its successor. Nothing is deleted and no past row is
rewritten but for its end; what was wrong is put right by another dated row.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from hub import audit, fleet
from hub.folding import fold
from hub.store import Row, Store
from hub.unit_files import Read, Wrong
from protocols.hub_limits import UNITS_FILE_DAYS_MAX

_ENDING = {"valid_to", "successor"}
_KEPT = ("name", "kind", "code_system", "code")


class Change(NamedTuple):
    """Hold one row to write: what happens to the unit (`kinds`), from which line, on which day."""

    line: int
    kinds: tuple[str, ...]
    day: str
    row: Row
    old: Row | None


class Leaving(NamedTuple):
    """Hold what stands under a unit that ends, and stays readable under it and its successor."""

    unit: str
    name: str
    successor: str | None
    successor_name: str
    day: str
    nodes: int
    accounts: tuple[str, ...]
    approvers: tuple[str, ...]
    bulletins: int
    plays: int
    hamlets: int


class Plan(NamedTuple):
    """Hold every change of a file, and what the units that end leave behind."""

    units: list[Change]
    hamlets: list[Change]
    leaving: list[Leaving]
    same: int

    def digest(self) -> str:
        """Return what tells this plan from that of another day or another store."""
        told = [self.units, self.hamlets, self.leaving]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Return how many units and hamlets change, by kind of change."""
        found: dict[str, int] = {}
        for prefix, changes in (("", self.units), ("hamlet_", self.hamlets)):
            for kind in (kind for one in changes for kind in one.kinds):
                found[prefix + kind] = found.get(prefix + kind, 0) + 1
        return {**found, "same": self.same}


def plan(store: Store, given: Read) -> Plan:
    """Return what a file would change; raises `Wrong`."""
    rows = {(one["unit"], one["valid_from"]): one for one in store.each("units")}
    old, lines = dict(rows), {}
    for line, row in given.units:
        key = (row["unit"], row["valid_from"])
        lines[key] = line
        rows[key] = _laid(line, old.get(key), row)
    _close(rows, old, lines)
    changes = [
        _change(lines.get(key, 0), row, old.get(key), _before(old, row))
        for key, row in sorted(rows.items(), key=lambda one: (one[0][1], lines.get(one[0], 0)))
        if row != old.get(key)
    ]
    _check_tree(rows, changes, lines)
    hamlets = [one for pair in given.hamlets if (one := _hamlet(store, rows, *pair)) is not None]
    same = len(given.units) + len(given.hamlets) - len(hamlets)
    same -= sum(1 for one in changes if (one.row["unit"], one.row["valid_from"]) in lines)
    names = {unit: row["name"] for (unit, _), row in sorted(rows.items())}
    leaving = [_leaving(store, one, names) for one in changes if "ended" in one.kinds]
    return Plan(changes, hamlets, leaving, same)


def _laid(line: int, old: Row | None, row: Row) -> Row:
    """Return a row as it will stand: a past row takes an end and nothing else."""
    if old is None:
        return row
    for name in row:
        if old[name] == row[name]:
            continue
        if name not in _ENDING or (old[name] is not None and row[name] is not None):
            raise Wrong("history", line, name, f"{row['unit']} has another row from this day")
    # An end that the file leaves out, because it was told later, is kept.
    return {**row, **{name: row[name] if old[name] is None else old[name] for name in _ENDING}}


def _close(rows: dict[Any, Row], old: dict[Any, Row], lines: dict[Any, int]) -> None:
    """End each open row where the unit's next one starts; refuse rows that overlap."""
    by_unit: dict[str, list[Row]] = {}
    for _, row in sorted(rows.items()):
        by_unit.setdefault(row["unit"], []).append(row)
    for unit, dated in by_unit.items():
        for one, following in itertools.pairwise(dated):
            day = following["valid_from"]
            key = (unit, one["valid_from"])
            if one["valid_to"] is None:
                rows[key] = {**one, "valid_to": day}
            elif one["valid_to"] > day:
                line = lines.get((unit, day)) or lines.get(key, 0)
                raise Wrong(
                    "overlap", line, "valid_from", f"{unit} has a row until {one['valid_to']}"
                )


def _before(old: dict[Any, Row], row: Row) -> Row | None:
    """Return the row of the unit that stood before a new one."""
    earlier = [key for key in old if key[0] == row["unit"] and key[1] < row["valid_from"]]
    return old[max(earlier)] if earlier else None


def _change(line: int, row: Row, stood: Row | None, before: Row | None) -> Change:
    if stood is not None:
        kind = "ended" if row["successor"] or line else "closed"
        return Change(line, (kind,), str(row["valid_to"]), row, stood)
    if before is None:
        kinds = ("added", "ended") if row["successor"] else ("added",)
        return Change(line, kinds, row["valid_from"], row, None)
    found = ["moved"] if row["parent"] != before["parent"] else []
    found += ["renamed"] if row["name"] != before["name"] else []
    if any(row[name] != before[name] for name in _KEPT if name != "name"):
        found.append("recoded")
    if before["valid_to"] not in (None, row["valid_from"]):
        found = ["returned", *found]
    return Change(line, tuple(found or ["renewed"]), row["valid_from"], row, before)


def _check_tree(rows: dict[Any, Row], changes: list[Change], lines: dict[Any, int]) -> None:
    """Refuse a tree that would not hold on a day of change."""
    touched = {one.row["valid_from"] for one in changes}
    touched |= {one.row["valid_to"] for one in changes if one.row["valid_to"]}
    if not touched:
        return
    days = {day for row in rows.values() for day in (row["valid_from"], row["valid_to"]) if day}
    days = {day for day in days if day >= min(touched)}
    if len(days) > UNITS_FILE_DAYS_MAX:
        raise Wrong("days", 0, "valid_from", f"more than {UNITS_FILE_DAYS_MAX} days of change")
    for day in sorted(days):
        _check_day(list(rows.values()), day, lines)


def _check_day(rows: Iterable[Row], day: str, lines: dict[Any, int]) -> None:
    rows = list(rows)
    known = fleet.in_force(rows, day)
    for unit, row in known.items():
        parent = row["parent"]
        if parent is None:
            continue
        line = _line(lines, unit, row["valid_from"], parent)
        if parent not in known:
            raise Wrong("parent", line, "parent", f"{unit}: no unit {parent} on {day}")
        above = fleet.ancestors(known, unit)
        if unit in above or len(above) >= fleet.DEPTH_MAX:
            raise Wrong("parent", line, "parent", f"{unit} cannot stand under {parent}")
    for row in rows:
        if row["valid_to"] == day and row["successor"] and row["successor"] not in known:
            line = _line(lines, row["unit"], row["valid_from"], row["successor"])
            raise Wrong("successor", line, "successor", f"no unit {row['successor']} on {day}")


def _line(lines: dict[Any, int], unit: str, day: str, other: str) -> int:
    """Return the line of a row, or the first one about the other unit, which then is to blame."""
    if (unit, day) in lines:
        return lines[unit, day]
    return min((line for (one, _), line in lines.items() if one == other), default=0)


def _hamlet(store: Store, rows: dict[Any, Row], line: int, row: Row) -> Change | None:
    if not any(unit == row["unit"] for unit, _ in rows):
        raise Wrong("parent", line, "unit", f"no unit {row['unit']}")
    old = store.get("hamlets", row["unit"], row["hamlet"])
    if old == row:
        return None
    if old is None:
        return Change(line, ("added",), "", row, None)
    kinds = ("renamed",) if old["name"] != row["name"] else ("changed",)
    return Change(line, kinds, "", row, old)


def _leaving(store: Store, change: Change, names: dict[str, str]) -> Leaving:
    row = change.row
    unit, successor = row["unit"], row["successor"]
    held = store.find("grants", {"unit": unit, "ended_s": 0})
    people = {one["account"]: store.get("accounts", one["account"]) for one in held}
    nodes = {"unit": unit, "state": ["enrolled", "quarantined"]}
    return Leaving(
        unit,
        row["name"],
        successor,
        names.get(successor or "", ""),
        str(row["valid_to"]),
        store.count("nodes", nodes),
        tuple(sorted({one["name"] for one in people.values() if one})),
        tuple(one["name"] for one in store.find("approvers", {"unit": unit, "state": "active"})),
        store.count("bulletins", {"unit": unit}),
        store.count("plays", {"unit": unit}),
        store.count("hamlets", {"unit": unit}),
    )


def apply(store: Store, wanted: Plan, who: str, now_s: int) -> None:
    """Carry out a plan that was made in the same transaction."""
    for one in wanted.units:
        row, key = one.row, (one.row["unit"], one.row["valid_from"])
        if store.get("units", *key) is None:
            store.add("units", row)
        else:
            store.change("units", key, {name: row[name] for name in _ENDING})
        said = {name: row[name] for name in ("valid_from", "valid_to", "successor", "name")}
        audit.append(store, now_s, who, "unit.import", row["unit"], kinds=list(one.kinds), **said)
    for one in wanted.hamlets:
        put_hamlet(store, one.row, who, now_s)


def put_hamlet(store: Store, row: Row, who: str, now_s: int) -> None:
    """Add a hamlet or change its name, people and point; its nodes are found by the new name."""
    key = (row["unit"], row["hamlet"])
    old = store.get("hamlets", *key)
    if old == row:
        return
    if old is None:
        store.add("hamlets", row)
    else:
        store.change("hamlets", key, row)
    if old is not None and fold(old["name"]) != fold(row["name"]):
        for node in store.find("nodes", {"unit": row["unit"], "hamlet": row["hamlet"]}):
            store.change("nodes", (node["node"],), {"search": fleet.search_text(store, node)})
    action = "hamlet.add" if old is None else "hamlet.change"
    told = {name: row[name] for name in ("name", "people", "latitude_e6", "longitude_e6")}
    audit.append(store, now_s, who, action, "/".join(key), **told)
