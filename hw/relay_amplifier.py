"""Drive an amplifier behind a relay, and say what is known about it.

Theory of operation. The relay board's own timer is the dead-man: every `on` and `renew` pushes it
forward, and it switches off by itself when this node dies. On a board without one a task here does
the same for a hung caller, though not for a dead node. An over-run limit bounds one continuous on.
After `off` the coil is read back and the meter must fall: a coil that stays on is *stuck*, power
with the coil off is a *welded* contact, and then a second contactor, when there is one, opens.
"""

import asyncio
from collections import namedtuple

from hw.modbus_bus import ModbusBus
from hw.ports import Amplifier, Clock
from hw.pzem_meter import PzemMeter
from hw.relay import Order, Relay
from hw.senses import Sense
from protocols.errors import Fault, LocalFault, WorldFault

# Readings of the meter that may fail in a row before it is reported.
_MISSES_MAX = 3

_OFF = "off"
_ON = "on"


class AmplifierSettings(
    namedtuple(
        "AmplifierSettings", ("idle_milliwatts", "off_milliwatts_max", "over_run_ms", "settle_ms")
    )
):
    """Hold one amplifier's numbers.

    `idle_milliwatts` is the calibrated draw when on and silent (None before calibration),
    `off_milliwatts_max` what the meter may show when off, `over_run_ms` the longest continuous on,
    `settle_ms` how long the meter takes to show a switch-off.
    """


def amplifier_settings(
    *,
    idle_milliwatts: int | None = None,
    off_milliwatts_max: int = 2000,
    over_run_ms: int = 3 * 3600 * 1000,
    settle_ms: int = 3000,
) -> AmplifierSettings:
    """Build settings; the default over-run is longer than any lawful programme block."""
    return AmplifierSettings(idle_milliwatts, off_milliwatts_max, over_run_ms, settle_ms)


