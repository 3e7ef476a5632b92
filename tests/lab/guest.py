"""Run the real adapters in the lab's guest, one order a line: `{"do": name, "with": {...}}`.

Every answer is one line, `LAB {"value": ...}` or `LAB {"fault": ...}`.
"""

import asyncio
import io
import json
import math
import os
import struct
import subprocess
import sys
import threading
import time
import traceback

from hw.linux.audio import AlsaOut
from hw.linux.clock import Clock
from hw.linux.framebuffer import FramebufferBoard
from hw.linux.gpio import InputPin, OutputPin
from hw.linux.serial import open_serial
from hw.linux.slot_files import SlotFiles
from hw.linux.watchdog import Watchdog
from hw.modbus_bus import ModbusBus, bus_settings
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.pzem_meter import PzemMeter
from hw.slot_storage import Storage
from protocols.errors import Fault

CLOCK = Clock()
PINS = {}
HELD = {}


async def pin(line, level):
    """Drive a line and hold it."""
    if line not in PINS:
        PINS[line] = OutputPin("/dev/gpiochip0", line)
    PINS[line].set(level)
    return PINS[line].get()


async def pulse(line, seconds):
    """Count the rising edges that polling an input sees."""
    made, last, edges = InputPin("/dev/gpiochip0", line), 0, 0
    until_s = time.monotonic() + seconds
    print("LAB-READY", flush=True)
    while time.monotonic() < until_s and edges == 0:
        level = made.get()
        edges += level > last
        last = level
    made.close()
    return edges


def _bus():
    if "bus" not in HELD:
        # The guest's clock is emulated: times are generous.
        numbers = bus_settings(timeout_ms=2000, late_ms=2000, turnaround_ms=20, fails_max=1000)
        HELD["bus"] = ModbusBus(open_serial("/dev/ttyUSB0", 9600), CLOCK, numbers)
    return HELD["bus"]


async def relay(hold_ms):
    """Switch relay 0 on for a while, or off; return the coil that the board reports."""
    made = ModbusRelay(_bus(), relay_settings())
    await (made.on(hold_ms) if hold_ms else made.off())
    return await made.read()


async def meter():
    """Read the meter."""
    return (await PzemMeter(_bus(), 2).read()).milliwatts


async def sound(seconds, hz):
    """Play a tone on the USB sound card; return what the engine counted."""
    made = AlsaOut(("plughw:0,0",), CLOCK)
    count = seconds * 16000
    wave = [int(9000 * math.sin(2 * math.pi * hz * i / 16000)) for i in range(count)]
    await made.open()
    pcm = io.BytesIO(struct.pack("<%dh" % count, *wave))
    try:
        played = await asyncio.wait_for(made.play(pcm, 0, None, 32767), 8 + 3 * seconds)
    except TimeoutError:
        sink = made._sink
        return [
            made._mixer.frame,
            made.losses,
            made.slips,
            sink.underruns,
            sink.drifts,
            made.beats(),
        ]
    await asyncio.sleep(0.3)
    await made.close()
    return played


async def picture(width, height):
    """Show bars on the framebuffer."""
    row = b"".join(bytes([255, 128, 0] if x < width // 2 else [0, 64, 255]) for x in range(width))
    board = HELD["board"] = FramebufferBoard("/dev/fb0", (width, height, 3), (0, 0))
    await board.show([row] * height)
    return [bool(await board.present()), await board.read_back() is not None]


def _run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()[-200:]


def _disk():
    for name in ("sda", "sdb", "sdc"):
        if os.path.exists("/sys/block/%s/size" % name):
            return "/dev/" + name
    return ""


async def stick(form):
    """Mount the USB stick, formatted before when asked."""
    until_s = time.monotonic() + 20
    while not _disk() and time.monotonic() < until_s:
        await asyncio.sleep(0.2)
    if form:
        status, text = _run("/lab/mkfs.fat", _disk())
        if status:
            return status, "mkfs: " + text
    done = _run("/bin/busybox", "mount", "-t", "vfat", "-o", "sync", _disk(), "/stick")
    return done if done[0] == 0 else (done[0], done[1] + _run("/bin/busybox", "dmesg")[1])


async def keep(file, hex_bytes):
    """Commit a file to the slot store on the stick."""
    store = Storage(SlotFiles("/stick/slots"))
    writer = store.stage("lab")
    writer.write(bytes.fromhex(hex_bytes))
    writer.commit(file)
    return store.size(file)


async def fetch(file):
    """Read a file back from the slot store on the stick."""
    reader = Storage(SlotFiles("/stick/slots")).open(file)
    return None if reader is None else reader.read(1 << 20).hex()


async def leave():
    """Unmount what is left of the stick."""
    return _run("/bin/busybox", "umount", "-l", "/stick")


async def exists(path):
    """Tell whether a path is there."""
    return os.path.exists(path)


async def node(config):
    """Start a whole node; what it prints is kept."""
    with open("/tmp/node.json", "w") as file:
        json.dump(config, file)
    words = [sys.executable, "-u", "-m", "edge.main", "run", "--config", "/tmp/node.json", "--log"]
    out = subprocess.PIPE
    process = HELD["node"] = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
    said = HELD["said"] = []
    threading.Thread(target=lambda: said.extend(process.stdout), daemon=True).start()


async def told(kind, seconds):
    """Return the body of the node's first record of a kind."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for line in list(HELD["said"]):
            if line.startswith(b"{") and json.loads(line)["kind"] == kind:
                return json.loads(line)["body"]
        await asyncio.sleep(0.2)
    raise ValueError("no %s in %r" % (kind, b"".join(HELD["said"])[-500:]))


async def stop(number, seconds):
    """Send the node a signal; return its exit code if it ends within a time."""
    HELD["node"].send_signal(number)
    try:
        return await asyncio.to_thread(HELD["node"].wait, seconds)
    except subprocess.TimeoutExpired:
        return None


async def calm():
    """Arm the watchdog and disarm it."""
    made = Watchdog("/dev/watchdog", 20)
    made.open()
    made.close()


async def wait_for_file(folder, seconds):
    """Wait until a folder holds a file."""
    until_s = time.monotonic() + seconds
    while not (os.path.isdir(folder) and os.listdir(folder)):
        if time.monotonic() > until_s:
            raise ValueError("nothing in " + folder)
        await asyncio.sleep(0.2)
    return os.listdir(folder)


async def content(path):
    """Return the bytes of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return file.read().hex()


ORDERS = (pin, pulse, relay, meter, sound, picture, stick, keep, fetch, leave, exists)
ORDERS += (node, told, stop, calm, wait_for_file, content)


async def main():
    orders = {order.__name__: order for order in ORDERS}
    print("LAB-UP", flush=True)
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line.strip():
            continue
        asked = json.loads(line)
        try:
            answer = {"value": await orders[asked["do"]](**asked["with"])}
        except Fault as fault:
            answer = {"fault": fault.code, "text": str(fault)}
        except Exception:
            answer = {"fault": "lab.crash", "text": traceback.format_exc()[-600:]}
        print("LAB " + json.dumps(answer), flush=True)


asyncio.run(main())
