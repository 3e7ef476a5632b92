"""A node without a hub takes its programme from a neighbour, and believes a lying one nothing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config as configs
from edge.neighbour_files import NeighbourFiles
from edge.neighbour_task import NeighbourTask
from edge.suppliers import Suppliers
from hw.linux.clock import Clock
from hw.linux.interface import address_of
from hw.linux.link import Link
from protocols import canonical, neighbour
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.limits import NEIGHBOUR_CONNECTIONS_MAX, NEIGHBOUR_HEAD_BYTES_MAX
from tests.edge.node_world import COMMUNE, Node, Province

THERE = "http://neighbour"


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def head_of(url, headers):
    """Return the head that a node's link would send."""
    lines = [f"GET {url.removeprefix(THERE)} HTTP/1.1", "host: neighbour"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode()


class Lan:
    """The link of a node whose hub is away: `other`'s files, through `lie(url, data)`."""

    def __init__(self, other, lie=lambda url, data: data):
        self._files = NeighbourFiles(other.storage)
        self._lie = lie
        self.asked = []

    def serve(self, method, url, headers, body):
        if not url.startswith(THERE):
            raise WorldFault("link.open", "no hub", "wait")
        assert method == "GET" and not body
        self.asked.append(url)
        try:
            asked = neighbour.read_head(head_of(url, headers), COMMUNE)
        except RemoteFault:
            return 404, {}, b""
        found = self._files.find(asked)
        if found is None:
            return 404, {}, b""
        reader, length = found
        first, end = neighbour.span(asked, length)
        reader.seek(first)
        data = self._lie(url, reader.read(end - first))
        reader.close()
        if asked.first is None:
            return 200, {}, data
        return 206, {"content-range": f"bytes {first}-{end - 1}/{length}"}, data


async def neighbours(province, lie=lambda url, data: data):
    """Return (a node that has all, one without a hub beside it, their LAN)."""
    province.publish(province.news_bundle(clock="05:02"))
    first = Node(province).start("sync")
    await first.pass_ms(2000)
    await first.stop()
    lan = Lan(first, lie)
    second = Node(province)
    second.link._serve = lan.serve
    second.sync._hubs = Suppliers(second.parts.hubs, lambda: [THERE])
    return first, second, lan


async def test_a_node_without_a_hub_gets_its_programme_and_plays(province):
    _, second, lan = await neighbours(province)
    second.start("sync", "playout", "amplifier")
    has_all = lambda: all(second.blobs.has(sha256) for sha256 in province.blobs)  # noqa: E731
    assert await second.pass_ms(60_000, has_all)
    await second.pass_ms(1000)
    assert [one.version for one in second.manifests.bundles()] == [1]
    assert second.sync.contact_ms is None, "a neighbour is no hub"
    await second.pass_to("05:02:30")
    assert second.plays() and second.plays()[0][4] == "complete", second.codes()
    # Nothing but public files was asked for.
    assert not [url for url in lan.asked if "records" in url or "events" in url]
    await second.stop()


@pytest.mark.parametrize("what", ["timestamp", "/targets/", "/blobs/", ".root."])
async def test_a_lying_neighbour_is_refused_and_nothing_of_it_stays(what, province):
    def lie(url, data):
        return data[:-9] + b"!" + data[-8:] if what in url else data

    _, second, lan = await neighbours(province, lie)
    second.start("sync")
    await second.pass_ms(30_000)
    assert lan.asked
    if what != ".root.":
        assert second.manifests.bundles() == () or not any(map(second.blobs.has, province.blobs))
    for sha256 in province.blobs:
        if second.blobs.has(sha256):
            assert what in (".root.",)
    await second.stop()


async def served(task):
    """Start a server on loopback and return its port."""
    running = asyncio.create_task(task.run())
    async with asyncio.timeout(10):
        while not task.port:
            await asyncio.sleep(0.01)
    return running


async def test_the_server_gives_ranges_and_hangs_up_on_too_many(province):
    first, _, _ = await neighbours(province)
    files = NeighbourFiles(first.storage)
    task = NeighbourTask(files, Clock(), first.faults, COMMUNE, lambda: (address_of("lo"), 0))
    running = await served(task)
    base = f"http://127.0.0.1:{task.port}"
    link, sha256 = Link(), next(iter(province.blobs))
    answer = await link.request("GET", f"{base}/v1/blobs/{sha256}", {"range": "bytes=7-20"}, b"")
    assert (answer.status, await answer.read(99)) == (206, province.blobs[sha256][7:21])
    await answer.close()
    for path, status in (
        ("/v1/blobs/" + "0" * 64, 404),
        ("/v1/records", 404),
        ("/v1/targets/nodes/03.a/" + "0" * 64 + ".settings.json", 404),
        ("/v1/units/03.b/metadata/timestamp.json", 404),
        ("/v1/units/03.a/metadata/../identity.key.json", 404),
        ("/v1/units/03.a/metadata/7.root.json", 404),
        ("/v1/units/03.a/metadata/1.root.json", 200),
    ):
        answer = await link.request("GET", base + path, {}, b"")
        assert answer.status == status, path
        await answer.close()
    # A post, and a head without an end, are answered and hung up on.
    for raw in (b"POST /v1/records HTTP/1.1\r\n\r\n", b"GET /" + b"a" * NEIGHBOUR_HEAD_BYTES_MAX):
        reader, writer = await asyncio.open_connection("127.0.0.1", task.port)
        writer.write(raw)
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
        await writer.wait_closed()
    idle = [await asyncio.open_connection("127.0.0.1", task.port) for _ in range(9)]
    await asyncio.sleep(0.2)
    closed = [reader for reader, _ in idle if reader.at_eof()]
    assert len(closed) == 9 - NEIGHBOUR_CONNECTIONS_MAX
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(10):
        while task.connections:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@given(st.binary(max_size=300) | st.from_regex(rb"GET /v1/[a-z]{1,9}/[a-z0-9./%-]{0,90} HTTP/1\.1"))
def test_any_head_is_a_request_of_ours_or_refused(head):
    try:
        asked = neighbour.read_head(head, COMMUNE)
    except RemoteFault as fault:
        assert fault.code in ("neighbour.request", "neighbour.absent")
        return
    assert asked.kind in (neighbour.METADATA, neighbour.TARGET, neighbour.BLOB)
    assert ".." not in asked.name and not asked.name.startswith("/")


def test_the_modems_interface_is_no_lan():
    value = {"node": "n-1", "unit": COMMUNE, "kind": "speaker", "hub": ["http://hub"], "data": "d"}
    value.update(root="r", audio={}, interface="wwan0", lan={"interface": "eth0", "serves": True})
    read = configs.read(canonical.encode(value)).lan
    assert read.serves and not read.finds and read.interface == "eth0"
    value["lan"] = {"interface": "wwan0"}
    with pytest.raises(Fault) as caught:
        configs.read(canonical.encode(value))
    assert "modem" in caught.value.message
