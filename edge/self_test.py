"""Try what a node is there for: the relay clicks, a tone sounds, the meter is read.

The tone keeps to the unit's policy, settings included: an order comes from a key that lies open at
the hub, and must wake nobody. Relay and meter are tried at any hour; they are silent.
"""

from edge.amplifier_task import AmplifierTask
from edge.content import Parts
from edge.performance import gain_q15
from hw import ports
from protocols import evidence, schedule, settings
from protocols.errors import Fault
from protocols.items import NORMAL
from protocols.tone import Tone

# The meter averages over a second; two readings with the amplifier on and silent.
_SILENT_MS = 2_500
_TONE_MS = 2_000


class SelfTest:
    """Test the devices of one node; those it has not are None."""

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        amplifier: AmplifierTask | None,
        audio: ports.AudioOut | None,
        board: ports.Board | None,
    ):
        self._parts = parts
        self._clock = clock
        self._amplifier = amplifier
        self._audio = audio
        self._board = board

    def is_on_air(self) -> bool:
        """Tell whether something plays, so that a test or a restart has to wait."""
        return self._amplifier is not None and self._amplifier.users() > 0

    async def run(self) -> "dict[str, object]":
        """Test everything once and return what was found, as a record holds it."""
        found: dict[str, object] = {}
        if self._amplifier is not None:
            found = await self._sound(self._amplifier)
        if self._board is not None:
            found["board"] = await self._board.present()
        return found

    async def _sound(self, amplifier: AmplifierTask) -> "dict[str, object]":
        await amplifier.acquire()
        try:
            await self._clock.sleep_ms(amplifier.warm_up_left_ms() + _SILENT_MS)
            silent = evidence.record_fields(amplifier.observed())
            tone = await self._tone(amplifier)
            sounding = evidence.record_fields(amplifier.observed())
        finally:
            amplifier.release()
        return {"silent": silent, "tone": tone, "sounding": sounding}

    async def _tone(self, amplifier: AmplifierTask) -> str:
        """Play the tone where the policy lets it; return what became of it."""
        if self._audio is None:
            return "absent"
        volume_percent = self._volume_percent()
        if volume_percent is None:
            return "not-allowed"
        if amplifier.users() > 1:
            return "on-air"
        try:
            pcm: ports.Reader = Tone(_TONE_MS)  # type: ignore[assignment]
            await self._audio.play(pcm, 0, None, gain_q15(volume_percent))
        except Fault as fault:
            self._parts.faults.note("audio", fault)
            return "failed"
        return "played"

    def _volume_percent(self) -> int | None:
        """Return how loud a normal item may be now, or None where silence is due or the hour or
        the unit's policy is not known."""
        wall_ms = self._parts.time.wall_ms()
        own = self._parts.manifests.bundles()[:1]
        if wall_ms is None or not own or own[0].unit != self._parts.config.place.unit:
            return None
        policy = settings.narrow(own[0].policy, self._parts.manifests.settings)
        day, second = schedule.local_day_second(wall_ms, own[0].utc_offset_min)
        if policy.is_quiet(NORMAL, second) or policy.mourns(day):
            return None
        return int(policy.volume(NORMAL, second))
