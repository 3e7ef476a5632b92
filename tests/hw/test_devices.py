"""Devices from a node's settings, with every wrong setting named."""

import asyncio

import pytest

from hw import platform
from hw.linux.clock import Clock
from protocols.errors import LocalFault
from protocols.link_ladder import RUNGS
from tools.demo_devices import Devices
from tools.demo_line import Line


def refusal(make, *arguments) -> str:
    with pytest.raises(LocalFault) as caught:
        make(*arguments)
    assert caught.value.code.startswith("config.")
    return caught.value.message


async def test_the_demos_amplifier():
    line = Line(115200)
    line.start()
    devices = Devices(None)
    await devices.start(line.far, 115200)
    settings = {
        "kind": "modbus",
        "port": line.near,
        "baud": 115200,
        "meter_unit": 2,
        "idle_milliwatts": 8000,
        "timeout_ms": 100,
        "late_ms": 200,
    }
    amplifier = platform.amplifier(settings, Clock())
    await amplifier.open()
    await amplifier.on(5000)
    observed = await amplifier.observe()
    assert observed == {"accepted": 1, "coil": 1, "milliwatts": 8000, "idle_milliwatts": 8000}
    await amplifier.close()
    assert not devices.board.coils[0]
    await devices.stop()
    await line.close()


async def test_a_variant_board_gets_its_own_words():
    line = Line(115200)
    line.start()
    devices = Devices(None, relay_unit=255)
    sent = []
    await devices.start(line.far, 115200, lambda sending, data: sent.append(data) or data)
    settings = {
        "kind": "modbus",
        "port": line.near,
        "baud": 115200,
        "relay_unit": 255,
        "relay_base": 1,
        "relay_on_word": 0x0100,
        "relay_flash_base": -1,
        "timeout_ms": 60,
    }
    amplifier = platform.amplifier(settings, Clock())
    with pytest.raises(Exception, match="illegal data value"):
        await amplifier.on(5000)
    assert bytes.fromhex("ff0500010100") in [data[:6] for data in sent]
    await asyncio.wait_for(amplifier.close(), 2)
    await devices.stop()
    await line.close()


def test_audio_board_and_decoder(tmp_path):
    clock = Clock()
    path = str(tmp_path / "a")
    assert platform.audio({"kind": "wav", "path": path}, clock).rate_hz == 16000
    assert platform.audio({"kind": "alsa", "devices": "null"}, clock).rate_hz == 16000
    size = {"width_px": 192, "height_px": 64, "channels": 1}
    assert platform.board({"kind": "png", "path": path, **size}, clock).width_px == 192
    assert platform.decoder() is not None


def test_wrong_settings_are_named():
    clock = Clock()
    assert "audio.kind" in refusal(platform.audio, {}, clock)
    assert "audio.kind" in refusal(platform.audio, {"kind": "tape"}, clock)
    assert "audio.path" in refusal(platform.audio, {"kind": "wav", "path": ""}, clock)
    modbus = {"kind": "modbus", "port": "/dev/null"}
    for name, value in (
        ("baud", 5),
        ("relay_unit", "1"),
        ("relay_unit", True),
        ("meter_unit", 300),
        ("over_run_ms", 1),
        ("contactor_coil", -1),
    ):
        text = refusal(platform.amplifier, {**modbus, name: value}, clock)
        assert "amplifier." + name in text
    board = {"kind": "png", "path": "x", "width_px": 192, "height_px": 64}
    assert "board.channels" in refusal(platform.board, board, clock)


def test_modem_and_clock_chip(tmp_path):
    clock = Clock()
    modem = {"kind": "ec25", "port": "/dev/ttyUSB2"}
    assert platform.modem(modem, clock, None).rungs() == RUNGS[:2]
    assert platform.modem({**modem, "power_line": 5}, clock, None).rungs() == RUNGS
    line = platform.amplifier({"kind": "modbus", "port": "/dev/ttyUSB0"}, clock)
    assert platform.modem({**modem, "power_coil": 5}, clock, line).rungs() == RUNGS
    assert "power_coil" in refusal(platform.modem, {**modem, "power_coil": 5}, clock, None)
    assert "modem.kind" in refusal(platform.modem, {"kind": "fax"}, clock, None)
    assert "modem.port" in refusal(platform.modem, {"kind": "ec25"}, clock, None)
    assert "rtc.kind" in refusal(platform.chip_clock, {"kind": "sundial"}, clock, False)
    bus = str(tmp_path / "i2c-1")
    chip = platform.chip_clock({"kind": "ds3231", "bus": bus}, clock, False)
    assert chip.fault.code == "i2c.missing" and chip.wall_ms() is not None
    open(bus, "w").close()
    chip = platform.chip_clock({"kind": "ds3231", "bus": bus}, clock, False)
    assert chip.fault.code == "i2c.missing" and "0x68" in chip.fault.message
