"""Run one endless audio stream in a thread of its own, whatever the event loop is doing.

Theory of operation. A sink says when it wants frames and at what wall time the next one will be
heard; those times jitter and are smoothed. Before each block the thread places items that wait
for their instant, and compares the one that plays with the wall clock: an error of one sample is
mended by dropping or repeating one. Files are read ahead by another thread, so that a slow disk is
not heard. When the card is lost, what plays waits a few seconds for it to come back and goes on
where it was; then it fails.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable

from hw import ports
from protocols.errors import Fault, LocalFault, WorldFault
from protocols.mixer import Item, Mixer, Source

RATE_HZ = 16000
# How long an item waits for a lost card, and how often the card is tried.
PATIENCE_S = 5.0
RETRY_S = 0.5
# Above this the wall clock has stepped or the card was away: start counting anew instead of
# chasing the difference sample by sample.
_ERROR_SAMPLES_MAX = RATE_HZ * 50 // 1000
_STEP_NS = 20000000
# The sink's delay jitters by some samples: average over this many blocks.
_SMOOTHING = 64
# Read ahead: 16 blocks of a quarter second.
_AHEAD_BLOCKS = 16
_AHEAD_BYTES = RATE_HZ // 2
_NEVER = 1 << 62


class Sink:
    """Take a mono 16-bit stream at `RATE_HZ`; every call happens on the stream's thread.

    `drifts` tells whether the sink's sample clock is a crystal of its own.
    """

    drifts = True

    def open(self) -> None:
        """Start; raises `WorldFault`."""
        raise NotImplementedError

    def pace(self) -> tuple[int, int]:
        """Wait until frames are wanted; return how many, and when the first is heard (wall ns)."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Take the frames asked for; raises `WorldFault("audio.lost")`."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop; nothing when not open."""
        raise NotImplementedError


class ReadAhead(Source):
    """Read a file ahead in a thread; a read fault ends the item and waits in `fault`."""

    def __init__(self, pcm: ports.Reader):
        self._pcm = pcm
        self._blocks: queue.Queue[bytes] = queue.Queue(_AHEAD_BLOCKS)
        self._stopped = threading.Event()
        self._rest = b""
        self._thread: threading.Thread | None = None
        self.fault: Fault | None = None

    def start(self, primed: Callable[[], None]) -> None:
        """Begin to read; `primed` is called once, on the reading thread, after the first block."""
        self._thread = threading.Thread(
            target=self._run, args=(primed,), name="audio-read", daemon=True
        )
        self._thread.start()

    def read(self, count: int) -> bytes | None:
        """Return bytes that are in memory, None when the disk is behind."""
        if not self._rest:
            try:
                self._rest = self._blocks.get_nowait()
            except queue.Empty:
                return None
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def stop(self) -> None:
        """Stop reading and let go of the file."""
        self._stopped.set()
        # Room in the queue wakes a reader that waits for it.
        with contextlib.suppress(queue.Empty):
            while True:
                self._blocks.get_nowait()
        if self._thread is not None:
            self._thread.join()

    def _run(self, primed: Callable[[], None]) -> None:
        data = b"start"
        is_first = True
        while data and not self._stopped.is_set():
            try:
                data = self._pcm.read(_AHEAD_BYTES)
            except Fault as fault:
                self.fault = fault
                data = b""
            while not self._stopped.is_set():
                try:
                    self._blocks.put(data, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if is_first:
                is_first = False
                primed()


class _Voice(Item):
    """An item with its wall-clock anchor and the task that waits for its end."""

    def __init__(self, source: Source, position: int, at_ns: int | None, gain_q15: int):
        super().__init__(source, position, 0 if at_ns is None else _NEVER, gain_q15)
        self.at_ns = at_ns
        self.anchor_ns: int | None = None
        self.anchor_position = position
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class StreamOut(ports.AudioOut):
    """Play items on a sink that never stops.

    A second `play` while one plays follows it without a gap. Raises `WorldFault`: `audio.missing`
    from `open` (which goes on trying), `audio.lost` from `play`.
    """

    rate_hz = RATE_HZ

    def __init__(self, sink: Sink, clock: ports.Clock, *, patience_s: float = PATIENCE_S):
        self._sink = sink
        self._clock = clock
        self._patience_s = patience_s
        self._mixer = Mixer(RATE_HZ)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fault: WorldFault | None = None
        self._heard_ns = 0
        self._heard_count = 0
        self._stops = 0
        self.losses = 0
        self.slips = 0
        self._beats = 0

    async def open(self) -> None:
        """Start the stream (silence)."""
        if self._thread is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._stopping.clear()
        started = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="audio-stream", daemon=True
        )
        self._thread.start()
        fault = await started
        if fault is not None:
            raise fault

    async def play(self, pcm: ports.Reader, position: int, at_ms: int | None, gain_q15: int) -> int:
        """Play PCM from a sample position; return the position after the last sample heard."""
        if self._thread is None:
            raise LocalFault("audio.closed", "play before open", "open the stream first")
        if self._fault is not None:
            raise self._fault
        pcm.seek(position * 2)
        source = ReadAhead(pcm)
        at_ns = None if at_ms is None else self._system_ns(at_ms)
        voice = _Voice(source, position, at_ns, gain_q15)
        stops = self._stops
        source.start(lambda: self._admit(voice, stops))
        try:
            await voice.done
        finally:
            with self._lock:
                voice.fade(0)
            await asyncio.to_thread(source.stop)
        if source.fault is not None:
            raise source.fault
        return voice.position

    async def stop(self, fade_ms: int) -> None:
        """Begin to fade; a `play` called now follows the fade's last sample."""
        with self._lock:
            self._stops += 1
            self._mixer.fade_all(fade_ms)

    def set_gain(self, gain_q15: int) -> None:
        """Change the gain of what plays and waits."""
        with self._lock:
            self._mixer.set_gain(gain_q15)

    def beats(self) -> int | None:
        """Return how many blocks the card has taken."""
        return self._beats

    async def close(self) -> None:
        """Stop at once and release the sink; waiting `play` calls return their position."""
        thread = self._thread
        if thread is None:
            return
        self._stopping.set()
        await asyncio.to_thread(thread.join)
        self._thread = None
        with self._lock:
            self._stops += 1
            self._mixer.fade_all(0)
            self._mixer.render(1)
            for item in self._mixer.take_ended():
                self._finish(item, None)

    def _admit(self, voice: "_Voice", stops: int) -> None:
        """Queue an item whose first samples are in memory; on its reader's thread.

        The event loop may stand still meanwhile. A stop since the `play` ends it unheard.
        """
        fault = None
        with self._lock:
            if stops == self._stops:
                try:
                    self._mixer.add(voice)
                    return
                except LocalFault as busy:
                    fault = busy
        self._call(self._finish, voice, fault)

    def _system_ns(self, at_ms: int) -> int:
        """Turn the port clock's time into the system's, which resolves nanoseconds."""
        wall_ms = self._clock.wall_ms()
        system_ms = time.time_ns() // 1000000
        offset_ms = 0 if wall_ms is None else wall_ms - system_ms
        if abs(offset_ms) <= 1:
            offset_ms = 0
        return (at_ms - offset_ms) * 1000000

    def _run(self, started: "asyncio.Future[WorldFault | None]") -> None:
        """Keep the sink open and fed until `close`."""
        announced = False
        lost_s: float | None = None
        while not self._stopping.is_set():
            try:
                self._sink.open()
                self._fault, lost_s = None, None
                if not announced:
                    announced = True
                    self._call(_resolve, started, None)
                self._feed()
            except WorldFault as fault:
                self._sink.close()
                if lost_s is None:
                    lost_s = time.monotonic()
                    self.losses += announced
                if not announced:
                    announced = True
                    self._fault = fault
                    self._call(_resolve, started, fault)
                if time.monotonic() - lost_s >= self._patience_s:
                    self._fail(fault)
                self._stopping.wait(RETRY_S)
        self._sink.close()

    def _feed(self) -> None:
        while not self._stopping.is_set():
            count, heard_ns = self._sink.pace()
            self._sink.write(self._block(count, heard_ns))
            self._beats += 1

    def _block(self, count: int, heard_ns: int) -> bytes:
        """Render the frames of which the first is heard at a wall time."""
        heard_ns = self._smooth(heard_ns)
        with self._lock:
            self._place(heard_ns)
            first = self._mixer.frame
            data = self._mixer.render(count)
            ended = self._mixer.take_ended()
        for item in ended:
            if item.is_cut():
                # What was interrupted makes room now, not when its last sample is heard.
                self._call(self._finish, item, None)
                continue
            last_ns = heard_ns + ((item.end_frame or first) - first) * 1000000000 // RATE_HZ
            self._call(self._finish_at, item, last_ns)
        self._heard_ns = heard_ns + count * 1000000000 // RATE_HZ
        return data

    def _smooth(self, measured_ns: int) -> int:
        """Return when the next frame is heard, from this measure and those before it."""
        error_ns = measured_ns - self._heard_ns
        if not self._sink.drifts or abs(error_ns) > _STEP_NS:
            self._heard_count = 0
        self._heard_count = min(self._heard_count + 1, _SMOOTHING)
        return self._heard_ns + error_ns // self._heard_count

    def _place(self, heard_ns: int) -> None:
        """Put waiting items at their instants and steer the one that plays."""
        for item in self._mixer.items():
            if not isinstance(item, _Voice):
                continue
            if item.first_frame is None:
                if item.at_ns is not None:
                    ahead = (item.at_ns - heard_ns) * RATE_HZ + 500000000
                    item.at_frame = self._mixer.frame + ahead // 1000000000
            elif self._sink.drifts:
                self._steer(item, heard_ns)

    def _steer(self, voice: _Voice, heard_ns: int) -> None:
        if voice.anchor_ns is None and voice.first_frame is not None:
            played = self._mixer.frame - voice.first_frame
            start_ns = heard_ns - played * 1000000000 // RATE_HZ
            late = voice.at_ns is None or abs(start_ns - voice.at_ns) > 50000000
            voice.anchor_ns = start_ns if late else voice.at_ns
        elapsed_ns = heard_ns - (voice.anchor_ns or 0)
        error = voice.position - voice.anchor_position - elapsed_ns * RATE_HZ / 1000000000
        if abs(error) > _ERROR_SAMPLES_MAX:
            voice.anchor_ns, voice.anchor_position = heard_ns, voice.position
        elif abs(error) > 1:
            voice.slip(-1 if error > 0 else 1)
            self.slips += 1

    def _fail(self, fault: WorldFault) -> None:
        """Give up what plays; the card is tried on."""
        self._fault = WorldFault("audio.lost", fault.message, fault.remedy)
        with self._lock:
            self._mixer.fade_all(0)
            self._mixer.render(1)
            ended = self._mixer.take_ended()
        for item in ended:
            self._call(self._finish, item, self._fault)

    def _call(self, function: "object", *arguments: object) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]

    def _finish_at(self, item: Item, last_ns: int) -> None:
        """Wake the waiting `play` when the last sample has been heard."""
        loop = asyncio.get_running_loop()
        loop.call_later(max(last_ns - time.time_ns(), 0) / 1e9, self._finish, item, None)

    def _finish(self, item: Item, fault: Fault | None) -> None:
        if isinstance(item, _Voice) and not item.done.done():
            if fault is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(fault)


def _resolve(future: "asyncio.Future[WorldFault | None]", fault: WorldFault | None) -> None:
    if not future.done():
        future.set_result(fault)
