"""A stick made of a node's own files: another node that no link reaches plays what it brings."""

import asyncio

import pytest

from edge.neighbour_files import NeighbourFiles
from edge.neighbour_task import NeighbourTask
from hw.linux.clock import Clock
from hw.linux.interface import address_of
from tests.edge.node_world import COMMUNE, Node
from tests.edge.test_neighbours import served
from tests.tools.stick_desk import StickDesk
from tests.tools.test_stick import node_at


@pytest.fixture
async def desk(tmp_path):
    made = await StickDesk(tmp_path).open()
    yield made
    await made.listener.close()


async def test_what_one_node_has_goes_to_another_by_stick(desk):
    desk.publish(desk.province.news_bundle())
    source = Node(desk.province).start("sync")
    await source.pass_ms(2000)
    await source.stop()
    files = NeighbourFiles(source.storage)
    task = NeighbourTask(files, Clock(), source.faults, COMMUNE, lambda: (address_of("lo"), 0))
    running = await served(task)
    there = f"http://127.0.0.1:{task.port}"
    code, out = await desk.tool("write", "--node", there, "--unit", COMMUNE)
    assert code == 0 and "1 recordings and pictures" in out, out
    code, out = await desk.tool("write", "--node", there, "--unit", "03.zzzz")
    assert code != 0 and "404" in out, out
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.listener.close()
    node = node_at(desk)
    node.start("sync", "playout", "amplifier")
    await node.sticks.look()
    await node.pass_to("05:32")
    await node.stop()
    assert [(play[0], play[4]) for play in node.plays()] == [("news", "complete")]
