"""Databases of older hubs, with the rows that those wrote, come to the newest schema whole.

`tests/data/hub_0015.json` holds rows of every table as the hub of revision 0015 wrote them, with
every state that its rules allowed. An older database is the same rows without what came later.
"""

import base64
import json
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text

from hub import access, audit, backup, schema
from hub.app import create_app
from hub.config import Config
from hub.database import backend_of, damage, revision
from hub.main import main
from hub.services import open_hub
from protocols.errors import WorldFault
from tests.hub import postgres
from tests.hub.conftest import COMMUNE, serving, signed_in

ROWS = Path("tests/data/hub_0015.json")
# What the hub of the first revision called its nodes, and what a later one made of it.
FIRST_STATES = {"enrolled": "active", "quarantined": "active", "replaced": "revoked"}


def _given(value):
    return base64.b64decode(value["b"]) if isinstance(value, dict) else value


def rows_of(first):
    """Return the rows of every table by its name, as JSON has them."""
    found = json.loads(ROWS.read_text())
    if first:
        for row in found["nodes"]:
            row["state"] = FIRST_STATES.get(row["state"], row["state"])
    return {
        name: [{key: _given(value) for key, value in row.items()} for row in rows]
        for name, rows in found.items()
    }


def make_old(where, number):
    """Make a database as it was at a revision; return its rows by table."""
    engine = backend_of(where).engine(True, 1)
    config = AlembicConfig()
    config.set_main_option("script_location", "hub/migrations")
    made = {}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, number)
        given = rows_of(number == "0001")
        known = {table: inspect(connection).get_columns(table) for table in _tables(connection)}
        for table in schema.metadata.sorted_tables:
            if table.name not in known:
                continue
            names = [column["name"] for column in known[table.name]]
            made[table.name] = [{key: row[key] for key in names} for row in given[table.name]]
            values = ", ".join(f":{key}" for key in names)
            columns = ", ".join(f'"{key}"' for key in names)
            statement = text(f"INSERT INTO {table.name} ({columns}) VALUES ({values})")
            connection.execute(statement, made[table.name])
        assert set(made) == set(known), "every table of that time has rows"
    engine.dispose()
    return made


def _tables(connection):
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, config):
    """Give the configuration of a founded hub whose database is yet to be made."""
    if request.param == "sqlite":
        for path in config.data.glob("chieng.sqlite3*"):
            path.unlink()
        return config
    address = postgres.cluster().fresh()
    (config.data / "database").write_text(address)
    return Config(data=config.data, start_lead_s=5, database_url=address)


