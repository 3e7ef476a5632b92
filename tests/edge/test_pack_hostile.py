"""Hostile packs, on a stick and over a link: refused by name, bounded, nothing unverified seen."""

import zlib

import pytest

from edge.blob_store import BlobStore
from edge.pack import PackStream
from edge.stick_pack import StickPack
from hw.linux.link import Inflated
from hw.sim.storage import Storage
from protocols import pack as packs
from protocols import tar
from protocols.errors import RemoteFault
from tests.edge.node_world import Node, Province
from tests.edge.packs import broken, parts_of, tampered
from tests.edge.stick_world import StickNode, members, pack_of, stick
from tests.hw.test_inflated import Pieces


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    made = Province(tmp_path_factory.mktemp("province"))
    made.publish(made.news_bundle(seconds=2))
    return made


@pytest.fixture(scope="module")
def pack(province, tmp_path_factory):
    return pack_of(province, tmp_path_factory.mktemp("blobs") / "b")


def check_all_verified(node, province):
    """Whatever is visible is byte for byte what the province published."""
    published = {path.read_bytes() for path in province.root_folder.rglob("*.json")}
    for name, data in node.storage.files.items():
        if name.startswith("blobs/"):
            assert province.blobs[name[6:]] == data
        elif name.startswith(("metadata/", "manifests/", "candidates/")):
            assert data in published, name


BROKEN = [
    "empty", "no end", "half an end", "noise", "a page", "goes on after half an end", "media first",
    "a paper twice", "up and out", "absolute", "into the key", "deeper", "no digest", "a link",
    "a folder", "a paper too long", "a medium too long", "papers without end",
    "names without end", "media without end",
]  # fmt: skip
TAMPERED = ["timestamp", "snapshot", "role", "manifest", "medium"]


def test_every_kind_is_tried(pack):
    assert sorted(broken(pack)) == sorted(BROKEN)
    assert sorted(tampered(pack)) == sorted(TAMPERED)


@pytest.mark.parametrize("name", BROKEN + TAMPERED)
async def test_on_a_stick(name, province, pack):
    code, data = {**broken(pack), **tampered(pack)}[name]
    node = StickNode(province, stick(data))
    await node.sticks.look()
    found = node.faults.open_faults()
    assert found == [["stick.pack", code]]
    (raised,) = node.book.find("fault", place="stick.pack")
    assert raised["remedy"] and raised["message"]
    assert node.book.find("refused")[0]["code"] == code
    assert node.lamp.shown[-1][0] == "trouble"
    check_all_verified(node, province)
    # What stands before a cut is good, and used.
    assert len(node.manifests.bundles()) == (name in ("no end", "half an end"))
    assert bool(node.storage.names("blobs")) == (name in ("no end", "half an end"))
    await node.sticks.look()
    assert len(node.book.find("refused")) == 1


@pytest.mark.parametrize("name", BROKEN + TAMPERED)
async def test_over_a_link(name, province, pack):
    code, data = {**broken(pack), **tampered(pack)}[name]
    province.answers = {"&media=opus": data}
    try:
        node = Node(province).start("sync")
        await node.pass_ms(10_000, node.manifests.bundles)
        check_all_verified(node, province)
        province.answers = {}
        assert await node.pass_ms(900_000, node.manifests.bundles)
        await node.stop()
    finally:
        province.answers = {}
    check_all_verified(node, province)
    assert node.storage.names("blobs") == sorted(province.blobs)
    if name == "medium":
        # No alert wants it: what the pack holds of it is never even stored.
        assert node.codes() == []
    elif code == "pack.cut" and name != "empty":
        # All papers were there; what nobody wants need not have an end.
        assert [code for code in node.codes() if not code.startswith("link.")] == []


async def test_an_endless_pack_is_left_after_a_bounded_number_of_bytes(province, pack):
    body = b"".join(parts_of(pack).values())
    endless = body + (tar.header("blobs/" + "0" * 64, 1 << 20) + bytes(1 << 20)) * 8
    province.answers = {"&media=opus": endless}
    try:
        node = Node(province).start("sync")
        assert await node.pass_ms(10_000, node.manifests.bundles)
        await node.stop()
    finally:
        province.answers = {}
    assert node.link.counters()[0] < len(body) + 3 * (1 << 20)
    check_all_verified(node, province)


async def test_what_stands_behind_a_whole_pack_in_a_coding_harms_nothing(pack):
    answer, storage = Pieces([zlib.compress(pack) + b"x"]), Storage()
    stream = PackStream(storage, Inflated(answer))
    await stream.read_papers()
    assert await stream.take_media(BlobStore(storage, None), lambda *_: False) == []
    await stream.close()
    assert answer.is_closed and storage.staged == {}


async def test_truncated_at_every_boundary_on_a_stick(pack):
    """Cut before, in and after every head and at both ends of every member."""
    boundaries = set()
    for _, start, end in members(pack):
        boundaries |= {start, start + 1, start + 511, start + 512, start + 513, end - 1, end}
    boundaries |= {len(pack) - 1024, len(pack) - 513, len(pack) - 512, len(pack) - 1}
    for cut in sorted(boundaries):
        with pytest.raises(RemoteFault) as caught:
            await walk(pack[:cut])
        assert caught.value.code == "pack.cut" and caught.value.remedy
        intake = packs.Intake()
        intake.receive(pack[:cut])
        assert not intake.is_complete
    await walk(pack)


async def walk(data):
    found = StickPack(stick(data), "packs/03.a.pack")
    await found.read()
    while found.next_medium() is not None:
        continue
