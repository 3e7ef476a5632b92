"""The store port over dictionaries, for the simulator and for fast tests of decisions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from hub import schema
from hub.store import ROWS_MAX, Above, Conflict, Holds, Ledger, Result, Row, Store, UpTo


def _fits(found: Any, value: Any) -> bool:
    if isinstance(value, Above):
        return found is not None and bool(found > value.least)
    if isinstance(value, UpTo):
        return found is not None and bool(found <= value.most)
    if isinstance(value, Holds):
        return found is not None and all(one.lower() in found.lower() for one in value.parts)
    if isinstance(value, list | tuple):
        return found in value
    return bool(found == value)


def _matches(row: Row, where: Mapping[str, Any] | None) -> bool:
    return all(_fits(row[name], value) for name, value in (where or {}).items())


class MemoryStore(Store):
    """Keep rows in dictionaries and remember how to undo the open transaction."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = {
            name: {} for name in schema.metadata.tables
        }
        self._undo: list[tuple[str, tuple[Any, ...], Row | None]] = []

    def _table(self, table: str) -> tuple[Table, list[str]]:
        source = schema.metadata.tables[table]
        return source, [column.name for column in source.primary_key.columns]

    def _set(self, table: str, key: tuple[Any, ...], row: Row) -> None:
        self._undo.append((table, key, self._rows[table].get(key)))
        self._rows[table][key] = row

    def settle(self, keep: bool) -> None:
        """End the transaction: keep what it did, or undo it."""
        while self._undo:
            table, key, row = self._undo.pop()
            if keep:
                continue
            if row is None:
                del self._rows[table][key]
            else:
                self._rows[table][key] = row

    def get(self, table: str, *key: object) -> Row | None:
        if len(self._table(table)[1]) != len(key):
            raise ValueError(f"the key of {table} has {len(self._table(table)[1])} columns")
        row = self._rows[table].get(key)
        return None if row is None else dict(row)

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        source, names = self._table(table)
        unknown = set(row) - set(source.columns.keys())
        if unknown:
            raise ValueError(f"{table} has no columns {sorted(unknown)}")
        whole: Row = {name: row.get(name) for name in source.columns.keys()}
        for column in source.columns:
            if column.default is not None and column.name not in row:
                whole[column.name] = column.default.arg  # type: ignore[attr-defined]
            if not column.nullable and whole[column.name] is None:
                raise ValueError(f"{table}.{column.name} must not be empty")
            if column.unique and _matches_any(self._rows[table], column.name, whole):
                raise Conflict(table)
        key = tuple(whole[name] for name in names)
        if key in self._rows[table]:
            raise Conflict(table)
        self._set(table, key, whole)

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if any(set(row) != set(rows[0]) for row in rows):
            raise ValueError(f"rows of {table} with different columns")
        for row in rows:
            self.add(table, row)

    def change(self, table: str, key: tuple[object, ...], changes: Mapping[str, Any]) -> bool:
        old = self._rows[table].get(key)
        if old is None:
            return False
        unknown = set(changes) - set(old)
        if unknown:
            raise ValueError(f"{table} has no columns {sorted(unknown)}")
        new = dict(old)
        new.update(changes)
        self._set(table, key, new)
        return True

    def erase(
        self, table: str, where: Mapping[str, Any], column: str, below: int | str, limit: int
    ) -> int:
        rows = self._rows[table]
        old = [
            key
            for key in sorted(rows)
            if _matches(rows[key], where)
            and rows[key][column] is not None
            and rows[key][column] < below
        ]
        for key in old[:limit]:
            self._undo.append((table, key, rows.pop(key)))
        return len(old[:limit])

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
        names = list(order) + [name for name in self._table(table)[1] if name not in order]

        def place(values: Sequence[Any]) -> list[tuple[bool, Any]]:
            # SQLite sorts NULL before everything else.
            return [(value is not None, value) for value in values]

        found = [row for row, whole in self._joined(table, join) if _matches(whole, where)]
        found.sort(key=lambda row: place([row[name] for name in names]), reverse=descending)
        if after is not None:
            seen = place(list(after))
            found = [
                row
                for row in found
                if (place([row[n] for n in names]) < seen) == descending
                and place([row[n] for n in names]) != seen
            ]
        return [dict(row) for row in found[: min(limit, ROWS_MAX)]]

    def _joined(self, table: str, join: str) -> list[tuple[Row, Row]]:
        """Return every row as it is answered, and with the joined columns as `where` names them."""
        rows = list(self._rows[table].values())
        if not join:
            return [(row, row) for row in rows]
        source, names = self._table(join)
        empty: Row = dict.fromkeys(source.columns.keys())
        found = []
        for row in rows:
            other = self._rows[join].get(tuple(row[name] for name in names), empty)
            named = {f"{join}.{name}": value for name, value in other.items()}
            found.append(({**other, **row}, {**named, **row}))
        return found

    def count(self, table: str, where: Mapping[str, Any] | None = None, distinct: str = "") -> int:
        found = [row for row in self._rows[table].values() if _matches(row, where)]
        return len({row[distinct] for row in found} - {None}) if distinct else len(found)

    def tally(
        self,
        table: str,
        tests: Mapping[str, Mapping[str, Any]],
        where: Mapping[str, Any] | None = None,
        *,
        by: str,
        join: str = "",
    ) -> dict[Any, dict[str, int]]:
        found: dict[Any, dict[str, int]] = {}
        for _, whole in self._joined(table, join):
            if _matches(whole, where):
                counts = found.setdefault(whole[by], dict.fromkeys(tests, 0))
                for name, test in tests.items():
                    counts[name] += _matches(whole, test)
        return found


def _matches_any(rows: dict[tuple[Any, ...], Row], name: str, new: Row) -> bool:
    return new[name] is not None and any(row[name] == new[name] for row in rows.values())


class MemoryLedger(Ledger):
    """Run decisions one after another on a `MemoryStore`."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    async def write(self, decide: Callable[[Store], Result]) -> Result:
        """Run a decision; an exception undoes it."""
        try:
            result = decide(self.store)
        except BaseException:
            self.store.settle(keep=False)
            raise
        self.store.settle(keep=True)
        return result

    async def read(self, ask: Callable[[Store], Result]) -> Result:
        """Run a question."""
        return ask(self.store)
