"""Every invariant can fail: a bug put into the product is seen by the judge."""

from edge.blob_store import BlobStore
from edge.playout_task import PlayoutTask
from hub import ingest
from protocols.policy import Policy
from tests.simulation.world import Scale, run

CALM = Scale(2, 2, ())


def breach(scale=CALM, seed=3):
    return run(scale, seed).fault or "nothing"


def test_without_a_bug_nothing_is_broken():
    assert breach() == "nothing"


def test_an_acknowledgement_before_the_record_stands_is_seen(monkeypatch):
    monkeypatch.setattr(ingest, "_store_entries", lambda *_: None)
    assert breach().startswith("acknowledged and lost")


def test_quiet_hours_that_nobody_keeps_are_seen(monkeypatch):
    monkeypatch.setattr(Policy, "is_quiet", lambda *_: False)
    faults = [breach(Scale(2, 2, ()), seed) for seed in (3, 4, 5)]
    assert any(fault.startswith("quiet hours") for fault in faults), faults


def test_a_ceiling_that_nobody_keeps_is_seen(monkeypatch):
    monkeypatch.setattr(Policy, "volume", lambda *_: 100)
    assert breach().startswith("above the ceiling")


def test_a_play_that_is_not_written_down_is_seen(monkeypatch):
    monkeypatch.setattr(PlayoutTask, "_record_played", lambda *_: None)
    assert breach().startswith("a play was not recorded")


def test_sound_that_is_not_what_was_approved_is_seen(monkeypatch):
    honest = BlobStore.open_sound

    async def spoilt(self, sha256, media_type):
        reader = await honest(self, sha256, media_type)
        read = reader.read
        reader.read = lambda count: read(count).replace(b"\0", b"\1")
        return reader

    monkeypatch.setattr(BlobStore, "open_sound", spoilt)
    assert breach().startswith("unverified sound")


def test_a_node_that_stops_asking_is_seen(monkeypatch):
    monkeypatch.setattr("protocols.sync_session.poll_ms", lambda *_: 10 * 86_400_000)
    assert breach().startswith(("no two rounds", "not converged"))
