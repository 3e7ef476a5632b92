"""The database's part of a copy: pinned at one moment, written while others go on.

SQLite copies itself; PostgreSQL is read by its own `pg_dump` at an exported snapshot. A copy of
SQLite may be laid out in PostgreSQL, too: so a hub that has outgrown one machine's file moves.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from hub import schema
from hub.database import Database, Where, migrate, revision
from hub.store import Store
from protocols.errors import LocalFault, WorldFault

SQLITE, POSTGRESQL = "chieng.sqlite3", "chieng.pgdump"
_PAGES = 4096
_ROWS = 1000


def pinned(where: Where) -> AbstractContextManager[Callable[[Path], None]]:
    """Hold a database's present state; what is given writes it into a folder, later.

    Raises `WorldFault("backup.database")` and `LocalFault("backup.program")`.
    """
    return _pinned_file(where) if isinstance(where, Path) else _pinned_server(where)


@contextmanager
def _pinned_file(path: Path) -> Iterator[Callable[[Path], None]]:
    source = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def write(folder: Path) -> None:
        copy = sqlite3.connect(folder / SQLITE)
        try:
            source.backup(copy, pages=_PAGES)
        finally:
            copy.close()
        os.chmod(folder / SQLITE, 0o600)

    try:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM units").fetchone()
        yield write
    except sqlite3.Error as error:
        raise _refused(str(error)) from error
    finally:
        source.close()


@contextmanager
def _pinned_server(address: str) -> Iterator[Callable[[Path], None]]:
    # Only hubs on PostgreSQL need its driver.
    import psycopg  # noqa: PLC0415

    try:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            snapshot = str(row[0]) if row else ""

            def write(folder: Path) -> None:
                target = folder / POSTGRESQL
                words = [f"--snapshot={snapshot}", "--format=custom", f"--file={target}"]
                _run("pg_dump", address, *words)
                os.chmod(target, 0o600)

            yield write
    except psycopg.Error as error:
        raise _refused(str(error)) from error


def lay_out(copy: Path, where: Where) -> None:
    """Make a database of a copy's part, in the newest schema.

    Raises `LocalFault("backup.target")` for a database that is not empty or of the wrong kind,
    `LocalFault("backup.program")` and `WorldFault("backup.database")`.
    """
    dump, file = copy / POSTGRESQL, copy / SQLITE
    if isinstance(where, Path):
        if dump.exists():
            raise LocalFault(
                "backup.target",
                "the copy is of a hub on PostgreSQL",
                "Make an empty database and add --database postgresql://…",
            )
        shutil.copy2(file, where)
        migrate(where)
        return
    if revision(where) is not None:
        raise LocalFault(
            "backup.target", "the database is not empty", "Make a new one with createdb."
        )
    if dump.exists():
        words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        _run("pg_restore", where, *words, str(dump))
        migrate(where)
    else:
        _carry_over(file, where)


def _carry_over(file: Path, address: str) -> None:
    """Bring every row of an SQLite file into an empty PostgreSQL database, all or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        # Brought to the newest schema first, which the copy must not be.
        newest = Path(shutil.copy2(file, folder))
        source, target = Database(newest), Database(address)
        try:
            source.read_now(lambda old: target.submit(lambda new: _rows(old, new)).result())
        finally:
            source.close()
            target.close()


def _rows(old: Store, new: Store) -> None:
    # Parents come before their rows.
    for table in schema.metadata.sorted_tables:
        rows = old.each(table.name)
        while some := list(islice(rows, _ROWS)):
            new.add_many(table.name, some)


def _run(program: str, address: str, *words: str) -> None:
    """Run a program of PostgreSQL; the password stands in its environment, not in its words."""
    from psycopg import conninfo  # noqa: PLC0415

    known: dict[str, Any] = dict(conninfo.conninfo_to_dict(address))
    password = known.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    command = [program, f"--dbname={conninfo.make_conninfo(**known)}", "--no-password", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **secret}
        )
    except FileNotFoundError as error:
        raise LocalFault(
            "backup.program", f"{program} is missing", "apt-get install postgresql-client"
        ) from error
    if done.returncode:
        raise _refused(f"{program}: {done.stderr.strip()[-300:]}")


def _refused(said: str) -> WorldFault:
    return WorldFault(
        "backup.database", said, "See what PostgreSQL or the disk says and try again."
    )
