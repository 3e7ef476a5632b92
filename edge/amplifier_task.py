"""Hold the amplifier on while something plays, renew its dead-man, and gather evidence.

Relay on, warm-up, audio, hold, relay off. The relay falls off by itself when this task stops
renewing: that is how a crash ends in silence. It also stops when the audio stream behind what plays
no longer feeds its card, with the rest of the node well.
"""

from edge.bell import Bell
from edge.faults import Faults
from edge.supervisor import Task
from hw import ports
from protocols import evidence
from protocols.errors import Fault, WorldFault

_ON = "on"
_RENEW = "renew"
_OFF = "off"
_CONNECT = "connect"
# The board's own timer runs out after this without a renewal; renewed three times as often.
HOLD_MS = 6_000
RENEW_MS = 2_000
OBSERVE_MS = 1_000
# The relay stays on after the last sample: the tail of the amplifier's own filter, and the next
# item of a programme without a click between.
TAIL_MS = 1_500
# Idle and well, it is looked at once in a while (a relay welds when it switches, and is looked at
# then); with a fault more often, to tell when it is mended.
IDLE_OBSERVE_MS = 900_000
FAULT_OBSERVE_MS = 60_000
# When the meter has settled after a switch-off, a welded contact shows.
_SETTLED_MS = 4_000
# Sound must show within this time; below this volume speech may draw too little to tell.
HEARD_MS = 10_000
_LOUD_PERCENT = 40
# Renewals that find the stream where the one before left it: a loaded board stalls for a moment.
_STALE_RENEWALS = 2
_UNHEARD = "amplifier.amplifier.not_heard"


