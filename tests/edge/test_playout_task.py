"""The play-out task on simulated sound: what is heard when, and what is written down of it."""

import asyncio

import pytest

from edge import state_file
from hw.sim.audio import AudioOut
from protocols import canonical
from tests.edge.node_world import COMMUNE, MIDNIGHT_S, Node, Province, local, put
from tests.portable import manifests


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


async def ready(province, value=None, **fields):
    """Return a node that holds a programme and runs, at 05:29."""
    province.publish(value or province.news_bundle())
    node = Node(province, clock="05:28", **fields).start("sync", "playout", "amplifier")
    await node.pass_to("05:29")
    assert len(node.manifests.bundles()) == 1
    return node


def heard(node):
    """Return (start, from s, until s) of every stretch of sound."""
    return [
        (local(one.started_ms), one.from_sample / 16000, one.until_sample / 16000)
        for one in node.audio.heard
    ]


async def test_a_slot_sounds_at_its_time_behind_a_warm_amplifier(province):
    node = await ready(province)
    await node.pass_to("05:31")
    assert heard(node) == [("05:30:00", 0, 20)]
    assert node.plays() == [("news", "05:30:00", 0, 20_000, "complete")]
    (play,) = node.book.find("play")
    assert play["evidence"]["grade"] == 3 and play["evidence"]["coil"] == 1
    assert play["scheduled_ms"] == play["started_ms"] == manifests.at_ms("05:30")
    assert play["rendition_sha256"] in province.blobs
    base_ms = manifests.at_ms("05:28")
    (on_ms, _), (off_ms, _) = [(t, s) for t, s in node.amplifier.switched if t > 0]
    assert base_ms + on_ms <= manifests.at_ms("05:30") - 1000
    assert 1000 <= base_ms + off_ms - manifests.at_ms("05:30:20") <= 3000
    (on_air,) = node.book.find("on-air")
    assert on_air["item"] == "news"
    assert node.codes() == []
    await node.stop()


async def test_an_emergency_interrupts_and_what_it_cut_resumes_at_its_position(province):
    node = await ready(province, province.news_bundle(seconds=60))
    await node.pass_to("05:30:20")
    province.publish(manifests.alerts([province.flood(seconds=5)], COMMUNE))
    node.sync.wake()
    await node.pass_to("05:32")
    assert [play[0] for play in node.plays()] == ["news", "flood", "news"]
    first, alert, rest = node.audio.heard
    assert first.from_sample == 0 and alert.from_sample == 0
    assert abs(rest.from_sample - first.until_sample) <= 16
    assert rest.until_sample == 60 * 16000
    interrupted, emergency, resumed = node.book.find("play")
    assert (interrupted["outcome"], interrupted["reason"]) == ("interrupted", "emergency")
    assert interrupted["until_ms"] == resumed["from_ms"]
    assert (resumed["resumed"], resumed["outcome"]) == (True, "complete")
    assert emergency["class"] == "emergency"
    await node.stop()


async def test_a_play_and_its_stop_in_one_breath(province):
    """At a boot with a slot due and an alert open, the slot's play is stopped before it began."""
    province.publish(province.news_bundle())
    province.publish(manifests.alerts([province.flood(seconds=5)], COMMUNE))
    node = Node(province, clock="05:28").start("sync")
    await node.pass_ms(3000)
    await node.stop()
    node.storage.remove("state/playout")
    later = Node(province, storage=node.storage, clock="05:30:10")
    later.start("playout", "amplifier")
    await later.pass_to("05:31")
    assert [(play[0], play[4]) for play in later.plays()] == [
        ("news", "interrupted"),
        ("flood", "complete"),
        ("news", "complete"),
    ]
    assert later.plays()[0][1:4] == (None, 0, 0)
    assert len(later.audio.heard) == 2
    assert later.keeper._users == 0
    await later.stop()


async def test_a_stop_during_warm_up_gives_the_amplifier_back(province):
    node = await ready(province, amplifier={"kind": "modbus", "warm_up_ms": 20_000})
    await node.pass_to("05:29:45")
    assert node.keeper._users == 1 and node.audio.heard == []
    recalled = province.news_bundle(version=2)
    recalled.update(rules=[])
    province.publish(recalled)
    node.sync.wake()
    await node.pass_to("05:31")
    assert node.audio.heard == []
    assert node.keeper._users == 0
    assert node.amplifier.coil() == 0
    (play,) = node.book.find("play")
    assert (play["outcome"], play["reason"], play["started_ms"]) == (
        "interrupted",
        "recalled",
        None,
    )
    await node.stop()


async def test_a_stop_after_the_last_sample_is_a_finish(province):
    """A stop that comes when everything was heard must not leave a rest to resume."""
    node = await ready(province)
    play = AudioOut.play

    async def late(self, pcm, position, at_ms, gain_q15):
        reached = await play(self, pcm, position, at_ms, gain_q15)
        node.playout._performance._stop_asked = True
        return reached

    node.audio.play = late.__get__(node.audio)
    await node.pass_to("05:31")
    assert node.plays() == [("news", "05:30:00", 0, 20_000, "complete")]
    await node.stop()


