"""Recordings on a whole node: fetched for the slots its bundle marks, refused for all else."""

import pytest

from protocols import canonical
from protocols.limits import RELAY_BYTES_MAX
from tests.edge.node_world import COMMUNE, PROVINCE, Node, Province
from tests.portable import manifests, recordings

SIX_S = manifests.at_ms("00:06") // 1000
ITEM = "relay.vov1.e1"
PLACE = "sync.relays/vov1/media.json"


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def marked(province, version=1, **fields):
    """Publish a bundle with one slot of ten minutes at 05:30."""
    value = recordings.bundle(**fields)
    value.update(version=version, unit=COMMUNE, ancestors=[PROVINCE], items=value["items"][-1:])
    province.publish(value)


def broadcast(province, seconds=20, seed=7, **fields):
    one = recordings.recording(seed, SIX_S)
    one["renditions"] = [province.sound(seconds, seed)]
    return {**one, **fields}


def record(province, *made, source="vov1", version=1, **fields):
    """Sign what is recorded with the hub's online key, unchecked."""
    value = {**recordings.relay(list(made), source, version), **fields}
    data = canonical.encode(value)
    assert province.world.repository.sign_relays(source, data, province.now_s).published


def asked(node, text):
    return [request for request in node.link.requests if text in request[1]]


async def morning(node, clock="05:30:25"):
    node.start("sync", "playout", "amplifier")
    await node.pass_to(clock)
    await node.stop()


def reasons(node):
    return [(body["item"], body["reason"]) for body in node.book.find("skip")]


async def test_a_recording_is_fetched_pinned_and_heard_in_its_slot(province):
    marked(province)
    one = broadcast(province)
    record(province, one)
    record(province, broadcast(province, seed=9), source="vov2")
    node = Node(province, clock="05:29:30")
    await morning(node)
    assert node.plays() == [(ITEM, "05:30:00", 0, 20_000, "complete")]
    (play,) = node.book.find("play")
    assert play["rendition_sha256"] == one["renditions"][0]["sha256"]
    assert (play["title"], play["class"]) == ("Thời sự 7", "normal")
    assert node.codes() == []
    assert len(province.blobs) == 2 and not asked(node, "vov2"), "nobody here wants vov2"

    # After a reboot all is here and nothing is asked for again.
    node.boot()
    assert [one.version for one in node.manifests.relays().values()] == [1]
    node.sync.content.rate_media()
    assert node.sync.content.missing() == []


async def test_without_a_marked_slot_nothing_is_fetched_and_nothing_heard(province):
    province.publish(province.news_bundle(clock="05:30", seconds=5))
    record(province, broadcast(province))
    node = Node(province, clock="05:29:30")
    await morning(node)
    assert [play[0] for play in node.plays()] == ["news"]
    assert not asked(node, "relays") and len(node.storage.names("blobs")) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"class": "priority"},
        {"class": "emergency"},
        {"until_s": SIX_S + 40 * 86400},
        {"renditions": "huge"},
        {"renditions": "absent"},
    ],
)
async def test_what_goes_beyond_the_bounds_leaves_what_was_good(province, broken):
    marked(province)
    record(province, broadcast(province))
    node = Node(province, clock="05:29:30").start("sync", "playout", "amplifier")
    await node.pass_ms(3000)
    bad = broadcast(province, seed=8, from_s=SIX_S + 60)
    if broken.get("renditions") == "huge":
        bad["renditions"][0]["length"] = 250_000_000
    elif broken.get("renditions") == "absent":
        del bad["renditions"]
    else:
        bad.update(broken)
    record(province, bad, version=2)
    node.sync.wake()
    await node.pass_to("05:30:25")
    await node.stop()
    if "renditions" in broken and broken["renditions"] == "absent":
        assert reasons(node) == [(ITEM, "no_rendition")]
        return
    assert [PLACE, "format.field"] in node.faults.open_faults()
    assert [play["title"] for play in node.book.find("play")] == ["Thời sự 7"]


