"""Media in a bucket: a real S3 server that nobody here wrote (moto), its outages, wrong bytes."""

import asyncio
import hashlib
import json
import logging
import os
import shutil
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub import backup, bucket, doctor
from hub.approvers import generate
from hub.bucket_blobs import FOLDER, BucketBlobs
from hub.bucket_files import PublicFiles, fetch
from hub.config import Config
from hub.enrolment import enrol_approvers
from hub.services import open_blobs
from protocols.errors import LocalFault, WorldFault
from tests.hub.conftest import COMMUNE
from tests.hw.http_servers import free_port

KEYS = {"access_key_id": "AKIACHIENG", "secret_access_key": "a secret"}


@pytest.fixture(scope="module")
def server():
    from moto.server import ThreadedMotoServer  # Slow to load, as boto3 is.

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    one = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def place(server, tmp_path):
    """Give the text of `storage.json` for an empty bucket of its own."""
    name = "chieng-" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KEYS))
    keys.chmod(0o600)
    endpoint = f"http://127.0.0.1:{server._port}"
    _peer(endpoint).create_bucket(Bucket=name)
    return {"endpoint": endpoint, "bucket": name, "prefix": "tỉnh 03", "keys": str(keys)}


def _peer(endpoint):
    import boto3

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1",
        aws_access_key_id=KEYS["access_key_id"], aws_secret_access_key=KEYS["secret_access_key"],
    )  # fmt: skip


@pytest.fixture
def peer(place):
    """Give another program's client of the same bucket."""
    client = _peer(place["endpoint"])

    def key(sha256):
        return f"{place['prefix']}/{FOLDER}/{sha256}"

    client.held = lambda sha256: client.get_object(Bucket=place["bucket"], Key=key(sha256))[
        "Body"
    ].read()
    client.give = lambda sha256, data: client.put_object(
        Bucket=place["bucket"], Key=key(sha256), Body=data
    )
    client.all = lambda: {
        one["Key"].rpartition("/")[2]: one["Size"]
        for one in client.list_objects_v2(Bucket=place["bucket"]).get("Contents", [])
    }
    return client


@pytest.fixture
def store(place, tmp_path):
    """Give what stands behind the blob port in a folder."""
    made = []

    def open_in(name="hub"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / bucket.FILE).write_text(json.dumps(place))
        made.append(open_blobs(Config(data=folder)))
        assert isinstance(made[-1], BucketBlobs)
        return made[-1]

    return open_in


