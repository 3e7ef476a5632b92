"""Organisations without territory: departments and media centres that supply a unit's information.

The province's plan wants every department to supply its essential information. An organisation
belongs to one unit; whoever is author for it writes for that unit in its name alone, and the unit's
approvers sign as ever. Closing one ends its authors' grants; what it supplied keeps its name.
"""

import re
import secrets
from collections.abc import Collection
from typing import NamedTuple

from hub import audit, bulletins, code_lists, fleet, roles
from hub.folding import fold
from hub.reports import Period
from hub.roles import Reader
from hub.store import Above, Row, Store
from protocols.errors import RemoteFault

COLUMNS = ("organisation", "name", "unit")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")
# Titles of what one supplied that a report names; it counts all.
_TITLES_MAX = 5
# Closed ones that may be opened again from the page, the last first.
CLOSED_MAX = 50
_ON_AIR = (bulletins.PUBLISHED, bulletins.RECALLING, bulletins.RECALLED)


class Supplied(NamedTuple):
    """Say what an organisation supplied in a period: written, published, the newest titles."""

    name: str
    unit_name: str
    written: int
    published: int
    titles: tuple[str, ...]


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("organisation." + code, message, remedy)


def active(store: Store, organisation: str) -> Row:
    """Return an organisation that is not closed; raises `RemoteFault("organisation.unknown")`."""
    row = store.get("organisations", organisation)
    if row is None or row["state"] != "active":
        raise _refuse("unknown", f"no organisation {organisation}", "Look at the list again.")
    return row


def of_units(store: Store, units: Collection[str]) -> list[Row]:
    """Return the active organisations of some units, by name."""
    where = {"unit": sorted(units), "state": "active"}
    return sorted(
        store.find("organisations", where), key=lambda row: (fold(row["name"]), row["unit"])
    )


def add(store: Store, name: str, unit: str, who: str, now_s: int, organisation: str = "") -> str:
    """Add an organisation to a unit and return its id.

    Raises `RemoteFault` with `organisation.id`, `.taken`, `.no_unit` or `fleet.name`.
    """
    organisation = organisation or "o" + secrets.token_hex(4)
    if not _ID.fullmatch(organisation):
        raise _refuse("id", f"{organisation!r} is no id", "Use a-z, 0-9, dash: tram-y-te.")
    if not store.find("units", {"unit": unit}, limit=1):
        raise _refuse("no_unit", f"no unit {unit}", "Choose a unit from the list.")
    clean = fleet.title(name, "name")
    _check_name(store, clean, unit, organisation)
    if store.get("organisations", organisation) is not None:
        raise _refuse("taken", f"{organisation} stands already", "Choose another id.")
    row = {"organisation": organisation, "name": clean, "unit": unit, "state": "active"}
    store.add("organisations", {**row, "created_s": now_s, "closed_s": None})
    audit.append(store, now_s, who, "organisation.add", organisation, name=clean, unit=unit)
    return organisation


def rename(store: Store, organisation: str, name: str, who: str, now_s: int) -> None:
    """Give an organisation another name; what it supplied is named so, too."""
    row, clean = active(store, organisation), fleet.title(name, "name")
    if row["name"] == clean:
        return
    _check_name(store, clean, row["unit"], organisation)
    store.change("organisations", (organisation,), {"name": clean})
    audit.append(store, now_s, who, "organisation.rename", organisation, name=clean)


def move(store: Store, organisation: str, unit: str, who: str, now_s: int) -> None:
    """Let an organisation belong to another unit, as after a merger; its authors write there."""
    row = active(store, organisation)
    if not store.find("units", {"unit": unit}, limit=1):
        raise _refuse("no_unit", f"no unit {unit}", "Choose a unit from the list.")
    if row["unit"] == unit:
        return
    _check_name(store, row["name"], unit, organisation)
    store.change("organisations", (organisation,), {"unit": unit})
    audit.append(store, now_s, who, "organisation.move", organisation, unit=unit)


def _check_name(store: Store, name: str, unit: str, organisation: str) -> None:
    for row in of_units(store, [unit]):
        if row["organisation"] != organisation and fold(row["name"]) == fold(name):
            raise _refuse("taken", f"{name} stands already", "Choose another name.")


def close(store: Store, organisation: str, who: str, now_s: int) -> None:
    """Close an organisation and end its authors' grants."""
    active(store, organisation)
    for one in store.find("grants", {"unit": roles.SUPPLIER + organisation, "ended_s": 0}):
        key = (one["account"], one["role"], one["unit"], one["number"])
        store.change("grants", key, {"ended_s": now_s})
    store.change("organisations", (organisation,), {"state": "closed", "closed_s": now_s})
    audit.append(store, now_s, who, "organisation.close", organisation)


def reopen(store: Store, organisation: str, who: str, now_s: int) -> None:
    """Let a closed organisation stand again; its authors are given their role anew.

    Raises `RemoteFault` with `organisation.unknown` or `.taken`.
    """
    row = store.get("organisations", organisation)
    if row is None or row["state"] != "closed":
        raise _refuse(
            "unknown", f"no closed organisation {organisation}", "Look at the list again."
        )
    _check_name(store, row["name"], row["unit"], organisation)
    store.change("organisations", (organisation,), {"state": "active", "closed_s": None})
    audit.append(store, now_s, who, "organisation.reopen", organisation)


