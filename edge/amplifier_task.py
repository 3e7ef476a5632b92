"""Hold the amplifier on while something plays, renew its dead-man, and gather evidence.

Relay on, warm-up, audio, hold, relay off. The relay falls off by itself when this task stops
renewing: that is how a crash ends in silence.
"""

from edge.faults import Faults
from edge.supervisor import Task
from hw import ports
from protocols import evidence
from protocols.errors import Fault

# The board's own timer runs out after this without a renewal; renewed three times as often.
HOLD_MS = 6_000
RENEW_MS = 2_000
OBSERVE_MS = 1_000
# The relay stays on after the last sample: the tail of the amplifier's own filter, and the next
# item of a programme without a click between.
TAIL_MS = 1_500
IDLE_OBSERVE_MS = 60_000


class AmplifierTask(Task):
    """Switch one amplifier for the play-out; without an amplifier everything is granted at once.

    `warm_up_ms` is how long after its relay an amplifier needs until it sounds.
    """

    name = "amplifier"

    def __init__(
        self,
        amplifier: ports.Amplifier | None,
        clock: ports.Clock,
        faults: Faults,
        warm_up_ms: int,
    ):
        self._amplifier = amplifier
        self._clock = clock
        self._faults = faults
        self._warm_up_ms = warm_up_ms
        self._users = 0
        self._is_on = False
        self._ready_ticks = 0
        self._off_ticks = 0
        self._renew_ticks = 0
        self._observe_ticks = 0
        self._observed: dict[str, int] = {}

    def warm_up_left_ms(self) -> int:
        """Return how long from now until the amplifier sounds, were it switched on now."""
        if self._amplifier is None:
            return 0
        if not self._is_on:
            return self._warm_up_ms
        return max(0, self._ready_ticks - self._clock.ticks_ms())

    async def acquire(self) -> None:
        """Switch on and keep on until `release`; a fault is noted, the play goes on."""
        self._users += 1
        self._observed = {}
        self._observe_ticks = self._clock.ticks_ms()
        if self._amplifier is not None and not self._is_on:
            await self._switch_on()

    def release(self) -> None:
        """Let the amplifier go off after its tail unless something else plays by then."""
        self._users -= 1
        self._off_ticks = self._clock.ticks_ms() + TAIL_MS

    def observed(self) -> "dict[str, int]":
        """Return the strongest observation since the last `acquire`."""
        return dict(self._observed)

    async def run(self) -> None:
        """Renew, observe and switch off, until cancelled."""
        if self._amplifier is None:
            return
        await self._amplifier.open()
        while True:
            await self._clock.sleep_ms(100)
            now = self._clock.ticks_ms()
            if self._is_on and not self._users and now >= self._off_ticks:
                await self._switch_off()
            elif self._is_on and now >= self._renew_ticks:
                await self._renew()
            if now >= self._observe_ticks:
                await self._observe()

    async def make_safe(self) -> None:
        """Switch off."""
        if self._amplifier is not None:
            self._is_on = False
            await self._amplifier.close()

    async def _switch_on(self) -> None:
        assert self._amplifier is not None
        now = self._clock.ticks_ms()
        self._is_on = True
        self._renew_ticks = now + RENEW_MS
        self._ready_ticks = now + self._warm_up_ms
        try:
            await self._amplifier.on(HOLD_MS)
            self._faults.clear("amplifier.relay")
        except Fault as fault:
            self._faults.note("amplifier.relay", fault)

    async def _renew(self) -> None:
        assert self._amplifier is not None
        self._renew_ticks = self._clock.ticks_ms() + RENEW_MS
        try:
            await self._amplifier.on(HOLD_MS)
            self._faults.clear("amplifier.relay")
        except Fault as fault:
            self._faults.note("amplifier.relay", fault)

    async def _switch_off(self) -> None:
        assert self._amplifier is not None
        self._is_on = False
        try:
            await self._amplifier.off()
            self._faults.clear("amplifier.relay")
        except Fault as fault:
            self._faults.note("amplifier.relay", fault)

    async def _observe(self) -> None:
        assert self._amplifier is not None
        wait_ms = OBSERVE_MS if self._is_on else IDLE_OBSERVE_MS
        self._observe_ticks = self._clock.ticks_ms() + wait_ms
        seen = await self._amplifier.observe()
        if self._users:
            self._observed = evidence.strongest(self._observed, seen)
        found = self._amplifier.take_faults()
        for fault in found:
            self._faults.note("amplifier." + fault.code, fault)
        if not found:
            for place, _ in self._faults.open_faults():
                if place.startswith("amplifier.") and place != "amplifier.relay":
                    self._faults.clear(place)
