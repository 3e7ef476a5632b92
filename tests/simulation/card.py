"""A sound card in virtual time that knows what it was given, and when it sounded how loud."""

import hashlib
from typing import NamedTuple

from hw.sim import audio


class Heard(NamedTuple):
    """One stretch of sound: ticks of its first and last sample, its samples, and every gain.

    `believed_ms` is the node's wall time at its first sample (None: unknown), `sha256` that of the
    whole item the card was given, `gains` (ticks, gain) from the start on. `was_cut`: the power
    went.
    """

    started_ticks: int
    ended_ticks: int
    believed_ms: int | None
    sha256: str
    from_sample: int
    until_sample: int
    samples: int
    gains: tuple
    was_cut: bool


class Card(audio.AudioOut):
    """Play at `RATE_HZ`; every stretch goes to `notice` when it ends."""

    rate_hz = 100

    def __init__(self, clock, notice):
        super().__init__(clock)
        self._notice = notice
        self._item = ("", 0)
        self._began = None
        self._gains = []

    async def play(self, pcm, position, at_ms, gain_q15):
        data = bytearray()
        pcm.seek(0)
        while piece := pcm.read(65536):
            data += piece
        self._item = (hashlib.sha256(data).hexdigest(), len(data) // 2)
        return await super().play(pcm, position, at_ms, gain_q15)

    def set_gain(self, gain_q15):
        super().set_gain(gain_q15)
        if self._began is not None:
            self._gains.append((self._clock.ticks_ms(), gain_q15))

    def power_off(self):
        """Fall silent in the middle of what plays."""
        if self._began is not None:
            self._tell(True)
        self.plugged = False

    async def _sound(self, position, length):
        started = self._clock.ticks_ms()
        self._began = (started, self._clock.wall_ms(), position, length)
        self._gains = [(started, self.gain_q15)]
        try:
            return await super()._sound(position, length)
        finally:
            if self._began is not None:
                self._tell(False)

    def _tell(self, was_cut):
        started, believed_ms, position, length = self._began
        self._began = None
        now = self._clock.ticks_ms()
        until = position + min((now - started) * self.rate_hz // 1000, length)
        sha256, samples = self._item
        self._notice(
            Heard(
                *(started, now, believed_ms, sha256, position, until, samples),
                *(tuple(self._gains), was_cut),
            )
        )
