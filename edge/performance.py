"""One `Play` from the command to its answer: open the sound, warm up, sound, say how it ended.

Every performance answers with exactly one of finished/stopped/failed, whatever happens to it, and
with `Started` before `Finished`. A stop may come at any moment: before the task has run at all,
while the file is hashed or the amplifier warms up (the wait is given up), or while it sounds (the
audio fades and tells the position).
"""

import asyncio

from edge.amplifier_task import AmplifierTask
from edge.content import Parts
from edge.inbox import Inbox
from hw import ports
from protocols.errors import Fault, RemoteFault
from protocols.play_values import Failed, Finished, Play, Started, Stopped
from protocols.records import HEALTH

GAIN_UNITY_Q15 = 32767
# The last stretch before an exact start is the audio's own: it places the first sample.
_APPROACH_MS = 500


def gain_q15(volume_percent: int) -> int:
    """Return the linear gain of a volume; percent are those of amplitude."""
    return min(GAIN_UNITY_Q15, GAIN_UNITY_Q15 * volume_percent // 100)


class Performance:
    """Carry out one `Play`; the answers go to `inbox`."""

    def __init__(
        self,
        play: Play,
        parts: Parts,
        clock: ports.Clock,
        audio: ports.AudioOut,
        amplifier: AmplifierTask,
        inbox: Inbox,
    ):
        self.play = play
        self.observed: dict[str, int] = {}
        self._parts = parts
        self._clock = clock
        self._audio = audio
        self._amplifier = amplifier
        self._inbox = inbox
        self._volume_percent = int(play.volume_percent)
        self._is_entered = False
        self._is_sounding = False
        self._has_started = False
        self._stop_asked = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._perform())

    async def stop(self, fade_ms: int) -> None:
        """End soon; may be asked for again."""
        self._stop_asked = True
        if self._is_sounding:
            await self._audio.stop(fade_ms)
        elif self._is_entered and self._task is not None:
            self._task.cancel()

    async def abandon(self) -> None:
        """End at once, for the crash or the end of the task that plays."""
        self._stop_asked = True
        if self._task is not None:
            if self._is_entered:
                self._task.cancel()
            await self._task

    def set_volume(self, volume_percent: int) -> None:
        """Change the volume, also of what still warms up."""
        self._volume_percent = volume_percent
        if self._is_sounding:
            self._audio.set_gain(gain_q15(volume_percent))

    async def _perform(self) -> None:
        play = self.play
        self._is_entered = True
        is_held = False
        event: object = Stopped(play.play, play.position_ms)
        try:
            if not self._stop_asked:
                pcm = await self._parts.blobs.open_sound(play.sha256, play.media_type)
                try:
                    is_held = True
                    await self._amplifier.acquire(self._volume_percent)
                    event = self._ended(await self._sound(pcm))
                finally:
                    pcm.close()
        except asyncio.CancelledError:
            event = Stopped(play.play, play.position_ms)
        except Exception as error:
            event = self._failed(error)
        self._is_sounding = False
        if is_held:
            self.observed = self._amplifier.observed()
            self._amplifier.release()
        self._inbox.take(event)

    def _failed(self, error: Exception) -> Failed:
        """Note what went wrong; content that cannot play is told from a device that cannot."""
        is_media = isinstance(error, RemoteFault)
        self._parts.faults.note("media" if is_media else "audio", error)
        code = error.code if isinstance(error, Fault) else "agent." + type(error).__name__
        return Failed(self.play.play, self.play.position_ms, is_media, code)

    def _ended(self, position_ms: int) -> object:
        """Return how it ended; what was stopped after its last sample is finished all the same."""
        if self._stop_asked and position_ms < self.play.duration_ms:
            return Stopped(self.play.play, position_ms)
        self._say_started()
        return Finished(self.play.play, position_ms)

    async def _sound(self, pcm: ports.Reader) -> int:
        """Play a reader from the play's position and return the position reached (ms)."""
        rate = self._audio.rate_hz
        await self._clock.sleep_ms(self._amplifier.warm_up_left_ms())
        at_ms = await self._approach()
        self._is_sounding = True
        announcing = asyncio.create_task(self._announce(at_ms))
        try:
            reached = await self._audio.play(
                pcm,
                self.play.position_ms * rate // 1000,
                at_ms,
                gain_q15(self._volume_percent),
            )
        finally:
            announcing.cancel()
        self._parts.faults.clear("audio")
        self._parts.faults.clear("media")
        return reached * 1000 // rate

    async def _approach(self) -> int | None:
        """Wait until shortly before the start; return its wall time, or None for at once."""
        at_ms: int | None = self.play.at_ms
        wall_ms = self._parts.time.wall_ms()
        if at_ms is None or wall_ms is None or at_ms <= wall_ms:
            return None
        await self._clock.sleep_ms(max(0, at_ms - wall_ms - _APPROACH_MS))
        return at_ms

    async def _announce(self, at_ms: int | None) -> None:
        """Say `Started` when the first sample is out."""
        wall_ms = self._parts.time.wall_ms()
        if at_ms is not None and wall_ms is not None:
            await self._clock.sleep_ms(max(0, at_ms - wall_ms))
        self._say_started()

    def _say_started(self) -> None:
        if self._has_started:
            return
        self._has_started = True
        play = self.play
        body: dict[str, object] = {
            "item": play.item,
            "title": play.title,
            "class": play.legal_class,
            "left_ms": play.duration_ms - play.position_ms,
        }
        self._parts.book.write(HEALTH, "on-air", body)
        self._inbox.take(Started(play.play))
