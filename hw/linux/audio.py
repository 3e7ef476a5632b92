"""Offer the two audio outputs of Linux: a sound card through ALSA, and a WAV file."""

from hw import ports
from hw.linux.audio_stream import PATIENCE_S, StreamOut
from hw.linux.audio_wav import BYTES_MAX, WavSink


class AlsaOut(StreamOut):
    """Play on the first of some ALSA devices that opens (`default`, `plughw:1,0`, ...).

    `latency_us` is what amplifier and driver add after the card, measured per board.
    """

    def __init__(
        self,
        devices: tuple[str, ...],
        clock: ports.Clock,
        *,
        latency_us: int = 0,
        patience_s: float = PATIENCE_S,
    ):
        from hw.linux.audio_alsa import AlsaSink  # noqa: PLC0415 - libasound only where it plays

        self.sink = AlsaSink(devices, latency_us)
        super().__init__(self.sink, clock, patience_s=patience_s)


class WavOut(StreamOut):
    """Write exactly what would be heard to a WAV file, in real time."""

    def __init__(self, path: str, clock: ports.Clock, *, bytes_max: int = BYTES_MAX):
        self.sink = WavSink(path, bytes_max)
        super().__init__(self.sink, clock)

    def started_wall_ms(self) -> int:
        """Return the wall time of the present file's first frame."""
        return self.sink.started_wall_ms
