"""The node's belief about the time: its floor survives, damage does not fool it, all are told."""

import pytest

from edge.feed import Feed
from edge.inbox import Inbox
from edge.node_time import NodeTime
from hw.sim.clock import Clock
from hw.sim.storage import Storage
from protocols import canonical
from tests.edge.node_world import Notes, put
from tests.portable.manifests import MIDNIGHT_MS, MIDNIGHT_S


class Rig:
    def __init__(self, wall_ms=MIDNIGHT_MS, storage=None, sets_clock=False):
        self.storage = storage or Storage()
        self.clock = Clock(wall_ms)
        self.inbox, self.book = Inbox(), Notes()
        feed = Feed()
        feed.subscribe(self.inbox)
        self.time = NodeTime(self.clock, self.storage, feed, self.book, sets_clock)

    def told(self):
        found = []
        while (event := self.inbox.next()) is not None:
            found.append((event.wall_ms, event.trust, event.floor_ms))
        return found


def test_the_platforms_time_is_believed_as_that_of_its_rtc():
    rig = Rig()
    assert (rig.time.wall_ms(), rig.time.now().source) == (MIDNIGHT_MS, "rtc")
    rig.clock.advance(1000)
    assert rig.time.wall_ms() == MIDNIGHT_MS + 1000
    assert rig.time.ticks_ms() == 1000


def test_without_a_clock_the_floor_alone_is_known():
    rig = Rig(None)
    assert (rig.time.wall_ms(), rig.time.latest_s()) == (None, 0)
    rig.time.raise_floor(MIDNIGHT_S)
    assert (rig.time.wall_ms(), rig.time.latest_s()) == (None, MIDNIGHT_S)
    assert rig.told() == [(None, "unknown", MIDNIGHT_MS)]


def stored_timestamp(storage, issued_s):
    put(storage, "metadata/timestamp.json", canonical.encode({"signed": {"x-issued": issued_s}}))


def test_the_floor_never_falls_and_stands_with_the_timestamp_over_a_reboot():
    rig = Rig()
    for issued_s in (MIDNIGHT_S, MIDNIGHT_S + 5, MIDNIGHT_S - 5):
        rig.time.raise_floor(issued_s)
    assert rig.time.floor_ms == MIDNIGHT_MS + 5000
    stored_timestamp(rig.storage, MIDNIGHT_S + 5)
    later = Rig(storage=rig.storage, wall_ms=MIDNIGHT_MS - 86_400_000)
    assert later.time.floor_ms == MIDNIGHT_MS + 5000
    assert later.time.wall_ms() is None


def test_a_clock_behind_the_floor_becomes_unknown_and_is_recorded():
    rig = Rig(MIDNIGHT_MS - 86_400_000)
    rig.time.raise_floor(MIDNIGHT_S)
    assert rig.time.wall_ms() is None
    (body,) = rig.book.find("clock")
    assert body["reason"] == "clock-behind-floor"


@pytest.mark.parametrize(
    "damage",
    [b"", b"x", b"[]", b"{}", b'{"signed":1}', b'{"signed":{"x-issued":"1"}}']
    + [b'{"signed":{"x-issued":-5}}', b'{"signed":{"x-issued":999999999999}}', b"9" * 20000],
)
def test_a_damaged_timestamp_gives_no_floor(damage):
    storage = Storage()
    put(storage, "metadata/timestamp.json", damage)
    rig = Rig(storage=storage)
    assert (rig.time.floor_ms, rig.time.wall_ms()) == (0, MIDNIGHT_MS)


def test_a_voided_floor_takes_the_hubs_time_with_it_and_leaves_the_rtcs():
    rig = Rig()
    rig.time.raise_floor(MIDNIGHT_S - 1000)
    rig.time.void_floor()
    assert (rig.time.floor_ms, rig.time.wall_ms()) == (0, MIDNIGHT_MS)
    assert rig.time.sure_s() == MIDNIGHT_S
    rig.time.offer_hub(MIDNIGHT_MS + 10**10, 0, 0)
    assert rig.time.sure_s() == 0
    rig.time.void_floor()
    assert (rig.time.wall_ms(), rig.time.latest_s()) == (None, 0)
    assert rig.book.find("clock")[-1]["reason"] == "floor-voided"
    rig.time.offer_hub(MIDNIGHT_MS, 0, 0)
    assert rig.time.wall_ms() == MIDNIGHT_MS


def test_the_hubs_time_is_taken_told_and_recorded_when_it_steps():
    rig = Rig()
    rig.time.offer_hub(MIDNIGHT_MS + 60_000, 0, 0)
    assert rig.time.now().source == "hub"
    assert rig.told() == [(MIDNIGHT_MS + 60_000, "hub", 0)]
    (body,) = rig.book.find("clock")
    assert (body["reason"], body["step_ms"]) == ("step", 60_000)
    rig.time.offer_hub(MIDNIGHT_MS + 60_000, 0, 0)
    assert len(rig.book.find("clock")) == 1


def test_small_corrections_are_believed_and_told_when_they_have_added_up():
    rig = Rig()
    rig.time.offer_hub(MIDNIGHT_MS, 0, 0)
    assert [trust for _, trust, _ in rig.told()] == ["hub"]
    for turn, ahead_ms in enumerate((40, 80, 120, 130), 1):
        rig.clock.advance(3_600_000)
        ticks_ms = rig.clock.ticks_ms()
        rig.time.offer_hub(MIDNIGHT_MS + ticks_ms + ahead_ms, ticks_ms, ticks_ms)
        assert rig.time.wall_ms() == MIDNIGHT_MS + ticks_ms + ahead_ms
        assert len(rig.told()) == (turn == 3)


def test_a_contradicting_network_is_recorded_and_not_believed():
    rig = Rig()
    rig.time.offer_network(MIDNIGHT_MS + 7 * 3_600_000, 0, 100)
    assert (rig.time.wall_ms(), rig.told()) == (MIDNIGHT_MS, [])
    (body,) = rig.book.find("clock")
    assert body["source"] == "network"


@pytest.mark.parametrize("sets_clock", [False, True])
def test_the_platforms_clock_is_set_where_the_node_may(sets_clock):
    rig = Rig(None, sets_clock=sets_clock)
    rig.time.offer_hub(MIDNIGHT_MS, 0, 0)
    assert rig.clock.wall_ms() == (MIDNIGHT_MS if sets_clock else None)
    assert rig.time.wall_ms() == MIDNIGHT_MS