async def test_an_older_version_and_another_sources_words_are_refused(province):
    marked(province)
    record(province, broadcast(province), version=5)
    node = Node(province, clock="05:29:30").start("sync", "playout", "amplifier")
    await node.pass_ms(3000)
    record(province, broadcast(province, seed=8, from_s=SIX_S + 60), version=4)
    node.sync.wake()
    await node.pass_ms(3000)
    assert node.faults.open_faults() == [[PLACE, "manifest.rollback"]]
    value = recordings.relay([broadcast(province, seed=8)], "vov2", 6)
    province.world.repository.sign_relays("vov1", canonical.encode(value), province.now_s)
    node.sync.wake()
    await node.pass_ms(3000)
    assert node.faults.open_faults() == [[PLACE, "format.field"]]
    await node.pass_to("05:30:25")
    await node.stop()
    assert [play["title"] for play in node.book.find("play")] == ["Thời sự 7"]


@pytest.mark.parametrize(
    ("fields", "refused", "reason"),
    [
        ({"seconds": 61}, [], "relay_long"),
        ({"until_s": SIX_S + 60}, [], "relay_old"),
        ({"from_s": manifests.at_ms("05:31") // 1000}, [], "relay_missing"),
        ({}, [COMMUNE], "relay_off"),
    ],
)
async def test_a_slot_that_nothing_fills_is_silent_with_its_reason(
    province, fields, refused, reason
):
    marked(province, minutes=1)
    until = {"until_s": fields["from_s"] + 60} if "from_s" in fields else {}
    record(province, broadcast(province, **fields, **until), refused=refused)
    node = Node(province, clock="05:29:30")
    await morning(node)
    assert (node.plays(), reasons(node)) == ([], [(ITEM, reason)])


async def test_a_file_that_cannot_be_as_short_as_stated_is_refused(province):
    marked(province, minutes=1)
    one = broadcast(province, seconds=150)
    one["renditions"][0]["duration_ms"] = 60_000
    record(province, one)
    node = Node(province, clock="05:29:30")
    await morning(node)
    assert node.plays() == [] and len(node.storage.names("blobs")) == 0
    assert [PLACE, "format.field"] in node.faults.open_faults()


async def test_a_recording_that_never_comes_holds_up_no_programme(province):
    marked(province)
    record(province, broadcast(province))
    province.blobs.clear()
    node = Node(province, clock="05:29:30")
    await morning(node)
    assert [one.version for one in node.manifests.bundles()] == [1]
    assert "blob.absent" in node.open_codes()
    assert reasons(node) == [(ITEM, "failed")]


async def test_a_bundle_that_drops_the_source_ends_it_at_once(province):
    marked(province)
    record(province, broadcast(province, seconds=120))
    node = Node(province, clock="05:29:50").start("sync", "playout", "amplifier")
    await node.pass_to("05:30:10")
    value = province.news_bundle(version=2, clock="12:00")
    province.publish(value)
    node.sync.wake()
    await node.pass_to("05:30:20")
    await node.stop()
    (play,) = node.book.find("play")
    assert (play["outcome"], play["reason"]) == ("interrupted", "recalled")
    assert node.manifests.relays() == {}


async def test_a_manifest_beyond_its_length_is_not_even_fetched(province):
    marked(province)
    record(province, broadcast(province))
    node = Node(province, clock="05:29:30").start("sync", "playout", "amplifier")
    await node.pass_ms(3000)
    before = len(asked(node, "relays/vov1"))
    record(province, broadcast(province, seed=8), version=2, padding="p" * RELAY_BYTES_MAX)
    node.sync.wake()
    await node.pass_to("05:30:25")
    await node.stop()
    assert len(asked(node, "relays/vov1")) == before
    assert node.faults.open_faults() == [[PLACE, "trust.length"]]
    assert [play["title"] for play in node.book.find("play")] == ["Thời sự 7"]


async def test_recordings_are_bulk_to_the_budget(province):
    marked(province)
    record(province, broadcast(province))
    node = Node(province, clock="05:29:30")
    node.start("sync")
    await node.pass_ms(3000)
    await node.stop()
    wanted = node.sync.content.missing()
    assert wanted == [] and node.blobs.has(next(iter(province.blobs)))
    node.blobs.remove(next(iter(province.blobs)))
    node.sync.content.rate_media()
    (one,) = node.sync.content.missing()
    assert one.alert is False
