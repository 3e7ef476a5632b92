"""Two masters nobody here wrote send the same bytes as ours and read the same values."""

import asyncio
import subprocess

import minimalmodbus
import serial

from protocols import modbus
from tests.hw.modbus_rig import BAUD, Rig, rig


async def ours(r: Rig) -> tuple[list[str], list[object]]:
    r.packets.clear()
    values: list[object] = []
    values.append(await r.relay.read())
    await r.bus.exchange(modbus.write_coil(1, 0, modbus.COIL_ON), True)
    values.append(await r.relay.read())
    values.append((await r.meter.read()).milliwatts)
    await r.relay.off()
    await r.relay.on(12300)
    values.append(await r.bus.exchange(modbus.read(modbus.READ_COILS, 1, 0, 8)))
    await r.bus.exchange(modbus.write_coils(1, 0, [0] * 8))
    await r.bus.close()
    return [data for way, data in r.packets if way == "in"], values


def minimal(path: str) -> list[object]:
    with serial.Serial(path, BAUD, timeout=0.5) as port:
        relay = minimalmodbus.Instrument(port, 1)
        meter = minimalmodbus.Instrument(port, 2)
        values: list[object] = [relay.read_bit(0, 1)]
        relay.write_bit(0, 1, 5)
        values.append(relay.read_bit(0, 1))
        registers = meter.read_registers(0, 10, 4)
        values.append((registers[3] | registers[4] << 16) * 100)
        relay.write_bit(0, 0, 5)
        # minimalmodbus has no call for a raw coil word; its frame and CRC are still its own.
        relay._perform_command(5, b"\x02\x00\x00\x7b")
        values.append(relay.read_bits(0, 8, 1))
        relay.write_bits(0, [0] * 8)
    return values


async def test_minimalmodbus_agrees_byte_for_byte():
    async with rig() as r:
        our_bytes, our_values = await ours(r)
        r.packets.clear()
        values = await asyncio.to_thread(minimal, r.line.near)
        assert [data for way, data in r.packets if way == "in"] == our_bytes
        assert values == our_values == [0, 1, 8000, [1, 0, 0, 0, 0, 0, 0, 0]]


async def mbpoll(r: Rig, *words: str) -> str:
    r.packets.clear()
    command = ["mbpoll", "-m", "rtu", "-b", str(BAUD), "-P", "none", "-q", "-1", *words]
    split = len(command) if "--" not in command else command.index("--")
    command[split : split + 1] = [r.line.near]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_mbpoll_agrees_byte_for_byte():
    async with rig() as r:
        await mbpoll(r, "-a", "1", "-t", "0", "-r", "1", "--", "1")
        theirs = [data for way, data in r.packets if way == "in"]
        assert r.devices.board.coils[0]
        r.packets.clear()
        await r.bus.exchange(modbus.write_coil(1, 0, modbus.COIL_ON), True)
        assert theirs == [data for way, data in r.packets if way == "in"]
        printed = await mbpoll(r, "-a", "2", "-t", "3", "-r", "1", "-c", "10")
        theirs = [data for way, data in r.packets if way == "in"]
        r.packets.clear()
        reading = await r.meter.read()
        assert theirs == [data for way, data in r.packets if way == "in"]
        assert "[4]: \t%d" % (reading.milliwatts // 100) in printed
