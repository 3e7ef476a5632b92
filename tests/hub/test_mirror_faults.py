"""Every fault of the province, and kills of either side at random instants: nothing is lost,
nothing counts twice, order holds, and what is not known is said. A failing example prints its seed.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.mirror import outbox
from tests.hub.mirror_world import World, run
from tools.province import faults

KINDS = ("NhatKyPhat", "ThietBi", "KhoangTrong")


class Told:
    """Remember every key that was ever put into the outbox."""

    def __init__(self, world):
        self.keys = {}
        inner = world.ledger.store.add_many

        def add_many(table, rows):
            inner(table, rows)
            if table == "outbox":
                for row in rows:
                    self.keys[row["key"]] = (row["subject"], row["number"])

        world.ledger.store.add_many = add_many


async def bring_back_the_dead(world):
    """Resend what bad luck has put aside; return its keys."""
    found = []
    while world.dead():
        for row in world.dead():
            assert row["reason"]
            found.append(row["key"])
            resend = lambda s, n=row["number"]: outbox.resend(  # noqa: E731
                s, "tinh", n, None, "t", world.clock.ms
            )
            await world.ledger.write(resend)
        await world.drain()
    return found


def check_all_arrived_once(world, told, late):
    arrived = [one for kind in KINDS for one in world.store.records(kind)]
    keys = [one["MaBanGhi"] for one in arrived]
    assert len(keys) == len(set(keys)), "counted twice"
    assert set(keys) == set(told.keys), "lost or invented"
    for kind in KINDS:
        order = {}
        for one in world.store.records(kind):
            if one["MaBanGhi"] in late:
                continue
            assert order.get(one["ChuDe"], 0) < one["SoThuTu"], ("order", one)
            order[one["ChuDe"]] = one["SoThuTu"]
    assert world.store.tallies()["taken"] == len(told.keys)


async def story(seed, switches, kill_chance, silence_ms=0):
    world = World(seed)
    told = Told(world)
    await world.open()
    world.desk.faults.turn({"seed": seed, **dict.fromkeys(switches, 0.3)})
    world.kill_chance = kill_chance
    played = 0
    for _ in range(12):
        node = f"loa-{world.random.randrange(3)}"
        count = world.random.randrange(1, 12)
        await world.play(node, count)
        played += count
        for _ in range(world.random.randrange(6)):
            await world.step()
        if kill_chance and world.random.random() < 0.3:
            world.restart_province()
        world.is_down = world.random.random() < 0.2
        world.clock.ms += world.random.randrange(60_000) + silence_ms
    world.is_down = False
    await world.drain()
    late = await bring_back_the_dead(world)
    check_all_arrived_once(world, told, late)
    assert len(world.store.records("NhatKyPhat")) == played
    return world


@pytest.mark.parametrize("switch", faults.CHANCES)
def test_each_fault_alone(switch):
    run(story(7, [switch], 0.0))


@settings(max_examples=16, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    switches=st.sets(st.sampled_from(faults.CHANCES)),
    kill=st.sampled_from([0.0, 0.02, 0.1]),
)
def test_all_faults_with_kills_of_hub_and_province(seed, switches, kill):
    run(story(seed, sorted(switches), kill))


def test_kills_do_happen_and_gaps_are_stated():
    world = run(story(11, faults.CHANCES, 0.1, silence_ms=4 * 3600_000))
    assert world.kills > 5
    stated = world.store.records("KhoangTrong")
    assert {one["TrangThai"] for one in stated} == {"open", "returning"}
    for one in stated:
        assert one["LyDo"] == "silent" and ("DenLuc" in one) == (one["TrangThai"] == "returning")


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_a_province_with_a_wrong_clock_only_delays(skew_s):
    async def tell():
        world = await World(3).open()
        world.desk.faults.turn({"skew_s": skew_s})
        await world.play("loa-0", 5)
        await world.drain()
        assert len(world.store.records("NhatKyPhat")) == 5
        # A province that lives in the past puts records off; nothing is buried for that.
        late_ms = world.clock.ms - 1_800_000_000_000
        assert (late_ms > 6000_000) == (skew_s < 0) and not world.dead()

    run(tell())


def test_a_token_that_ends_in_a_minute_is_renewed():
    async def tell():
        world = await World(3).open()
        world.desk.faults.turn({"token_s": 30})
        for _ in range(5):
            await world.play("loa-0", 5)
            await world.drain()
            world.clock.ms += 40_000
        assert len(world.store.records("NhatKyPhat")) == 25

    run(tell())


def test_retry_after_is_obeyed():
    async def tell():
        world = await World(3).open()
        world.desk.faults.turn({"busy": 1, "retry_after_s": 600})
        assert 600_000 <= await world.pump.step() < 602_000
        assert world.requests == 1
        asked = world.requests
        assert await world.pump.step() > 599_000 and world.requests == asked
        world.desk.faults.turn({"busy": 0})
        world.clock.ms += 602_000
        await world.drain()

    run(tell())


def test_waits_grow_and_are_never_the_same():
    async def tell():
        world = await World(3).open()
        world.is_down = True
        waits = []
        for _ in range(40):
            waits.append(await world.step())
        assert max(waits) > 60_000 and max(waits) <= 300_000
        assert len(set(waits)) > 30 and min(waits) >= 1000
        peer = world.ledger.store.get("peers", "tinh")
        assert peer["failure_code"] == "mirror.link" and peer["failing_ms"] == 1_800_000_000_000
        world.is_down = False
        await world.drain()
        peer = world.ledger.store.get("peers", "tinh")
        assert peer["failing_ms"] is None and peer["failure_code"] is None

    run(tell())


def test_one_record_that_breaks_the_province_is_found_and_put_aside():
    async def tell():
        world = await World(3).open()
        for number in range(3):
            await world.play(f"loa-{number}", 40, "độc" if number == 1 else "lành")
        poison = world.ledger.store.find("outbox", {"kind": "play"})[60]
        inner = world.desk.handle

        def handle(method, path, query, headers, body):
            import zlib

            text = zlib.decompress(body, 31) if body[:2] == b"\x1f\x8b" else body
            if json.dumps(poison["key"]).encode() in text:
                return inner("GET", "/nowhere", query, headers, b"")._replace(status=500)
            return inner(method, path, query, headers, body)

        world.desk.handle = handle
        # The province keeps working for others, so something else always gets through.
        for _ in range(400):
            await world.step()
            if world.random.random() < 0.3:
                await world.play("loa-0", 1)
            if world.dead():
                break
        await world.drain()
        assert [row["key"] for row in world.dead()] == [poison["key"]]
        assert "500" in world.dead()[0]["reason"]
        kept = world.store.records("NhatKyPhat")
        assert sum(one["CumLoaID"] == "loa-1" for one in kept) == 39

    run(tell())
