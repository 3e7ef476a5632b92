"""Orders are carried out once, mandates change a node's standing, and nothing widens."""

import asyncio
import contextlib
from functools import partial

import pytest

from protocols import canonical
from tests.edge.node_world import COMMUNE, MIDNIGHT_S, NEIGHBOUR, NODE, PROVINCE, Node, Province
from tests.edge.power_rigs import every_cut


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def run(scene):
    asyncio.run(scene)


def states(node, name):
    return [body["state"] for body in node.book.find("order", order=name)]


async def reached(node, name, *wanted, within_ms=120_000):
    await node.pass_ms(within_ms, lambda: bool(states(node, name)))
    assert states(node, name) == list(wanted)
    return node.book.find("order", order=name)[-1]


def test_a_self_test_clicks_measures_and_sounds(province):
    async def scene():
        province.publish(province.news_bundle(clock="20:00"))
        node = Node(province, clock="09:00").start("sync", "playout", "amplifier", "orders")
        await node.pass_ms(10_000, node.manifests.bundles)
        province.publish_orders(("t1", "self-test"))
        body = await reached(node, "t1", "done")
        assert body["silent"]["coil"] == 1 and body["silent"]["milliwatts"] == 8000
        assert body["tone"] == "played" and body["sounding"]["grade"] == 3
        assert [heard.gain_q15 for heard in node.audio.heard] == [32767 * 80 // 100]
        await node.pass_ms(5_000)
        assert [state for _, state in node.amplifier.switched][-1] == 0
        await node.stop()

    run(scene())


@pytest.mark.parametrize("clock", ["23:30", None])
def test_a_self_test_at_night_or_without_an_hour_is_silent(province, clock):
    async def scene():
        province.publish(province.news_bundle(clock="12:00"))
        province.publish_orders(("t1", "self-test"))
        node = Node(province, clock=clock).start("sync", "playout", "amplifier", "orders")
        body = await reached(node, "t1", "done")
        assert body["tone"] == "not-allowed" and body["silent"]["coil"] == 1
        assert node.audio.heard == []
        await node.stop()

    run(scene())


def test_the_settings_volume_holds_for_the_tone_and_is_reported(province):
    async def scene():
        province.publish(province.news_bundle(clock="20:00"))
        province.publish_settings(
            {
                "format": "chieng-settings/1",
                "node": NODE,
                "unit": COMMUNE,
                "sequence": 3,
                "volume_percent": 20,
                "quiet": [],
            }
        )
        node = Node(province, clock="09:00").start("sync", "playout", "amplifier", "orders")
        await node.pass_ms(10_000, node.manifests.bundles)
        province.publish_orders(("t1", "self-test"))
        await reached(node, "t1", "done")
        assert node.audio.heard[0].gain_q15 == 32767 * 20 // 100
        assert states(node, "settings-3") == ["done"]
        await node.stop()
        node.boot()
        node.start("orders")
        await node.pass_ms(3_000)
        assert states(node, "settings-3") == []
        await node.stop()

    run(scene())


def test_the_log_goes_home_in_records(province):
    async def scene():
        province.publish_orders(("l1", "upload-log"))
        node = Node(province).start("sync", "orders")
        for number in range(40):
            node.log.add("line %d\n" % number)
            node.log.add("line %d\n" % number)
        body = await reached(node, "l1", "done")
        sent = node.book.find("log", order="l1")
        assert body["parts"] == len(sent) == 3
        lines = [line for part in sent for line in part["lines"]]
        assert [line[1:] for line in lines[:40]] == [[2, "line %d " % n] for n in range(40)]
        assert max(len(canonical.encode(part)) for part in sent) < 4096 - 400
        await node.stop()

    run(scene())


def test_a_restart_waits_for_silence_and_is_done_by_the_next_life(province):
    async def scene():
        province.publish(province.news_bundle(clock="05:30"))
        province.publish_orders(("r1", "restart"))
        node = Node(province, clock="05:29").start("sync", "playout", "amplifier", "orders")
        await node.pass_to("05:30:05")
        await node.pass_ms(0)
        assert node.restarts == []
        await node.pass_to("05:39:30")
        assert node.restarts == ["order"] and states(node, "r1") == []
        assert [play[4] for play in node.plays()] == ["complete"]
        await node.stop()
        node.boot()
        node.start("sync", "orders")
        await node.pass_ms(70_000)
        assert states(node, "r1") == ["done"] and node.restarts == []
        await node.stop()

    run(scene())


def test_what_is_replayed_late_foreign_or_widening_is_not_done(province):
    async def scene():
        province.publish_orders(
            {"id": "late", "kind": "self-test", "expires_s": MIDNIGHT_S + 60},
            {"id": "far", "kind": "self-test", "expires_s": MIDNIGHT_S + 40 * 86400},
            ("sing", "sing"),
            ("wipe", "decommission"),
            sequence=5,
        )
        node = Node(province, clock="05:00").start("sync", "amplifier", "orders")
        assert (await reached(node, "late", "refused"))["code"] == "order.expired"
        assert (await reached(node, "far", "refused"))["code"] == "order.life"
        assert (await reached(node, "sing", "refused"))["code"] == "order.unknown"
        assert (await reached(node, "wipe", "refused"))["code"] == "order.widening"
        assert "order.widening" in node.open_codes()
        province.publish_orders(("t1", "self-test"), sequence=6)
        await reached(node, "t1", "done")
        province.publish_orders(("t2", "self-test"), sequence=4)
        await node.pass_ms(70_000)
        assert states(node, "t2") == [] and "manifest.rollback" in node.open_codes()
        # The same id under a newer number, and over a restart, is no new order.
        province.publish_orders(("t1", "self-test"), sequence=7)
        await node.pass_ms(70_000)
        await node.stop()
        node.boot()
        node.start("sync", "amplifier", "orders")
        await node.pass_ms(70_000)
        assert states(node, "t1") == []
        province.publish_orders(("t3", "self-test"), sequence=8, hubs=["http://thief.example"])
        await node.pass_ms(70_000)
        assert states(node, "t3") == [] and "settings.widening" in node.open_codes()
        await node.stop()

    run(scene())


def test_a_thief_with_the_online_key_cannot_keep_a_node_busy(province):
    async def scene():
        province.publish_orders(*[("t%d" % n, "self-test") for n in range(16)])
        node = Node(province, clock="05:00").start("sync", "amplifier", "orders")
        await node.pass_ms(310_000)
        assert len(node.book.find("order", state="done")) == 2
        await node.stop()

    run(scene())


def test_an_approver_moves_a_node_which_then_reads_its_new_unit_alone(province):
    async def scene():
        province.publish(province.news_bundle(clock="20:00"))
        elsewhere = province.news_bundle(version=9, clock="21:00", seed=3)
        elsewhere["unit"] = NEIGHBOUR
        elsewhere["items"][0]["title"] = "elsewhere"
        province.publish(elsewhere)
        node = Node(province, clock="05:00").start("sync", "orders")
        await node.pass_ms(20_000, node.manifests.bundles)
        entry = {"node": NODE, "sequence": 2, "move": NEIGHBOUR, "hamlet": "", "groups": ["g1"]}
        province.publish_mandates(entry, {"node": "x", "sequence": 1}, sequence=2)
        province.world.repository.place_unit(NEIGHBOUR, [PROVINCE], province.now_s)
        await reached(node, "mandate-%s-2" % COMMUNE, "done")
        assert node.restarts == ["mandate"]
        await node.stop()
        node.boot()
        assert node.config.place.unit == NEIGHBOUR
        assert (node.config.place.hamlet, node.config.place.groups) == ("", ("g1",))
        assert node.storage.names("manifests") == []
        node.start("sync", "orders")
        await node.pass_ms(60_000, node.manifests.bundles)
        assert [one.unit for one in node.manifests.bundles()] == [NEIGHBOUR]
        assert node.open_codes() == [] and node.restarts == []
        await node.stop()

    run(scene())


def test_new_hub_addresses_are_tried_and_need_no_restart(province):
    async def scene():
        node = Node(province, clock="05:00").start("sync", "orders")
        entry = {"node": NODE, "sequence": 1, "hubs": ["http://new.example"]}
        province.publish_mandates(entry)
        done = lambda: node.book.find("rehome", state="adopted")  # noqa: E731
        assert await node.pass_ms(600_000, done)
        assert done()[0]["order"] == "mandate-%s-1" % COMMUNE
        assert node.restarts == [] and node.parts.hubs.base() == "http://new.example"
        await node.stop()

    run(scene())


def test_mandates_of_a_stranger_or_the_online_key_do_not_count(province):
    async def scene():
        node = Node(province, clock="05:00").start("sync", "orders")
        entry = {"node": NODE, "sequence": 1, "decommission": True}
        province.publish_mandates(entry, unit=NEIGHBOUR)
        await node.pass_ms(130_000)
        assert node.standing.state == "" and node.restarts == []
        # Above the node, where its programme says so, the province may.
        province.publish(province.news_bundle(clock="20:00"))
        province.publish_mandates(entry, unit=PROVINCE)
        await node.pass_ms(200_000, lambda: node.restarts)
        assert node.standing.state == "sealed" and node.restarts == ["mandate"]
        await node.stop()

    run(scene())


def live(province, storage, told):
    """Do what is open, on the disk as it is; a power cut comes out as it went in."""
    node = Node(province, storage=storage, clock="05:00")
    node.book.facts = told.setdefault("facts", [])
    told.setdefault("clicks", []).append(node.amplifier.switched)
    known = len(node.book.facts)

    def is_over():
        ends = [body.get("order") for _, _, body in node.book.facts[known:]]
        return orders.done() or "l1" in ends

    async def scene():
        nonlocal orders
        keeper = asyncio.create_task(node.keeper.run())
        orders = asyncio.create_task(node.orders.run())
        await node.pass_ms(12_000, is_over)
        if not orders.done():
            await node.pass_ms(1_000)
        for task in (keeper, orders):
            task.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await orders

    orders = None
    with contextlib.suppress(asyncio.CancelledError):
        run(scene())


@pytest.mark.parametrize("rig", ["ext4-0", "ext4-100", "fat-2"])
def test_a_power_cut_at_any_call_never_repeats_an_order(province, rig):
    province.publish_orders(("t1", "self-test"), ("l1", "upload-log"))
    province.publish_mandates({"node": NODE, "sequence": 1, "groups": ["g1"]})

    def prepare(storage):
        node = Node(province, storage=storage, clock="05:00")

        async def scene():
            node.start("sync")
            await node.pass_ms(3_000, lambda: node.manifests.orders)
            await node.stop()

        run(scene())
        assert node.manifests.orders and node.manifests.mandates()

    def check(storage, told):
        live(province, storage, told)
        ends = [body["order"] for _, kind, body in told["facts"] if kind == "order"]
        for name in ("t1", "l1", "mandate-%s-1" % COMMUNE):
            assert name in ends
        clicks = sum(any(state for _, state in one) for one in told["clicks"])
        assert clicks <= 1
        assert Node(province, storage=storage).config.place.groups == ("g1",)

    assert every_cut(rig, prepare, partial(live, province), check) >= 6
