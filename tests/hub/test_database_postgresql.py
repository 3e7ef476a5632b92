"""PostgreSQL under the hub: one writer among many processes, lost connections, migrations."""

import asyncio
import time

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from hub import backend_postgresql, schema
from hub.database import Database, damage, migrate, revision
from protocols.errors import LocalFault, WorldFault
from tests.hub import postgres


def hamlet(number):
    return {"unit": "03.k7f2", "hamlet": f"h{number:05}", "name": "Làng"}


@pytest.fixture
def address():
    return postgres.emptied()


@pytest.fixture
def database(address):
    opened = Database(address)
    yield opened
    opened.close()


def _engine(address):
    return create_engine("postgresql+psycopg" + address.removeprefix("postgresql"))


def test_the_migrations_make_exactly_the_schema(address):
    engine = _engine(address)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_nodes_of_an_older_hub_are_enrolled_with_all_that_hangs_on_them():
    address = postgres.cluster().fresh()
    engine, config = _engine(address), AlembicConfig()
    config.set_main_option("script_location", "hub/migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with psycopg.connect(address) as connection:
        for node, state in (("n-1", "active"), ("n-2", "revoked")):
            connection.execute(
                "INSERT INTO nodes (node, unit, kind, name, groups_json, public_key, state, "
                "registered_s) VALUES (%s, '03.a', 'speaker', 'Loa Đò', '[]', %s, %s, 1)",
                (node, node, state),
            )
        connection.execute("INSERT INTO node_status (node, nonces_json) VALUES ('n-1', '')")
    assert revision(address) == "0002"
    migrate(address)
    database = Database(address)
    try:
        rows = database.read_now(lambda s: s.find("nodes", order=["node"]))
        assert [row["state"] for row in rows] == ["enrolled", "revoked"]
        assert rows[0]["search"] == "loa do n-1"
        assert database.read_now(lambda s: s.count("node_status")) == 1
        with pytest.raises(WorldFault, match="ck_nodes_state"):
            database.submit(lambda s: s.change("nodes", ("n-1",), {"state": "active"})).result()
    finally:
        database.close()


def _settings(store):
    asked = ("synchronous_commit", "transaction_isolation", "transaction_read_only")
    found = {}
    for name in asked:
        store.cursor.execute(f"SHOW {name}")
        found[name] = store.cursor.fetchone()[0]
    return found


def test_a_server_that_answers_before_the_disk_is_told_not_to(address):
    name = address.partition("@/")[2].partition("?")[0]
    postgres.cluster().do(f"ALTER DATABASE {name} SET synchronous_commit = off")
    database = Database(address)
    try:
        assert database.submit(_settings).result() == {
            "synchronous_commit": "on",
            "transaction_isolation": "read committed",
            "transaction_read_only": "off",
        }
        read = database.read_now(_settings)
        assert read["transaction_isolation"] == "repeatable read"
        assert read["transaction_read_only"] == "on"
    finally:
        database.close()
        postgres.cluster().do(f"ALTER DATABASE {name} RESET synchronous_commit")
    assert [one.split()[0] for one in damage(address)] == ["fsync", "full_page_writes"]


@pytest.mark.parametrize("level", ["read committed", "serializable"])
async def test_two_hubs_on_one_database_decide_one_after_the_other(address, level):
    # What a server does by default may not become what a decision sees.
    name = address.partition("@/")[2].partition("?")[0]
    postgres.cluster().do(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'")
    first, second = Database(address), Database(address)

    def add_one(store):
        row = store.get("facts", "sum")
        number = int(row["value_json"]) + 1 if row else 1
        time.sleep(0.001)
        if not store.change("facts", ("sum",), {"value_json": str(number)}):
            store.add("facts", {"name": "sum", "value_json": str(number)})

    try:
        await asyncio.gather(*(one.write(add_one) for _ in range(40) for one in (first, second)))
        assert first.read_now(lambda s: s.get("facts", "sum"))["value_json"] == "80"
    finally:
        first.close()
        second.close()
        postgres.cluster().do(f"ALTER DATABASE {name} RESET default_transaction_isolation")


async def test_a_long_writer_elsewhere_is_said_and_nothing_is_lost(address, monkeypatch):
    session = backend_postgresql._SESSION.replace("lock_timeout = 10000", "lock_timeout = 50")
    monkeypatch.setattr(backend_postgresql, "_SESSION", session)
    database = Database(address)
    try:
        with psycopg.connect(address) as other:
            lock = backend_postgresql.WRITER_LOCK
            other.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
            with pytest.raises(WorldFault) as caught:
                await database.write(lambda s: s.add("hamlets", hamlet(1)))
            assert "nothing was stored" in caught.value.remedy
        await database.write(lambda s: s.add("hamlets", hamlet(1)))
        assert database.read_now(lambda s: s.count("hamlets")) == 1
    finally:
        database.close()


async def test_a_server_that_vanishes_is_noticed_within_a_minute(database):
    given = await database.read(lambda s: s.cursor.connection.info.get_parameters())
    silence_s = int(given["keepalives_idle"])
    silence_s += int(given["keepalives_interval"]) * int(given["keepalives_count"])
    assert silence_s <= 60 and int(given["tcp_user_timeout"]) <= 60_000


def _kill_all(address):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_what_was_answered_survives_lost_connections_and_work_goes_on(address, database):
    answered, refused = set(), 0

    async def write(number):
        nonlocal refused
        try:
            await database.write(lambda s: s.add("hamlets", hamlet(number)))
            answered.add(f"h{number:05}")
        except WorldFault as fault:
            assert fault.code == "hub.storage" and fault.remedy
            refused += 1

    def cut(store):
        store.add("hamlets", hamlet(99_999))
        _kill_all(address)

    for round_ in range(12):
        writes = [asyncio.create_task(write(round_ * 100 + n)) for n in range(60)]
        await asyncio.sleep(0.002 * (round_ % 4))
        with pytest.raises(WorldFault):
            await database.write(cut)
        await asyncio.gather(*writes)
    await write(5000)
    stored = database.read_now(lambda s: {row["hamlet"] for row in s.find("hamlets")})
    assert answered <= stored and "h99999" not in stored
    assert "h05000" in answered and len(answered) + refused == 12 * 60 + 1


async def test_a_connection_killed_inside_a_decision_undoes_the_whole_group(address, database):
    def cut(store):
        store.add("hamlets", hamlet(2))
        _kill_all(address)
        store.add("hamlets", hamlet(3))

    jobs = [database.write(lambda s: s.add("hamlets", hamlet(1))), database.write(cut)]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(outcomes[1], WorldFault)
    stored = database.read_now(lambda s: s.count("hamlets"))
    assert stored == (0 if isinstance(outcomes[0], WorldFault) else 1)


async def test_a_reader_cannot_write(database):
    with pytest.raises(WorldFault):
        await database.read(lambda s: s.add("hamlets", hamlet(1)))


async def test_a_failing_statement_undoes_its_decision_alone(database):
    def bad(store):
        store.add("hamlets", hamlet(1))
        store.cursor.execute("SELECT no_such_column")

    jobs = [database.write(bad), database.write(lambda s: s.add("hamlets", hamlet(2)))]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(outcomes[0], WorldFault) and outcomes[1] is None
    assert database.read_now(lambda s: [row["hamlet"] for row in s.find("hamlets")]) == ["h00002"]


async def test_a_letter_that_postgresql_does_not_know_is_marked(database):
    await database.write(lambda s: s.add("hamlets", dict(hamlet(1), name="a\0b")))
    assert database.read_now(lambda s: s.find("hamlets"))[0]["name"] == "a\ufffdb"


async def test_the_audit_log_refuses_changes(database):
    row = {"sequence": 1, "at_s": int(time.time()), "who": "a", "action": "b", "subject": "c"}
    row.update(detail_json="{}", previous="0", hash="1")
    old = dict(row, sequence=2, at_s=1)
    await database.write(lambda s: s.add_many("audit", [row, old]))
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(WorldFault, match="append-only"):
            await database.write(lambda s, q=statement: s.cursor.execute(q))
    await database.write(lambda s: s.cursor.execute("DELETE FROM audit WHERE sequence = 2"))
    assert database.read_now(lambda s: s.get("audit", 1))["who"] == "a"
    assert database.read_now(lambda s: s.count("audit")) == 1


def test_what_cannot_hold_a_hub_is_refused_with_what_to_type():
    cluster = postgres.cluster()
    cluster.do("DROP DATABASE IF EXISTS latin")
    cluster.do("CREATE DATABASE latin TEMPLATE template0 ENCODING latin1 LOCALE_PROVIDER libc "
               "LOCALE 'C'")  # fmt: skip
    with pytest.raises(LocalFault, match="UTF8") as caught:
        migrate(cluster.address("latin"))
    assert "createdb" in caught.value.remedy
    with pytest.raises(WorldFault) as caught:
        migrate(cluster.address("nowhere"))
    assert "psql" in caught.value.remedy and "nowhere" in caught.value.message
