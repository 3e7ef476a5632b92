"""Two hubs on one PostgreSQL and one bucket: what one publishes the other serves at once."""

import asyncio
import contextlib
import json
import time

import aiohttp
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import (
    backup,
    bucket,
    bucket_files,
    bucket_follower,
    companion,
    database_address,
    doorbell,
    fleet,
    serve,
)
from hub.config import Config
from hub.main import main
from hub.repository.online_keys import OnlineKeys
from hub.repository.repository import Repository
from hub.services import open_hub
from protocols import canonical, http_signature
from protocols.errors import LocalFault
from tests.hub import postgres
from tests.hub.conftest import COMMUNE
from tests.hub.repository_clients import Stock
from tests.hub.test_bucket import place, server
from tests.hub.test_records_api import batch_of, history
from tests.hw.http_servers import free_port

__all__ = ("place", "server")

NODE = "loa-17"
EVENTS, TIMESTAMP = f"/v1/events?unit={COMMUNE}", f"/v1/units/{COMMUNE}/metadata/timestamp.json"


@pytest.fixture
def first(config, place, tmp_path):
    """Give a hub on PostgreSQL with a bucket: the founded one, moved there by its copy."""
    (config.data / bucket.FILE).write_text(json.dumps(place))
    copy = backup.back_up(config, tmp_path / "moving", 2)["copy"]
    moved = Config(data=tmp_path / "first", database_url=postgres.cluster().fresh(), start_lead_s=5)
    words = ["restore", "--data", moved.data, "--copy", copy, "--database", moved.database_url]
    assert main([str(word) for word in words]) == 0
    return moved


@pytest.fixture
def second(first, tmp_path, capsys):
    """Give a companion's folder, joined to the first by the command line."""
    copy = backup.back_up(first, tmp_path / "copies", 2)["copy"]
    joined = Config(data=tmp_path / "second", database_url=first.database_url)
    words = ["join", "--data", joined.data, "--copy", copy, "--database", first.database_url]
    assert main([str(word) for word in words]) == 0, capsys.readouterr().err
    capsys.readouterr()
    return joined


@contextlib.asynccontextmanager
async def running(config):
    """Run a whole hub in this process; give a session with it."""
    port, operator, stop = free_port(), free_port(), asyncio.Event()
    where = serve.Where(f"127.0.0.1:{port}", operator=f"127.0.0.1:{operator}")
    task = asyncio.create_task(serve.serve(config, where, stop))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.get(TIMESTAMP) as answer:
                    assert answer.status == 200
                    break
            if task.done():
                await task
            await asyncio.sleep(0.02)
        session.port, session.operator = port, f"http://127.0.0.1:{operator}"
        yield session
    stop.set()
    await task


async def read(session, path):
    """Return the status and the bytes of an answer."""
    async with session.get(path) as answer:
        return answer.status, await answer.read()


async def version(session):
    """Return the version of a hub's timestamp."""
    status, data = await read(session, TIMESTAMP)
    assert status == 200
    return json.loads(data)["signed"]["version"]


async def told(stream, at_least):
    """Return the version that a stream of events tells, once it is new enough."""
    async with asyncio.timeout(20):
        async for line in stream.content:
            if line.startswith(b"data: ") and int(line.split()[-1]) >= at_least:
                return int(line.split()[-1])
    raise AssertionError("the stream ended")


def publish(config, passphrases, folder):
    """Publish a bulletin on the first hub's machine, in another process's way."""
    text, secret = folder / "tin.txt", folder / "secret"
    text.write_text("Mời bà con họp thôn lúc 19h.")
    secret.write_text(passphrases["xa-1"])
    words = ["publish", "--data", config.data, "--unit", COMMUNE, "--title", "Họp thôn"]
    words += ["--text-file", text, "--approver", "xa-1", "--passphrase-file", secret]
    assert main([str(word) for word in words]) == 0


def reissue(config):
    """Sign every view anew on the first hub's machine; return the new number."""
    repository = Repository(config.repository, OnlineKeys(config.online_keys))
    repository.reissue(int(time.time()))
    return json.loads((config.repository / TIMESTAMP[4:]).read_bytes())["signed"]["version"]


