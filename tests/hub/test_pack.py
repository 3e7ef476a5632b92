"""The pack: a node and its hub, in one round trip, over real sockets."""

import io
import tarfile
import zlib

import aiohttp
import pytest

from edge.blob_store import BlobStore
from edge.metadata_fetch import MetadataFetch
from edge.pack_check import PackCheck
from hub.app import create_node_app
from hub.blobs import Blobs
from hub.config import Config
from hub.repository.packing import Packer, Wish, stick_wish
from hub.services import Services
from hub.serving import Listener
from hw import ports
from hw.linux.link import Link
from hw.linux.verifier import Verifier
from hw.sim.storage import Storage
from protocols import alert, bundle
from protocols.errors import RemoteFault, WorldFault
from protocols.units import alert_path, bundle_path, settings_path
from tests.hub.repository_world import World
from tests.portable import manifests
from tests.portable.storage_cuts import put, read

COMMUNE, PROVINCE = "03.a", "00.prov"
SOUND = b"OggS" + bytes(range(256)) * 100


class Counting(ports.Link):
    """Count the requests that go out."""

    def __init__(self):
        self.link = Link()
        self.urls = []

    async def request(self, method, url, headers, body):
        self.urls.append(url)
        return await self.link.request(method, url, headers, body)

    def counters(self):
        return self.link.counters()


class Node:
    """The parts of a node that sync, over a simulated disk."""

    def __init__(self, services, port, unit=COMMUNE):
        self.services = services
        self.storage = Storage()
        root = services.repository.layout.role_file("root", 1).read_bytes()
        put(self.storage, "metadata/root.json", root)
        self.link = Counting()
        self.blobs = BlobStore(self.storage, None)
        self.base = f"http://127.0.0.1:{port}"
        self.open(unit)

    def open(self, unit=COMMUNE):
        self.packs = PackCheck(self.link, self.storage, self.base, unit, "opus")
        self.metadata = MetadataFetch(
            self.packs.link,
            self.storage,
            Verifier(),
            self.packs.metadata_url,
            self.packs.targets_url,
            unit=unit,
        )

    async def cycle(self, *paths, keep=False):
        """Look in, refresh, take manifests; return (result, the targets found, addresses asked)."""
        self.link.urls.clear()
        now_s = self.services.now_s()
        await self.packs.open(self.metadata.held(now_s))
        result = await self.metadata.refresh(now_s)
        found = []
        for path in paths:
            try:
                target = await self.metadata.find_target(path)
            except RemoteFault as fault:
                assert fault.code in ("trust.unknown_target", "trust.not_listed")
                continue
            await self.metadata.download_target(target, self.storage, path.replace("/", "+"))
            found.append(path)
        if not keep:
            await self.packs.close()
        return result, found, [url[len(self.base) :] for url in self.link.urls]


PATHS = (alert_path(COMMUNE), settings_path(COMMUNE, "node-1"), bundle_path(COMMUNE))


@pytest.fixture
def world(tmp_path):
    """Found a province with two communes; nobody serves it yet."""
    return World(tmp_path)


@pytest.fixture
async def hub(world):
    """Serve the world by the hub's own endpoints; give (services, port)."""
    config = Config(data=world.folder)
    blobs = Blobs(config.blobs)
    services = Services(config, None, blobs, world.repository, None, None, None, None, None)
    listener = Listener(create_node_app(services))
    await listener.start("127.0.0.1", 0)
    yield services, listener.port
    await listener.close()


@pytest.fixture
async def node(hub):
    """Give a fresh node of commune 03.a."""
    made = Node(*hub)
    yield made
    await made.packs.close()
    await made.link.link.close()


