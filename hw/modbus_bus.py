"""Share one RS-485 line among several Modbus devices.

Theory of operation. Two lanes wait for the line; the urgent lane (relays) always goes first and
waits at most for the one attempt under way, because a reply cannot be called back. A device that
keeps failing rests: its requests fail at once, with one real attempt per rest period, so that it
cannot eat the line. Frames have no transaction number, so a reply that comes after its time-out
could be taken for the answer to a later question. Hence a unit that missed a reply is *unsettled*
until `late_ms` after the question: a read waits until that time is over; a write goes out at once
for its effect, and again after that time for its confirmation. What the line holds before a request
is thrown away.
"""

import asyncio
from collections import namedtuple

from hw.ports import Clock, Serial
from hw.relay import Order
from protocols import modbus
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.limits import MODBUS_FRAME_BYTES_MAX

# Waiting requests on one line; a node has a handful of devices, each asked by one task.
QUEUE_MAX = 16
# Reads of stale bytes before a request: 4 KB, more than four seconds of line at 9600 baud.
_DRAIN_READS_MAX = 16


class BusSettings(
    namedtuple(
        "BusSettings",
        ("baud", "timeout_ms", "late_ms", "turnaround_ms", "attempts", "fails_max", "rest_ms"),
    )
):
    """Hold a line's numbers.

    `timeout_ms` and `late_ms` count from the last byte sent: how long a reply is awaited, and when
    a device that has not answered never will. After `fails_max` failed requests in a row a unit
    rests for `rest_ms`.
    """


def bus_settings(
    *,
    baud: int = 9600,
    timeout_ms: int = 250,
    late_ms: int = 500,
    turnaround_ms: int = 4,
    attempts: int = 3,
    fails_max: int = 3,
    rest_ms: int = 5000,
) -> BusSettings:
    """Build settings; the defaults fit 9600 baud, where the silence of 3.5 characters is 4 ms."""
    return BusSettings(baud, timeout_ms, late_ms, turnaround_ms, attempts, fails_max, rest_ms)


class _Health:
    """Remember one unit's failures and when its late replies are over."""

    def __init__(self) -> None:
        self.fails = 0
        self.rest_until_ms = 0
        self.settled_ms = 0
        self.last: Fault | None = None


class _Turn:
    """Hand the line to one task at a time, the urgent lane first."""

    def __init__(self) -> None:
        self._held = False
        self._lanes: tuple[list[asyncio.Event], list[asyncio.Event]] = ([], [])

    async def take(self, urgent: bool) -> None:
        """Wait for the line; raises `WorldFault("modbus.queue_full")` when too many wait."""
        if not self._held:
            self._held = True
            return
        lane = self._lanes[0 if urgent else 1]
        if len(lane) >= QUEUE_MAX:
            raise WorldFault("modbus.queue_full", "too many requests wait", "ask less often")
        event = asyncio.Event()
        lane.append(event)
        try:
            await event.wait()
        except asyncio.CancelledError:
            if event in lane:
                lane.remove(event)
            else:
                self.give()
            raise

    def give(self) -> None:
        """Pass the line to the next in order."""
        for lane in self._lanes:
            if lane:
                lane.pop(0).set()
                return
        self._held = False


