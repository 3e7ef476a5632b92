"""Every fault of a device: a stated degraded mode, a record, a fault at the hub, and the way back.

The node is never started anew: what comes back is taken up by the tasks that run. What a kernel
says for each fault, and its code, is `tests/hw/test_linux_serial.py`.
"""

import asyncio
import struct
import zlib

import pytest

from edge.amplifier_task import AmplifierTask
from edge.faults import Faults
from edge.supervisor import Supervisor
from hub.board_image import render
from hw.modbus_amplifier import modbus_amplifier
from hw.settings import Settings
from hw.sim import clock as sim_clock
from protocols.errors import WorldFault
from tests.edge.node_world import Node, Notes, Province
from tests.edge.test_board_task import DARK, picture, programme, ready
from tests.hub.test_ingest import NOW_MS, Hub
from tests.hw.virtual_line import VirtualLine
from tools.demo_devices import Devices

SERIAL_AT_BOOT = ("serial.missing", "serial.permission", "serial.busy")


async def hub_faults(notes):
    """Carry a node's fault records to a hub; return {code: is it open there}."""
    hub = await Hub().open()
    for _, kind, body in notes.facts:
        if kind == "fault":
            await hub.take(hub.batch("health", "a", NOW_MS, kind, body), NOW_MS, False)
    rows = await hub.ledger.read(lambda s: s.find("faults", {}))
    return {row["code"]: row["cleared_ms"] is None for row in rows}


class LineClock(sim_clock.Clock):
    """Let a virtual line move the time, too."""

    @property
    def now_ms(self):
        return self.ticks_ms()

    @now_ms.setter
    def now_ms(self, value):
        self.advance(value - self.ticks_ms())


class Port(VirtualLine):
    """A line to pymodbus that can be refused at its opening, or cut within an answer."""

    def __init__(self, clock):
        super().__init__(clock, Devices(None), 9600)
        self.refusal = ""
        self.cut_in_frame = False

    async def open(self):
        if self.refusal:
            raise WorldFault(self.refusal, "the test's port", "mend it")

    async def read(self, count, timeout_ms):
        if self.cut_in_frame and timeout_ms:
            half = (await super().read(count, timeout_ms))[:3]
            if half:
                self.cut_in_frame, self.refusal = False, "serial.missing"
                self._arrivals.clear()
                self.half = half
                return half
        if self.refusal:
            raise WorldFault("serial.lost", "the test's port", "plug it in again")
        return await super().read(count, timeout_ms)


class Rig:
    """The amplifier's task over the real driver and bus, in virtual time."""

    def __init__(self):
        self.clock, self.notes = LineClock(), Notes()
        self.port = Port(self.clock)
        self.faults = Faults(self.notes)
        given = Settings("amplifier", {"port": "virtual", "relay_unit": 1})
        amplifier = modbus_amplifier(given, self.port, self.clock)
        self.keeper = AmplifierTask(amplifier, self.clock, self.faults, 0)

    def start(self):
        supervisor = Supervisor(self.clock, self.faults)
        self.running = asyncio.create_task(supervisor.run([self.keeper]))

    async def pass_s(self, seconds):
        until_ms = self.clock.ticks_ms() + seconds * 1000
        while self.clock.ticks_ms() < until_ms:
            for _ in range(12):
                await asyncio.sleep(0)
            self.clock.advance(50)

    def writes(self):
        """Return how many orders to the relay reached the line."""
        return sum(question[2:4] == "05" for question in self.port.questions)

    def codes(self):
        return sorted({code for _, code in self.faults.open_faults()})


@pytest.fixture
async def rig():
    rig = Rig()
    yield rig
    rig.port.refusal = ""
    rig.running.cancel()
    stopping = asyncio.gather(rig.running, return_exceptions=True)
    while not stopping.done():
        await rig.pass_s(1)


