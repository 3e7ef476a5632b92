"""Units, hamlets and nodes: who stands where, on which day.

A unit's id is permanent; its name, parent and code are dated rows. Depth is data.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from hub import audit
from hub.folding import fold
from hub.mirror import telling
from hub.store import Conflict, Holds, Row, Store
from protocols.errors import RemoteFault

# Province, one level between, commune, and room: deeper trees are a mistake in the data.
DEPTH_MAX = 8
GROUPS_MAX = 16
UNIT_PATTERN = re.compile(r"[a-z0-9]{1,8}\.[a-z0-9]{1,16}")
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
BOARD_PATTERN = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})x([13])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class NodeForm(NamedTuple):
    """Describe a node to register; `public_key` is 32 bytes, `board` like `192x64x1`.

    `place_e6` is latitude and longitude in millionths of a degree.
    """

    node: str
    unit: str
    name: str
    kind: str
    public_key: bytes
    hamlet: str | None = None
    groups: Sequence[str] = ()
    board: str | None = None
    place_e6: tuple[int, int] | None = None


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("fleet." + code, message, remedy)


def title(text: str, field: str) -> str:
    """Return a name in NFC, 1 to 200 bytes on one line; raises `RemoteFault("fleet.name")`."""
    clean = unicodedata.normalize("NFC", text).strip()
    if not clean or len(clean.encode()) > 200 or any(ord(letter) < 32 for letter in clean):
        raise _refuse("name", f"{field}: not a name", "Write 1 to 200 bytes on one line.")
    return clean


def units_on(store: Store, day: str) -> dict[str, Row]:
    """Return every unit in force on a day (ISO) by id."""
    return in_force(store.each("units"), day)


def in_force(rows: Iterable[Row], day: str) -> dict[str, Row]:
    """Return those of some units' rows that are in force on a day, by id."""
    return {
        row["unit"]: row
        for row in rows
        if row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"])
    }


def standing_on(store: Store, day: str) -> dict[str, Row]:
    """Return the units in force on a day, and those that ended under their successors.

    What a merged unit left (nodes, grants, bulletins) is so seen by those who took over, until
    the registrar has signed its nodes over; an ended row has `valid_to`.
    """
    rows = list(store.each("units", order=["valid_from"]))
    found = in_force(rows, day)
    past = {row["unit"]: row for row in rows if row["valid_from"] <= day and row["successor"]}
    for unit, row in past.items():
        if unit not in found and row["valid_to"] is not None and row["valid_to"] <= day:
            found[unit] = {**row, "parent": row["successor"]}
    return found


def ancestors(units: dict[str, Row], unit: str) -> list[str]:
    """Return a unit's ancestors, nearest first."""
    found: list[str] = []
    parent = units[unit]["parent"] if unit in units else None
    while parent is not None and parent in units and parent not in found:
        found.append(parent)
        parent = units[parent]["parent"]
    return found


def above(store: Store, unit: str, day: str) -> list[str]:
    """Return the units above a unit, nearest first, as its nodes know them.

    The nodes of a unit that ended obey it, and what stood above it, until they are signed over.
    """
    known = units_on(store, day)
    if unit in known:
        return ancestors(known, unit)
    past = [row for row in store.find("units", {"unit": unit}) if row["valid_from"] <= day]
    parent = max(past, key=lambda row: str(row["valid_from"]))["parent"] if past else None
    return [parent, *ancestors(known, parent)] if parent in known else []


def subtree(units: dict[str, Row], unit: str) -> list[str]:
    """Return a unit and everything under it, sorted."""
    return sorted(one for one in units if one == unit or unit in ancestors(units, one))