class RelayAmplifier(Amplifier):
    """Switch an amplifier by a relay; watch it by coil read-back, meter and line sense.

    `bus` is the line that its devices share, for others to share as well.
    """

    def __init__(
        self,
        relay: Relay,
        meter: PzemMeter | None,
        clock: Clock,
        settings: AmplifierSettings,
        *,
        contactor: Relay | None = None,
        line: Sense | None = None,
        sources: "dict[str, Relay] | None" = None,
        bus: ModbusBus | None = None,
    ):
        self._relay = relay
        self._meter = meter
        self._clock = clock
        self._settings = settings
        self._contactor = contactor
        self._line = line
        self._sources = sources or {}
        self._connected = ""
        self.bus = bus
        self._state = _OFF
        self._since_ms = clock.ticks_ms()
        self._until_ms = 0
        self._accepted = 0
        self._meter_misses = 0
        self._order = Order()
        self._guard: asyncio.Task[None] | None = None
        self._faults: dict[str, Fault] = {}

    async def open(self) -> None:
        """Switch off, whatever an earlier life left; a silent relay is a fault, not a stop."""
        try:
            await self.off()
            for name in sorted(self._sources):
                await self._sources[name].off()
        except Fault as fault:
            self._note(fault)

    async def close(self) -> None:
        """Switch off and release the line; raises what `off` raises."""
        try:
            await self.connect("", 0)
            await self.off()
        finally:
            await self._relay.close()
            for name in sorted(self._sources):
                await self._sources[name].close()
            if self._contactor is not None:
                await self._contactor.close()
            if self.bus is not None:
                await self.bus.close()

    async def on(self, hold_ms: int) -> None:
        """Switch on for `hold_ms`; raises the faults of `ModbusBus`, `amplifier.over_run`."""
        if self._state != _ON:
            self._state = _ON
            self._since_ms = self._clock.ticks_ms()
        await self._hold(hold_ms)

    async def renew(self, hold_ms: int) -> None:
        """Push the dead-man forward; raises `amplifier.not_on`, `amplifier.over_run`."""
        if self._state != _ON:
            raise LocalFault("amplifier.not_on", "renew while off", "call on first")
        await self._hold(hold_ms)

    async def off(self) -> None:
        """Switch off; on a fault the dead-man still does it within the last hold."""
        order = self._new_order()
        if self._state != _OFF:
            self._state = _OFF
            self._since_ms = self._clock.ticks_ms()
        self._accepted = 0
        await self._relay.off(order)
        self._accepted = 1
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None

    async def connect(self, source: str, hold_ms: int) -> None:
        """Let one line input through by its relay, whose own timer is armed as the amplifier's."""
        if source and source not in self._sources:
            text = "no line input is called " + source
            raise LocalFault("amplifier.no_source", text, "name its relay in the node's file")
        before, self._connected = self._connected, source
        if before and before != source:
            await self._sources[before].off()
        if source:
            await self._sources[source].on(hold_ms)

    async def observe(self) -> dict[str, int]:
        """Read coil and meter; whatever looks wrong waits in `take_faults`."""
        observed = {"accepted": self._accepted}
        if self._settings.idle_milliwatts is not None:
            observed["idle_milliwatts"] = self._settings.idle_milliwatts
        state, since_ms = self._state, self._since_ms
        try:
            observed["coil"] = await self._relay.read()
        except Fault as fault:
            self._note(fault)
        await self._read_line(observed)
        await self._read_meter(observed)
        if (state, since_ms) == (self._state, self._since_ms):
            await self._judge(observed)
        return observed

    async def _read_line(self, observed: dict[str, int]) -> None:
        """Add what the speaker line says, the only proof of sound there is."""
        if self._line is None:
            return
        try:
            observed["line"] = await self._line.read()
        except Fault as fault:
            self._note(fault)

    async def _read_meter(self, observed: dict[str, int]) -> None:
        """Add the meter's reading; one lost reply is no fault, three in a row are."""
        if self._meter is None:
            return
        try:
            observed["milliwatts"] = (await self._meter.read()).milliwatts
            self._meter_misses = 0
        except Fault as fault:
            self._meter_misses += 1
            if self._meter_misses >= _MISSES_MAX:
                self._note(fault)

    def take_faults(self) -> list[Fault]:
        """Return what was found wrong since the last call, one fault per code."""
        faults = [self._faults[code] for code in sorted(self._faults)]
        self._faults = {}
        return faults

    def _note(self, fault: Fault) -> None:
        if fault.code != "modbus.withdrawn":
            self._faults[fault.code] = fault

    def _new_order(self) -> Order:
        self._order.withdraw()
        self._order = Order()
        return self._order

    async def _hold(self, hold_ms: int) -> None:
        order = self._new_order()
        left_ms = self._since_ms + self._settings.over_run_ms - self._clock.ticks_ms()
        if left_ms <= 0:
            await self.off()
            raise WorldFault(
                "amplifier.over_run",
                "on for longer than %d ms" % self._settings.over_run_ms,
                "look for an item that does not end; the amplifier was switched off",
            )
        hold_ms = min(hold_ms, left_ms)
        self._accepted = 0
        if self._contactor is not None:
            await self._contactor.on(hold_ms, order)
        if not self._relay.has_dead_man():
            self._until_ms = self._clock.ticks_ms() + hold_ms
            if self._guard is None:
                self._guard = asyncio.create_task(self._watch())
        await self._relay.on(hold_ms, order)
        if order is self._order:
            self._accepted = 1

    async def _watch(self) -> None:
        """Switch off when nobody renewed in time, on a board that cannot do it itself."""
        while self._state == _ON:
            left_ms = self._until_ms - self._clock.ticks_ms()
            if left_ms > 0:
                await self._clock.sleep_ms(left_ms)
                continue
            self._guard = None
            try:
                await self.off()
            except Fault as fault:
                self._note(fault)
            return

    async def _judge(self, observed: dict[str, int]) -> None:
        """Compare what was commanded with what was seen."""
        coil = observed.get("coil")
        if self._state == _ON:
            if coil == 0 and self._accepted:
                text = "the relay fell off while it should be on"
                remedy = "check the relay board's supply and the renewal of its timer"
                self._note(WorldFault("amplifier.dropped", text, remedy))
            return
        if coil == 1:
            text = "the relay reports on after off was commanded"
            self._note(WorldFault("amplifier.stuck", text, "replace the relay board"))
            await self._again(self._relay)
        settled = self._clock.ticks_ms() - self._since_ms >= self._settings.settle_ms
        milliwatts = observed.get("milliwatts")
        if coil != 1 and settled and milliwatts is not None:
            if milliwatts > self._settings.off_milliwatts_max:
                text = "%d mW flow with the relay off" % milliwatts
                self._note(WorldFault("amplifier.welded", text, "cut the mains, replace the relay"))
                if self._contactor is not None:
                    await self._again(self._contactor)

    async def _again(self, relay: Relay) -> None:
        try:
            await relay.off(self._order)
        except Fault as fault:
            self._note(fault)
