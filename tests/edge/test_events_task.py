"""The node listens: news wake it at once, silence and strangers cost nothing but the news."""

import asyncio

import pytest

from edge import events_task
from edge.events_task import EventsTask
from edge.hub_link import HubLink
from edge.supervisor import Supervisor
from hw import ports
from protocols import sync_session
from protocols.errors import WorldFault
from protocols.limits import EVENT_STREAM_BYTES_MAX
from tests.edge.node_world import COMMUNE, Node, Province


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


class Stream(ports.Response):
    """An event stream in the test's hands."""

    def __init__(self, status=200, kind="text/event-stream"):
        self.status, self.headers = status, {"content-type": kind}
        self.pieces = asyncio.Queue()

    async def read(self, count):
        piece = await self.pieces.get()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def close(self):
        self.status = 0

    def say(self, text):
        self.pieces.put_nowait(text.encode())


class Hub(ports.Link):
    """Pass everything on to the province, but streams."""

    def __init__(self, behind):
        self.behind, self.streams, self.asked = behind, [], []
        self.make = Stream

    async def request(self, method, url, headers, body):
        if "/v1/events" not in url:
            return await self.behind.request(method, url, headers, body)
        self.asked.append(url)
        made = self.make()
        self.streams.append(made)
        return made

    def counters(self):
        return self.behind.counters()


def listening(province, **fields):
    node = Node(province, **fields)
    node.hub = Hub(node.link)
    node.events = EventsTask(
        node.parts, node.clock, HubLink(node.hub), node.sync, node.budget.allowed
    )
    tasks = Supervisor(node.clock, node.faults).run([node.sync, node.events])
    node.running = asyncio.create_task(tasks)
    return node


def checks(node):
    return sum(url.endswith("timestamp.json") for _, url in node.link.requests)


async def test_news_wake_the_node_at_once(province):
    node = listening(province, poll_s=3600)
    await node.pass_ms(2000)
    assert node.hub.asked == [f"http://hub.example/v1/events?unit={COMMUNE}"]
    province.publish(province.news_bundle())
    await node.pass_ms(60_000)
    assert not node.manifests.bundles()
    node.hub.streams[0].say(f": open\n\nevent: timestamp\ndata: {COMMUNE} 999\n\n")
    assert await node.pass_ms(500, node.manifests.bundles)
    await node.stop()


async def test_what_the_node_has_already_wakes_nobody(province):
    province.publish(province.news_bundle())
    node = listening(province, poll_s=3600)
    assert await node.pass_ms(3000, node.manifests.bundles)
    await node.pass_ms(3000)
    before = checks(node)
    held = node.sync._version
    node.hub.streams[0].say(f"event: timestamp\ndata: {COMMUNE} {held}\n\n")
    await node.pass_ms(2000)
    assert checks(node) == before
    node.hub.streams[0].say(f"event: timestamp\ndata: {COMMUNE}\n\n")
    await node.pass_ms(2000)
    assert checks(node) == before + 1
    await node.stop()


async def test_news_in_the_middle_of_a_check_are_followed_by_another(province):
    node = listening(province, poll_s=3600)
    await node.pass_ms(3000)
    session = sync_session.SyncSession("n")
    assert session.next_step(0, lambda purpose: 1).kind == sync_session.REFRESH
    session.wake(0)
    session.refreshed([])
    session.checked(10, 1000)
    assert session.next_step(10, lambda purpose: 1).kind == sync_session.REFRESH
    session.refreshed([])
    session.checked(20, 1000)
    assert session.next_step(20, lambda purpose: 1) is None
    await node.stop()


async def test_checks_are_rarer_while_the_stream_lives_and_as_before_when_it_ends(province):
    node = listening(province, poll_s=60, clock="12:00")
    await node.pass_ms(1000)
    node.hub.streams[0].say(":\n\n")
    await node.pass_ms(1000)
    node.sync.wake()
    await node.pass_ms(1000)
    before = checks(node)
    await node.pass_ms(150_000)
    assert checks(node) == before
    node.hub.streams[0].pieces.put_nowait(WorldFault("link.timeout", "silent", "wait"))
    assert await node.pass_ms(61_000, lambda: checks(node) > before)
    await node.stop()


async def test_a_lost_stream_is_opened_again_after_growing_pauses(province):
    node = listening(province, poll_s=3600)

    def refuse():
        raise WorldFault("link.open", "down", "wait")

    await node.pass_ms(1000)
    node.hub.make = refuse
    node.hub.streams[0].pieces.put_nowait(b"")
    await node.pass_ms(120_000)
    assert 3 <= len(node.hub.asked) <= 8
    node.hub.make = Stream
    assert await node.pass_ms(200_000, lambda: len(node.hub.streams) == 2)
    assert node.codes() == []
    await node.stop()


@pytest.mark.parametrize(
    "stream",
    [("text/html", 200), ("application/json", 503), ("application/json", 200)],
)
async def test_strangers_and_refusals_are_left_alone(province, stream):
    kind, status = stream
    node = listening(province, poll_s=60)
    node.hub.make = lambda: Stream(status, kind)
    await node.pass_ms(10_000)
    assert node.hub.streams and all(one.status == 0 for one in node.hub.streams)
    province.publish(province.news_bundle())
    assert await node.pass_ms(70_000, node.manifests.bundles)
    await node.stop()


async def test_endless_words_are_cut(province):
    node = listening(province, poll_s=3600)
    await node.pass_ms(1000)
    for _ in range(EVENT_STREAM_BYTES_MAX // 512 + 1):
        node.hub.streams[0].say(":" + "x" * 299 + "\n" + ":" + "x" * 210 + "\n")
    await node.pass_ms(3000)
    assert node.hub.streams[0].status == 0
    await node.pass_ms(1000)
    node.hub.make = Stream
    assert await node.pass_ms(30_000, lambda: len(node.hub.streams) == 2)
    node.hub.streams[1].say("x" * 600)
    await node.pass_ms(1000)
    assert node.hub.streams[1].status == 0
    await node.stop()


async def test_a_spent_sim_listens_no_more(province):
    plan = {"period_bytes": 1_000_000, "reserve_bytes": 500_000}
    node = listening(province, poll_s=60, budget=plan)
    await node.pass_ms(1000)
    node.link._received += 600_000
    node.hub.streams[0].say(":\n\n")
    await node.pass_ms(events_task.REST_MS)
    node.hub.streams[0].say(":\n\n")
    await node.pass_ms(events_task.REST_MS)
    assert node.hub.streams[0].status == 0
    assert len(node.hub.asked) == 1
    await node.stop()
