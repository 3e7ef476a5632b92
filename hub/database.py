"""The database under the hub: one writer thread with group commit, readers beside it.

Every decision of the moment is run in one transaction, each inside its own savepoint, and answered
after the one commit they share: a sync of the disk is what a write costs, so many writers share it.
A decision that raises is undone alone. Readers see a snapshot and go on meanwhile.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from hub.backend import Backend, Cursor
from hub.backend_sqlite import Sqlite
from hub.store import Key, Ledger, Result, Store
from hub.store_group import Elsewhere, GroupStore
from hub.store_sql import SqlStore
from protocols.errors import Fault, WorldFault

# Jobs that share one commit; more would let one slow group delay the first answer.
GROUP_MAX = 256
# Jobs waiting for the writer before new ones are refused: about ten seconds of work.
WAITING_MAX = 4096
READERS = 4

_MIGRATIONS = Path(__file__).parent / "migrations"


class Job(NamedTuple):
    """Hold a decision that waits: whether it may run twice, and which rows it will want then.

    Who asked waits for the future, in a thread or in an event loop.
    """

    decide: Callable[[Store], Any]
    future: "Future[Any] | asyncio.Future[Any]"
    is_small: bool = False
    reads: Sequence[tuple[str, Key]] = ()


# What became of a decision: its result in a tuple, or what it raised.
Outcome = tuple[Any] | Exception


# A file of SQLite, or the address of a PostgreSQL database.
Where = Path | str


def backend_of(where: Where) -> Backend:
    """Return the kind of database at a place."""
    if isinstance(where, Path):
        return Sqlite(where)
    # Its driver costs a tenth of a second that a hub on SQLite does not spend.
    from hub.backend_postgresql import Postgresql  # noqa: PLC0415

    return Postgresql(where)


def migrate(where: Where) -> None:
    """Bring a database to the newest schema, making a file that is absent."""
    backend = backend_of(where)
    engine = backend.engine(True, 1)
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise _world(backend, _cause(error)) from error
    finally:
        engine.dispose()


def revision(where: Where) -> str | None:
    """Return the schema's revision of a database."""
    backend = backend_of(where)
    engine = backend.engine(False, 1)
    try:
        with engine.begin() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise _world(backend, _cause(error)) from error
    finally:
        engine.dispose()


def newest_revision() -> str:
    """Return the schema's revision that this program brings a database to."""
    return str(ScriptDirectory(str(_MIGRATIONS)).get_current_head())


def damage(where: Where) -> list[str]:
    """Return what is wrong with a database; raises `WorldFault("hub.storage")`."""
    backend = backend_of(where)
    engine = backend.engine(False, 1)
    try:
        with _transaction(backend, engine, False) as cursor:
            return backend.damage(cursor)
    finally:
        engine.dispose()


def holds_rows(where: Where) -> bool:
    """Tell whether a migrated database was in use."""
    backend = backend_of(where)
    engine = backend.engine(False, 1)
    try:
        with _transaction(backend, engine, False) as cursor:
            store = SqlStore(cursor, backend)
            return any(store.count(name) for name in ("audit", "accounts", "units", "nodes"))
    finally:
        engine.dispose()


def _world(backend: Backend, error: Exception) -> WorldFault:
    return WorldFault(
        "hub.storage",
        f"the database did not take it: {error.__class__.__name__}: {str(error)[:200]}",
        backend.remedy(error),
    )


def _cause(error: DBAPIError) -> Exception:
    return error.orig if isinstance(error.orig, Exception) else error


@contextmanager
def _transaction(backend: Backend, engine: Engine, writes: bool) -> Iterator[Cursor]:
    """Open a transaction, end it, and turn what the driver raises into a `WorldFault`."""
    try:
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(backend.begin(writes))
            yield cursor
            cursor.execute("COMMIT")
        finally:
            # Rolls back what was not committed.
            connection.close()
    except DBAPIError as error:
        raise _world(backend, _cause(error)) from error
    except backend.errors as error:
        raise _world(backend, error) from error


def _is_awaited(future: "Future[Any] | asyncio.Future[Any]") -> bool:
    if isinstance(future, Future):
        return future.set_running_or_notify_cancel()
    return not future.cancelled()


