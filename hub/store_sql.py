"""The store port over a DB-API cursor."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from hub import schema, sql
from hub.backend import Backend, Cursor
from hub.store import ROWS_MAX, Above, Conflict, Holds, Key, Row, Store, UpTo


@cache
def _defaults(table: str) -> dict[str, Any]:
    """Return what stands in columns that a new row does not name."""
    return {
        column.name: column.default.arg  # type: ignore[attr-defined]
        for column in schema.metadata.tables[table].columns
        if column.default is not None
    }


@cache
def _key_length(table: str) -> int:
    return len(sql.key_of(schema.metadata.tables[table]))


@cache
def _lacking(table: str, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return the columns that take their default, and those defaults."""
    found = {name: value for name, value in _defaults(table).items() if name not in names}
    return tuple(found), tuple(found.values())


def _shape(where: Mapping[str, Any] | None, values: list[Any]) -> sql.Where:
    """Return the shape of conditions; their values are added to `values`."""
    shape: list[tuple[str, str, int]] = []
    for name, value in (where or {}).items():
        if isinstance(value, Above):
            values.append(value.least)
            shape.append((name, ">", 1))
        elif isinstance(value, UpTo):
            values.append(value.most)
            shape.append((name, "<=", 1))
        elif isinstance(value, Holds):
            values += [sql.pattern(part) for part in value.parts]
            shape.append((name, "holds", len(value.parts)))
        elif isinstance(value, list | tuple):
            some = sql.padded(value)
            values += some
            shape.append((name, "in", len(some)))
        elif value is None:
            shape.append((name, "is", 0))
        else:
            values.append(value)
            shape.append((name, "=", 1))
    return tuple(shape)


class SqlStore(Store):
    """Run the store's verbs on one cursor inside its open transaction."""

    def __init__(self, cursor: Cursor, backend: Backend):
        self.cursor = cursor
        self._backend = backend
        self._texts = backend.texts

    def _ask(self, text: sql.Text, values: Sequence[Any]) -> Any:
        self.cursor.execute(text.sql, text.arranged(values))
        return self.cursor.fetchall()

    def get(self, table: str, *key: object) -> Row | None:
        text = self._texts.get(table)
        if len(key) != len(text.places):
            raise ValueError(f"the key of {table} has {len(text.places)} columns")
        self.cursor.execute(text.sql, key)
        row = self.cursor.fetchone()
        return None if row is None else dict(zip(text.names, row, strict=True))

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        self.add_many(table, (row,))

    def get_many(self, table: str, keys: Sequence[Key]) -> list[Row]:
        """Return the rows that stand under some keys, in any order."""
        found, at = [], 0
        for size in sql.runs(len(keys)):
            text = self._texts.get_many(table, size)
            values = [part for key in keys[at : at + size] for part in key]
            found += [dict(zip(text.names, row, strict=True)) for row in self._ask(text, values)]
            at += size
        return found

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._write_rows(table, rows, self._texts.add)

    def put_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write whole rows over those of the same keys."""
        self._write_rows(table, rows, self._texts.put)

    def _write_rows(
        self,
        table: str,
        rows: Sequence[Mapping[str, Any]],
        texts: Callable[[str, tuple[str, ...], int], sql.Text],
    ) -> None:
        if not rows:
            return
        names = tuple(rows[0])
        more, defaults = _lacking(table, names)
        if any(len(row) != len(names) for row in rows):
            raise ValueError(f"rows of {table} with different columns")
        at = 0
        try:
            for size in sql.runs(len(rows)):
                text, values = texts(table, names + more, size), []
                for row in rows[at : at + size]:
                    values += [row[name] for name in names]
                    values += defaults
                self.cursor.execute(text.sql, text.arranged(values))
                at += size
        except self._backend.errors as error:
            if self._backend.is_conflict(error):
                raise Conflict(table) from error
            raise

    def change(self, table: str, key: tuple[object, ...], changes: Mapping[str, Any]) -> bool:
        if len(key) != _key_length(table):
            raise ValueError(f"the key of {table} has {_key_length(table)} columns")
        text = self._texts.change(table, tuple(changes))
        self.cursor.execute(text.sql, text.arranged([*changes.values(), *key]))
        return self.cursor.rowcount == 1

    def erase(
        self, table: str, where: Mapping[str, Any], column: str, below: int | str, limit: int
    ) -> int:
        values: list[Any] = []
        text = self._texts.erase(table, _shape(where, values), column)
        self.cursor.execute(text.sql, text.arranged([*values, below, limit]))
        return self.cursor.rowcount

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
        values: list[Any] = []
        shape, turned = _shape(where, values), after is not None
        text = self._texts.find(table, shape, tuple(order), descending, turned, join)
        values += [*(after or ()), min(limit, ROWS_MAX)]
        names = text.names
        return [dict(zip(names, row, strict=True)) for row in self._ask(text, values)]

    def count(self, table: str, where: Mapping[str, Any] | None = None, distinct: str = "") -> int:
        values: list[Any] = []
        return int(
            self._ask(self._texts.count(table, _shape(where, values), distinct), values)[0][0]
        )

    def tally(
        self,
        table: str,
        tests: Mapping[str, Mapping[str, Any]],
        where: Mapping[str, Any] | None = None,
        *,
        by: str,
        join: str = "",
    ) -> dict[Any, dict[str, int]]:
        values: list[Any] = []
        shapes = tuple(_shape(test, values) for test in tests.values())
        text = self._texts.tally(table, shapes, _shape(where, values), by, join)
        return {row[0]: dict(zip(tests, row[1:], strict=True)) for row in self._ask(text, values)}
