"""The port of a kind of database: SQLite's file or PostgreSQL's server under the same ledger."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Engine

from hub.sql import Texts


class Cursor(Protocol):
    """What a driver's cursor does (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """Return how many rows the last statement touched."""

    def execute(self, text: Any, values: Sequence[Any] = ..., /) -> object:
        """Run a statement."""

    def executemany(self, text: Any, values: Sequence[Sequence[Any]], /) -> object:
        """Run a statement once for each list of values."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> Any:
        """Return every row that is left."""


class Backend:
    """Open one database and say how it differs from others."""

    # What the driver raises.
    errors: type[Exception] = Exception
    texts: Texts
    # What may be said when `damage` finds nothing, and what to do when it finds something.
    wholeness, mend = "", ""

    def begin(self, writes: bool) -> str:
        """Return the statement that begins a transaction: the only one that writes, or a view."""
        raise NotImplementedError

    def engine(self, writes: bool, connections: int) -> Engine:
        """Return a pool of connections, set up for transactions that `begin` opens."""
        raise NotImplementedError

    def is_conflict(self, error: Exception) -> bool:
        """Tell whether an error says that a key (or unique column) stands already."""
        raise NotImplementedError

    def remedy(self, error: Exception) -> str:
        """Return what to do about an error of the database."""
        raise NotImplementedError

    def damage(self, cursor: Cursor) -> list[str]:
        """Return what is wrong with the database or how it is set up."""
        raise NotImplementedError
