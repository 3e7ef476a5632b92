"""The store port: the one way decisions reach rows.

Decisions are plain synchronous functions `decide(store, ...)`. They run inside one transaction that
the ledger opens: on SQLite through `hub.database`, in the simulator on `hub.store_memory`. Tables
and columns are those of `hub.schema`; both adapters pass `tests/hub/test_store.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from hub import schema
from protocols.errors import LocalFault

Row = dict[str, Any]
Key = tuple[object, ...]
Result = TypeVar("Result")

# No decision reads more rows at once; longer lists are read page by page (`each`, or `after`).
ROWS_MAX = 10_000


class Above(NamedTuple):
    """Ask for a column greater than `least`; an empty one never is."""

    least: int


class UpTo(NamedTuple):
    """Ask for a column of at most `most`; an empty one never is."""

    most: int


class Holds(NamedTuple):
    """Ask for a text with every one of some parts in it (ASCII letters of either case)."""

    parts: tuple[str, ...]


class Conflict(LocalFault):
    """Report a row whose key (or unique column) stands already."""

    def __init__(self, table: str):
        super().__init__("store.conflict", f"a row of {table} stands already", "Read it first.")


class Store:
    """Read and write rows inside one transaction."""

    def get(self, table: str, *key: object) -> Row | None:
        """Return the row of a primary key, or None."""
        raise NotImplementedError

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Insert a new row; raises `Conflict` when its key stands already."""
        raise NotImplementedError

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert several new rows with the same columns; raises `Conflict`."""
        raise NotImplementedError

    def change(self, table: str, key: tuple[object, ...], changes: Mapping[str, Any]) -> bool:
        """Change columns of one row; tell whether it stands."""
        raise NotImplementedError

    def erase(
        self, table: str, where: Mapping[str, Any], column: str, below: int | str, limit: int
    ) -> int:
        """Delete at most `limit` rows, by primary key, of those equal to `where` whose `column` is
        less than `below`; return how many. Only retention and the outbox erase.
        """
        raise NotImplementedError

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
        """Return rows whose columns equal `where` (a list means any of it; `Above`, `UpTo` and
        `Holds` say otherwise).

        Ordered by `order` and then by the primary key; `after` holds the values of those columns
        of the last row seen. `join` names a table whose primary key stands in this one: its other
        columns come along, empty where it has no row, and `where` may name them as `table.column`.
        """
        raise NotImplementedError

    def each(
        self,
        table: str,
        where: Mapping[str, Any] | None = None,
        *,
        order: Sequence[str] = (),
        join: str = "",
        page: int = ROWS_MAX,
    ) -> Iterator[Row]:
        """Give every row that `find` would, however many, page by page; `order` has no empty
        columns.
        """
        key = [column.name for column in schema.metadata.tables[table].primary_key]
        names = [*order, *(name for name in key if name not in order)]
        after: list[object] | None = None
        while True:
            rows = self.find(table, where, order=order, after=after, limit=page, join=join)
            yield from rows
            if len(rows) < page:
                return
            after = [rows[-1][name] for name in names]

    def count(self, table: str, where: Mapping[str, Any] | None = None, distinct: str = "") -> int:
        """Count the rows whose columns fit `where`, or their different values of a column."""
        raise NotImplementedError

    def tally(
        self,
        table: str,
        tests: Mapping[str, Mapping[str, Any]],
        where: Mapping[str, Any] | None = None,
        *,
        by: str,
        join: str = "",
    ) -> dict[Any, dict[str, int]]:
        """Count in one pass, for each value of the column `by`, the rows that fit `where` and each
        of the `tests`; every test is a `where` of its own.
        """
        raise NotImplementedError


class Ledger:
    """Run decisions in transactions."""

    async def write(self, decide: Callable[[Store], Result]) -> Result:
        """Run a decision and return its result once it is durable; an exception undoes it."""
        raise NotImplementedError

    async def write_small(
        self, decide: Callable[[Store], Result], reads: Sequence[tuple[str, Key]] = ()
    ) -> Result:
        """Run a decision as `write` does that may be run twice: then many go to disk together.

        `reads` names rows (table and key) that it will want.
        """
        return await self.write(decide)

    async def read(self, ask: Callable[[Store], Result]) -> Result:
        """Run a question on one consistent view; it must not write."""
        raise NotImplementedError
