"""An ordered image comes through the ordinary sync, is tried, kept or rolled back, and told of."""

import asyncio
from functools import partial

import pytest

from tests.edge.image_world import agent
from tests.edge.node_world import LATER_S, Node, Province

TASKS = ("sync", "orders", "firmware")


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def update(version, name="u1", expires_s=LATER_S):
    return {"id": name, "kind": "update", "expires_s": expires_s, "version": version}


def ends(node):
    found = [body for body in node.book.find("order") if body["kind"] == "update"]
    return [(body["order"], body["state"]) for body in found]


async def reboot(node):
    """Stop, let the chooser pick, start again; return the slot."""
    await node.stop()
    slot = node.slots.boot()
    node.boot()
    node.start(*TASKS)
    return slot


async def installed(node, version):
    """Wait until an image waits for its trial."""
    assert await node.pass_ms(180_000, lambda: node.restarts)
    assert node.restarts == ["update"] and node.images.choice.trial_version == version
    assert ends(node) == []


def test_an_ordered_image_is_fetched_tried_and_confirmed_when_the_hub_was_met(province):
    async def scene():
        province.publish_image(5, agent(5))
        node = Node(province).start(*TASKS)
        await node.pass_ms(70_000)
        assert node.restarts == [] and node.storage.names("blobs") == []
        province.publish_orders(update(5))
        await installed(node, 5)
        assert await reboot(node) == "a" and node.slots.holds("a") == agent(5)
        await node.pass_ms(50_000)
        assert not node.passed and ends(node) == []
        assert await node.pass_ms(20_000, lambda: node.passed)
        await node.pass_ms(100)
        assert ends(node) == [("u1", "done")] and node.images.version() == 5
        assert await reboot(node) == "a"
        await node.pass_ms(10_000)
        assert ends(node) == [] and node.open_codes() == []
        await node.stop()

    asyncio.run(scene())


async def seconds(node, count, until):
    """Let seconds pass in steps of one; a faster `pass_ms` for tasks that look every two."""
    for _ in range(count):
        for _ in range(12):
            await asyncio.sleep(0)
        if until():
            return True
        node.clock.advance(1000)
    return False


def test_without_a_hub_ten_healthy_minutes_are_enough_and_a_failing_task_is_too_much(province):
    async def scene():
        province.publish_image(5, agent(5))
        province.publish_orders(update(5))
        node = Node(province).start(*TASKS)
        await installed(node, 5)
        province.answers["timestamp.json"] = 503
        assert await reboot(node) == "a"
        node.faults.note("task.playout", ValueError("new bug"))
        assert await seconds(node, 620, lambda: node.restarts)
        assert node.restarts == ["unhealthy"] and not node.passed
        assert await reboot(node) == "a"
        began_ms = node.clock.ticks_ms()
        assert await seconds(node, 620, lambda: node.passed)
        assert node.clock.ticks_ms() - began_ms >= 600_000 and ends(node) == [("u1", "done")]
        await node.stop()

    asyncio.run(scene())


def test_an_image_that_never_gets_so_far_is_rolled_back_and_told_once(province):
    async def scene():
        province.publish_image(5, agent(5))
        province.publish_orders(update(5))
        node = Node(province).start(*TASKS)
        await installed(node, 5)
        await node.stop()
        assert [node.slots.boot() for _ in range(4)] == ["a", "a", "a", ""]
        node.boot()
        node.start(*TASKS)
        await seconds(node, 120, lambda: False)
        assert ends(node) == [("u1", "failed")] and node.restarts == []
        assert node.book.find("order", order="u1")[0]["code"] == "firmware.rolled_back"
        assert "firmware.rolled_back" in node.open_codes()
        province.publish_image(6, agent(6))
        province.publish_orders(update(6, "u2"), sequence=2)
        await installed_after(node, 6)
        assert await reboot(node) == "a" and node.slots.holds("a") == agent(6)
        await node.stop()

    async def installed_after(node, version):
        assert await node.pass_ms(180_000, lambda: node.restarts)
        assert node.images.choice.trial_version == version

    asyncio.run(scene())


def test_old_replaced_late_and_broken_images_fail_with_their_reason(province):
    async def scene():
        province.publish_image(5, agent(5))
        node = Node(province).start(*TASKS)
        cases = (
            (update(4, "replaced"), "image.replaced"),
            (update(9, "late", province.now_s + 5 * 3600 + 200), "image.late"),
        )
        for number, (order, code) in enumerate(cases):
            province.publish_orders(order, sequence=number + 1)
            await node.pass_ms(200_000, partial(node.book.find, "order", order=order["id"]))
            assert node.book.find("order", order=order["id"])[0]["code"] == code
        province.publish_image(10, {"etc/passwd": b"x"})
        province.publish_orders(update(10, "broken"), sequence=8)
        await node.pass_ms(200_000, partial(node.book.find, "order", order="broken"))
        assert node.book.find("order", order="broken")[0]["code"] == "image.path"
        assert node.restarts == [] and node.slots.boot() == ""
        await node.stop()

    asyncio.run(scene())
