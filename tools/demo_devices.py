"""Stand in for a relay board and two meters on one RS-485 line: a double, not the devices.

The Modbus that speaks on the wire is pymodbus' server and framer, none of our code. What the two
devices *do* is written from their manuals (Waveshare's relay page, the PZEM-004T v3 manual), so a
node that works against it agrees with those manuals and with pymodbus; it says nothing about a
particular board. The meter sees an amplifier of class AB behind relay 0: nothing when off, an idle
draw when on, and in proportion to the loudness of the last half second of the node's WAV sink.
"""

import argparse
import array
import asyncio
import contextlib
import json
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import WriteSingleCoilRequest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols import wav
from tools.demo_line import Line

COILS = 8
READ_INPUTS = 2
DC_METER_UNIT = 3
FLASH_ON_BASE = 0x0200
FLASH_UNIT_S = 0.1

IDLE_WATTS = 8.0
SPEECH_WATTS = 90.0
MAINS_VOLTS = 223.0
POWER_FACTOR = 0.62
LOUDNESS_WINDOW_S = 0.5
WAV_RATE_HZ = 16000
WAV_HEADER_BYTES = wav.HEAD_BYTES

Trace = Callable[[bool, bytes], bytes]


class RelayBoard:
    """Hold eight relays, each with the board's own switch-off timer."""

    def __init__(self, note: Callable[[int, bool, str], None]) -> None:
        self.coils = [False] * COILS
        self.inputs = [False] * COILS
        self.welded: set[int] = set()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._note = note

    def set(self, coil: int, on: bool, cause: str) -> None:
        """Switch one relay and stop its timer."""
        timer = self._timers.pop(coil, None)
        if timer is not None:
            timer.cancel()
        if self.coils[coil] != on:
            self.coils[coil] = on
            self._note(coil, on, cause)

    def flash_on(self, coil: int, units: int) -> None:
        """Switch on, and off again by the board's own timer."""
        self.set(coil, True, "flash-on")
        loop = asyncio.get_running_loop()
        self._timers[coil] = loop.call_later(units * FLASH_UNIT_S, self.set, coil, False, "timer")

    def conducts(self, coil: int) -> bool:
        """Tell whether current flows: a welded contact does so whatever the coil says."""
        return self.coils[coil] or coil in self.welded

    async def serve(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer pymodbus' data store: take writes, show the coils as they are now."""
        if values is not None:
            if address + len(values) > COILS:
                return ExcCodes.ILLEGAL_ADDRESS
            for i, value in enumerate(values):
                self.set(address + i, bool(value), "write")
        shown = self.inputs if function == READ_INPUTS else self.coils
        registers[0] = sum(1 << i for i, on in enumerate(shown) if on)
        return None


class Meter:
    """Measure the amplifier behind relay 0 of a board."""

    def __init__(self, board: RelayBoard, wav: Path | None) -> None:
        self._board = board
        self._wav = wav
        self._watt_seconds = 0.0
        self._read_s = time.monotonic()

    def watts(self) -> float:
        """Return what the amplifier draws now."""
        if not self._board.conducts(0):
            return 0.0
        return IDLE_WATTS + SPEECH_WATTS * self._loudness()

    def _loudness(self) -> float:
        """Return the RMS (0 to 1) of the newest samples of the WAV sink; 0 without one."""
        if self._wav is None or not self._wav.exists():
            return 0.0
        length = int(WAV_RATE_HZ * LOUDNESS_WINDOW_S) * 2
        with self._wav.open("rb") as file:
            end = file.seek(0, 2)
            start = max(WAV_HEADER_BYTES, end - length)
            file.seek(start + (start & 1))
            data = file.read(length)
        samples = array.array("h", data[: len(data) & ~1])
        if not samples:
            return 0.0
        return math.sqrt(sum(s * s for s in samples) / len(samples)) / 32768

    async def serve(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Fill the ten input registers."""
        watts = self.watts()
        now_s = time.monotonic()
        self._watt_seconds += watts * (now_s - self._read_s)
        self._read_s = now_s
        milliamps = int(watts / MAINS_VOLTS / POWER_FACTOR * 1000)
        deciwatts = int(watts * 10)
        watt_hours = int(self._watt_seconds / 3600)
        registers[0:10] = [
            int(MAINS_VOLTS * 10),
            milliamps & 0xFFFF,
            milliamps >> 16,
            deciwatts & 0xFFFF,
            deciwatts >> 16,
            watt_hours & 0xFFFF,
            watt_hours >> 16,
            500,
            int(POWER_FACTOR * 100) if watts else 0,
            0,
        ]
        return None


def raw_coil_request(unit: int, board: RelayBoard) -> type[ModbusPDU]:
    """Return pymodbus' write-coil request, extended by the board's flash-on addresses."""

    class RawCoilRequest(WriteSingleCoilRequest):
        raw = b""

        def decode(self, data: bytes) -> None:
            self.raw = data[:4]
            super().decode(data)

        async def datastore_update(self, context: object, device_id: int) -> ModbusPDU:
            word = int.from_bytes(self.raw[2:4], "big")
            coil = self.address - FLASH_ON_BASE
            if device_id == unit and 0 <= coil < COILS:
                board.flash_on(coil, word)
                return self
            if word not in (0x0000, 0xFF00):
                return ExceptionResponse(self.function_code, ExcCodes.ILLEGAL_VALUE)
            return await super().datastore_update(context, device_id)  # type: ignore[arg-type]

        def encode(self) -> bytes:
            return self.raw

    return RawCoilRequest


class Devices:
    """Run both devices on one port."""

    def __init__(self, wav: Path | None, *, relay_unit: int = 1, meter_unit: int = 2) -> None:
        self.board = RelayBoard(self._note)
        self.meter = Meter(self.board, wav)
        self.centivolts = 1260
        self.events: list[dict[str, object]] = []
        self.log: Path | None = None
        self._units = (relay_unit, meter_unit)
        self._server: ModbusSerialServer | None = None

    def served(self) -> tuple[list[SimDevice], list[type[ModbusPDU]]]:
        """Return what pymodbus serves on the line, and the requests that it must learn."""
        nothing = [SimData(0, values=0, datatype=DataType.REGISTERS)]
        coils = [SimData(0, values=[False] * COILS, datatype=DataType.BITS)]
        inputs = [SimData(0, values=[0] * 10, datatype=DataType.REGISTERS)]
        bits = [SimData(0, values=[False] * COILS, datatype=DataType.BITS)]
        relay_unit, meter_unit = self._units
        board, meter = self.board, self.meter
        relay = SimDevice(relay_unit, simdata=(coils, bits, nothing, nothing), action=board.serve)
        energy = SimDevice(meter_unit, simdata=(bits, bits, nothing, inputs), action=meter.serve)
        supply = SimDevice(
            DC_METER_UNIT, simdata=(bits, bits, nothing, inputs), action=self._serve_supply
        )
        return [relay, energy, supply], [raw_coil_request(relay_unit, board)]

    async def _serve_supply(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer as a PZEM-017 DC meter on the battery: volts, and no load to speak of."""
        registers[0:8] = [self.centivolts, 0, 0, 0, 0, 0, 0, 0]
        return None

    async def start(self, port: str, baud: int, trace: Trace | None = None) -> None:
        """Open the port and serve; `trace(sending, data)` sees and may change every packet."""
        devices, requests = self.served()
        nothing = [SimData(0, values=0, datatype=DataType.REGISTERS)]
        nobody = SimDevice(0, simdata=nothing)  # answers for all other units, and is cut off below

        units = [device.id for device in devices]

        def on_packet(sending: bool, data: bytes) -> bytes:
            if trace is not None:
                data = trace(sending, data)
            return b"" if sending and data[:1] and data[0] not in units else data

        self._server = ModbusSerialServer(
            [*devices, nobody],
            framer=FramerType.RTU,
            port=port,
            baudrate=baud,
            trace_packet=on_packet,
            custom_pdu=requests,
        )
        await self._server.serve_forever(background=True)

    async def stop(self) -> None:
        """Fall silent and release the port."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def _note(self, coil: int, on: bool, cause: str) -> None:
        event = {"at_ms": int(time.time() * 1000), "coil": coil, "on": on, "cause": cause}
        self.events.append(event)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(json.dumps(event) + "\n")


async def run(arguments: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    line = Line(arguments.baud)
    line.start()
    devices = Devices(arguments.wav)
    devices.log = arguments.log
    await devices.start(line.far, arguments.baud)
    line.link(arguments.link)
    print(json.dumps({"port": str(arguments.link), "baud": arguments.baud}), flush=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    await devices.stop()
    await line.close()
    with contextlib.suppress(FileNotFoundError):
        arguments.link.unlink()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", type=Path, required=True, help="where the node finds its port")
    parser.add_argument("--baud", type=int, default=9600)
    parser.add_argument("--wav", type=Path, help="the node's WAV sink: its loudness draws power")
    parser.add_argument("--log", type=Path, help="append every switching as a JSON line")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
