"""What strangers on a LAN may take of a node: bytes a second, time, connections (virtual time)."""

import asyncio
import hashlib
from types import SimpleNamespace

import pytest

from edge.blob_store import FOLDER
from edge.faults import Faults
from edge.lan_task import LanTask
from edge.neighbour_files import NeighbourFiles
from edge.neighbour_task import NeighbourTask
from hw import ports
from hw.sim.announcer import Air, Announcer
from hw.sim.storage import Storage
from protocols import lan
from protocols.errors import WorldFault
from protocols.limits import (
    NEIGHBOUR_ANSWER_MS_MAX,
    NEIGHBOUR_CONNECTIONS_MAX,
    NEIGHBOUR_HEAD_MS_MAX,
    NEIGHBOUR_RATE_BYTES_S,
    NEIGHBOURS_MAX,
)
from tests.edge.node_world import COMMUNE, Notes, put
from tests.simulation.virtual_time import VirtualLoop

BLOB = bytes(range(256)) * 4096
NAME = hashlib.sha256(BLOB).hexdigest()
ABSENT = "0" * 64


class Clock(ports.Clock):
    """The time of the virtual loop."""

    def ticks_ms(self):
        return round(asyncio.get_running_loop().time() * 1000)

    async def sleep_ms(self, duration_ms):
        await asyncio.sleep(duration_ms / 1000)


class Caller:
    """Both streams of one connection, and when it was closed."""

    def __init__(self, task, head="", drains=True):
        self.reader, self.got, self.closed_s = asyncio.StreamReader(), b"", None
        self._drains = drains
        self.reader.feed_data(head.encode())
        self.serving = asyncio.ensure_future(task._serve(self.reader, self))

    def write(self, data):
        self.got += data

    async def drain(self):
        if not self._drains:
            await asyncio.Event().wait()

    def close(self):
        self.closed_s = asyncio.get_running_loop().time()

    async def wait_closed(self):
        pass


def run(scene):
    """Run a coroutine in virtual time."""
    loop = VirtualLoop()
    loop.run_until_complete(scene)
    loop.close()
    assert loop.errors == []


def get(name):
    return f"GET /v1/blobs/{name} HTTP/1.1\r\nhost: x\r\n\r\n"


def in_virtual_time(scene):
    """Run `scene(task)` beside nothing else."""
    storage = Storage()
    put(storage, FOLDER + NAME, BLOB)

    async def live():
        task = NeighbourTask(
            NeighbourFiles(storage), Clock(), Faults(Notes()), COMMUNE, lambda: ("", 0)
        )
        await scene(task)
        assert task.connections == 0

    run(live())


def test_all_connections_share_one_rate():
    async def scene(task):
        callers = [Caller(task, get(NAME)) for _ in range(NEIGHBOUR_CONNECTIONS_MAX)]
        await asyncio.gather(*[one.serving for one in callers])
        assert all(one.got.endswith(BLOB) for one in callers)
        least_s = NEIGHBOUR_CONNECTIONS_MAX * len(BLOB) / NEIGHBOUR_RATE_BYTES_S
        took = [one.closed_s for one in callers]
        assert least_s - 1 < min(took) <= max(took) < least_s * 1.1

    in_virtual_time(scene)


def test_asking_costs_of_the_same_rate_whatever_is_found():
    async def scene(task):
        for _ in range(64):
            caller = Caller(task, get(ABSENT))
            await caller.serving
            assert caller.got.startswith(b"HTTP/1.1 404")
        assert caller.closed_s >= 1.9

    in_virtual_time(scene)


@pytest.mark.parametrize("trickles", [False, True])
def test_a_head_that_does_not_end_is_hung_up_on(trickles):
    async def scene(task):
        caller = Caller(task, "GET /v1/")
        while caller.closed_s is None:
            await asyncio.sleep(1)
            if trickles:
                caller.reader.feed_data(b"a")
        assert caller.closed_s * 1000 == pytest.approx(NEIGHBOUR_HEAD_MS_MAX, abs=100)
        assert caller.got == b""

    in_virtual_time(scene)


