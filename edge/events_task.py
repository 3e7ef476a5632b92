"""Listen to the hub between two checks, so that an alert does not wait for the next one.

Never required: without the stream the node checks as often as its configuration says, with it more
rarely. A stream that falls silent is cut by the link's deadline (the hub sends a heartbeat), one
that never ends is cut by its size, and the next try comes after a pause that grows and differs from
node to node.
"""

from edge.content import Parts
from edge.supervisor import Task
from edge.sync_task import SyncTask
from hw import ports
from protocols.backoff import Backoff, seed_of
from protocols.budget import CONTROL
from protocols.errors import Fault, WorldFault
from protocols.event_stream import EventStream
from protocols.limits import EVENT_STREAM_BYTES_MAX, JSON_INTEGER_MAX

PAUSE_MS_MIN = 5_000
PAUSE_MS_MAX = 600_000
# A stream that lasted this long was worth its bytes: the next pause is the shortest again.
HEALTHY_MS = 300_000
# Without bytes for it in the SIM's plan, or while the hub cannot be reached at all.
REST_MS = 60_000
_READ_BYTES = 512


class EventsTask(Task):
    """Wake the sync task when the hub has something new; `allowed(purpose)` is the SIM's budget."""

    name = "events"

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        link: ports.Link,
        sync: SyncTask,
        allowed: "object",
    ):
        self._hubs = parts.hubs
        self._unit = str(parts.config.place.unit)
        self._clock = clock
        self._link = link
        self._sync = sync
        self._allowed = allowed
        seed = seed_of(parts.config.node + "/events")
        self._backoff = Backoff(seed, PAUSE_MS_MIN, PAUSE_MS_MAX)

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            if not self._allowed(CONTROL):  # type: ignore[operator]
                await self._clock.sleep_ms(REST_MS)
                continue
            began_ms = self._clock.ticks_ms()
            try:
                await self._listen()
            except Fault:
                # The sync task's next check says what is wrong with the link, if anything is.
                pass
            finally:
                self._sync.unheard()
            if self._clock.ticks_ms() - began_ms >= HEALTHY_MS:
                self._backoff.reset()
            await self._clock.sleep_ms(self._backoff.next_ms())

    async def _listen(self) -> None:
        url = self._hubs.known()[0] + "/v1/events?unit=" + self._unit
        response = await self._link.request("GET", url, {"accept": "text/event-stream"}, b"")
        try:
            kind = response.headers.get("content-type", "")
            if response.status != 200 or not kind.startswith("text/event-stream"):
                what = "no event stream: status " + str(response.status)
                raise WorldFault("events.absent", what, "The node checks at its times instead")
            await self._hear(response)
        finally:
            await response.close()

    async def _hear(self, response: ports.Response) -> None:
        stream = EventStream()
        size = 0
        while size < EVENT_STREAM_BYTES_MAX and self._allowed(CONTROL):  # type: ignore[operator]
            data = await response.read(_READ_BYTES)
            if not data:
                return
            size += len(data)
            self._sync.heard()
            for event, text in stream.receive(data):
                if event == "timestamp":
                    self._sync.told(_version(text, self._unit))


def _version(text: str, unit: str) -> int | None:
    """Return the version in `<unit> <version>`, or None where a hub does not say."""
    name, _, number = text.partition(" ")
    if name != unit or not 1 <= len(number) <= 16:
        return None
    for letter in number:
        if not "0" <= letter <= "9":
            return None
    return min(int(number), JSON_INTEGER_MAX)
