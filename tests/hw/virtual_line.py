"""Join our bus to pymodbus' decoder and framer over a line in virtual time: no waiting at all."""

import heapq

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.simulator.simcore import SimCore

from hw import ports
from hw.modbus_bus import ModbusBus, bus_settings
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.pzem_meter import PzemMeter
from tools.demo_devices import Devices

# What a board takes from the last byte of a question to the first of its answer.
THINK_MS = 4


class VirtualClock(ports.Clock):
    """Tell a time that moves when somebody waits."""

    def __init__(self) -> None:
        self.now_ms = 0.0

    def ticks_ms(self) -> int:
        return int(self.now_ms)

    async def sleep_ms(self, duration_ms: int) -> None:
        self.now_ms += max(duration_ms, 0)


class VirtualLine(ports.Serial):
    """Carry frames between the bus and the devices; `spoil(sending, data)` may change them.

    It returns (bytes, delay in ms): of a question `sending` False, of an answer True.
    """

    def __init__(self, clock: VirtualClock, devices: Devices, baud: int) -> None:
        self._clock = clock
        self._byte_ms = 10000 / baud
        self._arrivals: list[tuple[float, int, bytes]] = []
        self._count = 0
        served, requests = devices.served()
        decoder = DecodePDU(True)
        for request in requests:
            decoder.register(request)
        self._core = SimCore(served)
        self._units = [device.id for device in served]
        self._framer = FramerRTU(decoder)
        self.spoil = lambda sending, data: (data, 0)
        self.questions: list[str] = []

    async def open(self) -> None:
        """Nothing to take."""

    async def close(self) -> None:
        """Nothing to release."""

    async def write(self, data: bytes) -> None:
        self._clock.now_ms += len(data) * self._byte_ms
        self.questions.append(data.hex())
        seen, delay_ms = self.spoil(False, data)
        answer = await self._answer(seen)
        if answer:
            answer, late_ms = self.spoil(True, answer)
            at_ms = self._clock.now_ms + THINK_MS + delay_ms + late_ms
            self.inject(answer, at_ms + len(answer) * self._byte_ms)

    async def read(self, count: int, timeout_ms: int) -> bytes:
        until_ms = self._clock.now_ms + timeout_ms
        if not self._arrivals or self._arrivals[0][0] > until_ms:
            self._clock.now_ms = until_ms
            return b""
        at_ms, _, data = heapq.heappop(self._arrivals)
        self._clock.now_ms = max(self._clock.now_ms, at_ms)
        if len(data) > count:
            self.inject(data[count:], at_ms)
        return data[:count]

    def inject(self, data: bytes, at_ms: float) -> None:
        """Let bytes arrive at a time."""
        self._count += 1
        if data:
            heapq.heappush(self._arrivals, (at_ms, self._count, data))

    async def _answer(self, data: bytes) -> bytes:
        _, pdu = self._framer.handleFrame(data, 0, 0)
        if pdu is None or pdu.dev_id not in self._units:
            return b""
        reply = await pdu.datastore_update(self._core, pdu.dev_id)
        reply.dev_id = pdu.dev_id
        return self._framer.buildFrame(reply)


class VirtualRig:
    """Hold both ends of one line of 9600 baud, as `modbus_rig.Rig` does over a pseudo-terminal."""

    def __init__(self, **settings: int) -> None:
        numbers = bus_settings(**settings)
        self.clock = VirtualClock()
        self.devices = Devices(None)
        self.line = VirtualLine(self.clock, self.devices, numbers.baud)
        self.bus = ModbusBus(self.line, self.clock, numbers)
        self.relay = ModbusRelay(self.bus, relay_settings())
        self.meter = PzemMeter(self.bus, 2)