def _tell(
    futures: "Sequence[Future[Any] | asyncio.Future[Any]]", outcomes: Sequence[Outcome]
) -> None:
    """Tell who waits what became of a group; an event loop is woken once for all of its own."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for future, outcome in zip(futures, outcomes, strict=True):
        if isinstance(future, Future):
            _settle([(future, outcome)])
        else:
            by_loop.setdefault(future.get_loop(), []).append((future, outcome))
    for loop, settled in by_loop.items():
        # A loop that was closed meanwhile has nobody to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: "Sequence[tuple[Future[Any] | asyncio.Future[Any], Outcome]]") -> None:
    for future, outcome in settled:
        if future.done():
            # Whoever asked was cancelled meanwhile.
            continue
        if isinstance(outcome, tuple):
            future.set_result(outcome[0])
        elif isinstance(outcome, StopIteration):
            # The only one that a future refuses (PEP 479); others wait behind it.
            future.set_exception(RuntimeError("a decision raised StopIteration"))
        else:
            future.set_exception(outcome)


class Database(Ledger):
    """Run decisions durably in one database; close it when done."""

    def __init__(self, where: Where):
        migrate(where)
        self._backend = backend_of(where)
        self._writer = self._backend.engine(True, 1)
        self._readers = self._backend.engine(False, READERS)
        self._pool = ThreadPoolExecutor(READERS, "hub-reader")
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="hub-writer", daemon=True)
        self._thread.start()

    def submit(self, decide: Callable[[Store], Result]) -> "Future[Result]":
        """Queue a decision; its future is done once the result is durable."""
        future: Future[Result] = Future()
        self._queue(Job(decide, future))
        return future

    async def write(self, decide: Callable[[Store], Result]) -> Result:
        """Run a decision and return its result once it is on disk.

        Raises `WorldFault("hub.storage")` or `("hub.busy")`, and whatever the decision raises.
        """
        return await self._wait(decide)

    async def write_small(
        self, decide: Callable[[Store], Result], reads: Sequence[tuple[str, Key]] = ()
    ) -> Result:
        """Run a decision that may be run twice, together with others; raises as `write`."""
        return await self._wait(decide, True, reads)

    def _wait(self, decide: Callable[[Store], Result], *small: Any) -> "asyncio.Future[Result]":
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue(Job(decide, future, *small))
        return future

    def _queue(self, job: Job) -> None:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise WorldFault(
                "hub.busy", "too many writes are waiting", "Wait a minute and try again."
            ) from None

    async def read(self, ask: Callable[[Store], Result]) -> Result:
        """Run a question on one snapshot in a reader thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.read_now, ask)

    def read_now(self, ask: Callable[[Store], Result]) -> Result:
        """Run a question on one snapshot in this thread."""
        with _transaction(self._backend, self._readers, False) as cursor:
            return ask(SqlStore(cursor, self._backend))

    def waiting(self) -> int:
        """Return how many transactions wait for the writer."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what is queued and let the database go."""
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
        live = [job for job in jobs if _is_awaited(job.future)]
        outcomes: list[Outcome] = []
        try:
            with _transaction(self._backend, self._writer, True) as cursor:
                outcomes = self._outcomes(SqlStore(cursor, self._backend), live)
        except Exception as error:
            fault = error if isinstance(error, Fault) else _world(self._backend, error)
            outcomes = [fault] * len(live)
        _tell([job.future for job in live], outcomes)

    def _outcomes(self, store: SqlStore, jobs: list[Job]) -> list[Outcome]:
        """Run small decisions together and the others one by one."""
        together = self._together(store, [job for job in jobs if job.is_small])
        outcomes: list[Outcome] = []
        for job in jobs:
            outcome = together.pop(0) if job.is_small else None
            outcomes.append(outcome or self._attempt(store, job.decide))
        return outcomes

    def _together(self, store: SqlStore, jobs: list[Job]) -> list[Outcome | None]:
        """Run decisions on rows in memory; None stands for those that must run by themselves."""
        if not jobs:
            return []
        store.cursor.execute("SAVEPOINT together")
        try:
            group = GroupStore(store)
            group.fetch([read for job in jobs for read in job.reads])
            outcomes = [self._held(group, job.decide) for job in jobs]
            group.flush()
        except Exception:
            # Whatever it is, also a value that the driver cannot send: by itself, each decision
            # is told what is wrong with it.
            store.cursor.execute("ROLLBACK TO SAVEPOINT together")
            outcomes = [None] * len(jobs)
        store.cursor.execute("RELEASE SAVEPOINT together")
        return outcomes

    def _held(self, group: GroupStore, decide: Callable[[Store], Any]) -> Outcome | None:
        try:
            result = decide(group)
        except Elsewhere:
            group.undo()
            return None
        except self._backend.errors:
            raise
        except Exception as error:
            group.undo()
            return error
        group.settle()
        return (result,)

    def _attempt(self, store: SqlStore, decide: Callable[[Store], Any]) -> Outcome:
        """Run one decision in its own savepoint."""
        store.cursor.execute("SAVEPOINT decision")
        try:
            result = decide(store)
            store.cursor.execute("RELEASE SAVEPOINT decision")
            return (result,)
        except Exception as error:
            store.cursor.execute("ROLLBACK TO SAVEPOINT decision")
            store.cursor.execute("RELEASE SAVEPOINT decision")
            if isinstance(error, self._backend.errors):
                return _world(self._backend, error)
            return error