def publish_alert(world, services, sound=SOUND, version=1):
    """Publish one open alert with its sound in two renditions."""
    now_s = services.now_s()
    stored = [services.blobs.put_bytes(sound), services.blobs.put_bytes(sound * 3)]
    entry = manifests.alert("lu-1", 1, now_s)
    entry["renditions"] = [
        {**manifests.rendition(1, 30, profile), "sha256": one.sha256, "length": one.length}
        for profile, one in zip(("opus", "pcm16"), stored, strict=True)
    ]
    data = alert.build(manifests.alerts([entry], COMMUNE, version))
    signers = world.approvers[COMMUNE]
    assert world.repository.sign_alerts(COMMUNE, signers, data, now_s).published
    return stored[0]


def publish_bundle(world, services, version=1, unit=COMMUNE):
    data = bundle.build({**manifests.bundle(unit, [PROVINCE]), "version": version})
    assert world.publish(unit, data, services.now_s()).published
    return data


async def test_a_first_sync_is_one_request(world, hub, node):
    data = publish_bundle(world, hub[0])
    blob = publish_alert(world, hub[0])
    result, found, asked = await node.cycle(*PATHS, keep=True)
    assert (found, len(asked), result.changed) == ([PATHS[0], PATHS[2]], 1, True)
    assert read(node.storage.open("units+03.a+bundle.json")) == data
    faults = await node.packs.take_media(node.blobs, lambda sha256, length: True)
    assert faults == []
    assert read(node.storage.open("blobs/" + blob.sha256)) == SOUND
    assert node.storage.names("blobs") == [blob.sha256]
    await node.packs.close()
    assert node.storage.staged == {}
    versions = [one.split(".")[0] for one in node.storage.names("metadata")]
    assert {"root", "timestamp", "snapshot", "targets", "unit-03", "alert-03"} <= set(versions)


async def test_an_idle_check_is_one_bare_answer_and_still_verifies(world, hub, node):
    publish_bundle(world, hub[0])
    await node.cycle(*PATHS)
    result, _, asked = await node.cycle(*PATHS)
    assert len(asked) == 1 and "/pack?have=1." in asked[0]
    assert not result.changed
    node.open()
    result, _, asked = await node.cycle(*PATHS)
    assert len(asked) == 1 and not result.changed
    late = hub[0].now_s() + 40 * 86400
    await node.packs.open(node.metadata.held(late))
    with pytest.raises(RemoteFault) as caught:
        await node.metadata.refresh(late)
    assert caught.value.code == "trust.expired"


async def test_only_what_changed_comes(world, hub, node):
    publish_bundle(world, hub[0])
    await node.cycle(*PATHS)
    before = node.link.counters()[0]
    publish_bundle(world, hub[0], 2)
    packer = Packer(world.repository.layout, hub[0].blobs.path)
    held = node.metadata.held(hub[0].now_s())
    names = [one.name for one in packer.choose(COMMUNE, *held, stick_wish(0)).members]
    assert [name.split("/")[0] for name in names] == ["metadata"] * 3 + ["targets"]
    result, _, asked = await node.cycle(*PATHS)
    assert result.changed and len(asked) == 1
    assert node.link.counters()[0] - before < 8192
    assert b'"version":2' in read(node.storage.open("units+03.a+bundle.json"))
    publish_bundle(world, hub[0], 1, "03.b")
    assert (await node.cycle(*PATHS))[2][0].endswith(f"have={held[0]}.{result.version}&media=opus")


