"""PostgreSQL under the hub: a database on this machine or another, one writer at a time.

A transaction that writes first takes an advisory lock of the database and gives it back with its
end, as `BEGIN IMMEDIATE` does in SQLite: whatever processes and machines share the database, their
decisions follow one another, and each sees all that was decided before. Readers take a snapshot.
Texts compare by their bytes (`hub.schema.base`), so that every order is the one of SQLite.
"""

from typing import Any

import psycopg
from psycopg import errors
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.postgresql import psycopg as dialects

from hub.backend import Backend, Cursor
from hub.sql import Texts
from protocols.errors import LocalFault

# "chieng" in ASCII: the lock of who writes.
WRITER_LOCK = 0x636869656E67
# Another process may hold that lock this long.
BUSY_MS_MAX = 10_000
CONNECT_S_MAX = 10
# A server that vanishes while the hub waits for its answer is noticed within a minute; Linux by
# itself would wait for two hours.
_ALIVE: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_DIALECT: Any = dialects.PGDialect_psycopg
_TEXTS = Texts(_DIALECT(paramstyle="format"))

# A machine that vanishes with the lock lets it go within a minute. A server that answers before a
# commit is on disk is told not to; stronger settings stay.
_SESSION = f"""
    SET lock_timeout = {BUSY_MS_MAX};
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'
"""
_NEEDED = {"fsync": "on", "full_page_writes": "on"}


class _TextDumper(StrDumper):
    """Send a text; U+0000, which PostgreSQL does not know, becomes the sign for the unreadable."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


class Postgresql(Backend):
    """Open one database by its address, as libpq reads it (postgresql://user@host/name)."""

    errors = psycopg.Error
    texts = _TEXTS
    wholeness = "PostgreSQL syncs what it answers (fsync, full_page_writes)"
    mend = "ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET full_page_writes = on; restart it."

    def __init__(self, address: str):
        self._address = address

    def begin(self, writes: bool) -> str:
        if writes:
            # Whatever the server's default is: a view taken before the lock would be an old one.
            return (
                f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({WRITER_LOCK})"
            )
        return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def _connect(self) -> Any:
        connection: Any = psycopg.connect(
            self._address,
            autocommit=True,
            client_encoding="UTF8",
            application_name="chieng-hub",
            connect_timeout=CONNECT_S_MAX,
            **_ALIVE,
        )
        connection.adapters.register_dumper(str, _TextDumper)
        connection.execute(_SESSION)
        if connection.info.parameter_status("server_encoding") != "UTF8":
            connection.close()
            raise LocalFault(
                "hub.database",
                "the database's encoding is not UTF8",
                "Make one with: createdb --template=template0 --encoding=UTF8 NAME",
            )
        return connection

    def engine(self, writes: bool, connections: int) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://", creator=self._connect, pool_size=connections,
            pool_pre_ping=True,
        )  # fmt: skip

        def begun(connection: Connection) -> None:
            connection.exec_driver_sql(self.begin(writes))

        event.listen(engine, "begin", begun)
        return engine

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, errors.UniqueViolation)

    def remedy(self, error: Exception) -> str:
        if isinstance(error, errors.LockNotAvailable):
            return "Another chieng-hub writes at length; nothing was stored, so try again."
        if isinstance(error, errors.DiskFull):
            return "Free space on PostgreSQL's disk; nothing was stored, so try again."
        if isinstance(error, psycopg.OperationalError):
            return (
                "See whether PostgreSQL runs and lets this hub in (psql with the same address), "
                "then look whether it was stored before you try again."
            )
        return "See PostgreSQL's log; nothing was stored, so try again."

    def damage(self, cursor: Cursor) -> list[str]:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')"
        )
        found = dict(cursor.fetchall())
        return [
            f"{name} is {found.get(name)}: a power cut can lose or spoil what was answered"
            for name, wanted in _NEEDED.items()
            if found.get(name) != wanted
        ]
