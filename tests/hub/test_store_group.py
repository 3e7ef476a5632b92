"""Many small decisions on rows in memory: nothing more and nothing less than one by one."""

import asyncio
import itertools
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.database import Database
from hub.store import Conflict
from hub.store_memory import MemoryLedger
from protocols.errors import WorldFault
from tests.hub import postgres


def hamlet(number, name="Làng"):
    return {"unit": "03.k7f2", "hamlet": f"h{number:05}", "name": name}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    opened = Database(tmp_path / "x" if request.param == "sqlite" else postgres.emptied())
    yield opened
    opened.close()


class Held:
    """Keep the writer busy, so that what is queued meanwhile becomes one group."""

    def __init__(self, database):
        self._go = threading.Event()
        self._busy = database.submit(lambda _: self._go.wait(10))
        until = time.monotonic() + 10
        while not self._busy.running():
            assert not self._busy.done() and time.monotonic() < until, self._busy
            time.sleep(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._go.set()
        self._busy.result()


async def together(database, decisions, reads=()):
    """Run decisions in one group; return their results or what they raised."""
    with Held(database):
        tasks = [asyncio.ensure_future(database.write_small(one, reads)) for one in decisions]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


def names(database):
    return database.read_now(lambda s: [row["name"] for row in s.find("hamlets")])


async def test_decisions_of_a_group_see_what_those_before_them_did(database):
    def add_one(store):
        row = store.get("facts", "sum")
        if row is None:
            store.add("facts", {"name": "sum", "value_json": "1"})
            return 1
        number = int(row["value_json"]) + 1
        store.change("facts", ("sum",), {"value_json": str(number)})
        return number

    assert await together(database, [add_one] * 70, [("facts", ("sum",))]) == [*range(1, 71)]
    assert database.read_now(lambda s: s.get("facts", "sum"))["value_json"] == "70"


async def test_one_that_raises_is_undone_alone(database):
    def fail(store):
        store.add("hamlets", hamlet(2, "wrong"))
        store.change("hamlets", ("03.k7f2", "h00001"), {"name": "wrong"})
        store.add_many("hamlets", [hamlet(3, "wrong"), hamlet(4, "wrong")])
        raise KeyError("no")

    given = [lambda s: s.add("hamlets", hamlet(1)), fail, lambda s: s.add("hamlets", hamlet(2))]
    outcomes = await together(database, given)
    assert [type(one) for one in outcomes] == [type(None), KeyError, type(None)]
    assert names(database) == ["Làng", "Làng"]


async def test_what_shows_only_in_the_database_befalls_its_decision_alone(database):
    await database.write(lambda s: s.add("hamlets", hamlet(1)))
    parentless = {"node": "nowhere", "at_ms": 1}
    given = [
        lambda s: s.add("hamlets", hamlet(2)),
        lambda s: s.add_many("hamlets", [hamlet(3), hamlet(1)]),
        lambda s: s.add("node_boots", parentless),
        lambda s: s.add_many("hamlets", [hamlet(4)]),
    ]
    outcomes = await together(database, given)
    assert [type(one) for one in outcomes] == [type(None), Conflict, WorldFault, type(None)]
    assert len(names(database)) == 3


async def test_a_value_that_no_driver_can_send_befalls_its_decision_alone(database):
    given = [
        lambda s: s.add("hamlets", hamlet(1)),
        lambda s: s.add("hamlets", hamlet(2, "\ud800")),
        lambda s: s.add("hamlets", hamlet(3)),
    ]
    outcomes = await together(database, given)
    assert [type(one) for one in outcomes] == [type(None), UnicodeEncodeError, type(None)]
    assert names(database) == ["Làng", "Làng"]


async def test_questions_over_unwritten_rows_are_asked_of_the_database(database):
    def add_and_count(number):
        def decide(store):
            store.add("hamlets", hamlet(number))
            return store.count("hamlets"), [row["hamlet"] for row in store.find("hamlets")][-1]

        return decide

    def remove(store):
        return store.erase("hamlets", {}, "hamlet", "h00001", 10)

    outcomes = await together(database, [add_and_count(0), add_and_count(1), remove])
    assert outcomes == [(1, "h00000"), (2, "h00001"), 1]
    assert names(database) == ["Làng"]


async def test_a_group_costs_few_statements(tmp_path):
    database, said = Database(tmp_path / "x"), []

    def decide(number):
        def change(store):
            key = ("03.k7f2", f"h{number:05}")
            if not store.change("hamlets", key, {"name": "Mới"}):
                store.add("hamlets", hamlet(number))
            store.find("peers", {"state": "active"})
            store.add_many("blobs", [dict(_blob(), sha256=str(number))])

        return change

    try:
        database.submit(lambda s: s.cursor.connection.set_trace_callback(said.append)).result()
        reads = [("hamlets", ("03.k7f2", f"h{n:05}")) for n in range(64)]
        for _ in range(2):
            said.clear()
            with Held(database):
                tasks = [
                    asyncio.ensure_future(database.write_small(decide(n), [reads[n]]))
                    for n in range(64)
                ]
                await asyncio.sleep(0)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            await database.write(lambda s: s.erase("blobs", {}, "length", 9, 100))
            assert outcomes == [None] * 64
            assert len(said) < 25, said
        assert names(database) == ["Mới"] * 64
    finally:
        database.close()


def _blob():
    return {"length": 1, "media_type": "audio/ogg", "created_s": 1}


VERBS = st.sampled_from(("get", "add", "many", "change", "find", "raise"))
STEPS = st.lists(st.tuples(VERBS, st.integers(0, 3), st.integers(0, 9)), max_size=5)


def _decision(steps):
    def decide(store):
        seen = []
        for verb, number, value in steps:
            key = ("03.k7f2", f"h{number:05}")
            if verb == "get":
                seen.append(store.get("hamlets", *key))
            elif verb == "add":
                store.add("hamlets", hamlet(number, str(value)))
            elif verb == "many":
                store.add_many("hamlets", [hamlet(number, str(value)), hamlet(number + 10)])
            elif verb == "change":
                seen.append(store.change("hamlets", key, {"name": str(value)}))
            elif verb == "find":
                seen.append(store.find("hamlets", {"unit": "03.k7f2"}))
            else:
                raise KeyError("no")
        return seen

    return decide


def _one_by_one(decisions):
    """Return what decisions come to one after the other, and the rows that they leave."""
    ledger, outcomes = MemoryLedger(), []
    for decide in decisions:
        try:
            outcomes.append(decide(ledger.store))
            ledger.store.settle(keep=True)
        except (KeyError, Conflict):
            outcomes.append("refused")
            ledger.store.settle(keep=False)
    return outcomes, ledger.store.find("hamlets")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    database = Database(tmp_path_factory.mktemp("group") / "x")
    yield database
    database.close()


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_any_group_ends_as_its_decisions_would_in_some_order(shared, scripts):
    shared.submit(lambda s: s.cursor.execute("DELETE FROM hamlets")).result()
    decisions = [_decision(steps) for steps in scripts]
    outcomes = asyncio.run(together(shared, decisions))
    # A key that stands shows late: who raises anyway may have said so first.
    outcomes = ["refused" if isinstance(one, KeyError | Conflict) else one for one in outcomes]
    rows = shared.read_now(lambda s: s.find("hamlets"))
    for order in itertools.permutations(range(len(scripts))):
        found, left = _one_by_one([decisions[number] for number in order])
        if left == rows and found == [outcomes[number] for number in order]:
            return
    raise AssertionError((scripts, outcomes, rows))
