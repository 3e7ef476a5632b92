"""The connections that wait for a unit's news: one line for all of them, written straight away.

Theory of operation. A stream is what is left of a connection once its question was answered: it
stands at the socket in place of aiohttp's protocol and has no task, no queue and no timer, so that
ten thousand cost little memory and one pass of `send`. A line that a socket does not take waits in
the transport. Until it is gone nothing more is written: then the newest line follows, and those
between are skipped, so a slow client holds one line at most. One that has taken nothing from one
heartbeat to the next is dropped.
"""

import asyncio
from collections.abc import Iterator

BEAT = b":\n\n"
# Streams written to in one go: others are served in between.
PASS_MAX = 512

# Which file a line was made of: its inode, and when it was written.
Stamp = tuple[int, int]


class Stream(asyncio.Protocol):
    """Write the lines of one channel to one client."""

    __slots__ = ("_busy", "_late", "_missed", "channel", "phase", "transport")

    def __init__(self, transport: asyncio.Transport, channel: "Channel", phase: int):
        self.transport = transport
        self.channel = channel
        self.phase = phase
        self._busy = False
        self._late = False
        self._missed = False
        # Any byte that the socket did not take is told by `pause_writing`.
        transport.set_write_buffer_limits(high=1, low=0)

    def send(self) -> None:
        """Write the channel's newest line, now or as soon as the client has taken the last one."""
        if self._busy:
            self._late = True
        else:
            self.transport.write(self.channel.line)

    def beat(self) -> None:
        """Write a heartbeat; drop a client that took nothing since the last one."""
        if not self._busy:
            self.transport.write(BEAT)
        elif self._missed:
            self.transport.abort()
        else:
            self._missed = True

    def data_received(self, data: bytes) -> None:
        """Take no notice: the client has nothing more to say here."""

    def eof_received(self) -> bool:
        """Close when the client closes."""
        return False

    def pause_writing(self) -> None:
        """Hold back: the client takes no more for now."""
        self._busy = True

    def resume_writing(self) -> None:
        """Go on with the newest line, if there was one meanwhile."""
        self._busy = self._missed = False
        if self._late:
            self._late = False
            self.transport.write(self.channel.line)

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the channel."""
        self.channel.streams.pop(self, None)


class Channel:
    """Hold one unit's newest line and who hears of it."""

    def __init__(self, stamp: Stamp | None, line: bytes):
        self.stamp = stamp
        self.line = line
        self.streams: dict[Stream, None] = {}
        self._pass: Iterator[Stream] | None = None

    def send(self, line: bytes) -> None:
        """Make `line` the newest and write it to everyone, a part of them at a time."""
        self.line = line
        # A pass that is under way is not finished: this line is newer than its.
        self._pass = iter(list(self.streams))
        self._go_on(self._pass)

    def _go_on(self, these: Iterator[Stream]) -> None:
        if these is not self._pass:
            return
        for _ in range(PASS_MAX):
            stream = next(these, None)
            if stream is None:
                self._pass = None
                return
            if stream in self.streams:
                stream.send()
        asyncio.get_running_loop().call_soon(self._go_on, these)
