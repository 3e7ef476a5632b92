"""Join our bus to pymodbus devices over a paced pseudo-terminal line."""

import contextlib
from collections.abc import AsyncIterator

from hw.linux.clock import Clock
from hw.linux.serial import Serial
from hw.modbus_bus import ModbusBus, bus_settings
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.pzem_meter import PzemMeter
from tools.demo_devices import Devices
from tools.demo_line import Line

BAUD = 115200


class Rig:
    """Hold both ends of one line; `packets` are the bytes pymodbus saw and sent."""

    def __init__(self, settings) -> None:
        self.clock = Clock()
        self.line = Line(BAUD)
        self.devices = Devices(None)
        self.packets: list[tuple[str, str]] = []
        self.change = None
        self.bus = ModbusBus(Serial(self.line.near, BAUD), self.clock, settings)
        self.relay = ModbusRelay(self.bus, relay_settings())
        self.meter = PzemMeter(self.bus, 2)

    def trace(self, sending: bool, data: bytes) -> bytes:
        """Note a packet and let the test change it; a frame still arriving is shown again whole."""
        if data:
            last = self.packets[-1] if self.packets else ("", "")
            if not sending and last[0] == "in" and data.hex().startswith(last[1]):
                self.packets.pop()
            self.packets.append(("out" if sending else "in", data.hex()))
        return self.change(sending, data) if self.change is not None else data


@contextlib.asynccontextmanager
async def rig(**settings: int) -> AsyncIterator[Rig]:
    """Run a line with a relay board (unit 1) and a meter (unit 2)."""
    numbers = {"baud": BAUD, "timeout_ms": 250, "late_ms": 400, "turnaround_ms": 1, "rest_ms": 300}
    numbers.update(settings)
    made = Rig(bus_settings(**numbers))
    made.line.start()
    await made.devices.start(made.line.far, BAUD, made.trace)
    try:
        yield made
    finally:
        await made.bus.close()
        await made.devices.stop()
        await made.line.close()
