"""SQLite under the hub: durability, grouping, migrations."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from hub import schema
from hub.database import Database
from protocols.errors import WorldFault


def hamlet(number):
    return {"unit": "03.k7f2", "hamlet": f"h{number:05}", "name": "Làng"}


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "chieng.sqlite3")
    yield opened
    opened.close()


def test_the_migrations_make_exactly_the_schema(database, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'chieng.sqlite3'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_nodes_of_an_older_hub_are_enrolled_with_all_that_hangs_on_them(tmp_path):
    path = tmp_path / "old.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    config = AlembicConfig()
    config.set_main_option("script_location", "hub/migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for node, state in (("n-1", "active"), ("n-2", "revoked")):
            connection.exec_driver_sql(
                "INSERT INTO nodes (node, unit, kind, name, groups_json, public_key, state, "
                "registered_s) VALUES (?, '03.a', 'speaker', 'Loa', '[]', ?, ?, 1)",
                (node, node, state),
            )
        connection.exec_driver_sql("INSERT INTO node_status (node, nonces_json) VALUES ('n-1', '')")
        connection.exec_driver_sql("INSERT INTO faults VALUES ('n-1','a','b','c',1,2,3,NULL)")
    engine.dispose()
    database = Database(path)
    try:
        rows = database.read_now(lambda s: s.find("nodes", order=["node"]))
        assert [row["state"] for row in rows] == ["enrolled", "revoked"]
        assert database.read_now(lambda s: (s.count("node_status"), s.count("faults"))) == (1, 1)
    finally:
        database.close()


def test_it_runs_wal_with_full_sync(database):
    def pragmas(store):
        ask = store.cursor.execute
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [ask("PRAGMA " + name).fetchone()[0] for name in names]

    assert database.submit(pragmas).result() == ["wal", 2, 1]
    assert database.read_now(pragmas) == ["wal", 2, 1]


async def test_many_writers_share_commits(database):
    commits = 0
    dbapi = database.submit(lambda s: s.cursor.connection).result()

    def traced(statement):
        nonlocal commits
        commits += statement == "COMMIT"

    dbapi.set_trace_callback(traced)
    await asyncio.gather(
        *(database.write(lambda s, n=number: s.add("hamlets", hamlet(n))) for number in range(500))
    )
    assert database.read_now(lambda s: s.count("hamlets")) == 500
    assert 2 <= commits < 250


async def test_one_failing_decision_does_not_undo_its_group(database):
    def fail(store):
        store.add("hamlets", hamlet(1))
        raise KeyError("no")

    jobs = [database.write(lambda s, n=n: s.add("hamlets", hamlet(n))) for n in (1, 2)]
    jobs.insert(0, database.write(fail))
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [KeyError, type(None), type(None)]
    assert database.read_now(lambda s: s.count("hamlets")) == 2


async def test_whatever_a_decision_raises_the_others_of_its_group_are_told(database):
    jobs = [database.write(lambda s, n=n: s.add("hamlets", hamlet(n))) for n in (1, 2)]
    jobs.insert(0, database.write(lambda s: next(iter(()))))
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RuntimeError, type(None), type(None)]


async def test_a_loop_is_woken_once_for_all_its_writers_of_a_commit(database, monkeypatch):
    loop, woken = asyncio.get_running_loop(), []
    call = loop.call_soon_threadsafe
    monkeypatch.setattr(
        loop, "call_soon_threadsafe", lambda tell, told: woken.append(len(told)) or call(tell, told)
    )
    begun = threading.Event()
    first = asyncio.ensure_future(database.write(lambda s: begun.wait(9)))
    await asyncio.sleep(0)
    others = [database.write(lambda s, n=n: s.add("hamlets", hamlet(n))) for n in range(40)]
    rest = asyncio.gather(*others)
    await asyncio.sleep(0)
    begun.set()
    await asyncio.gather(first, rest)
    # The first may be joined by some that came before its thread looked.
    assert sum(woken) == 41 and len(woken) <= 2


async def test_who_is_cancelled_is_not_waited_for_and_others_are_told(database):
    held = threading.Event()
    running = asyncio.ensure_future(database.write(lambda s: held.wait(9)))
    await asyncio.sleep(0.2)
    waiting = [
        asyncio.ensure_future(database.write(lambda s, n=n: s.add("hamlets", hamlet(n))))
        for n in (1, 2)
    ]
    await asyncio.sleep(0)
    running.cancel()
    waiting[0].cancel()
    await asyncio.sleep(0)
    held.set()
    await waiting[1]
    found = database.read_now(lambda s: s.find("hamlets"))
    assert [row["hamlet"] for row in found] == ["h00002"]


def test_a_loop_that_is_closed_meanwhile_does_not_end_the_writer(database):
    held, left = threading.Event(), []

    async def leave():
        left.append(asyncio.ensure_future(database.write(lambda s: held.wait(9))))
        await asyncio.sleep(0.2)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    held.set()
    database.submit(lambda s: s.add("hamlets", hamlet(1))).result(9)
    assert database.read_now(lambda s: s.count("hamlets")) == 1


async def test_a_reader_cannot_write(database):
    with pytest.raises(WorldFault):
        await database.read(lambda s: s.add("hamlets", hamlet(1)))


async def test_a_full_disk_is_a_fault_with_a_remedy_and_work_goes_on(database):
    connection = database.submit(lambda s: s.cursor.connection).result()

    def limit(pages):
        return lambda s: connection.execute(f"PRAGMA max_page_count={pages}")

    size = database.submit(lambda s: connection.execute("PRAGMA page_count").fetchone()[0])
    await database.write(limit(size.result()))
    with pytest.raises(WorldFault) as caught:
        big = {"unit": "03.k7f2", "hamlet": "big", "name": "x" * 1_000_000}
        await database.write(lambda s: s.add("hamlets", big))
    assert caught.value.code == "hub.storage"
    await database.write(limit(1_000_000))
    await database.write(lambda s: s.add("hamlets", hamlet(1)))


async def test_the_audit_log_refuses_changes(database):
    row = {"sequence": 1, "at_s": int(time.time()), "who": "a", "action": "b", "subject": "c"}
    row.update(detail_json="{}", previous="0", hash="1")
    await database.write(lambda s: s.add("audit", row))
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises((WorldFault, DBAPIError)):
            await database.write(lambda s, q=statement: s.cursor.execute(q))
    assert database.read_now(lambda s: s.get("audit", 1))["who"] == "a"


WRITER = """
import sys
from pathlib import Path
from hub.database import Database

database = Database(Path(sys.argv[1]))
for number in range(100_000):
    row = {"unit": "u", "hamlet": "h%06d" % number, "name": "x"}
    database.submit(lambda s: s.add("hamlets", row)).result()
    print(number, flush=True)
"""


def test_what_was_answered_survives_a_kill(tmp_path):
    path = tmp_path / "chieng.sqlite3"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        answered = -1
        for line in process.stdout:
            answered = int(line)
            if answered == 50:
                os.kill(process.pid, signal.SIGKILL)
    with sqlite3.connect(path) as connection:
        stored = connection.execute("SELECT count(*) FROM hamlets").fetchone()[0]
    connection.close()
    assert stored >= answered + 1 > 50
