"""A stick is plugged into a node that no network reaches."""

import copy
import hashlib

import pytest

from edge.stick_task import RECORDS_MS
from hw.sim.storage import PowerCut, Storage
from protocols import carried, records
from protocols import stick as layout
from tests.edge.node_world import COMMUNE, NEIGHBOUR, PROVINCE, Province, put
from tests.edge.stick_world import StickNode, members, pack_of, stick
from tests.portable import manifests


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    """Found a province whose commune has a programme; every test has its own node."""
    made = Province(tmp_path_factory.mktemp("province"))
    made.publish(made.news_bundle())
    return made


@pytest.fixture(scope="module")
def pack(province, tmp_path_factory):
    return pack_of(province, tmp_path_factory.mktemp("blobs") / "b")


async def test_a_stick_brings_a_programme_and_the_node_plays_it(province, pack):
    node = StickNode(province, stick(pack), clock="05:20")
    await node.sticks.look()
    assert [(one.unit, one.version) for one in node.manifests.bundles()] == [(COMMUNE, 1)]
    (told,) = node.book.find("pack")
    assert (told["carrier"], told["media"], told["missing"]) == ("stick", 1, 0)
    assert node.faults.open_faults() == []
    assert node.lamp.shown[0] == ("working", 0) and node.lamp.shown[-1] == ("done", 100)
    node.start("sync", "playout", "amplifier")
    await node.pass_to("05:32")
    await node.stop()
    assert node.plays() == [("news", "05:30:00", 0, 20000, "complete")]


async def test_it_is_read_once_and_again_when_it_was_written_again(province, pack):
    plugged = stick(pack)
    node = StickNode(province, plugged)
    for _ in range(3):
        await node.sticks.look()
    assert len(node.book.find("pack")) == 1
    put(plugged, layout.MARK, layout.build_mark(1_800_000_001))
    await node.sticks.look()
    assert [told["media"] for told in node.book.find("pack")] == [1, 0]
    shown = len(node.lamp.shown)
    plugged.files.clear()
    await node.sticks.look()
    assert node.lamp.shown[shown:] == [("off", 0)]


async def test_a_pack_handed_over_by_cable_is_taken_and_goes(province, pack):
    handed = Storage()
    put(handed, "ab" * 16 + ".pack", pack)
    put(handed, "ef" * 16 + ".pack", pack[:-1024] + b"noise")
    node = StickNode(province, handed)
    await node.sticks.look()
    assert [one.version for one in node.manifests.bundles()] == [1]
    assert [told["carrier"] for told in node.book.find("pack")] == ["cable"]
    assert [told["code"] for told in node.book.find("refused")] == ["pack.cut"]
    assert handed.files == {} and node.lamp.shown[-1][0] == "trouble"
    await node.sticks.look()
    assert node.lamp.shown[-1] == ("off", 0)


async def test_an_alert_on_a_stick_sounds_at_once(tmp_path):
    province = Province(tmp_path)
    alerts = {**manifests.alerts([province.flood()], COMMUNE), "version": 1}
    province.publish(alerts)
    node = StickNode(province, stick(pack_of(province, tmp_path / "b")), clock="00:30")
    node.start("sync", "playout", "amplifier")
    await node.pass_ms(1000)
    await node.sticks.look()
    await node.pass_ms(20_000)
    await node.stop()
    assert [play[0] for play in node.plays()] == ["flood"]


async def test_the_units_above_come_along(tmp_path):
    province = Province(tmp_path)
    province.publish(province.news_bundle())
    above = {**province.news_bundle(), "unit": PROVINCE, "ancestors": []}
    province.publish(above)
    node = StickNode(province, stick(pack_of(province, tmp_path / "b")))
    await node.sticks.look()
    assert [one.unit for one in node.manifests.bundles()] == [COMMUNE, PROVINCE]


async def test_an_older_pack_is_no_fault_and_changes_nothing(tmp_path):
    province = Province(tmp_path)
    province.publish(province.news_bundle())
    old = pack_of(province, tmp_path / "b")
    province.publish(province.news_bundle(2, seed=2))
    node = StickNode(province, stick(pack_of(province, tmp_path / "b")))
    await node.sticks.look()
    before = node.visible()
    node.plugged.files[layout.pack_name(COMMUNE)] = old
    put(node.plugged, layout.MARK, layout.build_mark(1_800_000_001))
    await node.sticks.look()
    assert [one.version for one in node.manifests.bundles()] == [2]
    assert [told["version"] for told in node.book.find("pack")][1] == 0
    assert node.visible() == before and node.faults.open_faults() == []