class AmplifierTask(Task):
    """Switch one amplifier for the play-out; without an amplifier everything is granted at once.

    `warm_up_ms` is how long after its relay an amplifier needs until it sounds;
    `beats()` grows while the audio stream is fed (`hw.ports.AudioOut`).
    """

    name = "amplifier"
    is_vital = True

    def __init__(
        self,
        amplifier: ports.Amplifier | None,
        clock: ports.Clock,
        faults: Faults,
        warm_up_ms: int,
        beats: "object" = None,
    ):
        self._amplifier = amplifier
        self._clock = clock
        self._faults = faults
        self._warm_up_ms = warm_up_ms
        self._users = 0
        self._is_on = False
        self._is_held = False
        self._is_cut = False
        self._ready_ticks = 0
        self._off_ticks = 0
        self._renew_ticks = 0
        self._observe_ticks = 0
        self._heard_ticks = 0
        self._is_loud = False
        self._is_unheard = False
        self._source = ""
        self._source_observed: dict[str, int] = {}
        self._beats = beats
        self._beat: int | None = None
        self._stale = 0
        self._news = Bell()
        self._observed: dict[str, int] = {}

    def warm_up_left_ms(self) -> int:
        """Return how long from now until the amplifier sounds, were it switched on now."""
        if self._amplifier is None:
            return 0
        if not self._is_on:
            return self._warm_up_ms
        return max(0, self._ready_ticks - self._clock.ticks_ms())

    async def acquire(self, volume_percent: int = 100) -> None:
        """Switch on and keep on until `release`; a fault is noted, the play goes on."""
        self._users += 1
        await self.connect("")
        self._observed = {}
        self._is_loud = volume_percent >= _LOUD_PERCENT
        self._heard_ticks = self._clock.ticks_ms() + self.warm_up_left_ms() + HEARD_MS
        self._observe_ticks = self._clock.ticks_ms()
        if self._amplifier is not None and (self._is_cut or not self._is_on):
            await self._switch_on()
        self._news.ring()

    async def connect(self, source: str) -> bool:
        """Let a line input through while nothing plays, or none (""); tells whether it stands."""
        if self._amplifier is None or (self._users and source):
            return False
        if source == self._source:
            return True
        if self._source:
            self._source_observed = self._observed
        if source and not self._source:
            self._observed = {}
            self._is_loud = False
            self._observe_ticks = self._clock.ticks_ms()
        if source and (self._is_cut or not self._is_on):
            await self._switch_on()
        self._off_ticks = self._clock.ticks_ms() + TAIL_MS
        self._source = source
        await self._command(_CONNECT)
        self._news.ring()
        return self._source == source

    def source(self) -> str:
        """Return the line input that is let through now, or ""."""
        return self._source

    def source_observed(self) -> "dict[str, int]":
        """Return the strongest observation of the line input that was let through last."""
        return dict(self._source_observed)

    def release(self) -> None:
        """Let the amplifier go off after its tail unless something else plays by then."""
        self._users -= 1
        self._off_ticks = self._clock.ticks_ms() + TAIL_MS
        self._news.ring()

    def users(self) -> int:
        """Return how many plays hold the amplifier on now."""
        return self._users

    def observed(self) -> "dict[str, int]":
        """Return the strongest observation since the last `acquire`."""
        return dict(self._observed)

    async def run(self) -> None:
        """Renew, observe and switch off, until cancelled."""
        if self._amplifier is None:
            return
        await self._amplifier.open()
        while True:
            now = self._clock.ticks_ms()
            if self._users and not self._is_on:
                # This task crashed and was started again while something plays.
                await self._switch_on()
            elif self._is_on and not self._in_use() and now >= self._off_ticks:
                await self._switch_off()
            elif self._is_on and now >= self._renew_ticks:
                await self._renew()
            if now >= self._observe_ticks:
                await self._observe()
            await self.rest(self._news, self._clock, self._idle_ms())

    def _in_use(self) -> bool:
        return self._users > 0 or self._source != ""

    def _idle_ms(self) -> int:
        """Return how long there is nothing to do."""
        due_ticks = self._observe_ticks
        if self._is_on:
            due_ticks = min(due_ticks, self._renew_ticks if self._in_use() else self._off_ticks)
        return max(1, due_ticks - self._clock.ticks_ms())

    async def make_safe(self) -> None:
        """Switch off."""
        if self._amplifier is not None:
            self._is_on = False
            self._source = ""
            await self._amplifier.close()

    async def _switch_on(self) -> None:
        now = self._clock.ticks_ms()
        self._is_on = True
        self._is_cut = False
        self._is_held = False
        self._ready_ticks = now + self._warm_up_ms
        await self._renew()

    async def _renew(self) -> None:
        """Push the dead-man forward; what ran over its time stays cut until the next play."""
        self._renew_ticks = self._clock.ticks_ms() + RENEW_MS
        if self._is_stalled():
            # Not one word to the relay: its timer, or our guard for it, switches off.
            self._is_held = False
        elif not self._is_cut:
            await self._command(_RENEW if self._is_held else _ON)
            if self._source:
                await self._command(_CONNECT)

    def _is_stalled(self) -> bool:
        """Tell whether the stream that the amplifier is held on for has stopped."""
        beat: int | None = None if self._beats is None else self._beats()  # type: ignore[operator]
        is_stale = self._users > 0 and beat is not None and beat == self._beat
        self._beat = beat
        self._stale = self._stale + 1 if is_stale else 0
        if self._stale < _STALE_RENEWALS:
            self._faults.clear("audio.stream")
            return False
        text = "the sound stopped while something plays; the amplifier is let go"
        remedy = "look at the sound card; it is switched on again when the stream runs"
        self._faults.note("audio.stream", WorldFault("audio.stalled", text, remedy))
        return True

    async def _switch_off(self) -> None:
        self._is_on = False
        await self._command(_OFF)
        self._observe_ticks = self._clock.ticks_ms() + _SETTLED_MS

    async def _command(self, verb: str) -> None:
        """Tell the relay; a fault is noted, and the next renewal tries again from the start."""
        assert self._amplifier is not None
        try:
            if verb == _ON:
                await self._amplifier.on(HOLD_MS)
            elif verb == _RENEW:
                await self._amplifier.renew(HOLD_MS)
            elif verb == _CONNECT:
                await self._amplifier.connect(self._source, HOLD_MS)
            else:
                await self._amplifier.off()
        except Fault as fault:
            if verb == _CONNECT:
                # Its own timer disconnects a relay that does not answer.
                self._source = ""
                self._faults.note("amplifier.source", fault)
                return
            self._is_held = False
            self._is_cut = fault.code == "amplifier.over_run"
            self._faults.note("amplifier.relay", fault)
            return
        if verb == _CONNECT:
            self._faults.clear("amplifier.source")
            return
        self._is_held = verb != _OFF
        self._faults.clear("amplifier.relay")

    async def _observe(self) -> None:
        assert self._amplifier is not None
        seen = await self._amplifier.observe()
        if self._in_use():
            self._observed = evidence.strongest(self._observed, seen)
        places = ["amplifier.relay", "amplifier.source"]
        self._judge_heard()
        if self._is_unheard:
            places.append(_UNHEARD)
        for fault in self._amplifier.take_faults():
            places.append("amplifier." + fault.code)
            self._faults.note(places[-1], fault)
        self._faults.keep_only("amplifier.", places)
        idle_ms = IDLE_OBSERVE_MS if len(places) == 2 else FAULT_OBSERVE_MS
        wait_ms = OBSERVE_MS if self._is_on else idle_ms
        self._observe_ticks = self._clock.ticks_ms() + wait_ms

    def _judge_heard(self) -> None:
        """Say when something plays and neither watts nor speaker line show it; until one does."""
        seen = self._observed
        line = seen.get("line")
        can_tell = line is not None or ("milliwatts" in seen and "idle_milliwatts" in seen)
        if not (self._users and can_tell):
            return
        heard = line == 1 if line is not None else evidence.grade(seen) >= evidence.WATTS
        if heard:
            self._is_unheard = False
        elif self._is_loud and self._clock.ticks_ms() >= self._heard_ticks:
            self._is_unheard = True
            text = "it plays, and the speaker line is silent"
            if line is None:
                text = "it plays, and draws %d mW as when silent" % seen["milliwatts"]
            remedy = "check the amplifier's volume and fuse, the speaker line and the horns"
            self._faults.note(_UNHEARD, WorldFault("amplifier.not_heard", text, remedy))
