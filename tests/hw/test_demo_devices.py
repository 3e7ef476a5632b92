"""The device process of the demo: real sound makes real watts, and a killed node falls silent."""

import asyncio
import io
import json
import math
import signal
import struct
import subprocess
import sys
import time

import pytest

from hw import platform
from hw.linux.clock import Clock
from protocols import evidence
from tests.deadline import killed_after

# A node that renews its amplifier until something kills it.
NODE = """
import asyncio, sys
from hw import platform
from hw.linux.clock import Clock

async def main():
    settings = {"kind": "modbus", "port": sys.argv[1], "baud": 115200}
    amplifier = platform.amplifier(settings, Clock())
    await amplifier.open()
    await amplifier.on(1000)
    print("on", flush=True)
    while True:
        await asyncio.sleep(0.2)
        await amplifier.renew(1000)

asyncio.run(main())
"""


@pytest.fixture
def devices(tmp_path):
    paths = {name: tmp_path / name for name in ("port", "a.wav", "log")}
    command = [sys.executable, "-m", "tools.demo_devices", "--baud", "115200"]
    command += ["--link", paths["port"], "--wav", paths["a.wav"], "--log", paths["log"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with killed_after(process):
        assert json.loads(process.stdout.readline())["port"] == str(paths["port"])
    yield paths
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    process.stdout.close()
    assert not paths["port"].exists()


def events(paths) -> list[dict]:
    return [json.loads(line) for line in paths["log"].read_text().splitlines()]


async def test_speech_reaches_grade_three_and_silence_does_not(devices):
    clock = Clock()
    out = platform.audio({"kind": "wav", "path": str(devices["a.wav"])}, clock)
    amplifier = platform.amplifier(
        {
            "kind": "modbus",
            "port": str(devices["port"]),
            "baud": 115200,
            "meter_unit": 2,
            "idle_milliwatts": 8000,
        },
        clock,
    )
    await out.open()
    await amplifier.open()
    await amplifier.on(10000)
    await asyncio.sleep(0.6)
    assert evidence.grade(await amplifier.observe()) == evidence.COIL
    tone = [int(6000 * math.sin(i / 5)) for i in range(16000)]
    playing = asyncio.create_task(
        out.play(io.BytesIO(struct.pack("<16000h", *tone)), 0, None, 32767)
    )
    await asyncio.sleep(0.7)
    observed = await amplifier.observe()
    assert evidence.grade(observed) == evidence.WATTS
    assert 15000 < observed["milliwatts"] < 25000
    await playing
    await amplifier.close()
    await out.close()
    assert [e["on"] for e in events(devices)] == [True, False]


def test_a_killed_node_falls_silent_within_the_dead_man_time(devices):
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, str(devices["port"])], stdout=subprocess.PIPE, text=True
    )
    with killed_after(node):
        assert node.stdout.readline() == "on\n"
    time.sleep(0.5)
    node.send_signal(signal.SIGKILL)
    killed_ms = time.time_ns() // 1000000
    node.wait()
    node.stdout.close()
    time.sleep(1.3)
    last = events(devices)[-1]
    assert last["on"] is False and last["cause"] == "timer"
    assert last["at_ms"] - killed_ms <= 1100
