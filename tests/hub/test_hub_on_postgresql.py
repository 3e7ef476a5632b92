"""A whole hub on PostgreSQL: founded, served, copied, restored, moved there from SQLite."""

import asyncio
import json
import time

import aiohttp
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import backup, fleet
from hub.app import create_app
from hub.config import Config
from hub.main import main
from hub.services import open_hub
from protocols import canonical, http_signature, records
from tests.hub import postgres
from tests.hub.conftest import COMMUNE, enrol, serving, signed_in
from tests.hub.test_records_api import EPOCH, batch_of, history

NODE = "loa-17"


def command(capsys, *words):
    """Run `chieng-hub` and return its exit code and what it printed."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


@pytest.fixture(scope="module")
def on_server(tmp_path_factory):
    """Found a hub on PostgreSQL by its command line; give its folder, address and passphrases."""
    folder, address = tmp_path_factory.mktemp("server"), postgres.cluster().fresh()
    data, sheets = folder / "hub", folder / "sheets.json"
    words = ["init", "--data", data, "--database", address, "--group", "00", "--group", "03"]
    words += ["--offline-keys", folder / "stick", "--sheets", sheets]
    assert main([str(word) for word in words]) == 0
    passphrases = json.loads(sheets.read_text())
    config = Config(data=data, database_url=address, start_lead_s=5)
    passphrases.update(asyncio.run(enrol(config, passphrases["registrar-1"])))
    return config, passphrases


def test_the_folder_remembers_its_database_and_every_command_finds_it(on_server, capsys):
    config, _ = on_server
    data = config.data
    assert not config.database.exists()
    assert (data / "database").stat().st_mode & 0o777 == 0o600
    code, said = command(capsys, "migrate", "--data", data)
    assert code == 0 and said["before"] == said["now"]
    code, said = command(capsys, "audit", "--data", data)
    assert code == 0 and said["whole"] and said["entries"] > 0
    code, said = command(capsys, "retain", "show", "--data", data)
    assert code == 0 and said["holds"]
    code, said = command(capsys, "retain", "erase", "--data", data)
    assert code == 0
    code, said = command(capsys, "export", "--data", data, "--out", data.parent / "all.zip")
    assert code == 0 and said["rows"]["units"] == 2
    code, said = command(capsys, "doctor", "--data", data)
    assert "fsync is off" in said and "ALTER SYSTEM" in said


@pytest.mark.parametrize(
    ("address", "code"),
    [("mysql://x/y", "hub.database"), ("postgresql://u@/n?host=/nowhere", "hub.storage")],
)
def test_addresses_that_lead_nowhere_are_said(tmp_path, capsys, address, code):
    words = ["init", "--data", tmp_path / "hub", "--database", address, "--group", "03"]
    failed, said = command(capsys, *words, "--offline-keys", tmp_path / "stick")
    assert failed == 1 and f"[{code}]" in said


def test_a_database_in_use_takes_no_second_hub(on_server, tmp_path, capsys):
    words = ["init", "--data", tmp_path / "hub", "--database", on_server[0].database_url]
    words += ["--group", "03", "--offline-keys", tmp_path / "stick"]
    code, said = command(capsys, *words)
    assert code == 1 and "hub.database_taken" in said and "createdb" in said
    fresh = ["migrate", "--data", tmp_path, "--database", postgres.cluster().fresh()]
    code, said = command(capsys, *fresh)
    assert code == 1 and "hub.not_founded" in said


def _rows(config):
    _, database = open_hub(config)
    try:
        tables = ("units", "hamlets", "approvers", "accounts", "audit")
        return {name: database.read_now(lambda s, n=name: s.find(n)) for name in tables}
    finally:
        database.close()


def test_a_copy_of_the_server_is_restored_into_an_empty_database(on_server, tmp_path, capsys):
    config, _ = on_server
    data = ["--data", config.data]
    code, made = command(capsys, "backup", *data, "--to", tmp_path / "copies")
    assert code == 0, made
    copy = made["copy"]
    assert backup.verify(backup.copies(tmp_path / "copies")[0]) == []
    again = ["restore", "--data", tmp_path / "again", "--copy", copy]
    code, said = command(capsys, *again)
    assert code == 1 and "--database" in said and not (tmp_path / "again").exists()
    code, said = command(capsys, *again, "--database", config.database_url)
    assert code == 1 and "not empty" in said and not (tmp_path / "again").exists()
    address = postgres.cluster().fresh()
    code, said = command(capsys, *again, "--database", address)
    assert code == 0, said
    found = _rows(Config(data=tmp_path / "again", database_url=address))
    before = _rows(config)
    assert found["audit"][:-1] == before["audit"]
    assert found["hamlets"] == before["hamlets"] and found["hamlets"]
    code, said = command(capsys, "audit", "--data", tmp_path / "again")
    assert code == 0 and said["whole"]


def test_a_hub_moves_from_sqlite_to_postgresql_by_its_copy(config, tmp_path, capsys):
    before = _rows(config)
    copies = tmp_path / "copies"
    backup.back_up(config, copies, 2)
    address, data = postgres.cluster().fresh(), tmp_path / "moved"
    words = ["--data", data, "--copy", backup.copies(copies)[0], "--database", address]
    code, said = command(capsys, "restore", *words)
    assert code == 0, said
    found = _rows(Config(data=data, database_url=address))
    assert found["audit"][:-1] == before["audit"] and before["audit"]
    for name in ("units", "hamlets", "approvers"):
        assert found[name] == before[name]
    assert backup.verify(backup.copies(copies)[0]) == [], "the copy is as it was"
    code, said = command(capsys, "audit", "--data", data)
    assert code == 0 and said["whole"]


def test_without_its_programs_a_copy_says_what_to_install(on_server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["backup", "--data", on_server[0].data, "--to", tmp_path / "copies"]
    code, said = command(capsys, *words)
    assert code == 1 and "apt-get install postgresql-client" in said
    assert not [*(tmp_path / "copies").glob("*")]


class Sender:
    """A node that posts its plays one by one until the hub has acknowledged each."""

    def __init__(self, session, port, key):
        self.session, self.key = session, key
        self.authority = f"127.0.0.1:{port}"
        self.entries, self.position, self.refused = history(60), 0, 0

    async def run(self):
        """Send what is not acknowledged, and again what was refused."""
        tries = 0
        while self.position < len(self.entries):
            body = batch_of([self.entries[self.position]], after=self.position)
            headers = http_signature.request_headers(
                "POST", self.authority, "/v1/records", body, NODE, f"n{tries}", int(time.time()),
                self.key.sign,
            )  # fmt: skip
            tries += 1
            async with self.session.post("/v1/records", data=body, headers=headers) as answer:
                data = await answer.read()
                if answer.status == 200:
                    self.position = canonical.decode(data, 1024)["position"]
                else:
                    assert answer.status == 503, data
                    self.refused += 1


async def _cut_until(done, address):
    while not done.is_set():
        await asyncio.sleep(0.05)
        await asyncio.to_thread(_kill_connections, address)


def _kill_connections(address):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_bulletin_a_node_its_records_and_its_page(on_server, tmp_path):
    config, passphrases = on_server
    services, database = open_hub(config)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    form = fleet.NodeForm(NODE, COMMUNE, "Cụm ngã ba Đồng Đò", "speaker", public)
    await services.ledger.write(lambda s: fleet.add_node(s, form, "test", 1))
    cookie = await signed_in(services)
    async with (
        serving(create_app(services)) as served,
        aiohttp.ClientSession(f"http://127.0.0.1:{served.port}", cookies=cookie) as session,
    ):
        text, secret = tmp_path / "tin.txt", tmp_path / "secret"
        text.write_text("Mời bà con họp thôn lúc 19h.")
        secret.write_text(passphrases["xa-1"])
        words = ["publish", "--data", config.data, "--unit", COMMUNE, "--title", "Họp thôn"]
        words += ["--text-file", text, "--approver", "xa-1", "--passphrase-file", secret]
        # The command line is another process to the database, beside the hub that serves.
        assert await asyncio.to_thread(main, [str(word) for word in words]) == 0
        rows = await services.ledger.read(lambda s: s.find("publications"))
        assert [row["state"] for row in rows] == ["published"]
        sender, done = Sender(session, served.port, key), asyncio.Event()
        cutting = asyncio.create_task(_cut_until(done, config.database_url))
        await asyncio.wait_for(sender.run(), 60)
        done.set()
        await cutting
        stored = await services.ledger.read(lambda s: s.find("records", order=["sequence"]))
        assert [row["record"] for row in stored] == [entry.data for entry in sender.entries]
        assert await services.ledger.read(lambda s: s.count("plays")) == len(sender.entries)
        head = await services.ledger.read(
            lambda s: s.get("record_heads", NODE, records.PLAYS, EPOCH)
        )
        assert head["position"] == sender.position == len(sender.entries)
        for query in ("", "?q=nga+ba+DONG+do"):
            async with session.get(f"/nodes{query}") as answer:
                page = await answer.text()
                assert answer.status == 200 and "Cụm ngã ba Đồng Đò" in page
        async with session.get("/nodes?q=khong+co") as answer:
            assert "Đồng Đò" not in await answer.text()
    database.close()