def test_whoever_does_not_take_the_answer_is_hung_up_on_and_another_served():
    async def scene(task):
        slow = [Caller(task, get(NAME), False) for _ in range(NEIGHBOUR_CONNECTIONS_MAX)]
        await asyncio.sleep(NEIGHBOUR_ANSWER_MS_MAX / 1000 - 1)
        refused = Caller(task, get(NAME))
        await refused.serving
        assert refused.got == b"" and all(one.closed_s is None for one in slow)
        await asyncio.sleep(2)
        assert all(one.closed_s is not None for one in slow)
        served = Caller(task, get(NAME))
        await served.serving
        assert served.got.endswith(BLOB)

    in_virtual_time(scene)


class House:
    """A LAN with one node on it, whose address may change or go."""

    def __init__(self, **changes):
        self.air, self.address, self.opened = Air(), "10.0.0.1", []
        settings = {"interface": "eth0", "port": 8473, "serves": True, "finds": True}
        settings.update({"neighbours": ("http://known",)}, **changes)
        config = SimpleNamespace(
            node="n-1", lan=SimpleNamespace(**settings), place=SimpleNamespace(unit=COMMUNE)
        )
        self.faults = Faults(Notes())
        parts = SimpleNamespace(config=config, faults=self.faults)
        self.task = LanTask(parts, Clock(), self)

    def lan_address(self, interface):
        assert interface == "eth0"
        if not self.address:
            raise WorldFault("lan.address", "no cable", "plug it in")
        return self.address

    def announcer(self, address):
        self.opened.append(address)
        return Announcer(self.air, address)

    async def meet(self, name, unit=COMMUNE, serves=True, role=lan.NODE):
        address = "10.0.1.%d" % len(self.air.said)
        await Announcer(self.air, address).open(name, 8473, lan.words(role, unit, serves))


def on_a_lan(scene, **changes):
    async def live():
        house = House(**changes)
        running = asyncio.ensure_future(house.task.run())
        await asyncio.sleep(1)
        await scene(house)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert "n-1" not in house.air.said

    run(live())


def test_a_node_announces_itself_and_asks_those_of_its_unit_that_serve():
    async def scene(house):
        said = house.air.said["n-1"]
        assert (said.role, said.unit, said.serves) == (lan.NODE, COMMUNE, True)
        assert said.base == "http://10.0.0.1:8473"
        await house.meet("n-2")
        await house.meet("n-3", serves=False)
        await house.meet("n-4", unit="03.b")
        await house.meet("hub", role=lan.HUB)
        assert house.task.neighbours() == ["http://known", house.air.said["n-2"].base]
        for number in range(20):
            await house.meet(f"m-{number}")
        assert len(house.task.neighbours()) == NEIGHBOURS_MAX
        assert house.task.neighbours()[0] == "http://known"

    on_a_lan(scene)


def test_another_address_is_announced_and_a_pulled_cable_told():
    async def scene(house):
        house.address = "10.0.0.7"
        await asyncio.sleep(61)
        assert house.air.said["n-1"].base == "http://10.0.0.7:8473"
        house.address = ""
        await asyncio.sleep(61)
        assert house.faults.open_faults() == [["lan.mdns", "lan.mdns"]]
        assert "n-1" not in house.air.said and house.task.neighbours() == ["http://known"]
        house.address = "10.0.0.8"
        await asyncio.sleep(61)
        assert house.faults.open_faults() == []
        assert house.opened == ["10.0.0.1", "10.0.0.7", "10.0.0.8"]

    on_a_lan(scene)


def test_a_node_that_looks_for_nobody_says_nothing():
    async def scene(house):
        assert house.air.said == {} and house.opened == []
        assert house.task.neighbours() == ["http://known"]

    on_a_lan(scene, finds=False)


async def test_the_server_follows_the_nodes_address():
    """On loopback, whose every address is this machine's."""
    places, told = [("127.0.0.1", 0)], []
    clock = SimpleNamespace(sleep_ms=lambda _: asyncio.sleep(0.01))
    faults = Faults(Notes())
    task = NeighbourTask(NeighbourFiles(Storage()), clock, faults, COMMUNE, lambda: places[-1])
    running = asyncio.create_task(task.run())
    async with asyncio.timeout(10):
        for address in ("127.0.0.1", "127.0.0.2"):
            places.append((address, 0))
            told.append(task.port)
            while task.port == told[-1]:
                await asyncio.sleep(0.01)
            _, writer = await asyncio.open_connection(address, task.port)
            writer.close()
            await writer.wait_closed()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
