"""What an idle check costs: one question, no file read, until a day is over."""

import pytest

from edge import root_copy, sync_task
from hw.linux.verifier import Verifier
from hw.sim.storage import Storage
from tests.edge.node_world import COMMUNE, PROVINCE, Node, Province
from tests.portable import manifests


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


async def looks(node, opened):
    """Let the next check come; return what was asked for and how many files were read."""
    node.link.requests.clear()
    opened.clear()
    await node.pass_ms(61_000)
    return [url.rpartition("/")[2] for _, url in node.link.requests], len(opened)


async def test_a_check_that_finds_nothing_new_ends_there_until_the_day_is_over(
    province, monkeypatch
):
    opened, opens = [], Storage.open
    monkeypatch.setattr(
        Storage, "open", lambda self, name: opened.append(name) or opens(self, name)
    )
    province.publish(province.news_bundle())
    node = Node(province, clock="12:00").start("sync")
    await node.pass_ms(2000)
    assert [one.version for one in node.manifests.bundles()] == [1]
    # A hub without packs and without ETags is walked every time, from the disk.
    asked, read = await looks(node, opened)
    assert "timestamp.json" in asked and read > 5
    province.answers["&media=opus"] = 204
    node.sync._packs._unserved = 0
    asked, read = await looks(node, opened)
    assert len(asked) == 1 and asked[0].startswith("pack?have=")
    assert read == 0
    node.clock._ticks_ms += sync_task.WALK_MS
    _, read = await looks(node, opened)
    assert read > 5
    await node.stop()


def stamp(province):
    """Let the hub say, after its first answer, that the timestamp is unchanged."""

    def stamped(headers):
        if headers.get("if-none-match") == '"1"':
            return 304, {}, b""
        path = province.root_folder / "units" / COMMUNE / "metadata" / "timestamp.json"
        return 200, {"etag": '"1"'}, path.read_bytes()

    province.answers["/timestamp.json"] = stamped


async def test_what_stands_above_comes_with_the_first_programme_not_with_the_next_news(province):
    stamp(province)
    above = manifests.bundle(PROVINCE, [])
    above.update(items=[], rules=[], pages=[], fallback=[])
    province.publish(above)
    province.publish(province.news_bundle())
    node = Node(province, clock="12:00").start("sync")
    await node.pass_ms(62_000)
    assert [one.unit for one in node.manifests.bundles()] == [COMMUNE, PROVINCE]
    await node.stop()


async def test_a_hub_without_packs_is_asked_for_root_and_timestamp_alone(province):
    stamp(province)
    province.publish(province.news_bundle())
    node = Node(province, clock="12:00").start("sync")
    await node.pass_ms(62_000)
    asked, _ = await looks(node, [])
    assert asked == ["2.root.json", "timestamp.json"]
    # Expired metadata are a fault also where nothing changes.
    node.time.latest_s = lambda: manifests.MIDNIGHT_S + 40 * 86_400
    await looks(node, [])
    assert node.open_codes() == ["trust.expired"]
    await node.stop()


async def test_a_spoilt_root_is_mended_from_its_copy_and_an_honest_one_is_left(province):
    province.publish(province.news_bundle())
    node = Node(province, clock="12:00").start("sync")
    await node.pass_ms(2000)
    root = node.storage.files["metadata/root.json"]
    assert not root_copy.mend(node.storage, Verifier())
    at = root.index(b"version")
    spoilt = root[:at] + b"w" + root[at + 1 :]
    node.storage.files["metadata/root.json"] = spoilt
    await node.pass_ms(130_000)
    assert node.storage.files["metadata/root.json"] == root
    assert node.open_codes() == []
    # A copy that is no root is never put in its place.
    node.storage.files["state/root"] = root.replace(b"ed25519", b"ed25510")
    node.storage.files["metadata/root.json"] = b"{}"
    assert not root_copy.mend(node.storage, Verifier())
    await node.stop()
