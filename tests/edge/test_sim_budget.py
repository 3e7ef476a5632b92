"""The SIM's bytes: counted over reboots, granted by purpose, never invented by damage."""

import pytest

from edge.faults import Faults
from edge.feed import Feed
from edge.node_time import NodeTime
from edge.sim_budget import SimBudget
from hw import ports
from hw.sim.clock import Clock
from hw.sim.storage import Storage
from protocols.budget import ALERT, BULK, CONTROL, Budget
from tests.edge.node_world import Notes, put
from tests.portable.manifests import DAY_MS, MIDNIGHT_MS

MB = 1024 * 1024
# What is granted at once: three quarters of a lease.
LEASED = MB // 4 * 3 // 4
PLAN = Budget(100 * MB, 10 * MB, 30, 30, "sim-1")


class Interface(ports.Link):
    bytes = 0
    named = ""

    def life(self):
        return self.named

    def counters(self):
        return self.bytes, 0


class Rig:
    def __init__(self, plan=PLAN, storage=None, wall_ms=MIDNIGHT_MS, counted=0, life=""):
        self.storage = storage or Storage()
        self.link, self.clock = Interface(), Clock(wall_ms)
        self.link.bytes, self.link.named = counted, life
        self.book = Notes()
        self.faults = Faults(self.book)
        time = NodeTime(self.clock, self.storage, Feed(), self.book, False)
        self.budget = SimBudget(plan, self.link, self.storage, time, self.faults)

    def spend(self, count):
        self.link.bytes += count
        self.budget.count()


def test_without_a_plan_everything_is_granted_and_nothing_stored():
    rig = Rig(Budget(0, 0, 30, 0, ""))
    rig.spend(500 * MB)
    assert rig.budget.allowed(BULK) > 500 * MB
    assert rig.storage.files == {}


def test_purposes_run_out_one_after_the_other():
    rig = Rig()
    rig.spend(90 * MB)
    assert [rig.budget.allowed(one) for one in (BULK, CONTROL, ALERT)] == [0, 0, LEASED]
    rig.spend(10 * MB)
    assert rig.budget.allowed(ALERT) == 0
    assert rig.faults.open_faults() == [["sync.budget", "budget.spent"]]
    rig.clock.advance(31 * DAY_MS)
    rig.spend(0)
    assert rig.budget.allowed(BULK) > 0
    assert rig.faults.open_faults() == []


@pytest.mark.parametrize("sim", ["sim-1", ""])
def test_the_count_survives_a_reboot_and_a_counter_that_starts_anew(sim):
    plan = PLAN._replace(sim=sim)
    rig = Rig(plan)
    rig.spend(20 * MB)
    later = Rig(plan, rig.storage)
    later.spend(5 * MB)
    assert later.budget.forecast().spent_bytes == 25 * MB


def test_a_counter_that_started_anew_and_passed_the_last_one_forgets_nothing():
    rig = Rig(life="boot-1.3")
    rig.spend(2 * MB)
    # The system fetched 5 MB before the agent ran: the count began at nothing again.
    later = Rig(storage=rig.storage, counted=5 * MB, life="boot-2.3")
    assert later.budget.forecast().spent_bytes == 7 * MB
    # A modem that was unplugged comes back under another number.
    later.link.bytes, later.link.named = 6 * MB, "boot-2.4"
    later.spend(0)
    assert later.budget.forecast().spent_bytes == 13 * MB
    # While it is away nobody knows its life; the agent alone starting anew counts on.
    later.link.named = ""
    later.spend(0)
    again = Rig(storage=rig.storage, counted=7 * MB, life="boot-2.4")
    assert 14 * MB <= again.budget.forecast().spent_bytes <= 14 * MB + MB // 4


def test_a_count_from_before_lives_were_known_goes_on():
    rig = Rig()
    rig.spend(20 * MB)
    later = Rig(storage=rig.storage, counted=21 * MB, life="boot-1.3")
    assert later.budget.forecast().spent_bytes == 21 * MB


def test_a_power_cut_forgets_no_byte_that_was_granted_and_adds_little():
    rig = Rig()
    for _ in range(50):
        assert rig.budget.allowed(BULK)
        rig.spend(MB // 8)
        rig.clock.advance(6000)
    later = Rig(storage=rig.storage)
    spent = 50 * MB // 8
    assert spent <= later.budget.forecast().spent_bytes <= spent + MB // 4


@pytest.mark.parametrize("purpose", [BULK, CONTROL, ALERT])
def test_a_cut_in_the_middle_of_whatever_was_granted_forgets_no_byte(purpose):
    """Each exchange takes all that was granted and its overhead, and is never counted."""
    plan = PLAN._replace(period_bytes=8 * MB, reserve_bytes=MB)
    storage, spent = Storage(), 0
    for _ in range(2000):
        rig = Rig(plan, storage)
        granted = rig.budget.allowed(purpose)
        if not granted:
            break
        spent += granted * 21 // 20
        assert Rig(plan, storage).budget.forecast().spent_bytes >= spent
    assert granted == 0 and spent <= plan.period_bytes


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"7", b'{"spent_bytes":-9}', b'{"spent_bytes":true}', b"\xff" * 300],
)
def test_a_damaged_count_counts_as_none(damage):
    storage = Storage()
    put(storage, "state/meter", damage)
    assert Rig(storage=storage).budget.forecast().spent_bytes == 0


def test_a_full_disk_is_a_fault_and_no_crash():
    rig = Rig(storage=Storage(10))
    rig.spend(2 * MB)
    assert rig.faults.open_faults() == [["store.meter", "storage.full"]]
    rig.storage.capacity_bytes = MB
    rig.spend(0)
    assert rig.faults.open_faults() == []


def test_another_card_is_counted_from_nothing():
    rig = Rig()
    rig.spend(50 * MB)
    again = Rig(storage=rig.storage, counted=rig.link.bytes)
    assert again.budget.forecast().spent_bytes == 50 * MB
    other = Rig(Budget(100 * MB, 10 * MB, 30, 30, "sim-2"), rig.storage)
    assert other.budget.forecast().spent_bytes == 0


def test_bytes_that_others_spend_are_counted_before_anything_is_granted():
    rig = Rig()
    rig.link.bytes = 100 * MB - MB // 16
    assert (rig.budget.allowed(BULK), rig.budget.allowed(ALERT)) == (0, 16 * 1024 * 3 // 4)
    # What less than one exchange takes is left alone.
    rig.link.bytes = 100 * MB - 9_000
    assert rig.budget.allowed(ALERT) == 0
    rig.link.bytes = 101 * MB
    assert (rig.budget.allowed(ALERT), rig.budget.forecast().spent_bytes) == (0, 101 * MB)
