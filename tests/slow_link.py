"""A 3G-like link between real processes: a TCP relay with delay, jitter, rates and sudden cuts.

It stands in for the radio alone; both ends are the real ones. Loss inside TCP shows as delay.
"""

import asyncio
import contextlib
import random
import threading
from typing import NamedTuple

CHUNK = 1400


class Radio(NamedTuple):
    """Describe a link: one-way delay and jitter, bytes a second each way, chance of a cut."""

    delay_s: float = 0.075
    jitter_s: float = 0.03
    down_bytes_s: int = 48_000
    up_bytes_s: int = 16_000
    cut_chance: float = 0.1
    cut_after_bytes: int = 30_000


class SlowLink:
    """Relay connections of this machine to `target_port` as `radio` would, from a thread."""

    def __init__(self, target_port: int, radio: Radio, seed: int = 1):
        self.target_port = target_port
        self.port = 0
        self.cuts = 0
        self._radio = radio
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    def close(self) -> None:
        """Cut everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _relay(self, reader, writer) -> None:
        radio, chance = self._radio, self._random
        is_cut = chance.random() < radio.cut_chance
        left = [chance.randrange(1, radio.cut_after_bytes) if is_cut else 1 << 60]
        ends = [writer]
        with contextlib.suppress(OSError, ConnectionError, asyncio.CancelledError):
            await asyncio.sleep(2 * self._wait_s())
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
            ends.append(far_writer)
            ways = (
                self._carry(reader, far_writer, radio.up_bytes_s, left),
                self._carry(far_reader, writer, radio.down_bytes_s, left),
            )
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if left[0] > 0:
                await asyncio.wait(tasks, timeout=5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if left[0] <= 0:
            self.cuts += 1
        for end in ends:
            end.transport.abort() if left[0] <= 0 else end.close()

    def _wait_s(self) -> float:
        return max(0.0, self._random.gauss(self._radio.delay_s, self._radio.jitter_s))

    async def _carry(self, reader, writer, bytes_s: int, left: list) -> None:
        """Carry one way: each piece arrives a delay after it was sent, at the link's rate."""
        loop, free_s = asyncio.get_running_loop(), 0.0
        queue: asyncio.Queue = asyncio.Queue(64)

        async def deliver() -> None:
            while True:
                at_s, piece = await queue.get()
                await asyncio.sleep(max(0.0, at_s - loop.time()))
                writer.write(piece)
                await writer.drain()
                if not piece:
                    return

        delivering = asyncio.ensure_future(deliver())
        try:
            while left[0] > 0:
                piece = await reader.read(CHUNK)
                free_s = max(free_s, loop.time()) + len(piece) / bytes_s
                await queue.put((free_s + self._wait_s(), piece))
                if not piece:
                    await delivering
                    return
                left[0] -= len(piece)
        finally:
            delivering.cancel()
