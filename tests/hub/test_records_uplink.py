"""The node's own uplink against the hub's own endpoint, over a real socket."""

import asyncio

import pytest

from edge.hub_keys import ROOT
from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.records_task import RecordsTask, Ties
from hub import fleet
from hw.linux.clock import Clock
from hw.linux.entropy import Entropy
from hw.linux.identity import Identity
from hw.linux.link import Link
from hw.linux.storage import Storage
from hw.linux.verifier import Verifier
from protocols.hub_addresses import HubAddresses

NODE, UNIT = "loa-17", "03.k7f2"


class Node:
    """A node's journal and uplink on the Linux adapters; `noted` takes its faults."""

    def __init__(self, folder, port, root):
        self.storage = Storage(str(folder / "store"))
        writer = self.storage.stage("root")
        writer.write(root)
        writer.commit(ROOT)
        self.identity = Identity(str(folder / "key"), Entropy())
        self.journal = JournalStore(self.storage, NODE, Entropy().random_bytes)
        self.journal.open()
        self.book = JournalBook(self.journal)
        self.noted, self.times = [], []
        self.link = Link()
        clock = Clock()
        now = lambda: (clock.wall_ms(), "network", 20)  # noqa: E731
        self.book.follow(now)
        ties = Ties(
            now,
            lambda *args: self.times.append(args),
            lambda place, error: self.noted.append(error),
            lambda place: None,
            lambda purpose: 1 << 20,
        )
        self.task = RecordsTask(
            NODE,
            HubAddresses((f"http://127.0.0.1:{port}",)),
            self.journal,
            self.book,
            self.storage,
            self.link,
            clock,
            self.identity,
            Verifier(),
            Entropy(),
            ties,
        )

    async def send(self):
        while await self.task.step():
            continue


@pytest.fixture
async def node(tmp_path, listener, services):
    folder = services.config.repository / "metadata"
    root = max(folder.glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))
    made = Node(tmp_path, listener.port, root.read_bytes())
    yield made
    await made.link.close()


async def register(services, node):
    form = fleet.NodeForm(NODE, UNIT, "Cụm 17", "speaker", node.identity.public_key())
    await services.ledger.write(lambda store: fleet.add_node(store, form, "test", 1))


def play(number):
    return {
        "item": "tin-1",
        "title": "Bản tin sáng",
        "class": "normal",
        "unit": UNIT,
        "started_ms": 1000 * number,
        "ended_ms": 1000 * number + 900,
        "outcome": "complete",
        "evidence": {"grade": 3},
    }


async def test_a_journal_reaches_the_hubs_pages_once(node, services):
    await register(services, node)
    for number in range(1, 251):
        node.book.write("plays", "play", play(number))
    node.book.write("health", "boot", {"bundle_version": 7})
    await node.send()
    assert node.noted == []
    assert node.task.pending("plays") == node.task.pending("health") == 0
    node.task.ask()
    await node.send()
    plays = await services.ledger.read(lambda store: store.find("plays", {}))
    assert len(plays) == 250
    assert {row["title"] for row in plays} == {"Bản tin sáng"}
    offset_ms = node.times[0][0] - services.config.now_ms()
    assert abs(offset_ms) < 60_000


async def test_an_unregistered_node_keeps_everything_and_says_why(node):
    node.book.write("plays", "play", play(1))
    await node.send()
    assert [error.code for error in node.noted] == ["records.unknown_node"]
    assert node.task.pending("plays") == 1


async def test_a_silent_hub_is_a_lost_link_not_a_lost_record(node, services, listener):
    await register(services, node)
    await listener.close()
    node.book.write("plays", "play", play(1))
    await asyncio.wait_for(node.send(), 10)
    assert [error.whose for error in node.noted] == ["world"]
    assert node.task.pending("plays") == 1
