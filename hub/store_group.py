"""The store port for many small decisions at once: rows are held here and written together.

Theory of operation. What a batch of records costs is less the database's work than the number of
statements: PostgreSQL answers each over a socket, and SQLite's driver lets the interpreter go for
each and must win it back from a busy event loop. So the rows that a group of decisions will want
are fetched with one statement for each table, the decisions run on them in memory, and what they
added or changed goes out as statements of many rows.

Nothing is promised that the database would not hold: a key that stands already or a broken rule
shows when the rows go out, and then the whole group is undone and run again one by one. A decision
that asks what cannot be answered from here (`Elsewhere`) is undone and run later by itself.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from hub import schema
from hub.store import ROWS_MAX, Conflict, Key, Row, Store
from hub.store_sql import SqlStore


class Elsewhere(Exception):
    """Say that a decision must run on the database itself."""


class _Shape(NamedTuple):
    """Hold what must be known of a table to make its rows whole."""

    key: tuple[str, ...]
    empty: Row
    needed: frozenset[str]


@cache
def _shape(table: str) -> _Shape:
    source = schema.metadata.tables[table]
    empty: Row = {}
    for column in source.columns:
        default: Any = column.default
        empty[column.name] = None if default is None else default.arg
    needed = frozenset(column.name for column in source.columns if not column.nullable)
    return _Shape(tuple(column.name for column in source.primary_key), empty, needed)


@cache
def _parents_first() -> tuple[str, ...]:
    return tuple(table.name for table in schema.metadata.sorted_tables)


class _Held:
    """Hold one table's rows: what is known, what is new, what was changed."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row | None] = {}
        self.new: dict[Key, None] = {}
        self.changed: dict[Key, None] = {}
        self.answers: dict[Any, list[Row]] = {}
        # Rows of `add_many`, which are written without another look.
        self.unseen: list[Mapping[str, Any]] = []


class GroupStore(Store):
    """Run the store's verbs on held rows; `flush` writes them."""

    def __init__(self, under: SqlStore):
        self._under = under
        self._tables: dict[str, _Held] = {}
        self._undo: list[tuple[_Held, Key, Row | None, bool, bool, bool]] = []
        self._grown: list[tuple[_Held, int]] = []

    def fetch(self, wanted: Sequence[tuple[str, Key]]) -> None:
        """Hold the rows of some keys, and know of the others that there is none."""
        by_table: dict[str, dict[Key, None]] = {}
        for table, key in wanted:
            by_table.setdefault(table, {})[key] = None
        for table, keys in by_table.items():
            held, names = self._held(table), _shape(table).key
            held.rows.update(dict.fromkeys(keys))
            for row in self._under.get_many(table, list(keys)):
                held.rows[tuple(row[name] for name in names)] = row

    def settle(self) -> None:
        """Keep what the decision did."""
        self._undo.clear()
        self._grown.clear()

    def undo(self) -> None:
        """Undo what the decision did since `settle`."""
        while self._grown:
            grown, length = self._grown.pop()
            del grown.unseen[length:]
        while self._undo:
            held, key, row, was_known, was_new, was_changed = self._undo.pop()
            if was_known:
                held.rows[key] = row
            else:
                held.rows.pop(key, None)
            for kept, was in ((held.new, was_new), (held.changed, was_changed)):
                if was:
                    kept[key] = None
                else:
                    kept.pop(key, None)

    def flush(self) -> None:
        """Write what was added and changed, parents first."""
        for name in _parents_first():
            held = self._tables.get(name)
            if held is not None:
                by_columns: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
                for row in held.unseen:
                    by_columns.setdefault(tuple(row), []).append(row)
                for rows in by_columns.values():
                    self._under.add_many(name, rows)
                self._under.add_many(name, [held.rows[key] or {} for key in held.new])
                self._under.put_many(name, [held.rows[key] or {} for key in held.changed])

    def get(self, table: str, *key: object) -> Row | None:
        held = self._held(table)
        if held.unseen:
            raise Elsewhere
        if key not in held.rows:
            held.rows[key] = self._under.get(table, *key)
        row = held.rows[key]
        return None if row is None else dict(row)

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        shape, held = _shape(table), self._held(table)
        whole = {**shape.empty, **row}
        if len(whole) != len(shape.empty):
            raise ValueError(f"{table} has no columns {sorted(set(row) - set(shape.empty))}")
        if None in whole.values():
            lacking = [name for name in shape.needed if whole[name] is None]
            if lacking:
                raise ValueError(f"{table}: {sorted(lacking)} must not be empty")
        key = tuple(whole[name] for name in shape.key)
        if held.rows.get(key) is not None:
            raise Conflict(table)
        self._note(held, key)
        held.rows[key] = whole
        held.new[key] = None

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if any(row.keys() != rows[0].keys() for row in rows):
            raise ValueError(f"rows of {table} with different columns")
        held = self._held(table)
        self._grown.append((held, len(held.unseen)))
        held.unseen += rows

    def change(self, table: str, key: tuple[object, ...], changes: Mapping[str, Any]) -> bool:
        shape, held = _shape(table), self._held(table)
        old = self.get(table, *key)
        if old is None:
            return False
        new = {**old, **changes}
        if len(new) != len(old):
            raise ValueError(f"{table} has no columns {sorted(changes.keys() - old.keys())}")
        if any(new[name] != part for name, part in zip(shape.key, key, strict=True)):
            raise Elsewhere
        self._note(held, key)
        held.rows[key] = new
        if key not in held.new:
            held.changed[key] = None
        return True

    def find(
        self,
        table: str,
        where: Mapping[str, Any] | None = None,
        *,
        order: Sequence[str] = (),
        descending: bool = False,
        after: Sequence[object] | None = None,
        limit: int = ROWS_MAX,
        join: str = "",
    ) -> list[Row]:
        held = self._clean(table, join)
        asked = repr((where, order, descending, after, limit, join))
        found = held.answers.get(asked)
        if found is None:
            options: dict[str, Any] = {"order": order, "descending": descending, "after": after}
            found = self._under.find(table, where, **options, limit=limit, join=join)
            if not join:
                held.answers[asked] = found
        return [dict(row) for row in found]

    def count(self, table: str, where: Mapping[str, Any] | None = None, distinct: str = "") -> int:
        self._clean(table)
        return self._under.count(table, where, distinct)

    def tally(
        self,
        table: str,
        tests: Mapping[str, Mapping[str, Any]],
        where: Mapping[str, Any] | None = None,
        *,
        by: str,
        join: str = "",
    ) -> dict[Any, dict[str, int]]:
        self._clean(table, join)
        return self._under.tally(table, tests, where, by=by, join=join)

    def erase(
        self, table: str, where: Mapping[str, Any], column: str, below: int | str, limit: int
    ) -> int:
        raise Elsewhere

    def _held(self, table: str) -> _Held:
        held = self._tables.get(table)
        if held is None:
            held = self._tables[table] = _Held()
        return held

    def _clean(self, *tables: str) -> _Held:
        """Return the first table; raises `Elsewhere` when one has rows that were not written."""
        for name in tables:
            held = self._tables.get(name)
            if held is not None and (held.new or held.changed or held.unseen):
                raise Elsewhere
        return self._held(tables[0])

    def _note(self, held: _Held, key: Key) -> None:
        known, new, changed = key in held.rows, key in held.new, key in held.changed
        self._undo.append((held, key, held.rows.get(key), known, new, changed))