async def test_papers_come_deflated_to_a_link_that_inflates_and_media_as_they_are(world, hub, node):
    publish_bundle(world, hub[0])
    spent, last = [], None
    for inflates in (False, True):
        one = Node(*hub)
        one.link.inflates = inflates
        one.open()
        assert (await one.cycle(*PATHS))[1] == [PATHS[2]]
        spent.append(one.link.counters()[0])
        # The connection is kept: nothing of the answer was left unread.
        assert len(one.link.link._kept) == 1
        await one.link.link.close()
        assert last in (None, one.storage.files)
        last = one.storage.files
    assert spent[1] * 3 < spent[0]
    node.link.inflates = True
    node.open()
    publish_alert(world, hub[0])
    await node.cycle(*PATHS, keep=True)
    assert await node.packs.take_media(node.blobs, lambda sha256, length: True) == []
    assert len(node.storage.names("blobs")) == 1


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, Deflate;q=0.5", "deflate"),
        ("deflate", "deflate"),
        ("deflate; q=0", None),
        ("deflate;q=0.000", None),
        ("gzip", None),
        ("", None),
    ],
)
async def test_the_coding_is_the_callers_choice(world, hub, accepted, coding):
    publish_bundle(world, hub[0])
    base = f"http://127.0.0.1:{hub[1]}"
    async with aiohttp.ClientSession(base, auto_decompress=False) as session:
        headers = {"Accept-Encoding": accepted}
        async with session.get("/v1/units/03.a/pack", headers=headers) as response:
            assert response.headers.get("Content-Encoding") == coding
            assert response.headers["Vary"] == "Accept-Encoding"
            assert ("deflate" in response.headers["ETag"]) == (coding is not None)
            body = await response.read()
    plain = zlib.decompress(body) if coding else body
    with tarfile.open(fileobj=io.BytesIO(plain)) as listed:
        assert "metadata/timestamp.json" in listed.getnames()


async def test_what_a_pack_leaves_out_is_asked_for(world, hub, node):
    publish_bundle(world, hub[0])
    await node.cycle(*PATHS)
    for name in ("unit-03.a.json", "snapshot.json"):
        node.storage.remove("metadata/" + name)
    node.storage.remove("units+03.a+bundle.json")
    node.open()
    _, found, asked = await node.cycle(*PATHS)
    assert found == [PATHS[2]]
    assert any(url.endswith("snapshot.json") for url in asked)
    assert any(url.endswith("unit-03.a.json") for url in asked)
    assert not any(url.endswith(("root.json", "timestamp.json")) for url in asked)


async def test_without_packs_the_ordinary_walk_is_taken(world, hub, node):
    publish_bundle(world, hub[0])
    node.packs._fetch._url = node.base + "/v1/nowhere?"
    _, found, asked = await node.cycle(*PATHS)
    assert found == [PATHS[2]]
    assert asked[0] == "/v1/nowhere?1.0&media=opus"
    assert any(url.endswith("2.root.json") for url in asked)
    assert "nowhere" not in "".join((await node.cycle(*PATHS))[2])


async def test_an_alert_that_is_over_takes_no_sound_along(world, hub):
    blob = publish_alert(world, hub[0])
    packer = Packer(world.repository.layout, hub[0].blobs.path)
    now_ms = hub[0].config.now_ms()
    for at_ms, is_open in ((now_ms, True), (now_ms + 7 * 3600 * 1000, False)):
        chosen = packer.choose(COMMUNE, 1, 0, Wish(at_ms, "opus"))
        assert (f"blobs/{blob.sha256}" in [one.name for one in chosen.members]) == is_open


async def test_a_stick_takes_the_programme_along_and_any_tar_reads_it(world, hub):
    services = hub[0]
    soon, later = services.blobs.put_bytes(b"soon" * 999), services.blobs.put_bytes(b"later" * 99)
    value = manifests.bundle(COMMUNE, [PROVINCE])
    for item, blob in zip(value["items"], (soon, later, soon), strict=True):
        item["renditions"][0].update(sha256=blob.sha256, length=blob.length)
    value["pages"] = []
    value["rules"][1]["from"] = "2027-01-01"
    assert world.publish(COMMUNE, bundle.build(value), services.now_s()).published
    packer = Packer(world.repository.layout, services.blobs.path)
    wish = stick_wish(manifests.MIDNIGHT_MS)
    chosen = packer.choose(COMMUNE, 0, 0, wish)
    data = b"".join(chosen.pieces())
    assert len(data) == chosen.length
    with tarfile.open(fileobj=io.BytesIO(data)) as listed:
        names = listed.getnames()
    assert names[0] == "metadata/1.root.json"
    assert [name for name in names if name.startswith("blobs/")] == [f"blobs/{soon.sha256}"]
    services.blobs.path(soon.sha256).unlink()
    with pytest.raises(WorldFault):
        b"".join(chosen.pieces())