async def test_another_units_pack_under_our_name_is_refused(province, tmp_path):
    other = pack_of(province, tmp_path / "b", NEIGHBOUR)
    node = StickNode(province, stick(other))
    await node.sticks.look()
    (refused,) = node.book.find("refused")
    assert refused["code"] == "trust.wrong_view"
    assert node.visible() == [] and node.lamp.shown[-1] == ("trouble", 100)
    assert node.faults.open_faults() == [["stick.pack", "trust.wrong_view"]]
    node.plugged.files.clear()
    await node.sticks.look()
    assert node.faults.open_faults() == []


async def test_an_expired_pack_is_refused_and_says_so(province, pack):
    node = StickNode(province, stick(pack))
    node.clock.set_wall_ms(manifests.MIDNIGHT_MS + 40 * 86_400_000)
    node.boot()
    await node.sticks.look()
    assert node.faults.open_faults() == [["stick.pack", "trust.expired"]]
    assert node.visible() == []


async def test_a_full_disk_takes_what_fits_and_tries_again(province, pack):
    node = StickNode(province, stick(pack))
    node.storage.capacity_bytes = 400_000
    await node.sticks.look()
    assert node.faults.open_faults() == [["stick.pack", "blob.no_room"]]
    node.storage.capacity_bytes = 64 * 1024 * 1024
    await node.sticks.look()
    assert len(node.book.find("pack")) == 0
    node.clock.advance(15_000)
    await node.sticks.look()
    assert len(node.book.find("pack")) == 1 and node.faults.open_faults() == []


@pytest.mark.parametrize("luck", [0, 40, 100])
async def test_power_cuts_at_every_call_and_the_next_look_ends_it(province, pack, luck):
    sound = hashlib.sha256(next(iter(province.blobs.values()))).hexdigest()
    prepared = StickNode(province, stick(pack)).storage
    cuts = 0
    while True:
        cuts += 1
        storage = copy.deepcopy(prepared)
        storage.survive_percent = luck
        storage.cut_at = storage.calls + cuts * 7 + luck % 7
        node = StickNode(province, stick(pack), storage=storage)
        try:
            await node.sticks.look()
        except PowerCut:
            storage.reboot()
        else:
            break
        node = StickNode(province, stick(pack), storage=storage)
        check_verified(node, province)
        await node.sticks.look()
        assert [one.version for one in node.manifests.bundles()] == [1]
        assert storage.files["blobs/" + sound] == province.blobs[sound]
    assert cuts > 10


def check_verified(node, province):
    """Nothing stands in the store that is not what was signed."""
    for name, data in node.storage.files.items():
        if name.startswith("blobs/"):
            assert province.blobs[name[6:]] == data


def plays(node, count, first=1):
    for number in range(first, first + count):
        node.records.write("plays", "play", {"item": "news", "started_ms": number})


def batches(plugged):
    """Return every batch on a stick by (chain, first, last)."""
    found = {}
    for name in plugged.names("records"):
        request = carried.read(plugged.files["records/" + name])
        batch = records.read_batch(request.body)
        said = carried.read_name(name)
        sequences = [entry.record.sequence for entry in batch.entries]
        assert sequences == list(range(said.first, said.last + 1))
        assert (batch.node, batch.chain, batch.epoch) == (said.node, said.chain, said.epoch)
        found[(batch.chain, said.first, said.last)] = (batch.after, request)
    return found


async def test_records_go_home_on_the_stick_in_signed_batches(province):
    node = StickNode(province, stick())
    plays(node, 450)
    await node.sticks.look()
    found = batches(node.plugged)
    spans = sorted(span for span in found if span[0] == "plays")
    assert spans[0][1] == 1 and spans[-1][2] == 450 and len(spans) >= 3
    assert [found[span][0] for span in spans] == [0] + [span[2] for span in spans[:-1]]
    assert max(last for chain, _, last in node.carried if chain == "plays") == 450
    assert node.lamp.shown[-1] == ("done", 100)
    assert node.journal.positions("plays") == {}


