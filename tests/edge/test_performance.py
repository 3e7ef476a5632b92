"""One `Play` from its command to its answer: exactly one end, whenever a stop comes."""

import asyncio

import pytest

from edge.performance import GAIN_UNITY_Q15, Performance, gain_q15
from hw.sim.audio import AudioOut
from protocols.play_values import Failed, Finished, Play, Started, Stopped
from tests.edge.node_world import Node, Province
from tests.portable import manifests

SECONDS = 10


class Stage:
    """A node whose play-out is this test alone."""

    def __init__(self, province):
        value = province.sound(SECONDS)
        self.node = Node(province, clock="05:00")
        self.node.storage.files["blobs/" + value["sha256"]] = province.blobs[value["sha256"]]
        self.sha256 = value["sha256"]
        self.node.start("amplifier")

    async def perform(self, position_ms=0, at_ms=None, duration_ms=SECONDS * 1000):
        await self.node.audio.open()
        play = Play(
            7, self.sha256, "audio/wav", duration_ms, position_ms, at_ms,
            80, "normal", False, "news", "Tin",
        )  # fmt: skip
        node = self.node
        self.inbox = node.playout._inbox
        return Performance(play, node.parts, node.clock, node.audio, node.keeper, self.inbox)

    def answers(self):
        found = []
        while (event := self.inbox.next()) is not None:
            found.append(event)
        return found


@pytest.fixture
async def stage(tmp_path):
    stage = Stage(Province(tmp_path))
    yield stage
    assert stage.node.keeper._users == 0
    await stage.node.stop()


async def test_it_says_started_and_finished_and_keeps_evidence(stage):
    one = await stage.perform()
    one.start()
    await stage.node.pass_ms(13_000)
    assert stage.answers() == [Started(7), Finished(7, 10_000)]
    assert one.observed["milliwatts"] == 26000
    assert stage.node.audio.heard[0].gain_q15 == gain_q15(80)


async def test_an_exact_start_is_kept(stage):
    at_ms = manifests.at_ms("05:00:07")
    one = await stage.perform(4_000, at_ms)
    one.start()
    await stage.node.pass_ms(15_000)
    (heard,) = stage.node.audio.heard
    assert (heard.started_ms, heard.from_sample) == (at_ms, 64_000)


@pytest.mark.parametrize("after_ms", [0, 50, 500, 950, 1000, 1050, 3000, 6450, 6500, 7000])
async def test_a_stop_at_any_moment_is_answered_once(stage, after_ms):
    """Before it ran, in the warm-up, in the wait, in the last half second, while it sounds."""
    one = await stage.perform(0, manifests.at_ms("05:00:07"))
    one.start()
    if after_ms:
        await stage.node.pass_ms(after_ms)
    await one.stop(30)
    await one.stop(30)
    await stage.node.pass_ms(500)
    answers = stage.answers()
    assert answers[-1:] == [Stopped(7, 0)] or after_ms == 7000
    assert len([one for one in answers if isinstance(one, Stopped)]) == 1
    await stage.node.pass_ms(15_000)
    assert stage.answers() == []


async def test_a_stop_while_it_sounds_tells_the_position(stage):
    one = await stage.perform(2_000)
    one.start()
    await stage.node.pass_ms(5_000)
    await one.stop(30)
    await stage.node.pass_ms(500)
    started, stopped = stage.answers()
    assert isinstance(started, Started)
    assert stopped.position_ms == pytest.approx(2_000 + 4_000, abs=100)


async def test_an_abandoned_one_ends_without_noise(stage):
    for after_ms in (0, 500, 3000):
        one = await stage.perform()
        one.start()
        if after_ms:
            await stage.node.pass_ms(after_ms)
        await asyncio.wait_for(one.abandon(), 5)
        assert not stage.node.audio.is_sounding()
    stage.answers()


async def test_content_that_is_missing_is_told_from_a_device_that_fails(stage):
    stage.node.audio.plugged = True
    one = await stage.perform()
    stage.node.audio.unplug()
    one.start()
    await stage.node.pass_ms(3000)
    assert stage.answers()[-1] == Failed(7, 0, False, "audio.lost")
    stage.node.audio.plugged = True
    stage.node.blobs.remove(stage.sha256)
    one = await stage.perform()
    one.start()
    await stage.node.pass_ms(3000)
    assert stage.answers() == [Failed(7, 0, True, "blob.missing")]


async def test_started_comes_before_finished_however_short_it_is(stage):
    one = await stage.perform(position_ms=SECONDS * 1000)
    one.start()
    await stage.node.pass_ms(3000)
    assert [event.trigger for event in stage.answers()] == ["started", "finished"]


async def test_a_volume_counts_before_and_while_it_sounds(stage):
    one = await stage.perform()
    one.start()
    await stage.node.pass_ms(500)
    one.set_volume(50)
    await stage.node.pass_ms(2000)
    assert stage.node.audio.gain_q15 == gain_q15(50)
    one.set_volume(100)
    assert stage.node.audio.gain_q15 == GAIN_UNITY_Q15
    await one.abandon()


def test_gain_is_the_amplitudes_percentage_and_never_more_than_unity():
    assert [gain_q15(one) for one in (0, 50, 100, 200)] == [0, 16383, 32767, 32767]
    assert AudioOut.rate_hz == 16000
