"""An audio output in virtual time: it hears no sample but knows which were played when."""

import asyncio
from collections import namedtuple

from hw import ports
from protocols.errors import LocalFault, WorldFault

_PIECE_BYTES = 65536


class Heard(namedtuple("Heard", ("started_ms", "from_sample", "until_sample", "gain_q15"))):
    """Hold one stretch of sound: wall time of its first sample, and its samples of the item."""


class AudioOut(ports.AudioOut):
    """Play at exact virtual times; `heard` lists every stretch; `plugged` False is a lost card."""

    rate_hz = 16000

    def __init__(self, clock: ports.Clock):
        self._clock = clock
        self._bell: asyncio.Event | None = None
        self._stopped = False
        self._is_open = False
        self.heard: list[Heard] = []
        self.plugged = True
        self.gain_q15 = 0

    async def open(self) -> None:
        """Start the stream; raises `WorldFault("audio.missing")`."""
        if not self.plugged:
            raise WorldFault("audio.missing", "simulated card", "plug the sound card in")
        self._is_open = True

    async def play(self, pcm: ports.Reader, position: int, at_ms: int | None, gain_q15: int) -> int:
        """Play PCM from a sample position; return the position after the last sample heard."""
        self._check()
        # A play that follows a stop waits for what ends, as on a real stream.
        while self._bell is not None:
            await self._clock.sleep_ms(1)
        self._bell = asyncio.Event()
        self._stopped = False
        self.gain_q15 = gain_q15
        try:
            length = _samples(pcm, position)
            wall_ms = self._clock.wall_ms()
            if at_ms is not None and wall_ms is not None:
                await self._wait(at_ms - wall_ms)
            if self._stopped:
                return position
            return await self._sound(position, length)
        finally:
            self._bell = None

    async def stop(self, fade_ms: int) -> None:
        """End what plays; the fade is not heard."""
        self._stopped = True
        if self._bell is not None:
            self._bell.set()

    def set_gain(self, gain_q15: int) -> None:
        """Change the gain of what plays."""
        self.gain_q15 = gain_q15

    async def close(self) -> None:
        """Stop the stream."""
        await self.stop(0)
        self._is_open = False

    def is_sounding(self) -> bool:
        """Tell whether an item plays or waits."""
        return self._bell is not None

    def unplug(self) -> None:
        """Lose the card; what plays fails."""
        self.plugged = False
        if self._bell is not None:
            self._bell.set()

    async def _sound(self, position: int, length: int) -> int:
        started_ticks_ms = self._clock.ticks_ms()
        started_ms = self._clock.wall_ms() or 0
        await self._wait((length * 1000 + self.rate_hz - 1) // self.rate_hz)
        elapsed_ms = self._clock.ticks_ms() - started_ticks_ms
        until = position + min(elapsed_ms * self.rate_hz // 1000, length)
        self.heard.append(Heard(started_ms, position, until, self.gain_q15))
        self._check()
        return until

    async def _wait(self, duration_ms: int) -> None:
        """Wait for a time, or less when the bell rings."""
        bell = self._bell
        if duration_ms <= 0 or bell is None:
            return
        ringer = asyncio.create_task(self._ring(bell, duration_ms))
        try:
            await bell.wait()
        finally:
            ringer.cancel()
        if not self._stopped and self.plugged:
            self._bell = asyncio.Event()

    async def _ring(self, bell: asyncio.Event, duration_ms: int) -> None:
        await self._clock.sleep_ms(duration_ms)
        bell.set()

    def _check(self) -> None:
        if not self._is_open:
            raise LocalFault("audio.closed", "play before open", "open the stream first")
        if not self.plugged:
            raise WorldFault("audio.lost", "simulated card", "plug the sound card in again")


def _samples(pcm: ports.Reader, position: int) -> int:
    """Return the samples from a position to the end of the file."""
    pcm.seek(position * 2)
    length = 0
    while True:
        data = pcm.read(_PIECE_BYTES)
        if not data:
            return length // 2
        length += len(data)