def media(length, salt=b""):
    return (hashlib.sha256(salt).digest() * (length // 32 + 1))[:length]


def test_what_one_hub_stores_another_reads_whole_and_a_stranger_finds(store, peer):
    one, other = store("one"), store("other")
    # The long one goes in parts.
    files = [one.put_bytes(media(length, b"a")) for length in (0, 1, 1000, 11 * 1024 * 1024)]
    assert not any(other.bring(blob.sha256) for blob in files)
    assert len(one.unsent()) == one.send() == 4 and one.unsent() == []
    for blob in files:
        assert len(peer.held(blob.sha256)) == blob.length
        assert not other.has(blob.sha256) and other.bring(blob.sha256)
        assert other.verify(blob.sha256)
    assert other.names() == one.names() == {blob.sha256 for blob in files} == set(peer.all())
    # What came from the bucket is not sent back.
    assert other.unsent() == []
    assert not other.bring("0" * 64)
    other.erase(files[1].sha256)
    assert files[1].sha256 not in other.names() and not other.bring(files[1].sha256)


def test_wrong_bytes_in_the_bucket_are_never_seen(store, peer, caplog):
    blobs, data = store(), media(5000)
    sha256 = hashlib.sha256(data).hexdigest()
    for wrong in (data[:-1], data + b"x", b"", media(5000, b"other")):
        peer.give(sha256, wrong)
        assert not blobs.bring(sha256) and not blobs.path(sha256).exists()
    assert "is not what its name says" in caplog.text
    peer.give(sha256, data)
    assert blobs.bring(sha256) and blobs.verify(sha256)


def test_a_cut_download_goes_on_where_it_stopped(store, peer, monkeypatch):
    blobs, data = store(), media(9 * 1024 * 1024)
    sha256 = hashlib.sha256(data).hexdigest()
    peer.give(sha256, data)
    piece, asked = blobs.bucket.piece, []

    def cut(name, start, length):
        asked.append(start)
        if len(asked) == 2:
            raise WorldFault("storage.bucket", "cut", "")
        return piece(name, start, length)

    monkeypatch.setattr(blobs.bucket, "piece", cut)
    with pytest.raises(WorldFault):
        blobs.bring(sha256)
    # Also by a hub that was started anew.
    again = store()
    monkeypatch.setattr(again.bucket, "piece", cut)
    assert again.bring(sha256) and again.path(sha256).read_bytes() == data
    step = 4 * 1024 * 1024
    assert asked == [0, step, step, 2 * step]


def test_many_who_want_one_blob_while_the_bucket_fails_bring_it_once(store, peer, monkeypatch):
    blobs, data = store(), media(500)
    sha256 = hashlib.sha256(data).hexdigest()
    peer.give(sha256, data)
    piece, inside, most, asked = blobs.bucket.piece, [], [], []

    def slow(name, start, length):
        inside.append(1)
        most.append(len(inside))
        asked.append(start)
        is_first = len(asked) == 1
        time.sleep(0.3)
        inside.pop()
        if is_first:
            raise WorldFault("storage.bucket", "cut", "")
        return piece(name, start, length)

    monkeypatch.setattr(blobs.bucket, "piece", slow)
    monkeypatch.setattr("hub.bucket_blobs.AWAY_S", 0)
    with ThreadPoolExecutor(8) as pool:
        early = [pool.submit(blobs.bring, sha256) for _ in range(2)]
        while not most:
            time.sleep(0.001)
        # It fails for both; others come after.
        assert all(type(one.exception()) is WorldFault for one in early)
        late = [pool.submit(blobs.bring, sha256) for _ in range(4)]
    assert all(one.result() for one in late) and asked == [0, 0]
    assert max(most) == 1 and blobs.verify(sha256)


async def test_nobody_waits_for_a_bucket_that_is_away_and_it_gets_everything_later(
    store, place, server, peer, monkeypatch
):
    monkeypatch.setattr(bucket, "_TRIES", 0)
    blobs = store()
    server.stop()
    try:
        blob = await asyncio.to_thread(blobs.put_bytes, b"storm")
        assert await blobs.fetch(blob.sha256)
        for what in (blobs.send, lambda: blobs.bring("0" * 64), blobs.names):
            with pytest.raises(WorldFault) as caught:
                await asyncio.to_thread(what)
            assert caught.value.code == "storage.bucket"
        assert blobs.unsent() == [blob.sha256]
        # A restart, with the bucket still away.
        again = store()
        monkeypatch.setattr("hub.bucket_blobs.LOOK_S", 0.05)
        task = asyncio.create_task(again.run())
        await asyncio.sleep(0.3)
    finally:
        server.start()
    async with asyncio.timeout(15):
        while again.unsent():
            await asyncio.sleep(0.05)
    task.cancel()
    assert peer.held(blob.sha256) == b"storm"


def test_a_bucket_that_is_new_or_was_emptied_is_filled_again(store, peer):
    blobs = store()
    names = {blobs.put_bytes(bytes([number])).sha256 for number in range(3)}
    blobs.send()
    gone, cut, _ = sorted(names)
    blobs.bucket.delete(f"{FOLDER}/{gone}")
    peer.give(cut, b"")
    assert blobs.compare() == 2 == blobs.send()
    assert set(peer.all()) == names and peer.held(cut) == blobs.path(cut).read_bytes()
    assert blobs.compare() == 0


def test_a_full_disk_is_relieved_of_what_the_bucket_has_and_nobody_used(store, place):
    place["cache_bytes"] = bucket.CACHE_BYTES_MIN
    blobs, size, now_s = store(), bucket.CACHE_BYTES_MIN // 4, 2e9
    names = [blobs.put_bytes(media(size, bytes([number]))).sha256 for number in range(6)]
    for age, name in enumerate(names):
        days = 30 - age
        os.utime(blobs.path(name), (now_s - days * 86400,) * 2)
    assert blobs.make_room(now_s) == 0
    blobs.send()
    # The oldest has yet to be sent once more; the second is lost there.
    (blobs._marks / names[0]).touch()
    blobs.bucket.delete(f"{FOLDER}/{names[1]}")
    with blobs.shared():
        assert blobs.make_room(now_s) == 0
    assert blobs.make_room(now_s) == 2 * size
    assert [blobs.has(name) for name in names] == [True, True, False, False, True, True]
    assert blobs.make_room(now_s) == 0
    assert blobs.bring(names[2])


def test_settings_that_cannot_be_meant_are_refused(tmp_path):
    (tmp_path / "open.json").write_text(json.dumps(KEYS))
    (tmp_path / "open.json").chmod(0o644)
    for wrong, code in (
        ("{", "settings"),
        ("[]", "settings"),
        ("{}", "settings"),
        ('{"bucket": "a", "bukket": "b"}', "settings"),
        ('{"bucket": "a", "path_style": "yes"}', "settings"),
        ('{"bucket": 7}', "settings"),
        ('{"bucket": "a", "cache_bytes": 1}', "settings"),
        ('{"bucket": "a", "cache_bytes": true}', "settings"),
        ('{"bucket": "a", "endpoint": "ftp://x"}', "settings"),
        (json.dumps({"bucket": "a", "keys": str(tmp_path / "none")}), "keys"),
        (json.dumps({"bucket": "a", "keys": str(tmp_path / "open.json")}), "keys"),
        ('{"bucket": "a"}', "keys"),
    ):
        (tmp_path / bucket.FILE).write_text(wrong)
        with pytest.raises(LocalFault) as caught:
            open_blobs(Config(data=tmp_path))
        assert (caught.value.code, bool(caught.value.remedy)) == ("storage." + code, True), wrong


def test_a_key_that_the_bucket_does_not_know_is_told(store, place):
    blobs = store()
    try:
        _reset_auth(place, 0)
        with pytest.raises(LocalFault) as caught:
            blobs.bucket.probe()
        assert caught.value.code == "storage.keys"
    finally:
        _reset_auth(place, 1_000_000)
    blobs.bucket.probe()


def _reset_auth(place, free):
    """Let the server ask for known keys after so many more requests."""
    address = place["endpoint"] + "/moto-api/reset-auth"
    asked = urllib.request.Request(address, b"%d" % free, {"Content-Type": "text/plain"})
    urllib.request.urlopen(asked, timeout=5).close()


def test_keys_may_come_from_the_environment(place, tmp_path, monkeypatch):
    del place["keys"]
    (tmp_path / bucket.FILE).write_text(json.dumps(place))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACHIENG")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    open_blobs(Config(data=tmp_path)).bucket.probe()


async def test_the_doctor_looks_at_the_bucket_and_a_copy_says_what_it_lacks(
    services, place, store, tmp_path, peer, passphrases
):
    config = services.config
    (config.data / bucket.FILE).write_text(json.dumps(place))
    blobs = open_blobs(config)

    def said():
        return next(iter(doctor._storage(blobs, config)))

    held = blobs.put_bytes(b"here")
    count = len(list(config.repository.rglob("*[0-9]*.*.json")))
    assert not said().is_well and f"{count + 1} files wait" in said().said
    blobs.send()
    assert not said().is_well and f"{count} files wait" in said().said
    assert PublicFiles(config.repository, blobs.bucket).send() > count
    assert said().is_well and str(blobs.bucket.place) in said().said
    lost = media(100)
    peer.give(hashlib.sha256(lost).hexdigest(), lost)
    made = backup.back_up(config, tmp_path / "copies", 2)
    assert (made["media"], made["media_in_bucket_only"]) == (1, 1)
    assert made["bucket"] == str(blobs.bucket.place)
    # Restored, the hub knows its bucket; its keys are in no copy.
    copy = tmp_path / "copies" / made["copy"].rpartition("/")[2]
    again = Config(data=tmp_path / "again")
    await backup.restore(again, copy, [])
    assert open_blobs(again).names() == {held.sha256, hashlib.sha256(lost).hexdigest()}
    assert not any(b"a secret" in path.read_bytes() for path in copy.rglob("*") if path.is_file())
    shutil.rmtree(again.data)
    place["bucket"] = "no-such-bucket"
    (config.data / bucket.FILE).write_text(json.dumps(place))
    assert not next(iter(doctor._storage(open_blobs(config), config))).is_well
    made = backup.back_up(config, tmp_path / "more", 2)
    assert "does not answer" in made["media_in_bucket_only"]


async def test_a_node_is_served_what_only_the_bucket_has(hub, services, place, peer):
    # The fixture's hub was opened without a bucket.
    (services.config.data / bucket.FILE).write_text(json.dumps(place))
    blobs = open_blobs(services.config)
    object.__setattr__(services, "blobs", blobs)
    for data in (media(500), media(500_000)):
        sha256 = hashlib.sha256(data).hexdigest()
        peer.give(sha256, data)
        response, body = await hub("GET", f"/v1/blobs/{sha256}", headers={"Range": "bytes=100-199"})
        assert (response.status, body) == (206, data[100:200])
        response, body = await hub("GET", f"/v1/blobs/{sha256}")
        assert (response.status, body) == (200, data)


def test_signed_files_go_to_the_bucket_timestamps_last_and_pruned_ones_leave_it(
    store, peer, tmp_path, monkeypatch
):
    root, held = tmp_path / "repository", store().bucket
    names = ["units/03.a/metadata/timestamp.json", "metadata/1.root.json", "targets/u/ab.b.json"]
    for name in [*names, "state/policy.json", "metadata/.1.draft.json"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    put, order = held.put_bytes, []

    def note(name, data):
        order.append(name.removeprefix("repository/"))
        put(name, data)

    monkeypatch.setattr(held, "put_bytes", note)
    files = PublicFiles(root, held)
    assert files.send() == 3 and sorted(names) == sorted(order) and order[-1] == names[0]
    assert files.send() == 0
    (root / names[0]).write_text("2")
    (root / names[1]).unlink()
    assert files.send() == 1 and set(peer.all()) == {"timestamp.json", "ab.b.json"}
    # A hub that was started anew sends what might have changed meanwhile, and no more.
    assert PublicFiles(root, held).send() == 1
    (root / names[2]).write_text("another length")
    assert PublicFiles(root, held).waiting() == [names[2], names[0]]
    put("repository/state/policy.json", b"{}")
    put("repository/metadata/x.txt", b"{}")
    assert fetch(held, tmp_path / "back") == 2
    assert (tmp_path / "back" / names[0]).read_text() == "2"


async def test_a_restored_hub_takes_over_what_was_signed_after_its_copy(
    services, place, tmp_path, passphrases, peer
):
    config = services.config
    (config.data / bucket.FILE).write_text(json.dumps(place))
    made = backup.back_up(config, tmp_path / "copies", 2)
    fresh, registrar = generate("xa-3", COMMUNE, "Người mới"), passphrases["registrar-1"]
    await enrol_approvers(services, COMMUNE, [fresh], registrar, 1, services.now_s())
    assert PublicFiles(config.repository, open_blobs(config).bucket).send() > 0
    again = Config(data=tmp_path / "again")
    said = await backup.restore(again, Path(made["copy"]), [])
    taken = said["signed_files_taken_over"]
    assert said["signed_files_in_bucket"] > 0
    assert any(name.endswith("registry-03") for name in taken)
    # A name that no folder takes holds up no restore either.
    peer.put_object(
        Bucket=place["bucket"], Key=f"{place['prefix']}/repository/metadata/1.root.json/x.json"
    )
    said = await backup.restore(Config(data=tmp_path / "other"), Path(made["copy"]), [])
    assert "not all were read" in said["signed_files_in_bucket"]
    # Without its key nothing is laid out.
    Path(place["keys"]).unlink()
    with pytest.raises(LocalFault) as caught:
        await backup.restore(Config(data=tmp_path / "third"), Path(made["copy"]), [])
    assert caught.value.code == "storage.keys" and not (tmp_path / "third").exists()