async def test_sound_shorter_than_it_was_said_to_be_finishes_all_the_same(province):
    value = province.news_bundle()
    value["items"][0]["renditions"][0]["duration_ms"] = 25_000
    node = await ready(province, value)
    await node.pass_to("05:31")
    assert node.plays() == [("news", "05:30:00", 0, 20_000, "complete")]
    await node.stop()


async def test_a_sound_of_no_samples_starts_before_it_finishes(province):
    value = province.news_bundle(seconds=0)
    value["items"][0]["renditions"][0]["duration_ms"] = 1
    node = await ready(province, value)
    await node.pass_to("05:31")
    assert [play[4] for play in node.plays()] == ["complete"]
    assert node.codes() == []
    await node.stop()


async def test_a_lost_card_fails_the_play_and_the_rest_is_heard_when_it_is_back(province):
    node = await ready(province, province.news_bundle(seconds=60))
    await node.pass_to("05:30:10")
    node.audio.unplug()
    await node.pass_ms(1000)
    assert "audio.lost" in node.open_codes()
    await node.pass_ms(15_000)
    node.audio.plugged = True
    await node.pass_to("05:33")
    assert node.plays()[-1][4] == "complete"
    assert node.audio.heard[-1].until_sample == 60 * 16000
    assert {play[4] for play in node.plays()[:-1]} == {"failed"}
    assert node.open_codes() == []
    await node.stop()


async def test_a_card_that_is_missing_at_the_start_is_taken_when_it_comes(province):
    province.publish(province.news_bundle())
    node = Node(province, clock="05:28")
    node.audio.plugged = False
    node.start("sync", "playout", "amplifier")
    await node.pass_to("05:29")
    assert node.open_codes() == ["audio.missing"]
    node.audio.plugged = True
    await node.pass_to("05:31")
    assert heard(node) == [("05:30:00", 0, 20)]
    assert node.open_codes() == []
    await node.stop()


async def test_media_damaged_on_disk_are_not_played_and_the_fallback_is(province):
    value = province.news_bundle()
    spare = manifests.item("music", 3)
    spare["renditions"] = [province.sound(10, 7)]
    value["items"].append(spare)
    value["fallback"] = ["music"]
    node = await ready(province, value)
    news = value["items"][0]["renditions"][0]["sha256"]
    node.storage.files["blobs/" + news] = node.storage.files["blobs/" + news][:-1] + b"x"
    province.blobs.pop(news)
    await node.pass_to("05:31")
    assert [(play[0], play[4]) for play in node.plays()] == [
        ("news", "failed"),
        ("music", "complete"),
    ]
    assert node.book.find("play")[0]["reason"] == "blob.missing"
    assert "blob.missing" in node.codes()
    assert not node.blobs.has(news)
    await node.stop()


async def test_a_fault_of_media_ends_with_the_next_play_that_is_heard(province):
    test = test_media_damaged_on_disk_are_not_played_and_the_fallback_is
    await test(province)
    node = await again(province)
    assert "blob.missing" not in node.open_codes()
    await node.stop()


async def again(province):
    province.publish(province.news_bundle(version=2, seed=5))
    node = Node(province, clock="05:28").start("sync", "playout", "amplifier")
    await node.pass_to("05:31")
    return node


async def test_a_bug_while_playing_is_a_failed_play_and_not_a_hang(province):
    node = await ready(province)

    async def broken(sha256, media_type):
        raise ValueError("a bug")

    node.blobs.open_sound = broken
    await node.pass_to("05:30:01")
    assert node.plays()[0][4] == "failed"
    assert node.book.find("play")[0]["reason"] == "agent.ValueError"
    assert "agent.ValueError" in node.open_codes()
    assert node.keeper._users == 0
    del node.blobs.open_sound
    await node.pass_to("05:32")
    assert node.plays()[-1][4] == "complete"
    assert node.open_codes() == []
    await node.stop()


async def test_a_crash_of_the_task_goes_on_with_the_slot_after_its_restart(province):
    node = await ready(province, province.news_bundle(seconds=60))
    record = node.playout._record_played
    crashes = []

    def crash(fact, observed):
        if not crashes:
            crashes.append(1)
            raise ValueError("a bug")
        record(fact, observed)

    node.playout._record_played = crash
    await node.pass_to("05:30:20")
    province.publish(manifests.alerts([province.flood(seconds=5)], COMMUNE))
    node.sync.wake()
    await node.pass_to("05:33")
    assert node.codes() == ["agent.ValueError"]
    outcomes = [(play[0], play[4]) for play in node.plays()]
    assert outcomes[-2:] == [("flood", "complete"), ("news", "complete")]
    assert node.keeper._users == 0 and node.amplifier.coil() == 0
    await node.pass_ms(700_000)
    assert node.open_codes() == []
    await node.stop()


