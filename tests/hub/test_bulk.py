"""Orders for many nodes: chosen by a filter, resumed after a crash, a result for each node."""

import asyncio
import re

from hub import bulk, order_publishing, orders
from hub.roles import Grant
from protocols.errors import WorldFault
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_node_pages import add
from tests.hub.test_pages import pages

__all__ = ("pages",)


async def until_done(services):
    while await bulk.advance(services):
        pass


async def test_nodes_of_a_filter_are_asked_and_each_has_its_result(pages, services):
    def fill(store):
        for number in range(1, 5):
            add(store, f"cum-{number}", f"Cụm {number}")
        add(store, "tinh-1", "Cụm tỉnh", PROVINCE)
        orders.give(store, "cum-2", "restart", "ai", services.now_s())

    await services.ledger.write(fill)
    _, text = await pages("GET", f"/bulk/new?unit={COMMUNE}")
    assert re.findall(r'name="node" value="([^"]+)"', text) == [f"cum-{n}" for n in range(1, 5)]
    sent = [("query", f"unit={COMMUNE}"), ("choice", "1"), ("kind", "restart")]
    sent += [("node", name) for name in ("cum-1", "cum-2", "cum-3", "tinh-1")]
    response, text = await pages("POST", "/bulk", data=sent)
    assert text.count("chưa hỏi tới</span>") == 3
    await until_done(services)
    _, text = await pages("GET", str(response.url.path))
    assert text.count("đã gửi, chờ cụm loa</span>") == 2 and "đang có sẵn yêu cầu" in text
    rows = await services.ledger.read(lambda s: s.find("orders", {"state": "sent"}))
    assert {row["node"] for row in rows} >= {"cum-1", "cum-3"}
    _, text = await pages("GET", "/bulk")
    assert str(response.url.path) in text
    other = await signed_in(services, "xa-khac", [Grant("technician", COMMUNE)])
    response, _ = await pages("GET", str(response.url.path), cookies=other)
    assert response.status == 404
    sent = {"query": "", "kind": "settings", "volume": "30", "quiet": "12:00-13:00"}
    response, _ = await pages("POST", "/bulk", data=sent)
    await until_done(services)
    kept = await services.ledger.read(lambda s: s.find("orders", {"kind": "settings"}))
    assert len(kept) == 5 and {row["state"] for row in kept} == {"sent"}


async def test_a_hub_that_stops_in_between_asks_nobody_twice(services, monkeypatch):
    def fill(store):
        for number in range(bulk.STEP + 3):
            add(store, f"cum-{number}", f"Cụm {number}")
        pairs = [(row["node"], row["unit"]) for row in store.find("nodes")]
        return bulk.begin(store, pairs, "self-test", {}, "", "ai", services.now_s())

    name = await services.ledger.write(fill)
    published = order_publishing.publish_many

    async def killed(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(order_publishing, "publish_many", killed)
    try:
        await bulk.advance(services)
    except KeyboardInterrupt:
        monkeypatch.setattr(order_publishing, "publish_many", published)
    row = await services.ledger.read(lambda s: bulk.progress(s, name))
    assert row["waiting"] == 3 and row["asked"] == bulk.STEP
    await order_publishing.recover(services)
    await until_done(services)
    rows = await services.ledger.read(lambda s: s.find("orders"))
    assert len(rows) == bulk.STEP + 3 and {one["state"] for one in rows} == {"sent"}
    row = await services.ledger.read(lambda s: bulk.progress(s, name))
    assert (row["waiting"], row["asked"], row["not_asked"]) == (0, bulk.STEP + 3, 0)


async def test_what_is_stopped_asks_no_more_and_only_whoever_began_it_stops_it(pages, services):
    def fill(store):
        for number in range(bulk.STEP + 2):
            add(store, f"cum-{number:02}", f"Cụm {number}")

    await services.ledger.write(fill)
    mine = await signed_in(services, "tho-may", [Grant("technician", COMMUNE)])
    sent = {"query": "", "kind": "restart"}
    response, _ = await pages("POST", "/bulk", data=sent, cookies=mine)
    path = str(response.url.path)
    await bulk.advance(services)
    other = await signed_in(services, "xa-khac", [Grant("technician", COMMUNE)])
    response, _ = await pages("POST", path + "/stop", cookies=other)
    assert response.status == 404
    _, text = await pages("POST", path + "/stop", cookies=mine)
    assert "Dừng: không hỏi" not in text
    await until_done(services)
    row = await services.ledger.read(lambda s: bulk.progress(s, path.rsplit("/", 1)[1]))
    assert (row["waiting"], row["asked"], row["not_asked"]) == (0, bulk.STEP, 2)


async def test_a_step_that_could_not_be_published_is_published_later(services, monkeypatch):
    def fill(store):
        for number in range(3):
            add(store, f"cum-{number}", f"Cụm {number}")
        pairs = [(f"cum-{number}", COMMUNE) for number in range(3)]
        bulk.begin(store, pairs, "self-test", {}, "", "ai", services.now_s())

    await services.ledger.write(fill)

    async def full(*_arguments):
        raise WorldFault("hub.disk", "the disk is full", "Free some space.")

    monkeypatch.setattr(order_publishing, "publish_many", full)
    monkeypatch.setattr(bulk, "LOOK_S", 0.05)
    work = asyncio.create_task(bulk.run(services))
    async with asyncio.timeout(20):
        while await services.ledger.read(lambda s: s.count("orders", {"state": "sent"})) < 3:
            await asyncio.sleep(0.05)
    work.cancel()


async def test_a_node_revoked_meanwhile_holds_up_no_other_and_no_start(services):
    def fill(store):
        for number in range(3):
            add(store, f"cum-{number}", f"Cụm {number}")
            orders.give(store, f"cum-{number}", "restart", "ai", services.now_s())
            orders.narrow(store, f"cum-{number}", 50, [], "ai", services.now_s())
        store.change("nodes", ("cum-1",), {"state": "revoked"})

    await services.ledger.write(fill)
    nodes = ["cum-0", "cum-1", "cum-2"]
    await order_publishing.publish_many(services, "restart", COMMUNE, nodes)
    await order_publishing.publish_many(services, "restart", COMMUNE, ["cum-1"])
    await order_publishing.recover(services)
    rows = await services.ledger.read(lambda s: s.find("orders", {"state": "sent"}))
    assert [row["node"] for row in rows] == ["cum-0"] * 2 + ["cum-2"] * 2
