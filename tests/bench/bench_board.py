"""Boards: frames a second of every sender and of OLA's own, and a ticker's half hour.

OLA is Debian's package `ola`; the cable is a veth pair in a network of its own.
"""

import asyncio
import json
import shutil
import tempfile
import time
from pathlib import Path

from hw.linux.board import PngPanel
from hw.linux.clock import Clock
from hw.linux.datagrams import Datagrams
from hw.universe_board import UniverseBoard
from protocols import artnet, e131
from tests.edge.test_screen import run_ticker
from tests.hw.two_hosts import run_scene

SECONDS = 2.0


async def rate(board, size) -> float:
    """Return how many frames a second a board takes."""
    width, height, channels = size
    frames = [[bytes([level]) * (width * channels)] * height for level in (40, 200)]
    count = 0
    started_s = time.monotonic()
    while time.monotonic() - started_s < SECONDS:
        await board.show(frames[count % 2])
        count += 1
    await board.close()
    return round(count / SECONDS, 1)


async def rates() -> dict[str, float]:
    """Measure the senders over the loopback, and the PNG panel."""
    found = {}
    mono, colour = (192, 64, 1), (600, 400, 3)
    for name, sender in (
        ("e131", e131.Sender(bytes(16), "bench", sync_universe=0)),
        ("artnet", artnet.Sender(synchronised=False)),
    ):
        board = UniverseBoard(sender, Datagrams("", 0), Clock(), mono, host="127.0.0.1")
        found[name + "_192x64x1"] = await rate(board, mono)
    folder = Path(tempfile.mkdtemp(prefix="board-"))
    found["png_192x64x1"] = await rate(PngPanel(str(folder / "a.png"), *mono), mono)
    found["png_600x400x3"] = await rate(PngPanel(str(folder / "b.png"), *colour), colour)
    return found


def main() -> None:
    """Print one JSON line a question."""
    print(json.dumps({"frames_per_s": asyncio.run(rates())}))
    if shutil.which("olad"):
        found = json.loads(run_scene("tests.hw.ola_sender_scene"))
        print(json.dumps({"frames_per_s_on_a_cable": found}))
    else:
        print(json.dumps({"frames_per_s_on_a_cable": "left out: olad is not installed"}))
    started_s = time.process_time()
    screen, _ = asyncio.run(run_ticker(1800, 50, width=3000))
    spent_s = time.process_time() - started_s
    ticker = {"frames": screen.shown, "dropped": screen.dropped}
    print(json.dumps({"ticker_30_minutes": {**ticker, "cpu_s": round(spent_s, 1)}}))


if __name__ == "__main__":
    main()