class ModbusBus:
    """Exchange frames with the devices of one line, one at a time, within stated times.

    The port is opened at the first exchange, and again after a loss.
    """

    def __init__(self, port: Serial, clock: Clock, settings: BusSettings):
        self._port = port
        self._clock = clock
        self._settings = settings
        self._is_open = False
        self._echo = False
        self._turn = _Turn()
        self._units: dict[int, _Health] = {}
        self.attempts = 0
        self.failures = 0

    def worst_wait_ms(self) -> int:
        """Return the longest an urgent request waits for others: one attempt of the longest."""
        settings = self._settings
        longest_ms = 2 * self._wire_ms(MODBUS_FRAME_BYTES_MAX)
        return int(settings.turnaround_ms + settings.timeout_ms + longest_ms)

    async def exchange(
        self,
        request: modbus.Request,
        urgent: bool = False,
        order: Order | None = None,
        attempts_max: int | None = None,
    ) -> list[int]:
        """Send a request and return the values of its reply, an empty list for a write.

        An `order` withdrawn meanwhile is not sent again. Raises `WorldFault` (`modbus.silent`,
        `modbus.resting`, `modbus.withdrawn`, `serial.*`) or `RemoteFault` (`modbus.crc`,
        `modbus.refused` and the other codes of `protocols.modbus`).
        """
        health = self._units.get(request.unit)
        if health is None:
            health = self._units[request.unit] = _Health()
        if not urgent:
            self._refuse_resting(request, health)
        attempts = attempts_max or self._settings.attempts
        if health.fails >= self._settings.fails_max:
            attempts = 1
        for attempt in range(attempts):
            event = await self._attempt(request, health, urgent, order)
            if isinstance(event, modbus.Reply):
                health.fails = 0
                return list(event.values)
            if not event.again or attempt == attempts - 1:
                self._note_failure(health, event.fault)
                raise event.fault
        return []

    async def close(self) -> None:
        """Release the port; a later exchange opens it again."""
        await self._turn.take(True)
        try:
            await self._drop_port()
        finally:
            self._turn.give()

    def _refuse_resting(self, request: modbus.Request, health: _Health) -> None:
        if health.fails < self._settings.fails_max:
            return
        now_ms = self._clock.ticks_ms()
        if now_ms < health.rest_until_ms:
            reason = health.last.code if health.last else "modbus.silent"
            raise WorldFault(
                "modbus.resting",
                "unit %d rests after %d failures (%s)" % (request.unit, health.fails, reason),
                "mend the device; it is asked again by itself",
            )
        health.rest_until_ms = now_ms + self._settings.rest_ms

    def _note_failure(self, health: _Health, fault: Fault) -> None:
        if fault.code == "modbus.withdrawn":
            return
        self.failures += 1
        health.last = fault
        health.fails += 1
        health.rest_until_ms = self._clock.ticks_ms() + self._settings.rest_ms

    async def _attempt(
        self, request: modbus.Request, health: _Health, urgent: bool, order: Order | None
    ) -> "modbus.Reply | modbus.Failure":
        """Make one attempt that can be believed; an unsettled unit is waited for off the line."""
        if health.settled_ms > self._clock.ticks_ms() and not request.is_read():
            await self._on_line(request, health, urgent, order, False)
        for _ in range(QUEUE_MAX):
            wait_ms = health.settled_ms - self._clock.ticks_ms()
            if wait_ms > 0:
                await self._clock.sleep_ms(wait_ms)
            event = await self._on_line(request, health, urgent, order, True)
            if event is not None:
                return event
        text = "unit %d does not settle" % request.unit
        return modbus.Failure(WorldFault("modbus.silent", text, "check the device"), False)

    async def _on_line(
        self,
        request: modbus.Request,
        health: _Health,
        urgent: bool,
        order: Order | None,
        believe: bool,
    ) -> "modbus.Reply | modbus.Failure | None":
        """Send once; None when the unit became unsettled while we waited for the line."""
        await self._turn.take(urgent)
        try:
            if believe and health.settled_ms > self._clock.ticks_ms():
                return None
            if order is not None and not order.stands:
                text = "the order to unit %d was overtaken" % request.unit
                return modbus.Failure(WorldFault("modbus.withdrawn", text, "nothing to do"), False)
            return await self._converse(request, health, believe)
        except WorldFault as fault:
            await self._drop_port()
            return modbus.Failure(fault, False)
        finally:
            self._turn.give()

    async def _converse(
        self, request: modbus.Request, health: _Health, believe: bool
    ) -> "modbus.Reply | modbus.Failure":
        settings = self._settings
        port = self._port
        if not self._is_open:
            await port.open()
            self._is_open = True
            self._echo = False
        if not await self._drain():
            text = "the line never falls silent"
            return modbus.Failure(RemoteFault("modbus.oversize", text, "find the babbler"), True)
        await self._clock.sleep_ms(settings.turnaround_ms)
        frame = request.frame()
        sent_ms = self._clock.ticks_ms() + self._wire_ms(len(frame))
        timeout_ms = settings.timeout_ms + self._wire_ms(request.reply_length())
        exchange = modbus.Exchange(request, sent_ms, timeout_ms, self._echo)
        self.attempts += 1
        health.settled_ms = sent_ms + max(settings.late_ms, timeout_ms)
        await port.write(exchange.data_to_send())
        event = exchange.next_event()
        while event is None:
            wait_ms = exchange.deadline_ms() - self._clock.ticks_ms()
            data = await port.read(MODBUS_FRAME_BYTES_MAX, max(wait_ms, 0))
            exchange.receive(data, self._clock.ticks_ms())
            event = exchange.next_event()
        if exchange.echo_seen():
            self._echo = True
        if believe and isinstance(event, modbus.Reply):
            health.settled_ms = 0
        return event

    async def _drain(self) -> bool:
        """Throw away what stands in the line's buffer; False when it never ends."""
        for _ in range(_DRAIN_READS_MAX):
            if not await self._port.read(MODBUS_FRAME_BYTES_MAX, 0):
                return True
        return False

    def _wire_ms(self, count: int) -> int:
        baud = int(self._settings.baud)
        return (count * 10000 + baud - 1) // baud

    async def _drop_port(self) -> None:
        self._is_open = False
        await self._port.close()
