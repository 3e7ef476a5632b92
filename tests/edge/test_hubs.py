"""The hub's addresses at the node: strangers named, lists remembered, orders carried out."""

import pytest

from edge.faults import Faults
from edge.hub_link import HubLink
from edge.hubs import Hubs
from hw.sim.link import Link
from hw.sim.storage import Storage
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_addresses import MISSES_MAX
from tests.edge.node_world import Node, Notes, Province, put

PAGE = b"<!DOCTYPE html><html><body>Log in</body></html>"


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


class Reachable:
    """A province whose hub answers at some addresses only."""

    def __init__(self, province, *hosts):
        self.province, self.hosts, self.asked = province, list(hosts), []

    def serve(self, method, url, headers, body):
        host = url.split("/")[2]
        self.asked.append(host)
        if host not in self.hosts:
            raise WorldFault("link.open", host, "check")
        return self.province.serve(method, url, headers, body)


def node_at(province, *hosts, **fields):
    reach = Reachable(province, *hosts)
    node = Node(province, **fields)
    node.link = Link(reach.serve)
    node.boot()
    return node, reach


async def test_addresses_are_tried_in_turn_and_remembered_over_a_reboot(province):
    province.publish(province.news_bundle())
    node, reach = node_at(province, "two", hub=["http://one", "http://two"])
    node.start("sync")
    assert await node.pass_ms(20_000, node.manifests.bundles)
    await node.stop()
    assert reach.asked[0] == "one"
    reach.asked.clear()
    node.boot()
    node.start("sync")
    assert await node.pass_ms(5000, lambda: reach.asked)
    assert set(reach.asked) == {"two"}
    await node.stop()


async def test_an_order_moves_the_node_when_the_new_hub_has_shown_its_metadata(province):
    node, reach = node_at(province, "hub.example", "new")
    node.start("sync")
    await node.pass_ms(2000)
    hubs = node.parts.hubs
    assert hubs.rehome(["http://new/"], "order-1")
    assert not hubs.rehome(["http://new/"], "order-1")
    assert await node.pass_ms(70_000, lambda: not hubs.trial())
    assert hubs.known()[0] == "http://new"
    states = [body["state"] for body in node.book.find("rehome")]
    assert states == ["trial", "adopted"]
    reach.hosts.remove("hub.example")
    province.publish(province.news_bundle())
    assert await node.pass_ms(130_000, node.manifests.bundles)
    await node.stop()
    with pytest.raises(RemoteFault):
        hubs.rehome(["new"], "order-2")


async def test_a_new_hub_that_is_a_stranger_is_never_adopted(province):
    node, reach = node_at(province, "hub.example", "new")
    served = reach.serve

    def serve(method, url, headers, body):
        if "//new/" in url:
            return 200, {"Content-Type": "application/json"}, PAGE
        return served(method, url, headers, body)

    node.link = Link(serve)
    node.boot()
    node.start("sync")
    await node.pass_ms(2000)
    hubs = node.parts.hubs
    hubs.rehome(["http://new"], "order-1")
    province.publish(province.news_bundle())
    assert await node.pass_ms(130_000, node.manifests.bundles)
    assert "link.portal" in node.codes()
    assert hubs.trial() == ("http://new",)
    await node.stop()


async def test_saying_that_nothing_is_new_makes_nobody_a_hub(province):
    node, reach = node_at(province, "hub.example", "new")
    served = reach.serve

    def serve(method, url, headers, body):
        return (204, {}, b"") if "//new/" in url else served(method, url, headers, body)

    node.link = Link(serve)
    node.boot()
    node.start("sync")
    await node.pass_ms(2000)
    node.parts.hubs.rehome(["http://new"], "order-1")
    await node.pass_ms(130_000)
    assert node.parts.hubs.trial() == ("http://new",)
    await node.stop()


def test_an_order_that_leads_nowhere_is_given_up_with_a_fault():
    storage, book = Storage(), Notes()
    faults = Faults(book)
    hubs = Hubs(("http://one",), storage, book, faults)
    hubs.rehome(["http://new"], "order-1")
    for _ in range(MISSES_MAX):
        hubs.failed("http://new")
        hubs.answered("http://one")
    assert faults.open_faults() == [["hub.rehome", "hub.rehome"]]
    assert Hubs(("http://one",), storage, book, faults).base() == "http://one"


def test_a_damaged_or_refusing_store_costs_only_the_memory():
    storage, book = Storage(), Notes()
    faults = Faults(book)
    put(storage, "state/hubs", b'{"configured":["http://one"],"current":7}')
    hubs = Hubs(("http://one", "http://two"), storage, book, faults)
    assert hubs.base() == "http://one"
    storage.capacity_bytes = 0
    hubs.failed("http://one")
    hubs.answered("http://two")
    assert faults.open_faults() == [["store.hubs", "storage.full"]]
    storage.capacity_bytes = 1 << 20
    hubs.answered("http://two")
    assert faults.open_faults() == []
    assert Hubs(("http://one", "http://two"), storage, book, faults).base() == "http://two"


async def read_all(link, url="http://hub.example/v1/x"):
    response = await link.request("GET", url, {}, b"")
    data = await response.read(4096)
    await response.close()
    return response.status, data


async def test_a_portals_page_is_named_wherever_it_stands():
    answers = [
        (200, {"Content-Type": "text/html"}, PAGE),
        (200, {"Content-Type": "application/octet-stream"}, PAGE),
        (302, {"Location": "http://login/"}, b""),
    ]
    for answer in answers:
        link = HubLink(Link(lambda *asked, answer=answer: answer))
        with pytest.raises(WorldFault, match=r"link\.portal"):
            await read_all(link)
    link = HubLink(Link(lambda *asked: (200, {}, b"{}")))
    assert await read_all(link) == (200, b"{}")
    assert link.counters() == (2, 0)


async def test_a_portal_stops_nothing_that_is_stored(province):
    province.publish(province.news_bundle())
    node = Node(province).start("sync")
    assert await node.pass_ms(5000, node.manifests.bundles)
    held = node.storage.names("blobs")
    province.answers["timestamp.json"] = lambda headers: (200, {"content-type": "text/html"}, PAGE)
    node.sync.wake()
    await node.pass_ms(5000)
    assert node.open_codes() == ["link.portal"]
    assert node.storage.names("blobs") == held and node.manifests.bundles()
    province.answers.clear()
    await node.pass_ms(120_000)
    assert node.open_codes() == []
    await node.stop()