async def held(rig):
    """Ask for the amplifier as a play does; that play must not wait for a dead line."""
    asking = asyncio.create_task(rig.keeper.acquire(20))
    before_ms = rig.clock.ticks_ms()
    while not asking.done():
        await rig.pass_s(1)
    assert rig.clock.ticks_ms() - before_ms <= 3000


@pytest.mark.parametrize("code", SERIAL_AT_BOOT)
async def test_a_port_that_cannot_be_had_at_boot(rig, code):
    """Missing, forbidden, or held by another process: the play goes on without its relay."""
    rig.port.refusal = code
    rig.start()
    await rig.pass_s(2)
    await held(rig)
    await rig.pass_s(10)
    assert code in rig.codes() and rig.writes() == 0
    assert (await hub_faults(rig.notes))[code] is True
    rig.port.refusal = ""
    await rig.pass_s(10)
    assert rig.codes() == [] and rig.writes() > 0
    assert (await hub_faults(rig.notes)) == {code: False}
    rig.keeper.release()
    await rig.pass_s(3)


async def test_a_port_unplugged_in_the_middle_of_a_frame(rig):
    """The board's own timer switches off; plugged in again, the relay is renewed again."""
    rig.start()
    await held(rig)
    await rig.pass_s(4)
    assert rig.codes() == []
    rig.port.cut_in_frame = True
    await rig.pass_s(12)
    assert len(rig.port.half) == 3 and rig.port.refusal
    assert rig.codes() and set(rig.codes()) <= {"serial.lost", "serial.missing"}
    assert True in (await hub_faults(rig.notes)).values()
    sent = rig.writes()
    rig.port.refusal = ""
    await rig.pass_s(10)
    assert rig.codes() == [] and rig.writes() > sent
    assert set((await hub_faults(rig.notes)).values()) == {False}
    rig.keeper.release()
    await rig.pass_s(3)


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def wrong_size():
    (data,) = render("Sai cỡ", 128, 64, 1)
    return data


def corrupt():
    (data,) = render("Hỏng", 192, 64, 1)
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def bomb():
    """192 x 64 by its head; its data unpack to 64 MB."""
    head = struct.pack(">IIBBBBB", 192, 64, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(64 << 20), 9)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


PICTURES = [
    (wrong_size, "media.wrong_size"),
    (corrupt, "media.undecodable"),
    (bomb, "media.oversize"),
]


@pytest.mark.parametrize(("make", "code"), PICTURES)
async def test_a_picture_that_must_not_be_shown(province, make, code):
    """Wrong size, corrupt, or a bomb: the board stays dark, the next good picture stands."""
    value, _ = programme(province, 1)
    data = make()
    value["pages"][0]["renditions"][0].update(sha256=province.put(data), length=len(data))
    node = await ready(province, value)
    await node.pass_ms(15_000)
    assert node.panel.rows == DARK
    assert node.open_codes() == [code] and (await hub_faults(node.book))[code] is True
    rendition, rows = picture(province, 2)
    value["pages"][0]["renditions"], value["version"] = [rendition], 2
    province.publish(value)
    node.sync.wake()
    await node.pass_ms(30_000, lambda: node.panel.rows == rows)
    await node.pass_ms(2000)
    assert node.panel.rows == rows and node.open_codes() == []
    assert (await hub_faults(node.book)) == {code: False}
    await node.stop()


async def test_a_board_that_is_absent(province):
    """Nothing is shown and nothing recorded as shown; the device is taken up when it is there."""
    value, (rows,) = programme(province, 1)
    province.publish(value)
    node = Node(province, clock="06:00", kind="board")
    node.panel.plugged = False
    node.start("sync", "board")
    await node.pass_ms(15_000)
    assert node.board.showing() is None and node.book.find("show") == []
    assert (await hub_faults(node.book)) == {"board.lost": True}
    node.panel.plugged = True
    await node.pass_ms(15_000)
    assert node.panel.rows == rows and (await hub_faults(node.book)) == {"board.lost": False}
    await node.stop()
