"""`GET /v1/events?unit=`: wake nodes when their unit has something new.

One line is encoded per new timestamp and shared by every client (`hub.event_streams`). The kernel
says at once when a timestamp was replaced, by whichever process.
"""

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiohttp import web

from hub.ending import end
from hub.event_streams import Channel, Stamp, Stream
from hub.file_watch import FileWatch
from hub.services import SERVICES
from hub.serving import guard_of
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import EVENT_STREAMS_MAX

# Two of them may be lost before a node gives the stream up (`LINK_EVENTS_IDLE_MS_MAX`). Shorter
# costs a SIM: at 50 s a stream is 6 MB a month.
HEARTBEAT_S = 50
# A folder on a network disk does not tell, so timestamps are looked at all the same.
LOOK_S = 0.5
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}

_log = logging.getLogger("chieng.hub")
_UNIT = re.compile(r"[a-z0-9]{1,8}\.[a-z0-9]{1,16}")


class Wakes:
    """Look at the timestamps of the units that clients wait for."""

    def __init__(self, repository: Path):
        self._repository = repository
        self._channels: dict[str, Channel] = {}
        self._watch: FileWatch | None = None
        self._joined = 0

    @property
    def streams(self) -> int:
        """Return how many clients wait."""
        return sum(len(channel.streams) for channel in self._channels.values())

    def _file(self, unit: str) -> Path:
        return self._repository / "units" / unit / "metadata" / "timestamp.json"

    def _stamp(self, unit: str) -> Stamp | None:
        """Return what differs from one timestamp to the next, also within one tick of a clock."""
        try:
            status = self._file(unit).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _line(self, unit: str) -> bytes:
        """Return the line that says which version a unit's timestamp has; empty for none."""
        try:
            version = json.loads(self._file(unit).read_bytes())["signed"]["version"]
        except FileNotFoundError:
            return b""
        except (ValueError, LookupError, TypeError):
            version = "?"
        return f"event: timestamp\ndata: {unit} {version}\n\n".encode()

    def channel(self, unit: str) -> Channel:
        """Return a unit's channel, which stands until a look finds nobody there."""
        channel = self._channels.get(unit)
        if channel is None:
            channel = self._channels[unit] = Channel(self._stamp(unit), self._line(unit))
            if self._watch is not None:
                self._watch.add(self._file(unit).parent)
        return channel

    def join(self, unit: str, transport: asyncio.Transport) -> Stream:
        """Let a connection hear of a unit from now on."""
        channel = self.channel(unit)
        stream = Stream(transport, channel, self._joined % HEARTBEAT_S)
        self._joined += 1
        channel.streams[stream] = None
        return stream

    def look(self) -> None:
        """Wake the clients of every unit whose timestamp was replaced since the last look."""
        for unit, channel in list(self._channels.items()):
            if channel.streams:
                self._look_at(unit, channel)
            else:
                del self._channels[unit]
                if self._watch is not None:
                    self._watch.remove(self._file(unit).parent)

    def _look_at(self, unit: str, channel: Channel) -> None:
        try:
            stamp = self._stamp(unit)
            line = channel.line if stamp == channel.stamp else self._line(unit)
        except OSError as error:
            # No descriptor is free, or a network disk hangs: the next look is soon.
            _log.error("events: %s: %s", unit, error)
            return
        if stamp != channel.stamp:
            channel.stamp = stamp
            channel.send(line)

    def _changed(self, folder: Path | None) -> None:
        """Look where a file was replaced."""
        if folder is None:
            self.look()
            return
        unit = folder.parent.name
        if unit in self._channels:
            self._look_at(unit, self._channels[unit])

    def beat(self, phase: int) -> None:
        """Write a heartbeat to the clients whose turn it is."""
        for channel in list(self._channels.values()):
            for stream in list(channel.streams):
                if stream.phase == phase:
                    stream.beat()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Hear of replaced files; close every stream at the end."""
        self._watch = FileWatch(self._changed)
        try:
            yield
        finally:
            self._watch.close()
            self._watch = None
            for channel in self._channels.values():
                for stream in list(channel.streams):
                    stream.transport.close()

    async def run(self) -> None:
        """Look and beat again and again until cancelled."""
        loop = asyncio.get_running_loop()
        second = int(loop.time())
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()
            while second < int(loop.time()):
                second += 1
                self.beat(second % HEARTBEAT_S)


WAKES = web.AppKey("wakes", Wakes)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """Run the looking task while the application runs."""
    with app[WAKES].watching():
        task = asyncio.create_task(app[WAKES].run())
        yield
        await end([task])


async def stream(request: web.Request) -> web.StreamResponse:
    """Send the version of a unit's timestamp, now and whenever it is new, and heartbeats."""
    unit = request.query.get("unit", "")
    folder = request.app[SERVICES].config.repository / "units"
    if not _UNIT.fullmatch(unit) or not (folder / unit).is_dir():
        raise RemoteFault("events.unit", "unit: no such unit", "Ask with ?unit=<unit id>.")
    wakes = request.app[WAKES]
    if wakes.streams >= EVENT_STREAMS_MAX:
        raise WorldFault("events.full", "too many event streams", "Poll the timestamp instead.")
    guard = guard_of(request)
    if request.method == "HEAD" or guard is None:
        return web.Response(headers=HEADERS)
    one = wakes.join(unit, guard.transport)
    guard.hand_over(one)
    # The version now: a node that missed nothing need not check.
    one.transport.write(_HEAD + b": open\n\n" + one.channel.line)
    # For nobody: to aiohttp the client has left.
    return web.Response()


_HEAD = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
    + b"".join(f"{name}: {value}\r\n".encode() for name, value in HEADERS.items())
    + b"\r\n"
)
ROUTES = [web.get("/v1/events", stream)]
