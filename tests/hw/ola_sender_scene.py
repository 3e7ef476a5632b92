"""Send frames onto a cable as fast as can be; print frames a second. Run by bench_board.

24 universes by E1.31, ours and OLA's, both by multicast, counted by the kernel; OLA's frames come
from one `ola_streaming_client` for each universe, as its users do it. And 600 x 400 in colour as
Ethernet frames for a Colorlight card, for which OLA has no sender.
"""

import asyncio
import json
import subprocess
import tempfile
import time
from pathlib import Path

from hw.linux.clock import Clock
from hw.linux.colorlight_board import ColorlightBoard
from hw.linux.datagrams import Datagrams
from hw.universe_board import UniverseBoard
from protocols import colorlight, e131, universes
from tests.hw.ola_scene import SIZE, ola, post
from tests.hw.two_hosts import far_host

FRAMES = 1000
COLOUR_FRAMES = 100
UNIVERSES = universes.count(*SIZE)


def packets(way: str) -> int:
    """Return how many packets the cable's near end has received or sent."""
    shown = subprocess.run(
        ["ip", "-s", "-j", "link", "show", "cable0"], capture_output=True, check=True
    )
    return int(json.loads(shown.stdout)[0]["stats64"][way]["packets"])


async def ours() -> float:
    """Return frames a second of our sender."""
    sender = e131.Sender(bytes(16), "bench", sync_universe=0)
    board = UniverseBoard(sender, Datagrams("10.7.0.1"), Clock(), SIZE)
    width, height, _ = SIZE
    frames = [[bytes([level]) * width] * height for level in (40, 200)]
    before = packets("tx")
    began_s = time.monotonic()
    for number in range(FRAMES):
        await board.show(frames[number % 2])
    spent_s = time.monotonic() - began_s
    sent = packets("tx") - before
    assert sent >= FRAMES * UNIVERSES, sent
    await board.close()
    return FRAMES / spent_s


async def colour() -> float:
    """Return frames a second of the Colorlight sender."""
    width, height = 600, 400
    board = ColorlightBoard("cable0", width, height, colorlight.dialect())
    frames = [[bytes([level]) * (3 * width)] * height for level in (40, 200)]
    before = packets("tx")
    began_s = time.monotonic()
    for number in range(COLOUR_FRAMES):
        await board.show(frames[number % 2])
    spent_s = time.monotonic() - began_s
    assert packets("tx") - before >= COLOUR_FRAMES * 2 * height
    await board.close()
    return COLOUR_FRAMES / spent_s


def theirs(prefix: list[str]) -> float:
    """Return frames a second of OLA's, by the packets that came out of it."""
    with ola(prefix, "e131", "output_ports = 24\n"), tempfile.TemporaryDirectory() as folder:
        for number in range(UNIVERSES):
            post("new_universe", id=number + 1, name="u", add_ports="1-O-%d" % number)
        lines = [",".join([str(level)] * 512) + "\n" for level in (40, 200)]
        stream = Path(folder) / "frames"
        stream.write_text("".join(lines) * (FRAMES // 2))
        before = packets("rx")
        began_s = time.monotonic()
        clients = []
        for number in range(UNIVERSES):
            command = [*prefix, "ola_streaming_client", "-u", str(number + 1), "-l", "0"]
            with stream.open() as lines_in:
                clients.append(subprocess.Popen(command, stdin=lines_in))
        for client in clients:
            assert client.wait(60) == 0
        came, ended_s = _settled("rx")
    return (came - before) / UNIVERSES / (ended_s - began_s)


def _settled(way: str) -> tuple[int, float]:
    """Return the count when no more packets come, and when the last one was counted."""
    came, ended_s = packets(way), time.monotonic()
    while time.monotonic() - ended_s < 0.5:
        now = packets(way)
        if now > came + UNIVERSES // 8:
            came, ended_s = now, time.monotonic()
        time.sleep(0.02)
    return came, ended_s


async def main() -> None:
    with far_host() as prefix:
        own = await ours()
        peer = theirs(prefix)
        found = {"e131_192x64x1": round(own, 1), "ola_e131_192x64x1": round(peer, 1)}
        found["ratio"] = round(own / peer, 1)
        found["colorlight_600x400x3"] = round(await colour(), 1)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