@pytest.mark.parametrize("have", ["", "1", "1.", "a.b", "-1.0", "1.2.3", "9" * 17 + ".0", "1.x"])
async def test_a_bad_question_is_named(hub, have):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hub[1]}") as session:
        async with session.get(f"/v1/units/03.a/pack?have={have}") as response:
            assert response.status == 400
            assert (await response.json())["code"] == "pack.have"


@pytest.mark.parametrize("days", ["", "91", "-1", "x", "1.5", "099", "٣"])
async def test_a_bad_number_of_days_is_named(hub, days):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hub[1]}") as session:
        async with session.get(f"/v1/units/03.a/pack?days={days}") as response:
            assert response.status == 400
            assert (await response.json())["code"] == "pack.days"


async def test_a_sticks_pack_can_be_continued_at_any_byte(world, hub):
    publish_alert(world, hub[0])
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hub[1]}") as session:
        url = "/v1/units/03.a/pack?days=7"
        async with session.get(url) as response:
            tag, body = response.headers["ETag"], await response.read()
        for begin in (1, 512, 5000, len(body) - 1024, len(body) - 1):
            headers = {"Range": f"bytes={begin}-", "If-Range": tag}
            async with session.get(url, headers=headers) as response:
                assert response.status == 206
                span = f"bytes {begin}-{len(body) - 1}/{len(body)}"
                assert response.headers["Content-Range"] == span
                assert await response.read() == body[begin:]
        for span, mark in (
            ("bytes=5-", '"other"'),
            (f"bytes={len(body)}-", tag),
            ("bytes=1-5", tag),
            ("bytes=-5", tag),
            ("bytes=x-", tag),
        ):
            headers = {"Range": span, "If-Range": mark}
            async with session.get(url, headers=headers) as response:
                assert response.status == 200 and await response.read() == body


async def test_answers_to_caches(world, hub):
    publish_bundle(world, hub[0])
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hub[1]}") as session:
        async with session.get("/v1/units/03.a/pack") as response:
            tag, body = response.headers["ETag"], await response.read()
            assert response.headers["Cache-Control"] == "no-cache"
        async with session.get("/v1/units/03.a/pack", headers={"If-None-Match": tag}) as response:
            assert response.status == 304
        async with session.get("/v1/units/03.a/pack") as response:
            assert await response.read() == body
        now = tag.strip('"').removesuffix(".deflate")
        async with session.get(f"/v1/units/03.a/pack?have={now}") as response:
            assert response.status == 204
            assert {name.lower() for name in response.headers} <= {"cache-control"}
        async with session.get("/v1/units/03.nobody/pack") as response:
            assert response.status == 404


async def test_idle_checks_cost_few_bytes(world, hub, node):
    """What issue 3 asks of metadata (0.4 KB) and issue 4 of the whole exchange (450 B)."""
    publish_bundle(world, hub[0])
    await node.cycle(*PATHS)
    received, sent = node.link.counters()
    await node.cycle(*PATHS)
    after = node.link.counters()
    spent = after[0] - received + after[1] - sent
    print(f"idle check: {after[1] - sent} B sent, {after[0] - received} B received")
    assert spent <= 400


async def test_a_hub_that_went_back_is_told_apart(world, hub, node):
    publish_bundle(world, hub[0])
    before = world.repository.layout.timestamp_file(COMMUNE).read_bytes()
    publish_bundle(world, hub[0], 2)
    await node.cycle(*PATHS)
    world.repository.layout.timestamp_file(COMMUNE).write_bytes(before)
    with pytest.raises(RemoteFault) as caught:
        await node.cycle(*PATHS)
    assert caught.value.code == "trust.rollback"
    assert len(node.link.urls) == 1
