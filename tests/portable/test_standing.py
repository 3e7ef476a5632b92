"""Standing, order memory and event log survive a restart and damage, on every interpreter."""

from edge.event_log import EventLog
from edge.order_memory import OrderMemory
from edge.standing import Standing
from hw.sim.clock import Clock
from hw.sim.storage import Storage
from protocols.limits import LOG_LINES_MAX, ORDERS_REMEMBERED_MAX
from protocols.mandates import Mandate
from protocols.settings import Order

# The sim disk lies in the heap; only the agent, which has 320 KB, keeps orders and a log.
HEAP_KB = 224


def _mandate(sequence, **fields):
    names = ("hamlet", "groups", "hubs", "move", "decommission")
    return Mandate("n1", sequence, *[fields.get(name) for name in names])


def test_a_mandate_counts_once_and_older_ones_never():
    storage = Storage()
    standing = Standing(storage)
    assert standing.carry_out("03.a", _mandate(3, hamlet="h2"))
    assert standing.carry_out("00.p", _mandate(1, groups=("g",)))
    again = Standing(storage)
    assert (again.hamlet, again.groups, again.unit) == ("h2", ("g",), None)
    assert again.is_done("03.a", _mandate(3)) and again.is_done("03.a", _mandate(2))
    assert not again.is_done("03.a", _mandate(4)) and not again.is_done("03.b", _mandate(1))
    assert again.owed == "mandate-00.p-1" and again.owed_kind == "zones"
    again.note_told()
    assert Standing(storage).owed == ""


def test_papers_of_a_unit_that_was_left_go_and_the_own_stay():
    storage = Storage()
    standing = Standing(storage)
    standing.drop_foreign_papers("03.a")
    writer = storage.stage("x")
    writer.write(b"paper")
    writer.commit("manifests/one")
    Standing(storage).drop_foreign_papers("03.a")
    assert storage.names("manifests") == ["one"]
    standing = Standing(storage)
    standing.carry_out("03.a", _mandate(1, move="03.b"))
    Standing(storage).drop_foreign_papers("03.b")
    assert storage.names("manifests") == []


def test_a_damaged_standing_is_told_and_the_configuration_counts():
    storage = Storage()
    Standing(storage).carry_out("03.a", _mandate(1, hamlet="h2"))
    storage.files["state/standing"] = b"{"
    assert Standing(storage).hamlet == "h2"
    storage.files["state/standing-copy"] = b"{"
    standing = Standing(storage)
    assert standing.fault is not None and standing.hamlet is None and standing.state == ""


def test_orders_are_remembered_until_they_expire():
    storage = Storage()
    memory = OrderMemory(storage)
    for number in range(ORDERS_REMEMBERED_MAX):
        assert not memory.is_full(100)
        order = Order("o%d" % number, "restart", 1000 + number, 0)
        memory.begin(order)
        if number:
            memory.finish(order.id)
    memory.note_settings(9)
    again = OrderMemory(storage)
    assert again.settings == 9 and again.is_full(1000)
    assert [order.id for order in again.begun()] == ["o0"]
    assert again.knows(Order("o5", "restart", 1, 0))
    assert not again.is_full(1003)
    assert again.knows(Order("o0", "restart", 1, 0)) and not again.knows(Order("o2", "x", 1, 0))


def test_the_log_is_bounded_counted_and_kept():
    storage, clock = Storage(), Clock(1_800_000_000_000)
    log = EventLog(storage, clock)
    for number in range(LOG_LINES_MAX + 5):
        log.add("a line of %d" % number)
    log.add("ố" * 100)
    log.add("ố" * 100)
    assert log.parts()[0][0][2] == "a line of 6" and len(log.parts()) == 8
    log.keep()
    assert storage.size("state/log") is None
    log.keep(True)
    last = EventLog(storage, clock).parts()[-1][-1]
    assert last[1] == 2 and last[2] == "ố" * 46
    storage.files["state/log"] = b"[[1]]"
    assert EventLog(storage, clock).parts() == []
