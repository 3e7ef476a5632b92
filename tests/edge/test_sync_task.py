"""The sync task against a real repository: from the first contact to every kind of trouble."""

import pytest

from edge.content import ALERT_MEDIA_MS
from hw.sim.storage import Storage
from protocols.errors import RemoteFault, WorldFault
from tests.edge.node_world import COMMUNE, NODE, PROVINCE, Node, Province, put
from tests.portable import manifests


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def active(node):
    return [(one.unit, one.version) for one in node.manifests.bundles()]


async def test_first_contact_brings_programme_media_and_what_stands_above(province):
    above = manifests.bundle(PROVINCE, [])
    above.update(items=[], rules=[], pages=[], fallback=[])
    province.publish(above)
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    assert active(node) == [(COMMUNE, 1), (PROVINCE, 1)]
    assert {body["unit"] for body in node.book.find("activate")} == {COMMUNE, PROVINCE}
    assert all(node.blobs.has(sha256) for sha256 in province.blobs)
    assert node.codes() == []
    assert node.time.floor_ms >= manifests.MIDNIGHT_MS
    await node.stop()


async def test_nothing_published_is_no_fault(province):
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    assert (active(node), node.codes()) == ([], [])
    await node.stop()


async def test_a_new_programme_waits_for_its_media_and_the_old_one_stays(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    second = province.news_bundle(version=2, seconds=60, seed=2)
    province.publish(second)
    node.sync.wake()
    node.link.cut_after = 100_000
    await node.pass_ms(1500)
    assert active(node) == [(COMMUNE, 1)]
    assert [one.version for one in node.manifests.candidates()] == [2]
    assert node.open_codes() == ["http.cut"]
    await node.pass_ms(10_000)
    assert active(node) == [(COMMUNE, 2)]
    assert node.open_codes() == []
    await node.stop()


async def test_a_medium_that_the_hub_lacks_holds_up_nothing_for_ever(province):
    value = province.news_bundle()
    missing = value["items"][0]["renditions"][0]["sha256"]
    data = province.blobs.pop(missing)
    province.publish(value)
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    assert active(node) == [(COMMUNE, 1)]
    assert node.open_codes() == ["blob.absent"]
    province.blobs[missing] = data
    await node.pass_ms(90_000)
    assert node.blobs.has(missing)
    assert node.open_codes() == []
    await node.stop()


async def test_a_fault_of_a_medium_ends_when_nobody_wants_it_any_more(province):
    value = province.news_bundle()
    province.blobs.clear()
    province.publish(value)
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    assert node.open_codes() == ["blob.absent"]
    province.publish(province.news_bundle(version=2, seed=2))
    await node.pass_ms(70_000)
    assert active(node) == [(COMMUNE, 2)]
    assert node.open_codes() == []
    await node.stop()


async def test_a_missing_manifest_does_not_hold_up_the_others(province):
    province.publish(manifests.alerts([province.flood()], COMMUNE))
    province.publish(province.news_bundle())
    province.answers[".alert.json"] = 404
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    assert active(node) == [(COMMUNE, 1)]
    assert node.open_codes() == ["trust.absent"]
    del province.answers[".alert.json"]
    await node.pass_ms(70_000)
    assert len(node.manifests.alerts()) == 1
    assert node.open_codes() == []
    await node.stop()


async def test_an_alert_is_told_when_its_sound_is_here(province):
    told = listen(node := Node(province))
    node.start("sync")
    await node.pass_ms(2000)
    province.publish(manifests.alerts([province.flood()], COMMUNE))
    node.sync.wake()
    assert await node.pass_ms(1500, lambda: told)
    assert node.blobs.has(node.manifests.alerts()[0].alerts[0].renditions[0].sha256)
    assert told[0].live is True
    await node.stop()


async def test_an_alert_without_its_sound_is_told_after_twenty_seconds(province):
    told = listen(node := Node(province))
    node.start("sync")
    await node.pass_ms(2000)
    province.publish(manifests.alerts([province.flood(seconds=60)], COMMUNE))
    node.sync.wake()

    def hang(headers):
        raise WorldFault("link.timeout", "the peer fell silent", "wait")

    for sha256 in province.blobs:
        province.answers[sha256] = hang
    await node.pass_ms(ALERT_MEDIA_MS - 1000)
    assert told == []
    await node.pass_ms(2500)
    assert len(told) == 1
    await node.stop()


async def test_an_alert_is_told_in_time_although_a_slice_hangs(province):
    told = listen(node := Node(province))
    node.start("sync")
    await node.pass_ms(2000)
    province.publish(manifests.alerts([province.flood()], COMMUNE))
    request = node.link.request

    async def slow(method, url, headers, body):
        if "/blobs/" in url:
            await node.clock.sleep_ms(600_000)
        return await request(method, url, headers, body)

    node.link.request = slow
    node.sync.wake()
    await node.pass_ms(ALERT_MEDIA_MS + 2500)
    assert len(told) == 1
    await node.stop()


async def test_a_cancel_is_told_at_once(province):
    told = listen(node := Node(province))
    province.publish(manifests.alerts([province.flood()], COMMUNE))
    node.start("sync")
    await node.pass_ms(2000)
    end = province.flood("end", kind="cancel", references=["flood"], seed=901)
    province.blobs.clear()
    province.publish(manifests.alerts([province.flood(), end], COMMUNE, 2))
    province.blobs.clear()
    node.sync.wake()
    await node.pass_ms(1500)
    assert len(told) == 2
    await node.stop()


async def test_settings_count_at_once(province):
    node = Node(province).start("sync")
    value = manifests.settings()
    value.update(unit=COMMUNE, node=NODE)
    province.publish_settings(value)
    await node.pass_ms(2000)
    assert node.manifests.settings.volume_percent == 70
    await node.stop()


async def test_an_empty_list_empties_no_store(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    held = node.storage.names("blobs")
    empty = province.news_bundle(version=2)
    empty.update(items=[], rules=[])
    province.publish(empty)
    node.storage.capacity_bytes = 9 * 1024 * 1024
    await node.pass_ms(70_000)
    assert active(node) == [(COMMUNE, 2)]
    assert node.storage.names("blobs") == held
    assert not node.blobs.make_room(5 * 1024 * 1024, False)
    assert node.storage.names("blobs") == held
    await node.stop()


async def test_a_boot_without_a_hub_finds_everything_stored(province):
    province.publish(province.news_bundle())
    province.publish(manifests.alerts([province.flood()], COMMUNE))
    node = Node(province).start("sync")
    await node.pass_ms(3000)
    await node.stop()
    later = Node(province, storage=node.storage)
    later.link.is_down = True
    later.start("sync")
    await later.pass_ms(3000)
    assert active(later) == [(COMMUNE, 1)]
    assert len(later.manifests.alerts()) == 1
    assert later.time.floor_ms == node.time.floor_ms
    assert later.open_codes() == ["link.open"]
    await later.stop()


async def test_a_candidate_outlives_a_reboot_and_is_activated_then(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    province.publish(province.news_bundle(version=2, seconds=60, seed=2))
    node.sync.wake()
    node.link.cut_after = 100_000
    await node.pass_ms(1500)
    await node.stop()
    later = Node(province, storage=node.storage)
    assert active(later) == [(COMMUNE, 1)]
    later.start("sync")
    await later.pass_ms(3000)
    assert active(later) == [(COMMUNE, 2)]
    await later.stop()


async def test_a_full_disk_keeps_the_old_programme_and_says_so(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    free = node.storage.capacity_bytes
    node.storage.capacity_bytes = free - node.storage.free_bytes() + 100
    province.publish(province.news_bundle(version=2, seconds=60, seed=2))
    await node.pass_ms(70_000)
    assert active(node) == [(COMMUNE, 1)]
    assert "storage.full" in node.open_codes()
    node.storage.capacity_bytes = free
    await node.pass_ms(900_000, lambda: active(node) == [(COMMUNE, 2)])
    await node.pass_ms(70_000)
    assert active(node) == [(COMMUNE, 2)]
    assert node.open_codes() == []
    await node.stop()


async def test_a_spent_budget_lets_only_alerts_pass(province):
    plan = {"period_bytes": 400_000, "reserve_bytes": 300_000, "ahead_days": 30}
    province.publish(province.news_bundle())
    node = Node(province, budget=plan).start("sync")
    await node.pass_ms(3_000)
    assert not node.blobs.has(next(iter(province.blobs)))
    assert active(node) == []
    flood = province.flood(seconds=2)
    province.publish(manifests.alerts([flood], COMMUNE))
    await node.pass_ms(1_300_000, lambda: len(node.manifests.alerts()) == 1)
    await node.pass_ms(1000)
    assert node.blobs.has(flood["renditions"][0]["sha256"])
    await node.stop()


async def test_the_second_hub_is_tried_when_the_first_one_fails_or_lies(province):
    asked = []

    def serve(method, url, headers, body):
        asked.append(url.split("/")[2])
        if url.startswith("http://one") and url.endswith("timestamp.json"):
            return 200, {}, b"<html>log in</html>"
        return province.serve(method, url, headers, body)

    province.publish(province.news_bundle())
    node = Node(province, hub=["http://one.example", "http://two.example"])
    node.link._serve = serve
    node.start("sync")
    await node.pass_ms(70_000)
    assert active(node) == [(COMMUNE, 1)]
    assert node.codes()[0] == "link.portal"
    assert {"one.example", "two.example"} == set(asked)
    await node.stop()


async def test_a_crash_of_the_task_is_survived(province):
    province.publish(province.news_bundle())
    node = Node(province)
    calls = []
    count = node.budget.count

    def crash():
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("a bug")
        count()

    node.budget.count = crash
    node.start("sync")
    await node.pass_ms(5000)
    assert active(node) == [(COMMUNE, 1)]
    assert node.codes() == ["agent.ValueError"]
    await node.stop()


async def test_a_candidate_whose_file_is_gone_comes_again(province):
    province.publish(province.news_bundle())
    node = Node(province)
    node.sync.content.rate_media()
    node.start("sync")
    node.link.cut_after = 20_000
    await node.pass_ms(500)
    (name,) = node.storage.names("candidates")
    put(node.storage, "candidates/" + name, b"{}")
    await node.pass_ms(70_000)
    assert active(node) == [(COMMUNE, 1)]
    await node.stop()


async def test_media_damaged_on_disk_are_fetched_again(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    await node.pass_ms(2000)
    (sha256,) = province.blobs
    node.blobs.remove(sha256)
    await node.pass_ms(70_000)
    assert node.blobs.has(sha256)
    await node.stop()


async def test_a_power_cut_in_a_sync_loses_no_programme(province):
    """Cut the power at a spread of storage calls, boot, and look that a whole programme stands."""
    province.publish(province.news_bundle())
    for at in range(2, 60, 7):
        node = Node(province, storage=Storage())
        node.storage.cut_at = node.storage.calls + at
        node.start("sync")
        await node.pass_ms(1500)
        await node.stop()
        node.storage.reboot()
        later = Node(province, storage=node.storage).start("sync")
        await later.pass_ms(4000)
        assert active(later) == [(COMMUNE, 1)], at
        assert later.open_codes() == [], at
        await later.stop()


def listen(node):
    """Return a list that fills with the alerts told to other tasks."""
    told = []

    class Ear:
        def take(self, event):
            if event.trigger == "alerts":
                told.append(event)

    node.parts.feed.subscribe(Ear())
    return told


async def test_what_is_found_damaged_is_told_and_fetched_again_at_once(province):
    province.publish(province.news_bundle())
    node = Node(province, poll_s=3600).start("sync")
    assert await node.pass_ms(3000, node.manifests.bundles)
    (sha256,) = node.storage.names("blobs")
    data = node.storage.files["blobs/" + sha256]
    node.storage.files["blobs/" + sha256] = data[:-1] + b"\xff"
    with pytest.raises(RemoteFault):
        await node.blobs.open_sound(sha256, "audio/wav")
    assert await node.pass_ms(3000, lambda: node.blobs.has(sha256))
    assert node.storage.files["blobs/" + sha256] == data
    assert "blob.damaged" in node.codes() and node.open_codes() == []
    await node.stop()


async def test_a_full_disk_still_takes_an_alert_and_keeps_what_plays_next(province):
    value = province.news_bundle(seconds=50)
    later = manifests.item("later", 1)
    later["renditions"] = [province.sound(100, 7)]
    value["items"].append(later)
    value["rules"].append(manifests.rule("noon", ["later"], ["11:30"]))
    province.publish(value)
    node = Node(province).start("sync")
    assert await node.pass_ms(5000, node.manifests.bundles)
    used = node.storage.capacity_bytes - node.storage.free_bytes()
    node.storage.capacity_bytes = used + 100
    province.publish(manifests.alerts([province.flood(seconds=60)], COMMUNE))
    node.sync.wake()
    await node.pass_ms(20_000)
    (alarm,) = node.manifests.alerts()
    assert node.blobs.has(alarm.alerts[0].renditions[0].sha256)
    assert node.blobs.has(value["items"][0]["renditions"][0]["sha256"])
    await node.stop()
