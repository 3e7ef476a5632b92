"""What a node does with bad input of every kind: refuse it by name, say so, and play what it had.

Each case stands between the node and the hub after the first programme was taken and a second one
was published. The same run shows that the node recovers by itself when the trouble ends.
"""

import json

import pytest

from hw.sim.link import Link
from tests.edge.node_world import COMMUNE, NEIGHBOUR, Node, Province
from tests.hub.repository_world import World
from tests.portable import manifests

FILES_MAX = 40


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path / "ours")


def served(province, ending):
    """Return what the hub serves at the newest address with this ending."""
    if ending == "/timestamp.json":
        paths = [province.root_folder / "units" / COMMUNE / "metadata" / "timestamp.json"]
    else:
        paths = sorted(
            province.root_folder.rglob("*" + ending), key=lambda path: path.stat().st_mtime
        )
    return paths[-1].read_bytes()


def spoil(province, ending, change):
    province.answers[ending] = change(served(province, ending))


def flip(data):
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def other_view(province, _tmp_path):
    path = province.root_folder / "units" / NEIGHBOUR / "metadata" / "timestamp.json"
    province.answers["/timestamp.json"] = path.read_bytes()


def strangers_keys(province, tmp_path):
    stranger = World(tmp_path / "stranger", manifests.MIDNIGHT_S + 5000)
    path = stranger.folder / "repository" / "units" / COMMUNE / "metadata" / "timestamp.json"
    province.answers["/timestamp.json"] = path.read_bytes()


def old_timestamp(province, _tmp_path):
    province.answers["/timestamp.json"] = province.before["/timestamp.json"]


def new_timestamp_old_rest(province, _tmp_path):
    province.answers[".snapshot.json"] = province.before[".snapshot.json"]


def doubled_key(data):
    return data.replace(b'"signatures":', b'"signatures":[],"signatures":', 1)


def huge_number(data):
    return data.replace(b'"version":', b'"version":1' + b"0" * 400 + b',"older":', 1)


CASES = {
    "a tampered medium": (
        lambda province, _: province.rotten.update(province.blobs),
        {"blob.hash"},
    ),
    "a tampered manifest": (
        lambda province, _: spoil(province, ".bundle.json", flip),
        {"trust.hash"},
    ),
    "a manifest of another length": (
        lambda province, _: spoil(province, ".bundle.json", lambda data: data + b" "),
        {"trust.length", "http.length"},
    ),
    "a tampered timestamp": (
        lambda province, _: spoil(province, "/timestamp.json", flip),
        {"trust.format", "trust.threshold", "trust.bad_signature"},
    ),
    "a tampered snapshot": (
        lambda province, _: spoil(province, ".snapshot.json", flip),
        {"trust.hash"},
    ),
    "another unit's view": (other_view, {"trust.wrong_view"}),
    "metadata by unknown keys": (strangers_keys, {"trust.threshold"}),
    "rolled back metadata": (old_timestamp, set()),
    "mixed and matched metadata": (new_timestamp_old_rest, {"trust.hash", "trust.length"}),
    "text that is not UTF-8": (
        lambda province, _: spoil(province, "/timestamp.json", lambda data: b"\xff" + data),
        {"trust.format"},
    ),
    "a key that stands twice": (
        lambda province, _: spoil(province, "/timestamp.json", doubled_key),
        {"trust.format"},
    ),
    "a huge number": (
        lambda province, _: spoil(province, "/timestamp.json", huge_number),
        {"trust.format"},
    ),
    "nesting without end": (
        lambda province, _: spoil(province, "/timestamp.json", lambda _: b"[" * 9000),
        {"trust.format"},
    ),
    "an endless timestamp": (
        lambda province, _: spoil(province, "/timestamp.json", lambda data: data + b" " * 20000),
        {"trust.length"},
    ),
    "a page of HTML": (
        lambda province, _: spoil(province, "/timestamp.json", lambda _: b"<html>log in</html>"),
        {"link.portal"},
    ),
    "a missing medium": (
        lambda province, _: [province.answers.update({sha256: 404}) for sha256 in province.blobs],
        {"blob.absent"},
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_by_name_and_the_node_plays_on(name, province, tmp_path):
    trouble, codes = CASES[name]
    province.publish(province.news_bundle(clock="05:02"))
    node = Node(province).start("sync", "playout", "amplifier")
    await node.pass_ms(2000)
    assert [one.version for one in node.manifests.bundles()] == [1]
    endings = ("/timestamp.json", ".snapshot.json")
    province.before = {ending: served(province, ending) for ending in endings}
    province.now_s += 60
    province.publish(province.news_bundle(version=2, clock="05:06", seed=2))
    trouble(province, tmp_path)
    node.sync.wake()
    await node.pass_ms(3000)
    held = {one.version for one in node.manifests.bundles()}
    assert held == ({2} if name == "a missing medium" else {1})
    raised = node.book.find("fault", state="raised")
    assert {body["code"] for body in raised} <= codes, raised
    assert bool(raised) is bool(codes)
    assert all(body["remedy"] and body["message"] for body in raised)
    await node.pass_to("05:03")
    if held == {1}:
        assert [(item, started, outcome) for item, started, _, _, outcome in node.plays()] == [
            ("news", "05:02:00", "complete")
        ]
    assert len(node.storage.files) < FILES_MAX and len(node.storage.staged) <= 1
    # A record a change, not one a check: lasting trouble fills nothing.
    assert len(node.book.find("fault")) <= 4
    province.answers.clear()
    province.rotten.clear()
    # A medium is asked for ever more rarely, up to once an hour.
    await node.pass_to("05:15" if "medium" in name else "05:07")
    assert [one.version for one in node.manifests.bundles()] == [2]
    if "medium" not in name:
        assert node.plays()[-1][:2] == ("news", "05:06:00")
    # What could not be played at 05:06 is a fault until something plays again.
    assert set(node.open_codes()) <= ({"blob.missing"} if name == "a missing medium" else set())
    await node.stop()


async def test_a_frozen_hub_is_noticed_when_its_word_expires_and_the_programme_goes_on(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync", "playout", "amplifier")
    await node.pass_ms(2000)
    expires = json.loads(served(province, "/timestamp.json"))["signed"]["expires"]
    started = len(node.plays())
    node.clock.advance(31 * 86_400_000 + manifests.at_ms("05:29:30") - manifests.at_ms("05:00"))
    await node.pass_ms(5000)
    assert "trust.expired" in node.open_codes(), expires
    await node.pass_ms(60_000)
    assert len(node.plays()) > started
    assert node.plays()[-1][4] == "complete"
    await node.stop()


async def test_a_cut_answer_is_continued_and_never_shown_half(province):
    province.publish(province.news_bundle(seconds=60))
    node = Node(province)
    node.link = Link(province.serve)
    node.boot()
    node.link.cut_after = 50_000
    node.start("sync")
    await node.pass_ms(20_000, until=lambda: bool(node.manifests.bundles()))
    assert [one.version for one in node.manifests.bundles()] == [1]
    assert all(node.blobs.has(sha256) for sha256 in province.blobs)
    await node.stop()
