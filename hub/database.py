"""SQLite under the hub: one writer thread with group commit, readers beside it.

Every decision of the moment is run in one transaction, each inside its own savepoint, and answered
after the one commit they share: with synchronous=FULL an fsync is what a write costs, so many
writers share it. A decision that raises is undone alone. WAL lets readers go on meanwhile.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from hub.store import Ledger, Result, Store
from hub.store_sql import SqlStore
from protocols.errors import WorldFault

# Jobs that share one commit; more would let one slow group delay the first answer.
GROUP_MAX = 256
# Jobs waiting for the writer before new ones are refused: about ten seconds of work.
WAITING_MAX = 4096
# Another process (the command line) may hold the write lock this long.
BUSY_MS_MAX = 10_000
READERS = 4

_MIGRATIONS = Path(__file__).parent / "migrations"
Job = tuple[Callable[[Store], Any], "Future[Any]"]


def _engine(path: Path, writes: bool) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        connect_args={"timeout": BUSY_MS_MAX / 1000, "check_same_thread": False},
        pool_size=1 if writes else READERS,
    )

    def connected(connection: Any, _record: object) -> None:
        # Transactions are begun by us below; the driver's own implicit ones break savepoints.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA query_only=" + ("OFF" if writes else "ON"))
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def migrate(path: Path) -> None:
    """Bring the database file at `path` to the newest schema, creating it when absent."""
    engine = _engine(path, writes=True)
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise _world(error) from error
    finally:
        engine.dispose()


def revision(path: Path) -> str | None:
    """Return the schema's revision of a database file."""
    engine = _engine(path, writes=False)
    try:
        with engine.begin() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise _world(error) from error
    finally:
        engine.dispose()


def damage(path: Path) -> list[str]:
    """Return what SQLite finds wrong in a database file; raises `WorldFault("hub.storage")`."""
    engine = _engine(path, writes=False)
    try:
        with engine.begin() as connection:
            said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            found = [] if said == "ok" else [str(said)]
            for row in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1):
                found.append(f"a row of {row[0]} without its parent")
            return found
    except DBAPIError as error:
        raise _world(error) from error
    finally:
        engine.dispose()


def _world(error: BaseException) -> WorldFault:
    return WorldFault(
        "hub.storage",
        f"the database did not take it: {error.__class__.__name__}: {str(error)[:200]}",
        "Check the disk's free space and health; nothing was stored, so try again.",
    )


class Database(Ledger):
    """Run decisions durably on one SQLite file; close it when done."""

    def __init__(self, path: Path):
        migrate(path)
        self._writer = _engine(path, writes=True)
        self._readers = _engine(path, writes=False)
        self._pool = ThreadPoolExecutor(READERS, "hub-reader")
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="hub-writer", daemon=True)
        self._thread.start()

    def submit(self, decide: Callable[[Store], Result]) -> "Future[Result]":
        """Queue a decision; its future is done once the result is durable."""
        future: Future[Result] = Future()
        try:
            self._jobs.put_nowait((decide, future))
        except queue.Full:
            raise WorldFault(
                "hub.busy", "too many writes are waiting", "Wait a minute and try again."
            ) from None
        return future

    async def write(self, decide: Callable[[Store], Result]) -> Result:
        """Run a decision and return its result once it is on disk.

        Raises `WorldFault("hub.storage")` or `("hub.busy")`, and whatever the decision raises.
        """
        return await asyncio.wrap_future(self.submit(decide))

    async def read(self, ask: Callable[[Store], Result]) -> Result:
        """Run a question on one snapshot in a reader thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.read_now, ask)

    def read_now(self, ask: Callable[[Store], Result]) -> Result:
        """Run a question on one snapshot in this thread."""
        try:
            with self._readers.begin() as connection:
                return ask(SqlStore(connection))
        except DBAPIError as error:
            raise _world(error) from error

    def waiting(self) -> int:
        """Return how many transactions wait for the writer."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what is queued and release the file."""
        self._jobs.put(None)
        self._thread.join()
        self._pool.shutdown()
        self._writer.dispose()
        self._readers.dispose()

    def _run(self) -> None:
        last = False
        while not last:
            waiting = [self._jobs.get()]
            while len(waiting) < GROUP_MAX:
                try:
                    waiting.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            last = None in waiting
            self._commit([job for job in waiting if job is not None])

    def _commit(self, jobs: list[Job]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        live = [job for job in jobs if job[1].set_running_or_notify_cancel()]
        try:
            with self._writer.begin() as connection:
                for decide, future in live:
                    outcome = _attempt(connection, decide)
                    if isinstance(outcome, BaseException):
                        future.set_exception(outcome)
                    else:
                        done.append((future, outcome[0]))
        except Exception as error:
            for _, future in live:
                if not future.done():
                    future.set_exception(_world(error))
            return
        for future, result in done:
            future.set_result(result)


def _attempt(connection: Connection, decide: Callable[[Store], Any]) -> tuple[Any] | BaseException:
    """Run one decision in its own savepoint; return its result in a tuple, or what it raised."""
    point = connection.begin_nested()
    try:
        result = decide(SqlStore(connection))
        point.commit()
        return (result,)
    except DBAPIError as error:
        point.rollback()
        return _world(error)
    except Exception as error:
        point.rollback()
        return error
