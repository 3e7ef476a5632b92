"""Every invariant can fail: a bug put into the product is seen by the judge."""

from edge.blob_store import BlobStore
from edge.playout_task import PlayoutTask
from edge.underway import Underway
from hub import ingest
from protocols import budget
from protocols.budget import Budget
from protocols.open_alerts import OpenAlerts
from protocols.outbox import Dropped, Outbox
from protocols.policy import Policy
from tests.simulation import world
from tests.simulation.world import Scale, run

CALM = Scale(2, 2, ())
CUTS = Scale(2, 3, ("power",))


def breach(scale=CALM, seed=3):
    return run(scale, seed).fault or "nothing"


def test_without_a_bug_nothing_is_broken():
    assert breach() == "nothing"


def test_an_acknowledgement_before_the_record_stands_is_seen(monkeypatch):
    monkeypatch.setattr(ingest, "_store_entries", lambda *_: None)
    assert breach().startswith("acknowledged and lost")


def test_quiet_hours_that_nobody_keeps_are_seen(monkeypatch):
    monkeypatch.setattr(Policy, "is_quiet", lambda *_: False)
    faults = [breach(Scale(2, 2, ()), seed) for seed in (3, 5)]
    assert any(fault.startswith("quiet hours") for fault in faults), faults


def test_a_ceiling_that_nobody_keeps_is_seen(monkeypatch):
    monkeypatch.setattr(Policy, "volume", lambda *_: 100)
    assert breach().startswith("above the ceiling")


def test_a_play_that_is_not_written_down_is_seen(monkeypatch):
    monkeypatch.setattr(PlayoutTask, "_record_played", lambda *_: None)
    assert breach().startswith("a play was not recorded")


def test_a_cut_play_that_is_not_written_down_is_seen(monkeypatch):
    monkeypatch.setattr(Underway, "take_cut", lambda *_: None)
    assert breach(CUTS).startswith("a cut play was not recorded")


def test_a_cut_play_that_claims_too_much_is_seen(monkeypatch):
    honest = Underway.take_cut

    def boast(self):
        number, data = self._book.memo("plays")
        self._book.memo = lambda chain: (number + 60_000, data)
        return honest(self)

    monkeypatch.setattr(Underway, "take_cut", boast)
    assert breach(CUTS).startswith("a cut play was recorded as longer than it was")


def test_a_cut_play_that_is_written_down_twice_is_seen(monkeypatch):
    honest = Underway.take_cut

    def twice(self):
        memo = self._book.memo("plays")
        cut = honest(self)
        self._book.memo = lambda chain: memo
        return cut and honest(self)

    monkeypatch.setattr(Underway, "take_cut", twice)
    assert breach(CUTS).startswith("a play was recorded twice")


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


def test_a_play_that_is_written_down_twice_is_seen(monkeypatch):
    honest = PlayoutTask._record_played

    def twice(self, *told):
        honest(self, *told)
        honest(self, *told)

    monkeypatch.setattr(PlayoutTask, "_record_played", twice)
    assert breach().startswith("a play was recorded twice")


def test_an_alert_that_never_ends_is_seen(monkeypatch):
    honest = OpenAlerts.played

    def forgetful(self, entry, now_ms):
        if entry.standing.alert.repeat is not None:
            return honest(self, entry, now_ms)
        entry.job, entry.due_ticks = None, now_ms
        return []

    monkeypatch.setattr(OpenAlerts, "played", forgetful)
    assert breach().startswith("an alert played twice")


def test_an_alert_that_nobody_plays_is_seen(monkeypatch):
    monkeypatch.setattr(OpenAlerts, "best", lambda *_: None)
    assert breach().startswith("an alert was not played")


def test_records_that_a_restored_hub_is_not_sent_again_are_seen(monkeypatch):
    honest = Outbox._take_position

    def forgetful(self, epoch, position):
        before = self._positions.get(epoch, 0)
        honest(self, epoch, position)
        if position < before:
            self._drop(Dropped(epoch, 1, before))

    monkeypatch.setattr(Outbox, "_take_position", forgetful)
    faults = [breach(Scale(2, 2, ("restore",)), seed) for seed in (2, 3)]
    lost = ("a record was lost", "acknowledged and lost")
    assert any(fault.startswith(lost) for fault in faults), faults


def spendthrift(monkeypatch, purpose, period_bytes):
    """Grant everything to one purpose, under a plan that is too small for the news of a day."""
    honest = Budget.allowed

    def allowed(self, asked, *spent):
        return 1 << 40 if asked == purpose else honest(self, asked, *spent)

    plan = {"period_bytes": period_bytes, "reserve_bytes": period_bytes // 2}
    monkeypatch.setattr(Budget, "allowed", allowed)
    monkeypatch.setattr(world, "PLAN", plan)
    return breach(Scale(1, 3, (), True), 4)


def test_a_budget_that_nobody_keeps_is_seen(monkeypatch):
    assert spendthrift(monkeypatch, budget.CONTROL, 100_000).startswith("over budget")


def test_bulk_that_takes_the_alerts_reserve_is_seen(monkeypatch):
    assert spendthrift(monkeypatch, budget.BULK, 400_000).startswith("bulk took the reserve")
