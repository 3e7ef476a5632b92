"""`GET /v1/events?unit=`: wake nodes when their unit has something new.

One line is encoded per new timestamp and shared by every client. A client that has not taken the
last line gets the next one instead, so nothing grows; one that takes nothing is dropped by the
connection's guard.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiohttp import web

from hub.services import SERVICES
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import EVENT_STREAMS_MAX

# Two of them may be lost before a node gives the stream up (`LINK_EVENTS_IDLE_MS_MAX`). Shorter
# costs a SIM: at 50 s a stream is 6 MB a month.
HEARTBEAT_S = 50
# Another process may publish (the command line), so timestamps are looked at, not only announced.
LOOK_S = 0.5

_UNIT = re.compile(r"[a-z0-9]{1,8}\.[a-z0-9]{1,16}")


class Channel:
    """Hold one unit's newest line and who waits for the next."""

    def __init__(self, stamp: int | None, line: bytes):
        self.stamp = stamp
        self.count = 0
        self.line = line
        self.waiting: set[asyncio.Future[None]] = set()
        self.clients = 0

    async def beyond(self, count: int) -> None:
        """Wait until more than `count` lines have been sent."""
        if self.count > count:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        try:
            await future
        finally:
            self.waiting.discard(future)

    def send(self, line: bytes) -> None:
        """Make `line` the newest and wake everyone."""
        self.count += 1
        self.line = line
        for future in self.waiting:
            if not future.done():
                future.set_result(None)


class Wakes:
    """Look at the timestamps of the units that clients wait for."""

    def __init__(self, repository: Path):
        self._repository = repository
        self._channels: dict[str, Channel] = {}
        self.streams = 0

    def _file(self, unit: str) -> Path:
        return self._repository / "units" / unit / "metadata" / "timestamp.json"

    def _stamp(self, unit: str) -> int | None:
        try:
            return self._file(unit).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def _line(self, unit: str) -> bytes:
        """Return the line that says which version a unit's timestamp has; empty for none."""
        try:
            version = json.loads(self._file(unit).read_bytes())["signed"]["version"]
        except FileNotFoundError:
            return b""
        except (ValueError, LookupError, TypeError):
            version = "?"
        return f"event: timestamp\ndata: {unit} {version}\n\n".encode()

    @contextlib.contextmanager
    def join(self, unit: str) -> Iterator[Channel]:
        """Count a client of a unit while it listens."""
        channel = self._channels.get(unit)
        if channel is None:
            channel = self._channels[unit] = Channel(self._stamp(unit), self._line(unit))
        channel.clients += 1
        self.streams += 1
        try:
            yield channel
        finally:
            self.streams -= 1
            channel.clients -= 1
            if not channel.clients:
                del self._channels[unit]

    def look(self) -> None:
        """Wake the clients of every unit whose timestamp was replaced since the last look."""
        for unit, channel in list(self._channels.items()):
            stamp = self._stamp(unit)
            if stamp != channel.stamp:
                channel.stamp = stamp
                channel.send(self._line(unit))

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()


WAKES = web.AppKey("wakes", Wakes)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """Run the looking task while the application runs."""
    task = asyncio.create_task(app[WAKES].run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def stream(request: web.Request) -> web.StreamResponse:
    """Send the version of a unit's timestamp, now and whenever it is new, and heartbeats."""
    unit = request.query.get("unit", "")
    folder = request.app[SERVICES].config.repository / "units"
    if not _UNIT.fullmatch(unit) or not (folder / unit).is_dir():
        raise RemoteFault("events.unit", "unit: no such unit", "Ask with ?unit=<unit id>.")
    wakes = request.app[WAKES]
    if wakes.streams >= EVENT_STREAMS_MAX:
        raise WorldFault("events.full", "too many event streams", "Poll the timestamp instead.")
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    with wakes.join(unit) as channel:
        seen = channel.count
        try:
            await response.prepare(request)
            # The version now: a node that missed nothing need not check.
            await response.write(b": open\n\n" + channel.line)
            while True:
                try:
                    await asyncio.wait_for(channel.beyond(seen), HEARTBEAT_S)
                    seen = channel.count
                    await response.write(channel.line)
                except TimeoutError:
                    await response.write(b":\n\n")
        except ConnectionError:
            return response


ROUTES = [web.get("/v1/events", stream)]
