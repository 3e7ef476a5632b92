"""What a node fetches next: order, patience, budget; every (state, trigger) pair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import sync_session
from protocols.budget import ALERT, BULK, CONTROL
from protocols.errors import LocalFault
from protocols.media import Blob
from protocols.sync_session import (
    BACKOFF_MS_MAX,
    BACKOFF_MS_MIN,
    BLOB,
    IDLE,
    MANIFEST,
    REFRESH,
    SLICE_BYTES_MAX,
    SLICE_BYTES_MIN,
    SLICE_MS,
    SyncSession,
    Wanted,
)


def plenty(_purpose):
    return 1 << 40


def blob(name, length=10):
    return Blob(0, name * 64, length, "audio/wav")


def in_state(state):
    session = SyncSession("n1")
    if state == IDLE:
        return session
    assert session.next_step(0, plenty).kind == REFRESH
    if state == REFRESH:
        return session
    session.refreshed(["a", "b"])
    assert session.next_step(0, plenty).path == "a"
    if state == MANIFEST:
        return session
    session.manifest_done()
    session.next_step(0, plenty)
    session.manifest_done()
    session.checked(0, 300_000)
    session.want([Wanted(blob("a"), False)])
    assert session.next_step(0, plenty).kind == BLOB
    return session


TRIGGERS = {
    "refreshed": lambda session: session.refreshed([]),
    "manifest_done": lambda session: session.manifest_done(),
    "manifest named": lambda session: session.manifest_done(["c"]),
    "blob_progress": lambda session: session.blob_progress(True),
    "blob_refused": lambda session: session.blob_refused(0, True),
    "link_lost": lambda session: session.link_lost(0),
}
ALLOWED = {
    (REFRESH, "refreshed"): IDLE,
    (MANIFEST, "manifest_done"): MANIFEST,
    (MANIFEST, "manifest named"): MANIFEST,
    (BLOB, "blob_progress"): IDLE,
    (BLOB, "blob_refused"): IDLE,
    **{(state, "link_lost"): IDLE for state in (IDLE, REFRESH, MANIFEST, BLOB)},
}


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("state", [IDLE, REFRESH, MANIFEST, BLOB])
def test_every_state_and_trigger(state, trigger):
    session = in_state(state)
    if (state, trigger) in ALLOWED:
        TRIGGERS[trigger](session)
        assert session.state == ALLOWED[state, trigger]
    else:
        before = dict(vars(session))
        with pytest.raises(LocalFault, match="sync"):
            TRIGGERS[trigger](session)
        assert vars(session) == before


def test_one_cycle_goes_alerts_then_programme_then_media():
    session = SyncSession("n1")
    session.next_step(0, plenty)
    session.refreshed(["alert", "settings", "bundle"])
    seen = []
    while session.state == MANIFEST:
        seen.append(session.next_step(0, plenty).path)
        session.manifest_done(["bundle above"] if seen == ["alert", "settings"] else [])
    session.checked(0, 300_000)
    session.want([Wanted(blob("b"), False), Wanted(blob("a"), True), Wanted(blob("c"), False)])
    while True:
        step = session.next_step(0, plenty)
        if step is None:
            break
        seen.append((step.blob.sha256[0], step.alert))
        session.blob_progress(True)
    manifests = ["alert", "settings", "bundle", "bundle above"]
    assert seen == [*manifests, ("a", True), ("b", False), ("c", False)]
    assert 240_000 <= session.deadline_ms(plenty) <= 300_000


def test_a_due_check_goes_before_the_next_slice():
    session = in_state(BLOB)
    session.blob_progress(False)
    assert session.next_step(1, plenty).kind == BLOB
    session.blob_progress(False)
    session.wake(2)
    assert session.next_step(2, plenty).kind == REFRESH


def test_a_medium_that_the_hub_lacks_waits_alone_and_longer_each_time():
    session = SyncSession("n1")
    session.next_step(0, plenty)
    session.refreshed([])
    session.checked(0, 1 << 40)
    session.want([Wanted(blob("a"), False), Wanted(blob("b"), False)])
    assert session.next_step(0, plenty).blob == blob("a")
    session.blob_refused(0, True)
    assert session.pending() == ["b" * 64]
    assert session.next_step(0, plenty).blob == blob("b")
    session.blob_progress(True)
    assert session.next_step(0, plenty) is None
    now, waits = 0, []
    for _ in range(10):
        again = session.deadline_ms(plenty)
        waits.append(again - now)
        now = again
        assert session.next_step(now, plenty).blob == blob("a")
        session.blob_refused(now, True)
        session.want([Wanted(blob("a"), False)])
    assert waits[0] <= 60_000 < waits[2]
    assert waits[-1] <= sync_session.BLOB_BACKOFF_MS_MAX


def test_there_is_no_retry_ceiling_and_backoff_is_bounded():
    session, now = SyncSession("n1"), 0
    session.want([Wanted(blob("a"), False)])
    for attempt in range(200):
        assert session.next_step(now, plenty).kind == REFRESH
        session.link_lost(now)
        wait = session.deadline_ms(plenty) - now
        assert session.next_step(now + wait - 1, plenty) is None
        assert BACKOFF_MS_MIN * 8 // 10 <= wait <= BACKOFF_MS_MAX
        if attempt > 20:
            assert wait >= BACKOFF_MS_MAX * 8 // 10
        now += wait


def test_spent_bulk_stops_media_but_not_checks_and_alerts():
    def spent(purpose):
        return {BULK: 0, CONTROL: 0, ALERT: 1000}[purpose]

    session = SyncSession("n1")
    assert session.next_step(0, spent).kind == REFRESH
    session.refreshed([])
    session.checked(0, 300_000)
    session.want([Wanted(blob("b"), False), Wanted(blob("a"), True)])
    step = session.next_step(0, spent)
    assert (step.blob, step.bytes_max, step.alert) == (blob("a"), 1000, True)
    session.blob_progress(True)
    assert session.next_step(0, spent) is None
    assert session.deadline_ms(spent) > 200_000
    assert SyncSession("n1").next_step(0, lambda _: 0) is None


def test_checks_tighten_before_a_slot_and_loosen_at_night():
    poll_ms = sync_session.poll_ms
    assert poll_ms(300_000, 12 * 3600, None) == 300_000
    assert poll_ms(300_000, 23 * 3600, None) == 1_200_000
    assert poll_ms(300_000, 3 * 3600, None) == 1_200_000
    assert poll_ms(300_000, 3 * 3600, 900_000) == 60_000
    assert poll_ms(300_000, None, None) == 300_000
    assert poll_ms(10_000, 12 * 3600, 1) == 10_000


@given(st.text(max_size=10), st.integers(0, 10**6), st.integers(1, 10**8))
def test_jitter_shortens_by_at_most_a_fifth(node, turn, interval_ms):
    wait = sync_session.jittered(interval_ms, node, turn)
    assert interval_ms * 8 // 10 <= wait <= interval_ms
    assert wait == sync_session.jittered(interval_ms, node, turn)


def test_nodes_spread():
    waits = {sync_session.jittered(300_000, "n%d" % node, 1) for node in range(200)}
    assert len(waits) > 190


def test_a_slice_is_bounded():
    session = in_state(BLOB)
    session.blob_progress(False)
    assert session.next_step(0, plenty).bytes_max == SLICE_BYTES_MIN


def test_slices_follow_the_pace_of_the_link():
    session = in_state(BLOB)
    sizes = []
    for _ in range(6):
        session.blob_progress(False)
        size = session.next_step(0, plenty).bytes_max
        sizes.append(size)
        session.pace(size, size // 1000)
    assert sizes[:3] == [SLICE_BYTES_MIN, 4 * SLICE_BYTES_MIN, 16 * SLICE_BYTES_MIN]
    assert all(abs(size - 1000 * SLICE_MS) < 2000 for size in sizes[3:])
    session.pace(1000, 1)
    session.blob_progress(False)
    assert abs(session.next_step(0, plenty).bytes_max - 1000 * SLICE_MS) < 2000
    session.pace(1000 * SLICE_MS, 60_000)
    session.blob_progress(False)
    assert session.next_step(0, plenty).bytes_max == SLICE_MS * 50
    for _ in range(9):
        session.pace(SLICE_BYTES_MAX, 0)
    session.blob_progress(False)
    assert session.next_step(0, plenty).bytes_max == SLICE_BYTES_MAX
    session.pace(0, 10)
    session.blob_progress(False)
    assert session.next_step(0, plenty).bytes_max == SLICE_BYTES_MIN
