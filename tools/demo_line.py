"""Join two pseudo-terminals into one serial line, paced at its baud rate."""

import asyncio
import contextlib
import os
import tty
from collections import deque
from pathlib import Path

# Bytes on their way in one direction; a master that sends more loses them, as on a real adapter.
_WAITING_MAX = 4096


class Line:
    """Offer two ends, `near` and `far`, of which each byte takes 10 bits' time to cross."""

    def __init__(self, baud: int) -> None:
        self._byte_s = 10 / baud
        self._masters: list[int] = []
        self._waiting: tuple[deque[int], deque[int]] = (deque(), deque())
        self._tasks: list[asyncio.Task[None]] = []
        self._arrived = (asyncio.Event(), asyncio.Event())
        self.ends: list[str] = []
        slaves = []
        for _ in range(2):
            master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self.ends.append(os.ttyname(slave))
            self._masters.append(master)
            slaves.append(slave)
        self._slaves = slaves

    @property
    def near(self) -> str:
        """Return the path for the node."""
        return self.ends[0]

    @property
    def far(self) -> str:
        """Return the path for the devices."""
        return self.ends[1]

    def start(self) -> None:
        """Begin to carry bytes."""
        loop = asyncio.get_running_loop()
        for side in (0, 1):
            loop.add_reader(self._masters[side], self._take, side)
            self._tasks.append(loop.create_task(self._carry(side)))

    def inject(self, data: bytes) -> None:
        """Let bytes reach the near end as if the far end had sent them now."""
        self._waiting[1].extend(data)
        self._arrived[1].set()

    def link(self, path: Path) -> None:
        """Put a symbolic link to the near end at `path`, replacing an older link."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        path.symlink_to(self.near)

    async def close(self) -> None:
        """Hang up both ends, as pulling the plug does."""
        loop = asyncio.get_running_loop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for master in self._masters:
            loop.remove_reader(master)
        for fd in self._masters + self._slaves:
            os.close(fd)
        self._masters, self._slaves = [], []

    def _take(self, side: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._waiting[side].extend(os.read(self._masters[side], 1024))
        while len(self._waiting[side]) > _WAITING_MAX:
            self._waiting[side].pop()
        self._arrived[side].set()

    async def _carry(self, side: int) -> None:
        """Pass one side's bytes to the other, each at its own time."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting[side]
        due_s = loop.time()
        while True:
            await self._arrived[side].wait()
            due_s = max(due_s, loop.time())
            while waiting:
                due_s += self._byte_s
                delay_s = due_s - loop.time()
                if delay_s > 0:
                    await asyncio.sleep(delay_s)
                with contextlib.suppress(BlockingIOError):
                    os.write(self._masters[1 - side], bytes((waiting.popleft(),)))
            self._arrived[side].clear()
