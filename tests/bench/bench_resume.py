"""What cuts cost: one item over a slow link that breaks, and to a process that is killed again and
again, for a real node, curl and rsync.

The link is `tests.slow_link` before the hub, nginx and rsync's daemon; counted is what it delivers
to the client, heads included. Waste is what a fetch with one cut takes more than one without.
"""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench.bench_wire import Shelf
from tests.bench.station import ITEM_BYTES, Programme, Station, say
from tests.slow_link import Radio, SlowLink

CUTS = 4
CUT_BYTES_S = 500_000
KILL_S = 4.0
KILL_BYTES_S = 150_000
# Twice what the fetch takes undisturbed: who has not ended by then never will.
KILLS_MAX = 6
BLOCK_BYTES = 4096
FETCH_S_MAX = 120


class CountedLink(SlowLink):
    """Count what reaches the client; cut one connection once `cut_at` bytes have."""

    def __init__(self, target_port: int, bytes_s: int):
        radio = Radio(down_bytes_s=bytes_s, up_bytes_s=bytes_s // 3, cut_chance=0.0)
        self.delivered = 0
        self.cut_at: int | None = None
        super().__init__(target_port, radio)

    async def _carry(self, reader, writer, bytes_s: int, left: list) -> None:
        is_down = bytes_s == self._radio.down_bytes_s
        counted = _Counted(self, writer, left) if is_down else writer
        # A killed client's reset ends this way as its farewell would.
        with contextlib.suppress(ConnectionError):
            await super()._carry(reader, counted, bytes_s, left)


class _Counted:
    """Stand before the writer that leads to the client."""

    def __init__(self, link: CountedLink, writer: asyncio.StreamWriter, left: list):
        self._link = link
        self._writer = writer
        self._left = left

    def write(self, piece: bytes) -> None:
        """Pass a piece on, unless the connection is cut."""
        link = self._link
        if link.cut_at is not None and link.delivered >= link.cut_at:
            link.cut_at = None
            # The relay ends both ways, without a farewell, when nothing is left.
            self._left[0] = 0
        if self._left[0] > 0:
            link.delivered += len(piece)
            self._writer.write(piece)

    async def drain(self) -> None:
        """Wait until the client has room."""
        await self._writer.drain()


class Client(NamedTuple):
    """Tell how a program fetches, and when it is done; `port` is what it asks behind the link."""

    name: str
    port: int
    words: Callable[[Path, int], list[str]]
    # None: when the program ends well.
    is_done: Callable[[Path], bool] | None = None


class Fetch:
    """One fetch by one client into an empty folder, over a link of its own."""

    def __init__(self, client: Client, folder: Path, bytes_s: int):
        self._client = client
        self._folder = folder
        self.link = CountedLink(client.port, bytes_s)
        self._process: asyncio.subprocess.Process | None = None
        self.kills = 0

    async def run(self, kill_s: float | None) -> int | None:
        """Return the bytes delivered until the client was done; None when it never was.

        A program that ends with a fault is started again, and so is one that is killed.
        """
        words = self._client.words(self._folder, self.link.port)
        loop = asyncio.get_running_loop()
        end_s = loop.time() + FETCH_S_MAX
        try:
            while loop.time() < end_s and self.kills <= KILLS_MAX:
                with open(os.devnull, "wb") as nowhere:
                    self._process = await asyncio.create_subprocess_exec(
                        *words, stdout=nowhere, stderr=nowhere, start_new_session=True
                    )
                if await self._lives(kill_s or FETCH_S_MAX):
                    return self.link.delivered
            return None
        finally:
            await self._kill()
            self.link.close()

    async def _lives(self, seconds: float) -> bool:
        """Let the program run, no longer than this; tell whether it is done."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        while loop.time() < end_s:
            if self._client.is_done is not None and self._client.is_done(self._folder):
                return True
            if self._process.returncode is not None:
                # Many programs wait longer before they try again.
                await asyncio.sleep(0.2)
                return self._client.is_done is None and self._process.returncode == 0
            await asyncio.sleep(0.02)
        self.kills += 1
        await self._kill()
        return False

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()


@contextlib.contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Give a new folder for one fetch."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        yield Path(name)


def clients(station: Station, shelf: Shelf, hub_port: int) -> list[Client]:
    """Return ours and the peers that are installed."""

    def node(folder: Path, port: int) -> list[str]:
        data, sound = str(folder / "data"), {"kind": "wav", "path": str(folder / "heard.wav")}
        path = station.config(f"http://127.0.0.1:{port}", data=data, audio=sound)
        return [sys.executable, "-m", "edge.main", "run", "--config", str(path)]

    def curl(folder: Path, port: int) -> list[str]:
        url = f"http://127.0.0.1:{port}/content.tar"
        return ["curl", "-sSf", "-C", "-", "-o", str(folder / "content.tar"), url]

    def rsync(*how: str) -> Callable[[Path, int], list[str]]:
        return lambda folder, port: (
            ["rsync", "-a", *how] + [f"rsync://127.0.0.1:{port}/content/day-01.wav", str(folder)]
        )

    found = [
        Client("chieng", hub_port, node, lambda folder: any(folder.glob("data/blobs/*"))),
        Client("curl -C -", shelf.port, curl),
        Client("rsync --partial", shelf.rsync_port, rsync("--partial")),
        Client("rsync --inplace", shelf.rsync_port, rsync("--inplace")),
    ]
    return [one for one in found if one.name == "chieng" or shutil.which(one.name.split()[0])]


async def cut_once(client: Client, folder: Path, rng: random.Random) -> None:
    """Print what one cut at a random moment wastes."""
    with emptied(folder) as where:
        whole = await Fetch(client, where, CUT_BYTES_S).run(None)
    assert whole is not None, client.name
    wastes = []
    for _ in range(CUTS):
        with emptied(folder) as where:
            fetch = Fetch(client, where, CUT_BYTES_S)
            fetch.link.cut_at = rng.randrange(whole * 19 // 20)
            spent = await fetch.run(None)
            assert spent is not None and fetch.link.cut_at is None, client.name
            wastes.append((spent - whole) / ITEM_BYTES)
    goal = f"<= {0.005 + BLOCK_BYTES / ITEM_BYTES:.4f}" if client.name == "chieng" else ""
    say(f"one cut: {client.name}, waste / payload, mean", f"{statistics.mean(wastes):.4f}", goal)
    say(f"one cut: {client.name}, waste / payload, worst", f"{max(wastes):.4f}")


async def killed(client: Client, folder: Path) -> None:
    """Print what is fetched until done when the program is killed every few seconds."""
    with emptied(folder) as where:
        fetch = Fetch(client, where, KILL_BYTES_S)
        spent = await fetch.run(KILL_S)
    found = "never done" if spent is None else f"{spent / ITEM_BYTES:.4f}"
    goal = "<= 1.04" if client.name == "chieng" else ""
    say(f"killed every {KILL_S:.0f} s: {client.name}, bytes / payload", found, goal)
    say(f"killed every {KILL_S:.0f} s: {client.name}, kills", str(fetch.kills))


async def both(client: Client, folder: Path, rng: random.Random) -> None:
    """Print everything about one client."""
    await cut_once(client, folder, rng)
    await killed(client, folder)


async def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station = Station(folder / "station")
        programme = Programme(1)
        station.publish(programme)
        shelf = Shelf(folder / "shelf")
        shelf.serve()
        shelf.put(programme)
        rng = random.Random(4)
        async with station.serving() as base:
            port = int(base.rsplit(":", 1)[1])
            # Each has a link of its own, which leaves the machine idle most of the time.
            await asyncio.gather(*[both(one, folder, rng) for one in clients(station, shelf, port)])
        shelf.close()
        station.close()


if __name__ == "__main__":
    asyncio.run(main())