async def test_a_stale_answer_does_not_crash_the_next_life(province):
    node = await ready(province, province.news_bundle(seconds=60))
    await node.pass_to("05:30:20")

    class Nonsense:
        trigger = "nonsense"

    node.playout._inbox.take(Nonsense())
    await node.pass_ms(3000)
    assert node.codes() == ["playout.state"]
    await node.pass_to("05:33")
    assert node.codes() == ["playout.state"]
    assert node.plays()[-1][4] == "complete"
    await node.stop()


async def test_a_clean_end_writes_down_what_was_heard_and_resumes_after_the_restart(province):
    node = await ready(province, province.news_bundle(seconds=60))
    await node.pass_to("05:30:20")
    await node.stop()
    (play,) = node.book.find("play")
    assert (play["outcome"], play["reason"]) == ("interrupted", "restart")
    assert 19_000 <= play["until_ms"] <= 20_500
    assert node.amplifier.coil() == 0
    later = Node(province, storage=node.storage, clock="05:30:40")
    later.link.is_down = True
    later.start("playout", "amplifier")
    await later.pass_to("05:32")
    assert [one[2:] for one in later.plays()] == [(play["until_ms"], 60_000, "complete")]
    assert later.book.find("play")[0]["resumed"] is True
    await later.stop()


async def test_after_a_power_cut_the_stored_slot_plays_without_any_hub(province):
    node = await ready(province)
    storage = node.storage
    node.running.cancel()
    later = Node(province, storage=storage, clock="05:29:30")
    later.link.is_down = True
    later.start("sync", "playout", "amplifier")
    await later.pass_to("05:31")
    assert later.plays() == [("news", "05:30:00", 0, 20_000, "complete")]
    await later.stop()
    await asyncio.gather(node.running, return_exceptions=True)


async def test_an_unknown_clock_plays_nothing_scheduled_but_a_live_alert(province):
    province.publish(province.news_bundle())
    node = Node(province, clock=None).start("sync", "playout", "amplifier")
    await node.pass_ms(180_000)
    assert node.audio.heard == []
    assert node.time.now().source == "unknown"
    province.publish(manifests.alerts([province.flood(sent_s=MIDNIGHT_S)], COMMUNE))
    await node.pass_ms(90_000)
    assert [play[0] for play in node.plays()] == ["flood"]
    assert node.book.find("play")[0]["started_ms"] is None
    await node.stop()


async def test_a_full_disk_does_not_silence_the_node(province):
    node = await ready(province)
    capacity = node.storage.capacity_bytes
    node.storage.capacity_bytes = 0
    await node.pass_to("05:31")
    assert node.plays() == [("news", "05:30:00", 0, 20_000, "complete")]
    assert "storage.full" in node.open_codes()
    node.storage.capacity_bytes = capacity
    await node.pass_to("05:33")
    assert node.open_codes() == []
    data = state_file.read_either(node.storage, "state/playout", 65536)
    assert canonical.decode(data, 65536)["done"]
    await node.stop()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"done":7}', b"\xff" * 9, b"x" * 70_000])
async def test_a_damaged_memory_is_a_fault_and_no_silence(province, damage):
    node = await ready(province)
    await node.stop()
    for name in ("state/playout", "state/playout-copy"):
        put(node.storage, name, damage)
    later = Node(province, storage=node.storage, clock="05:29")
    later.start("playout", "amplifier")
    await later.pass_to("05:31")
    assert later.plays() == [("news", "05:30:00", 0, 20_000, "complete")]
    assert [place for place, _ in later.faults.open_faults()] == []
    assert later.book.find("fault", place="store.playout", state="raised")
    await later.stop()


async def test_a_finished_alert_is_not_played_again_after_a_reboot(province):
    node = await ready(province)
    province.publish(manifests.alerts([province.flood(seconds=5)], COMMUNE))
    node.sync.wake()
    await node.pass_ms(10_000)
    assert [play[0] for play in node.plays()] == ["flood"]
    await node.stop()
    later = Node(province, storage=node.storage, clock="05:29:30").start("playout")
    await later.pass_ms(10_000)
    assert later.plays() == []
    await later.stop()


async def test_a_cancel_stops_the_alert_on_air(province):
    node = await ready(province)
    flood = province.flood(seconds=30)
    province.publish(manifests.alerts([flood], COMMUNE))
    node.sync.wake()
    await node.pass_ms(8_000)
    end = province.flood("end", kind="cancel", references=["flood"], seed=901)
    province.publish(manifests.alerts([flood, end], COMMUNE, 2))
    node.sync.wake()
    await node.pass_ms(3_000)
    (play,) = node.book.find("play")
    assert (play["item"], play["reason"]) == ("flood", "cancelled")
    await node.stop()


async def test_a_volume_set_during_warm_up_counts(province):
    node = await ready(province, amplifier={"kind": "modbus", "warm_up_ms": 20_000})
    await node.pass_to("05:29:45")
    value = manifests.settings()
    value.update(unit=COMMUNE, volume_percent=10)
    province.publish_settings(value)
    node.sync.wake()
    await node.pass_to("05:31")
    assert node.audio.heard[0].gain_q15 == 32767 * 10 // 100
    await node.stop()