async def test_more_records_follow_after_a_while_and_replace_the_last_batch(province):
    node = StickNode(province, stick())
    plays(node, 3)
    await node.sticks.look()
    plays(node, 2, 4)
    await node.sticks.look()
    assert list(batches(node.plugged)) == [("plays", 1, 3)]
    node.clock.advance(RECORDS_MS)
    await node.sticks.look()
    assert list(batches(node.plugged)) == [("plays", 1, 5)]
    node.journal.acknowledge("plays", node.journal.epoch("plays"), 5)
    plays(node, 1, 6)
    node.clock.advance(RECORDS_MS)
    await node.sticks.look()
    assert list(batches(node.plugged)) == [("plays", 6, 6)]


async def test_what_another_node_or_an_earlier_life_left_stays(province):
    node = StickNode(province, stick())
    left = [
        carried.Name("node-2", "plays", "00" * 8, 1, 3),
        carried.Name("node-1", "plays", "11" * 8, 1, 3),
    ]
    for name in left:
        put(node.plugged, "records/" + carried.file_name(name), b"x")
    plays(node, 3)
    await node.sticks.look()
    names = node.plugged.names("records")
    assert len(names) == 3 and {carried.file_name(name) for name in left} < set(names)


async def test_a_torn_batch_is_written_again(province):
    node = StickNode(province, stick())
    plays(node, 3)
    await node.sticks.look()
    (name,) = node.plugged.names("records")
    node.plugged.files["records/" + name] = node.plugged.files["records/" + name][:-7]
    again = StickNode(province, node.plugged, storage=node.storage)
    await again.sticks.look()
    assert list(batches(again.plugged)) == [("plays", 1, 3)]


async def test_nothing_is_written_where_no_stick_of_ours_is(province, pack):
    for plugged in (Storage(), stick(pack, marked=False)):
        node = StickNode(province, plugged)
        plays(node, 3)
        await node.sticks.look()
        assert plugged.names("records") == []


async def test_a_full_stick_is_a_fault_and_nothing_is_lost(province):
    node = StickNode(province, stick())
    node.plugged.capacity_bytes = 1000
    plays(node, 3)
    await node.sticks.look()
    assert node.faults.open_faults() == [["stick.records", "stick.full"]]
    assert node.lamp.shown[-1] == ("trouble", 100)
    assert node.plugged.names("records") == []
    node.plugged.capacity_bytes = 1 << 24
    node.clock.advance(RECORDS_MS)
    await node.sticks.look()
    assert list(batches(node.plugged)) == [("plays", 1, 3)]
    assert node.faults.open_faults() == []


async def test_a_stick_pulled_in_the_middle_is_continued_when_it_is_back(province, pack):
    name, _, end = members(pack)[-1]
    assert name.startswith("blobs/")
    plugged = stick(pack)
    node = StickNode(province, plugged)
    whole = plugged.open

    def pulled(name):
        reader = whole(name)
        if reader is not None and name.endswith(".pack"):
            reader._data = reader._data[: end - 300_000]
        return reader

    plugged.open = pulled
    await node.sticks.look()
    (place, code) = node.faults.open_faults()[0]
    assert (place, code) == ("stick.pack", "pack.cut")
    assert node.manifests.bundles() == () and not node.storage.names("blobs")
    plugged.open = whole
    put(plugged, layout.MARK, layout.build_mark(1_800_000_001))
    await node.sticks.look()
    assert [one.version for one in node.manifests.bundles()] == [1]
    assert node.faults.open_faults() == []


@pytest.mark.parametrize("luck", [0, 60])
async def test_power_cuts_while_records_are_written_cost_the_stick_nothing_whole(province, luck):
    first = StickNode(province, stick())
    plays(first, 130)
    cuts = 0
    while True:
        cuts += 1
        plugged = stick()
        plugged.survive_percent = luck
        plugged.cut_at = plugged.calls + cuts
        node = StickNode(province, plugged, storage=copy.deepcopy(first.storage))
        try:
            await node.sticks.look()
        except PowerCut:
            plugged.reboot()
        else:
            break
        # Whatever is visible is whole, and the next life completes it.
        held = batches(plugged)
        again = StickNode(province, plugged, storage=node.storage)
        await again.sticks.look()
        found = batches(plugged)
        assert max(last for chain, _, last in found if chain == "plays") == 130
        assert set(held) <= set(found)
    assert cuts > 5
