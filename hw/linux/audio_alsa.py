"""Feed an ALSA device a little ahead of the ear.

Only 20 ms stand in the card's buffer at first, so that an alert is heard that soon; every underrun
adds 10 ms, up to 80, for boards that cannot keep up, and ten quiet minutes take 10 ms back. A USB
card's driver may take nothing before it has a packet's worth: it gets 10 ms more at a time.
The thread asks for real-time priority and does without where it may not have it. A device that
swallows frames at once (the `null` and `file` plug-ins) has no clock: it is paced by the system's.
"""

import contextlib
import os
import time

from hw.linux.audio_stream import RATE_HZ, Sink
from hw.linux.audio_wav import Pacer
from hw.linux.libasound import Pcm
from protocols.errors import WorldFault

_BLOCK_FRAMES = RATE_HZ // 100
_AHEAD_FRAMES_MIN = RATE_HZ // 50
_AHEAD_FRAMES_MAX = RATE_HZ * 80 // 1000
_UNDERRUN_FRAMES = RATE_HZ // 100
_QUIET_S = 600.0
_BUFFER_US = 120000
# A card that plays takes a block each 10 ms; one that waits this long wants a longer queue.
_HUNGRY_S = 0.1
# A wait this long without the card taking a frame means that it is gone.
_STALL_S = 1.0
_PRIORITY = 5


class AlsaSink(Sink):
    """Hold the first of some devices that opens."""

    def __init__(self, devices: tuple[str, ...], latency_us: int):
        self._devices = devices
        self._latency_ns = latency_us * 1000
        self._pcm: Pcm | None = None
        self._pacer: Pacer | None = None
        self._ahead = _AHEAD_FRAMES_MIN
        self._quiet_s = 0.0
        self.device = ""
        self.underruns = 0

    def open(self) -> None:
        """Open and start a device; raises the last one's `WorldFault("audio.missing")`."""
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
        fault = WorldFault("audio.missing", "no device configured", "name an ALSA device")
        for device in self._devices:
            try:
                self._pcm = Pcm(device, RATE_HZ, _BUFFER_US)
                self._pcm.prime(bytes(self._ahead * 2))
            except WorldFault as error:
                self.close()
                fault = error
                continue
            self.device = device
            # A card with a clock has hardly begun to play what was just queued.
            delay = self._pcm.delay()
            self.drifts = delay is not None and delay > _BLOCK_FRAMES
            self._pacer = None if self.drifts else Pacer()
            return
        raise fault

    def pace(self) -> tuple[int, int]:
        """Wait until the queue has fallen by a block."""
        if self._pacer is not None:
            count, heard_ns = self._pacer.pace()
            return count, heard_ns + self._latency_ns
        started_s = time.monotonic()
        if started_s - self._quiet_s > _QUIET_S:
            self._quiet_s = started_s
            self._ahead = max(self._ahead - _BLOCK_FRAMES, _AHEAD_FRAMES_MIN)
        while True:
            delay = self._opened().delay()
            if delay is None:
                self._restart()
                continue
            if delay <= self._ahead - _BLOCK_FRAMES:
                now_ns = time.time_ns()
                return _BLOCK_FRAMES, now_ns + delay * 1000000000 // RATE_HZ + self._latency_ns
            if time.monotonic() - started_s > _HUNGRY_S and self._ahead < _AHEAD_FRAMES_MAX:
                self._ahead += _UNDERRUN_FRAMES
                self._quiet_s = time.monotonic()
                continue
            if time.monotonic() - started_s > _STALL_S:
                text = "%s takes no frames" % self.device
                raise WorldFault("audio.lost", text, "plug the sound card in again")
            time.sleep((delay - self._ahead + _BLOCK_FRAMES) / RATE_HZ)

    def write(self, data: bytes) -> None:
        """Queue a block."""
        if not self._opened().write(data):
            self._restart()
            self._opened().write(data)

    def close(self) -> None:
        """Release the device."""
        pcm = self._pcm
        self._pcm = None
        if pcm is not None:
            pcm.close()

    def _restart(self) -> None:
        """Start again after an underrun, with silence ahead."""
        self.underruns += 1
        self._quiet_s = time.monotonic()
        self._ahead = min(self._ahead + _UNDERRUN_FRAMES, _AHEAD_FRAMES_MAX)
        self._opened().recover()
        self._opened().prime(bytes((self._ahead - _BLOCK_FRAMES) * 2))

    def _opened(self) -> Pcm:
        if self._pcm is None:
            raise WorldFault("audio.lost", "no device is open", "wait, it is retried")
        return self._pcm