async def test_what_the_first_publishes_the_second_serves_and_wakes_its_nodes(
    first, second, passphrases, tmp_path, monkeypatch
):
    # Both look by themselves once in an hour: what comes sooner was told and rung for.
    monkeypatch.setattr(bucket_files, "LOOK_S", 3600.0)
    monkeypatch.setattr(bucket_follower, "HEARING_S", 3600.0)
    async with running(first) as one, running(second) as other:
        before = await version(other)
        async with other.get(EVENTS) as stream:
            await asyncio.to_thread(publish, first, passphrases, tmp_path)
            number = await version(one)
            assert number > before and await told(stream, number) == number
        assert await read(other, TIMESTAMP) == await read(one, TIMESTAMP)
        # A stock client of TUF reads the second as it reads any repository.
        root = (second.repository / "metadata" / "1.root.json").read_bytes()
        client = Stock(tmp_path / "tuf", f"http://127.0.0.1:{other.port}/v1", COMMUNE, root)
        assert (await asyncio.to_thread(client.refresh))[1] == number
        bundle = await asyncio.to_thread(client.get, f"units/{COMMUNE}/bundle.json")
        names = [rendition["sha256"] for item in json.loads(bundle)["items"]
                 for rendition in item["renditions"]]  # fmt: skip
        assert names
        for name in names:
            assert await eventually(other, f"/v1/blobs/{name}") == await read(
                one, f"/v1/blobs/{name}"
            )
        pack = f"/v1/units/{COMMUNE}/pack?have=0.0"
        assert await read(other, pack) == await read(one, pack)
        # What nobody has may yet be on its way: no node gives it up.
        assert (await read(other, "/v1/blobs/" + "0" * 64))[0] == 503
        for path in ("/", "/login", "/cap/alerts.xml"):
            assert (await read(other, path))[0] == 404, "it has no pages"


async def eventually(session, path):
    """Return an answer, asking again while it is said to be on its way."""
    async with asyncio.timeout(20):
        while (found := await read(session, path))[0] == 503:
            await asyncio.sleep(0.1)
    return found


def listening(address):
    """Return which server processes hear rings for a companion."""
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'chieng-companion'"
        ).fetchall()


def cut(address):
    """Cut the connection that listens."""
    with psycopg.connect(address, autocommit=True) as connection:
        for row in listening(address):
            connection.execute("SELECT pg_terminate_backend(%s)", row)


async def test_a_cut_ring_comes_back_and_meanwhile_the_second_looks_by_itself(
    first, second, server, monkeypatch
):
    monkeypatch.setattr(bucket_follower, "HEARING_S", 3600.0)
    monkeypatch.setattr(bucket_follower, "DEAF_S", 0.3)
    monkeypatch.setattr(doorbell, "AGAIN_S", 0.1)
    address = first.database_url
    async with running(first), running(second) as other, other.get(EVENTS) as stream:
        async with asyncio.timeout(20):
            while not (old := await asyncio.to_thread(listening, address)):
                await asyncio.sleep(0.02)
            await asyncio.to_thread(cut, address)
            while (await asyncio.to_thread(listening, address)) in ([], old):
                await asyncio.sleep(0.02)
        monkeypatch.setattr(doorbell, "AGAIN_S", 3600.0)
        number = await asyncio.to_thread(reissue, first)
        assert await told(stream, number) == number, "it is rung for again"
        _, scraped = await read(other, other.operator + "/metrics")
        assert b"chieng_companion_listening 1.0" in scraped
        await asyncio.to_thread(cut, address)
        number = await asyncio.to_thread(reissue, first)
        assert await told(stream, number) == number, "nobody rings, so it looks"
        assert listening(address) == []
        _, scraped = await read(other, other.operator + "/metrics")
        assert b"chieng_companion_listening 0.0" in scraped
        assert float(scraped.partition(b"\nchieng_companion_age_seconds ")[2].split()[0]) < 30
        # With the bucket away it serves what it has, and what it lacks is no loss.
        await asyncio.to_thread(server.stop)
        try:
            assert await version(other) == number
            assert (await read(other, "/v1/blobs/" + "0" * 64))[0] == 503
        finally:
            await asyncio.to_thread(server.start)