def add_unit(store: Store, row: Row, who: str, now_s: int) -> None:
    """Add a unit, or a new dated row of one.

    `row` holds the columns of `units`; an open older row of the same unit ends where the new one
    starts. Raises `RemoteFault("fleet.*")`.
    """
    unit, day = row["unit"], row["valid_from"]
    if not UNIT_PATTERN.fullmatch(unit):
        raise _refuse("unit_id", f"{unit!r} is no unit id", "Use <group>.<random>: 03.k7f2.")
    if not _DAY.fullmatch(day):
        raise _refuse("day", f"valid_from: {day!r} is no day", "Use YYYY-MM-DD.")
    clean = dict(row, name=title(row["name"], "name"))
    known = units_on(store, day)
    parent = row.get("parent")
    if parent is not None:
        if parent not in known:
            raise _refuse("parent", f"no unit {parent} on {day}", "Add the parent first.")
        above = [parent, *ancestors(known, parent)]
        if unit in above or len(above) >= DEPTH_MAX:
            raise _refuse("parent", f"{unit} cannot stand under {parent}", "Check the tree.")
    for older in store.find("units", {"unit": unit, "valid_to": None}):
        if older["valid_from"] >= day:
            raise _refuse("day", f"{unit} has a row from {older['valid_from']}", "Use a later day.")
        store.change("units", (unit, older["valid_from"]), {"valid_to": day})
    try:
        store.add("units", clean)
    except Conflict:
        raise _refuse("day", f"{unit} has a row from {day}", "Use a later day.") from None
    audit.append(store, now_s, who, "unit.add", unit, name=clean["name"], valid_from=day)


def end_unit(
    store: Store, unit: str, day: str, successor: str | None, who: str, now_s: int
) -> None:
    """End a unit on a day, naming the unit that takes over."""
    known = units_on(store, day)
    row = known.get(unit)
    if row is None or (successor is not None and successor not in known) or successor == unit:
        raise _refuse("unit_id", f"{unit} cannot end on {day}", "Check unit, successor and day.")
    store.change("units", (unit, row["valid_from"]), {"valid_to": day, "successor": successor})
    audit.append(store, now_s, who, "unit.end", unit, successor=successor, valid_to=day)


def add_hamlet(store: Store, unit: str, hamlet: str, name: str, who: str, now_s: int) -> None:
    """Add a hamlet (thôn, làng, tổ dân phố) of a unit."""
    if not NAME_PATTERN.fullmatch(hamlet):
        raise _refuse("hamlet_id", f"{hamlet!r} is no hamlet id", "Use a-z, 0-9, dash: lang-kon.")
    if not store.find("units", {"unit": unit}, limit=1):
        raise _refuse("unit_id", f"no unit {unit}", "Add the unit first.")
    try:
        store.add("hamlets", {"unit": unit, "hamlet": hamlet, "name": title(name, "name")})
    except Conflict:
        raise _refuse("hamlet_id", f"{unit} has {hamlet} already", "Choose another id.") from None
    audit.append(store, now_s, who, "hamlet.add", f"{unit}/{hamlet}", name=name)


def remove_hamlet(store: Store, unit: str, hamlet: str, who: str, now_s: int) -> None:
    """Remove a hamlet that was never used; raises `RemoteFault("fleet.hamlet_used")`."""
    row = store.get("hamlets", unit, hamlet)
    if row is None:
        raise _refuse("hamlet_id", f"no hamlet {hamlet}", "Look at the list again.")
    said = {"unit": unit, "bulletin_versions.hamlets_json": Holds((f'"{hamlet}"',))}
    is_used = store.find("nodes", {"unit": unit, "hamlet": hamlet}, limit=1) or store.find(
        "bulletins", said, limit=1, join="bulletin_versions"
    )
    if is_used:
        raise _refuse("hamlet_used", f"{hamlet} is used", "Give it another name instead.")
    for table in ("language_orders", "hamlets"):
        store.erase(table, {"unit": unit, "hamlet": hamlet}, "hamlet", hamlet + "~", 1)
    audit.append(store, now_s, who, "hamlet.remove", f"{unit}/{hamlet}", name=row["name"])


