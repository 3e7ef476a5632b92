"""SQLite under the hub: one file, WAL so that readers go on, a sync for every commit."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import sqlite

from hub.backend import Backend, Cursor
from hub.sql import Texts

# Another process (the command line) may hold the write lock this long.
BUSY_MS_MAX = 10_000
_CONFLICTS = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)
# Statements that the driver keeps prepared on each connection.
_PREPARED_MAX = 512
_TEXTS = Texts(sqlite.dialect(paramstyle="qmark"))


class Sqlite(Backend):
    """Open one database file."""

    errors = sqlite3.Error
    texts = _TEXTS
    wholeness = "SQLite finds it whole"
    mend = "Stop the hub, keep this file, restore the newest copy."

    def __init__(self, path: Path):
        self._path = path

    def begin(self, writes: bool) -> str:
        return "BEGIN IMMEDIATE" if writes else "BEGIN"

    def engine(self, writes: bool, connections: int) -> Engine:
        engine = create_engine(
            f"sqlite+pysqlite:///{self._path}",
            connect_args={
                "timeout": BUSY_MS_MAX / 1000,
                "check_same_thread": False,
                "cached_statements": _PREPARED_MAX,
            },
            pool_size=connections,
        )

        def connected(connection: Any, _record: object) -> None:
            # Transactions are begun by us; the driver's own implicit ones break savepoints.
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA query_only=" + ("OFF" if writes else "ON"))
            cursor.close()

        def begun(connection: Connection) -> None:
            connection.exec_driver_sql(self.begin(writes))

        event.listen(engine, "connect", connected)
        event.listen(engine, "begin", begun)
        return engine

    def is_conflict(self, error: Exception) -> bool:
        return getattr(error, "sqlite_errorcode", None) in _CONFLICTS

    def remedy(self, error: Exception) -> str:
        return "Check the disk's free space and health; nothing was stored, so try again."

    def damage(self, cursor: Cursor) -> list[str]:
        cursor.execute("PRAGMA quick_check(1)")
        said = cursor.fetchone()[0]
        found = [] if said == "ok" else [str(said)]
        cursor.execute("PRAGMA foreign_key_check")
        row = cursor.fetchone()
        return found if row is None else [*found, f"a row of {row[0]} without its parent"]