def run(capsys, *words):
    """Run `chieng-hub` and return its answer."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def rules_and_differences(where):
    """Return the names of all CHECK rules, and in what else a database is not the schema."""
    engine = backend_of(where).engine(False, 1)
    with engine.begin() as connection:
        names = {
            rule["name"]
            for table in _tables(connection)
            for rule in inspect(connection).get_check_constraints(table)
        }
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    engine.dispose()
    return names, differences


def wanted_rules():
    """Return the name of every CHECK rule of the schema."""
    return {
        f"ck_{table.name}_{rule.name.removeprefix(f'ck_{table.name}_')}"
        for table in schema.metadata.tables.values()
        for rule in table.constraints
        if isinstance(rule, CheckConstraint)
    }


def check_nothing_is_lost(config, made, number):
    """Look for every column of every old row."""
    _, database = open_hub(config)
    lost = []
    try:
        for name, rows in made.items():
            found = database.read_now(lambda s, n=name: s.find(n))
            keys = [column.name for column in schema.metadata.tables[name].primary_key]
            held = {tuple(row[key] for key in keys): row for row in found}
            for row in rows:
                now = held.get(tuple(row[key] for key in keys), {})
                if number == "0001" and name == "nodes" and row["state"] == "active":
                    row = {**row, "state": "enrolled"}
                lost += [(name, row, key) for key in row if now.get(key, ...) != row[key]]
            if name not in ("audit", "facts"):
                assert len(found) == len(rows), name
    finally:
        database.close()
    assert lost == []


@pytest.mark.parametrize("number", ["0001", "0015"])
def test_an_old_database_comes_to_the_newest_schema_with_every_row(place, number, capsys):
    made = make_old(place.where, number)
    assert min(map(len, made.values())) > 0
    said = run(capsys, "migrate", "--data", place.data)
    assert said["before"] == number and int(said["now"]) > 15
    check_nothing_is_lost(place, made, number)
    said = run(capsys, "audit", "--data", place.data)
    assert said["whole"] and said["entries"] == len(made["audit"]) > 40
    if isinstance(place.where, Path):
        assert damage(place.where) == []
    rules, differences = rules_and_differences(place.where)
    assert rules == wanted_rules() and differences == []
    _, database = open_hub(place)
    with pytest.raises(WorldFault) as caught:
        database.submit(lambda s: s.change("nodes", ("loa-17",), {"state": "x"})).result()
    assert caught.value.code == "hub.storage", "the rules hold"
    database.close()


def one_of_each(rows, key, *kinds):
    """Return the key of one row for every combination of some columns."""
    found = {}
    for row in rows:
        found.setdefault(tuple(row[kind] for kind in kinds), row[key])
    return list(found.values())


def pages_of(made):
    """Return the address of every page that lists such rows or shows one of them."""
    alarms = {row["bulletin"] for row in made["bulletin_versions"] if row["class"] == "emergency"}
    rest = [row for row in made["bulletins"] if row["bulletin"] not in alarms]
    named = {
        "bulletin": one_of_each(rest, "bulletin", "state"),
        "node": one_of_each(made["nodes"], "node", "state", "kind"),
        "message": one_of_each(made["cap_messages"], "message", "state"),
        "enrolment": one_of_each(made["enrolments"], "enrolment", "why"),
        "ticket": one_of_each(made["tickets"], "ticket", "state"),
        "bulk": one_of_each(made["bulks"], "bulk", "kind"),
        "unit": [COMMUNE],
    }
    found = []
    for method, path in access.RULES:
        part = path.partition("{")[2].partition("}")[0]
        if method != "GET" or path.count("{") > 1 or path in ELSEWHERE or path.endswith(PARTS):
            continue
        names = alarms if "/emergency/" in path else named.get(part, [])
        found += [path.replace("{%s}" % part, name) for name in names] if part else [path]
    return found


# What needs more words in its address, or leads whoever is signed in elsewhere.
ELSEWHERE = ("/login", "/first", "/offers/sound", "/installations/kit")
PARTS = ("/edit", "/file")


async def test_every_page_shows_what_an_older_hub_wrote(place):
    made = make_old(place.where, "0015")
    services, database = open_hub(place)
    addresses, wrong = pages_of(made), []
    assert len(addresses) > 80
    cookie = await signed_in(services, "sau-nay")
    async with (
        serving(create_app(services)) as served,
        aiohttp.ClientSession(f"http://127.0.0.1:{served.port}", cookies=cookie) as session,
    ):
        for address in addresses:
            async with session.get(address, allow_redirects=False) as answer:
                shown = (await answer.read()).decode(errors="replace")
                if answer.status != 200:
                    wrong.append((address, answer.status, shown[-500:]))
        assert wrong == [], "\n".join(f"{a} {b}" for a, b, _ in wrong)
        for address, shown in (
            ("/audit", made["audit"][-1]["action"]), ("/nodes", "cum-0"),
            ("/bulletins", made["bulletin_versions"][0]["title"]), ("/accounts", "thu-nghiem"),
            ("/mirror", "tinh"), ("/words", made["spoken_words"][0]["written"]),
        ):  # fmt: skip
            async with session.get(address) as answer:
                assert shown in await answer.text(), address
    database.close()


async def test_a_copy_of_an_older_hub_is_restored_in_the_newest_schema(place, tmp_path, capsys):
    made = make_old(place.where, "0015")
    copy = Path(backup.back_up(place, tmp_path / "copies", 2)["copy"])
    assert revision(place.where) == "0015", "a copy changes nothing"
    targets = [postgres.cluster().fresh()]
    if isinstance(place.where, Path):
        assert sqlite3.connect(copy / place.where.name).execute(
            "SELECT version_num FROM alembic_version"
        ).fetchone() == ("0015",)
        targets.append(None)
    for number, address in enumerate(targets):
        again = Config(data=tmp_path / f"again{number}", database_url=address)
        await backup.restore(again, copy, [])
        check_nothing_is_lost(again, made, "0015")
        _, database = open_hub(again)
        assert database.read_now(audit.first_broken) is None
        database.close()
    assert backup.verify(copy) == [], "the copy is as it was"