def add_node(store: Store, form: NodeForm, who: str, now_s: int, state: str = "enrolled") -> None:
    """Register a node with the key it made itself; raises `RemoteFault("fleet.*")`."""
    if not NAME_PATTERN.fullmatch(form.node):
        raise _refuse("node_id", f"{form.node!r} is no node id", "Use a-z, 0-9, dash: loa-17.")
    if not store.find("units", {"unit": form.unit}, limit=1):
        raise _refuse("unit_id", f"no unit {form.unit}", "Add the unit first.")
    if form.hamlet is not None and store.get("hamlets", form.unit, form.hamlet) is None:
        raise _refuse("hamlet_id", f"no hamlet {form.hamlet}", "Add the hamlet first.")
    if form.kind not in ("speaker", "board"):
        raise _refuse("kind", f"{form.kind!r} is no kind of node", "Use speaker or board.")
    if (form.kind == "board") != bool(form.board and BOARD_PATTERN.fullmatch(form.board)):
        raise _refuse("board", "a board, and only a board, has a size", "Use --board 192x64x1.")
    if len(form.public_key) != 32:
        raise _refuse("key", "a public key has 32 bytes", "Copy all 64 hex digits.")
    if len(form.groups) > GROUPS_MAX or not all(map(NAME_PATTERN.fullmatch, form.groups)):
        raise _refuse("groups", "not a list of group names", "Use a-z, 0-9, dash.")
    row = {
        "node": form.node,
        "unit": form.unit,
        "hamlet": form.hamlet,
        "kind": form.kind,
        "name": title(form.name, "name"),
        "groups_json": json.dumps(list(form.groups)),
        "board": form.board,
        "public_key": form.public_key.hex(),
        "state": state,
        "registered_s": now_s,
        "latitude_e6": form.place_e6[0] if form.place_e6 else None,
        "longitude_e6": form.place_e6[1] if form.place_e6 else None,
    }
    row["search"] = search_text(store, row)
    try:
        store.add("nodes", row)
    except Conflict:
        raise _refuse("node_id", f"{form.node} or its key stands already", "Check both.") from None
    audit.append(store, now_s, who, "node.add", form.node, unit=form.unit, key=row["public_key"])
    telling.node(store, form.node, now_s * 1000)


def search_text(store: Store, row: Row) -> str:
    """Return what a node is found by: its names and its hamlet's, folded."""
    hamlet = store.get("hamlets", row["unit"], row["hamlet"]) if row["hamlet"] else None
    return fold(" ".join([row["name"], hamlet["name"] if hamlet else "", row["node"]]))


def revoke_node(store: Store, node: str, who: str, now_s: int) -> None:
    """Refuse a node's records from now on."""
    if not store.change("nodes", (node,), {"state": "revoked"}):
        raise _refuse("node_id", f"no node {node}", "Check the id.")
    audit.append(store, now_s, who, "node.revoke", node)
    telling.node(store, node, now_s * 1000)


def within(seen: Collection[str] | None) -> Row:
    """Return what rows with a unit must fit to stand in the units seen; None sees all."""
    return {} if seen is None else {"unit": sorted(seen)}


def under(units: dict[str, Row], unit: str, seen: Collection[str] | None) -> Collection[str] | None:
    """Return the units seen that stand under one, itself too; under an empty name all that are."""
    if not unit:
        return seen
    below = set(subtree(units, unit)) or {unit}
    return below if seen is None else below & set(seen)


def choices(units: dict[str, Row], seen: Collection[str] | None) -> list[Row]:
    """Return the units in tree order with their depth among those seen."""
    order = sorted(units, key=lambda unit: [*reversed(ancestors(units, unit)), unit])
    return [
        {
            "unit": unit,
            "name": units[unit]["name"],
            "depth": sum(1 for one in ancestors(units, unit) if seen is None or one in seen),
        }
        for unit in order
        if seen is None or unit in seen
    ]


def board_profiles(store: Store, units: Sequence[str], hamlets: Sequence[str] = ()) -> list[str]:
    """Return the sizes (`192x64x1`) of the active boards in some units (or hamlets), sorted."""
    where: Row = {"unit": list(units), "kind": "board", "state": "enrolled"}
    if hamlets:
        where["hamlet"] = list(hamlets)
    rows = store.each("nodes", where)
    return sorted({row["board"] for row in rows})