class Node:
    """A node that tells any hub what it did."""

    def __init__(self):
        self.key, self.tries = Ed25519PrivateKey.generate(), 0

    async def post(self, session, entries, after):
        """Post a batch; return the position that the hub has on disk."""
        self.tries += 1
        body, authority = batch_of(entries, after=after), f"127.0.0.1:{session.port}"
        headers = http_signature.request_headers(
            "POST", authority, "/v1/records", body, NODE, f"n{self.tries}", int(time.time()),
            self.key.sign,
        )  # fmt: skip
        async with session.post("/v1/records", data=body, headers=headers) as answer:
            data = await answer.read()
            assert answer.status == 200, data
            return canonical.decode(data, 1024)["position"]


async def test_records_posted_to_either_or_to_both_are_stored_once(first, second):
    node, entries = Node(), history(40)
    services, database = open_hub(first)
    public = node.key.public_key().public_bytes_raw()
    form = fleet.NodeForm(NODE, COMMUNE, "Cụm ngã ba", "speaker", public)
    await services.ledger.write(lambda s: fleet.add_node(s, form, "test", 1))
    async with running(first) as one, running(second) as other:
        for at in range(0, 20, 2):
            for session, start in ((one, at), (other, at + 1)):
                assert await node.post(session, entries[start : start + 1], start) == start + 1
        # What was sent and not heard to be stored is sent again, to whichever hub answers.
        for at in range(20, 40, 4):
            batch = entries[at : at + 4]
            found = await asyncio.gather(*(node.post(s, batch, at) for s in (one, other) * 3))
            assert found == [at + 4] * 6
    stored = database.read_now(lambda s: s.find("records", order=["sequence"]))
    assert [row["record"] for row in stored] == [entry.data for entry in entries]
    assert database.read_now(lambda s: s.count("plays")) == len(entries)
    database.close()


def run(capsys, *words):
    """Run `chieng-hub`; return its exit code and what it said."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_companion_publishes_nothing_and_has_no_key_that_could(first, second, capsys, tmp_path):
    keys = [path.name for path in (second.data / "keys").rglob("*") if path.is_file()]
    assert keys == ["timestamp.1.pem"]
    assert {path.name for path in second.repository.iterdir()} == {"metadata", "targets", "units"}
    for verb in (["account", "list"], ["migrate"], ["backup", "--to", tmp_path / "no"]):
        code, said = run(capsys, *verb, "--data", second.data)
        assert code == 1 and "companion.command" in said and "first hub" in said
    code, said = run(capsys, "audit", "--data", second.data)
    assert code == 0, said
    # It says what it lacks: nothing was sent to the bucket yet, so nothing more.
    code, said = run(capsys, "doctor", "--data", second.data)
    assert "0 files have yet to come" in said
    with psycopg.connect(first.database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(LocalFault) as caught:
        open_hub(second)
    assert caught.value.code == "companion.schema" and "same version" in caught.value.remedy


def test_what_a_companion_needs_is_said_before_anything_is_made(
    first, config, place, capsys, tmp_path
):
    address, data = first.database_url, tmp_path / "new"
    plain = backup.back_up(config, tmp_path / "plain", 2)["copy"]
    whole = backup.back_up(first, tmp_path / "whole", 2)["copy"]
    (first.data / bucket.FILE).unlink()
    bare = backup.back_up(first, tmp_path / "bare", 2)["copy"]
    empty = postgres.cluster().fresh()
    for copy, where, code in (
        (plain, address, "companion.database"),
        (bare, address, "companion.bucket"),
        (whole, empty, "companion.schema"),
    ):
        failed, said = run(capsys, "join", "--data", data, "--copy", copy, "--database", where)
        assert failed == 1 and code in said and not data.exists(), said
    assert not companion.is_one(first.data)
    failed, said = run(capsys, "join", "--data", first.data, "--copy", whole, "--database", address)
    assert failed == 1 and "not empty" in said


def test_a_folder_that_was_left_half_made_never_publishes(first, capsys, monkeypatch, tmp_path):
    copy = backup.back_up(first, tmp_path / "copies", 2)["copy"]
    data = tmp_path / "half"

    def cut(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(database_address, "write", cut)
    words = ["join", "--data", data, "--copy", copy, "--database", first.database_url]
    with pytest.raises(KeyboardInterrupt):
        main([str(word) for word in words])
    assert (data / bucket.FILE).exists() and companion.is_one(data)
    with pytest.raises(LocalFault) as caught:
        open_hub(Config(data=data))
    assert caught.value.code == "companion.schema"