def closed(store: Store, units: Collection[str]) -> list[Row]:
    """Return the closed organisations of some units, the last closed first."""
    where = {"unit": sorted(units), "state": "closed"}
    return store.find("organisations", where, order=["closed_s"], descending=True, limit=CLOSED_MAX)


def read(data: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV list of organisations; raises `RemoteFault("list.broken")`."""
    return code_lists.read(data, COLUMNS)


def take(store: Store, given: list[dict[str, str]], who: str, now_s: int) -> dict[str, int]:
    """Add the organisations of a list, and rename those that are known; none is closed.

    Raises as `add` does, and `RemoteFault("organisation.unit")` for one of another unit.
    """
    counts = {"added": 0, "renamed": 0}
    for one in given:
        row = store.get("organisations", one["organisation"])
        if row is None:
            add(store, one["name"], one["unit"], who, now_s, one["organisation"])
            counts["added"] += 1
        elif row["unit"] != one["unit"]:
            raise _refuse("unit", f"{one['organisation']} is another unit's", "Use another id.")
        else:
            counts["renamed"] += row["name"] != one["name"]
            rename(store, one["organisation"], one["name"], who, now_s)
    return counts


# Who writes for whom


def homes(store: Store, grants: Collection[roles.Grant]) -> dict[str, str]:
    """Return the units of the active organisations that grants are on, by the grants' `unit`."""
    found = {}
    for one in grants:
        if one.unit.startswith(roles.SUPPLIER):
            row = store.get("organisations", one.unit.removeprefix(roles.SUPPLIER))
            if row is not None and row["state"] == "active":
                found[one.unit] = str(row["unit"])
    return found


def reader(store: Store, account: Row, grants: Collection[roles.Grant], strong: bool) -> Reader:
    """Return an account with its grants as they count today."""
    found = homes(store, grants)
    counting = roles.supplying(grants, found)
    return Reader(account["account"], account["name"], counting, strong, found)


def writable(who: Reader, units: dict[str, Row], row: Row) -> bool:
    """Tell whether a reader may change a bulletin (`unit` and `supplier`)."""
    if who.allows(roles.WRITE, units, row["unit"]):
        return True
    return bool(who.homes.get(roles.SUPPLIER + row["supplier"]) == row["unit"])


def offered(store: Store, who: Reader, units: dict[str, Row]) -> list[Row]:
    """Return the organisations in whose name a reader may write."""
    rows = of_units(store, who.reach(roles.SUPPLY, units))
    return [row for row in rows if writable(who, units, {**row, "supplier": row["organisation"]})]


def check(
    store: Store, who: Reader, units: dict[str, Row], unit: str, supplier: str, bulletin: str = ""
) -> None:
    """Raise unless a reader may write a bulletin for a unit in an organisation's name.

    Raises `RemoteFault` with `access.denied`, `organisation.unknown` or `.unit`. A bulletin keeps
    the organisation that it has, closed or not.
    """
    known = store.get("bulletins", bulletin)
    kept = store.get("bulletin_versions", bulletin, known["version"]) if known else None
    if known and kept and not writable(who, units, {**known, "supplier": kept["supplier"]}):
        raise RemoteFault("access.denied", "another's bulletin", "Ask an author of the unit.")
    if supplier and not (kept and kept["supplier"] == supplier):
        if active(store, supplier)["unit"] != unit:
            raise _refuse("unit", f"{supplier} is another unit's", "Choose one of this unit.")
    if not writable(who, units, {"unit": unit, "supplier": supplier}):
        raise RemoteFault("access.denied", "in nobody's name", "Choose your organisation.")


def name_of(store: Store, supplier: str) -> str:
    """Return what an organisation is called; nothing for none."""
    row = store.get("organisations", supplier) if supplier else None
    return str(row["name"]) if row else supplier


# Who supplied what


def supplied(
    store: Store, units: dict[str, Row], seen: Collection[str], when: Period
) -> tuple[list[Supplied], int]:
    """Return what each organisation supplied in a period, those with nothing too.

    Beside them: how many bulletins came from no organisation.
    """
    found: dict[str, list[Row]] = {}
    where = {"unit": sorted(seen), "created_s": Above(when.from_ms // 1000 - 1)}
    for base in store.each("bulletins", where):
        if base["created_s"] * 1000 < when.to_ms:
            row = store.get("bulletin_versions", base["bulletin"], base["version"])
            if row is not None:
                found.setdefault(row["supplier"], []).append({**row, **base})
    lines = []
    for one in store.find("organisations", {"unit": sorted(seen)}):
        rows = sorted(found.get(one["organisation"], []), key=lambda row: -row["created_s"])
        is_over = one["closed_s"] is not None and one["closed_s"] * 1000 <= when.from_ms
        if not rows and (is_over or one["created_s"] * 1000 >= when.to_ms):
            continue
        published = sum(row["state"] in _ON_AIR for row in rows)
        titles = tuple(str(row["title"]) for row in rows[:_TITLES_MAX])
        unit_name = str(units[one["unit"]]["name"]) if one["unit"] in units else one["unit"]
        lines.append(Supplied(str(one["name"]), unit_name, len(rows), published, titles))
    lines.sort(key=lambda line: (fold(line.unit_name), fold(line.name)))
    return lines, len(found.get("", []))
