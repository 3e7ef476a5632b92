"""Read a dated tree of units, or hamlets, from CSV or JSON: bounded, faults name line and column.

CSV holds one kind of row: hamlets where it has a column `hamlet`, else units. JSON is an object
with the lists `units` and `hamlets`, of objects with the same names; its "lines" count from 1.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from hub import fleet
from protocols.errors import RemoteFault
from protocols.hub_limits import UNITS_FILE_BYTES_MAX, UNITS_FILE_ROWS_MAX

UNIT_COLUMNS = ("unit", "valid_from", "valid_to", "parent", "name", "kind", "code_system", "code",
                "successor")  # fmt: skip
HAMLET_COLUMNS = ("unit", "hamlet", "name", "people", "latitude", "longitude")
_NEEDED = {"units": ("unit", "valid_from", "name", "kind"), "hamlets": ("unit", "hamlet", "name")}
_WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,40}")


class Wrong(RemoteFault):
    """Report what is wrong where: `line` and `field` (a column's name, or empty)."""

    def __init__(self, code: str, line: int, field: str, what: str):
        super().__init__(
            "units." + code, f"line {line}, {field}: {what}", "Correct the file and send it again."
        )
        self.line, self.field = line, field


class Read(NamedTuple):
    """Hold what a file says: (line, row) of units and of hamlets."""

    units: list[tuple[int, dict[str, Any]]]
    hamlets: list[tuple[int, dict[str, Any]]]


def read(data: bytes) -> Read:
    """Return a file's rows; raises `Wrong`."""
    if len(data) > UNITS_FILE_BYTES_MAX:
        raise Wrong("long", 0, "", f"more than {UNITS_FILE_BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Wrong("form", 0, "", "not UTF-8") from None
    units: list[tuple[int, dict[str, str]]] = []
    hamlets: list[tuple[int, dict[str, str]]] = []
    if text.lstrip().startswith("{"):
        units, hamlets = _json(text)
    else:
        rows, is_hamlets = _csv(text)
        (hamlets if is_hamlets else units).extend(rows)
    if not 1 <= len(units) + len(hamlets) <= UNITS_FILE_ROWS_MAX:
        raise Wrong("rows", 0, "", f"1 to {UNITS_FILE_ROWS_MAX} rows are read")
    found = Read(
        [(n, _unit(n, one)) for n, one in units], [(n, hamlet(one, n)) for n, one in hamlets]
    )
    _once(((n, "valid_from", (one["unit"], one["valid_from"])) for n, one in found.units))
    _once(((n, "hamlet", (one["unit"], one["hamlet"])) for n, one in found.hamlets))
    return found


def _once(keys: Iterable[tuple[int, str, tuple[str, str]]]) -> None:
    seen = set()
    for line, field, key in keys:
        if key in seen:
            raise Wrong("twice", line, field, f"{key} stands twice")
        seen.add(key)


def _csv(text: str) -> tuple[list[tuple[int, dict[str, str]]], bool]:
    try:
        rows = csv.DictReader(io.StringIO(text), strict=True)
        names = rows.fieldnames or []
        kind = "hamlets" if "hamlet" in names else "units"
        for name in _NEEDED[kind]:
            if name not in names:
                raise Wrong("column", 1, name, "no such column")
        columns = _columns(kind)
        found: list[tuple[int, dict[str, str]]] = []
        for row in rows:
            if len(found) == UNITS_FILE_ROWS_MAX:
                raise Wrong("rows", rows.line_num, "", f"more than {UNITS_FILE_ROWS_MAX} rows")
            found.append((rows.line_num, {name: row.get(name) or "" for name in columns}))
    except csv.Error as error:
        raise Wrong("form", 0, "", str(error)) from None
    return found, kind == "hamlets"


def _columns(kind: str) -> tuple[str, ...]:
    return HAMLET_COLUMNS if kind == "hamlets" else UNIT_COLUMNS


def _json(text: str) -> tuple[list[tuple[int, dict[str, str]]], list[tuple[int, dict[str, str]]]]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise Wrong("form", 0, "", "not JSON") from None
    found: list[list[tuple[int, dict[str, str]]]] = []
    for kind in ("units", "hamlets"):
        rows, given = [], whole.get(kind, [])
        if not isinstance(given, list) or len(given) > UNITS_FILE_ROWS_MAX:
            raise Wrong("rows", 0, kind, "not a list of rows, or too long")
        for line, one in enumerate(given, 1):
            if not isinstance(one, dict):
                raise Wrong("form", line, kind, "not an object")
            rows.append((line, {name: _text(line, name, one.get(name)) for name in _columns(kind)}))
        found.append(rows)
    return found[0], found[1]


def _text(line: int, field: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong("field", line, field, "neither text nor number")
    return str(value)


def _unit(line: int, given: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: given[name].strip() or None for name in UNIT_COLUMNS}
    for name in ("unit", "parent", "successor"):
        if row[name] is None and name != "unit":
            continue
        if not fleet.UNIT_PATTERN.fullmatch(row[name] or ""):
            raise Wrong("id", line, name, f"{row[name]!r} is no unit id")
    for name in ("valid_from", "valid_to"):
        if row[name] is not None or name == "valid_from":
            _day(line, name, row[name] or "")
    if row["valid_to"] is not None and row["valid_to"] <= row["valid_from"]:
        raise Wrong("day", line, "valid_to", "not after valid_from")
    if row["successor"] is not None and (
        row["valid_to"] is None or row["successor"] == row["unit"]
    ):
        raise Wrong("successor", line, "successor", "a successor takes over on valid_to")
    if (row["code"] is None) != (row["code_system"] is None):
        raise Wrong("code", line, "code", "a code and its list go together")
    for name, pattern in (("kind", _WORD), ("code_system", _CODE), ("code", _CODE)):
        if row[name] is not None and not pattern.fullmatch(row[name]):
            raise Wrong("field", line, name, f"{row[name]!r} does not fit")
    if row["kind"] is None:
        raise Wrong("field", line, "kind", "empty")
    row["name"] = _name(line, given["name"])
    return row


def _name(line: int, text: str) -> str:
    try:
        return fleet.title(text, "name")
    except RemoteFault:
        raise Wrong("name", line, "name", "1 to 200 bytes on one line") from None


def _day(line: int, field: str, text: str) -> None:
    try:
        is_day = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_day = False
    if not is_day:
        raise Wrong("day", line, field, f"{text!r} is no day")


def hamlet(given: Mapping[str, str], line: int = 0) -> dict[str, Any]:
    """Return a hamlet's row of what was typed; raises `Wrong`."""
    unit, name = given["unit"].strip(), given["hamlet"].strip()
    if not fleet.UNIT_PATTERN.fullmatch(unit):
        raise Wrong("id", line, "unit", f"{unit!r} is no unit id")
    if not fleet.NAME_PATTERN.fullmatch(name):
        raise Wrong("hamlet", line, "hamlet", f"{name!r} is no hamlet id")
    people = given["people"].strip()
    if people and not (people.isascii() and people.isdigit() and len(people) < 7):
        raise Wrong("people", line, "people", f"{people!r} is no number of people")
    at = [_degrees(line, name, given[name], most) for name, most in _SPANS]
    if (at[0] is None) != (at[1] is None):
        raise Wrong("point", line, "latitude", "a point has latitude and longitude")
    return {"unit": unit, "hamlet": name, "name": _name(line, given["name"]),
            "people": int(people) if people else None, "latitude_e6": at[0],
            "longitude_e6": at[1]}  # fmt: skip


_SPANS = (("latitude", 90), ("longitude", 180))
_DEGREES = re.compile(r"(-?)([0-9]{1,3})(?:\.([0-9]{1,17}))?")


def _degrees(line: int, field: str, text: str, most: int) -> int | None:
    """Return degrees in millionths, without floating point."""
    text = text.strip()
    if not text:
        return None
    match = _DEGREES.fullmatch(text)
    if match is None:
        raise Wrong("point", line, field, f"{text!r} are no degrees")
    value = int(match[2]) * 1_000_000 + int((match[3] or "")[:6].ljust(6, "0"))
    if value > most * 1_000_000:
        raise Wrong("point", line, field, f"{text!r} are too many degrees")
    return -value if match[1] else value
