"""Play PCM over I2S, as one stream that never stops.

Theory of operation. `machine.I2S` in its non-blocking mode takes one buffer at a time and calls
back when that has moved into its own buffer (`ibuf`), which in a stream that never stops is full
then. So the frame written next is heard one `ibuf` after that call; a late call makes this look
later than it is, never earlier, hence the earliest estimate of some seconds counts. Items are laid
on the stream by `protocols.mixer`, and one that plays is kept on the wall clock by dropping or
repeating single samples, as on Linux. A stop is heard when the buffer has emptied.
"""

import asyncio

from hw import ports
from hw.micropython.chip import machine
from protocols.errors import Fault, LocalFault, WorldFault
from protocols.mixer import Item, Mixer, Source

RATE_HZ = 16000
# One write: 16 ms. Its samples as a list are the longest piece that playing takes from the heap.
BLOCK_FRAMES = 256
_LOOK_MS = 4
# The earliest estimate of so many blocks (4 s) and those before them says when a frame is heard:
# a crystal drifts 2 ms meanwhile at most, and a stream that ran dry is known again after as long.
_WINDOW_BLOCKS = 256
# Within this nothing is mended: the estimate resolves milliseconds.
_ERROR_SAMPLES_MIN = RATE_HZ * 2 // 1000
# Above this the wall clock has stepped or the stream ran dry: count anew instead of chasing it.
_ERROR_SAMPLES_MAX = RATE_HZ * 50 // 1000


class _File(Source):
    """Read an item; a read fault ends it and waits in `fault`."""

    def __init__(self, pcm: ports.Reader):
        self._pcm = pcm
        self.fault: Fault | None = None

    def read(self, count: int) -> bytes:
        try:
            return self._pcm.read(count)
        except Fault as fault:
            self.fault = fault
            return b""


class _Voice(Item):
    """An item with its instant on the wall clock and the task that waits for its end."""

    def __init__(self, source: _File, position: int, at_ms: int | None, gain_q15: int):
        super().__init__(source, position, 0, gain_q15)
        self.at_ms = at_ms
        self.anchor_ms: int | None = None
        self.anchor_position = position
        self.done = asyncio.Event()


class I2sOut(ports.AudioOut):
    """Keep one I2S output running; `make` returns a `machine.I2S` with `irq` unset.

    `ibuf_bytes` is that object's internal buffer, `after_ms` what amplifier and converter add after
    it, measured per board. Raises `WorldFault`: `audio.missing` from `open`,
    `audio.lost` from `play`.
    """

    rate_hz = RATE_HZ

    def __init__(self, make: "object", ibuf_bytes: int, clock: ports.Clock, after_ms: int):
        self._create = make
        self._latency_ms = ibuf_bytes * 500 // RATE_HZ + after_ms
        self._clock = clock
        self._mixer = Mixer(RATE_HZ)
        self._silence = bytes(2 * BLOCK_FRAMES)
        self._i2s: object | None = None
        self._task: asyncio.Task[None] | None = None
        self._fault: WorldFault | None = None
        self._is_free = True
        self._base_ms: int | None = None
        self._blocks = 0
        self._before_ms: int | None = None
        self._earliest_ms: int | None = None
        self._ending: list[tuple[int, Item]] = []
        self.slips = 0

    async def open(self) -> None:
        """Start the stream (silence)."""
        if self._task is not None and self._fault is None:
            return
        await self.close()
        try:
            self._i2s = self._create()  # type: ignore[operator]
        except (OSError, ValueError) as error:
            text = "I2S: " + str(error)
            raise WorldFault("audio.missing", text, "choose an I2S and pins this board has")
        self._mixer = Mixer(RATE_HZ)
        self._fault = None
        self._is_free = True
        self._base_ms = None
        self._blocks = 0
        self._before_ms = self._earliest_ms = None
        self._i2s.irq(self._taken)  # type: ignore[union-attr]
        self._task = asyncio.create_task(self._run())

    async def play(self, pcm: ports.Reader, position: int, at_ms: int | None, gain_q15: int) -> int:
        """Play PCM from a sample position; return the position after the last sample heard."""
        if self._task is None:
            raise LocalFault("audio.closed", "play before open", "open the stream first")
        if self._fault is not None:
            raise self._fault
        pcm.seek(position * 2)
        source = _File(pcm)
        voice = _Voice(source, position, at_ms, gain_q15)
        self._mixer.add(voice)
        try:
            await voice.done.wait()
        finally:
            voice.fade(0)
        for fault in (source.fault, self._fault):
            if fault is not None:
                raise fault
        return int(voice.position)

    async def stop(self, fade_ms: int) -> None:
        """Begin to fade; a `play` called now follows the fade's last sample."""
        self._mixer.fade_all(fade_ms)

    def set_gain(self, gain_q15: int) -> None:
        """Change the gain of what plays and waits."""
        self._mixer.set_gain(gain_q15)

    async def close(self) -> None:
        """Stop at once and release the output; waiting `play` calls return their position."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        i2s, self._i2s = self._i2s, None
        if i2s is not None:
            i2s.deinit()  # type: ignore[attr-defined]
        self._let_all_go()

    def _taken(self, i2s: "object") -> None:
        """Note that the internal buffer is full; called by the driver."""
        self._is_free = True
        heard_ms = self._clock.ticks_ms() + self._latency_ms
        base_ms = heard_ms - self._mixer.frame * 1000 // RATE_HZ
        self._blocks += 1
        if self._blocks % _WINDOW_BLOCKS == 1:
            self._before_ms, self._earliest_ms = self._earliest_ms, None
        if self._earliest_ms is None or base_ms < self._earliest_ms:
            self._earliest_ms = base_ms
        self._base_ms = self._earliest_ms
        if self._before_ms is not None and self._before_ms < self._base_ms:
            self._base_ms = self._before_ms

    async def _run(self) -> None:
        while True:
            if self._is_free:
                try:
                    self._write()
                except OSError as error:
                    self._fault = WorldFault("audio.lost", "I2S: " + str(error), "check the board")
                    self._let_all_go()
                    return
            self._wake_heard()
            await self._clock.sleep_ms(_LOOK_MS)

    def _write(self) -> None:
        if self._mixer.items():
            self._place()
            data = self._mixer.render(BLOCK_FRAMES)
            for item in self._mixer.take_ended():
                self._ending.append((self._heard_ms(item.end_frame or 0), item))
        else:
            data = self._silence
            self._mixer.frame += BLOCK_FRAMES
        self._is_free = False
        self._i2s.write(data)  # type: ignore[union-attr]

    def _heard_ms(self, frame: int) -> int:
        """Return the tick at which a frame is heard."""
        base_ms = self._base_ms
        if base_ms is None:
            base_ms = self._clock.ticks_ms()
        return base_ms + frame * 1000 // RATE_HZ

    def _place(self) -> None:
        """Put waiting items at their instants and steer the one that plays."""
        wall_ms = self._clock.wall_ms()
        if wall_ms is None:
            return
        heard_ms = wall_ms + self._heard_ms(self._mixer.frame) - self._clock.ticks_ms()
        for voice in self._mixer.items():
            if not isinstance(voice, _Voice):
                continue
            if voice.first_frame is not None:
                self._steer(voice, heard_ms)
            elif voice.at_ms is not None:
                ahead = (voice.at_ms - heard_ms) * RATE_HZ // 1000
                voice.at_frame = self._mixer.frame + ahead

    def _steer(self, voice: _Voice, heard_ms: int) -> None:
        if voice.anchor_ms is not None:
            elapsed = (heard_ms - voice.anchor_ms) * RATE_HZ // 1000
            error = voice.position - voice.anchor_position - elapsed
            if abs(error) <= _ERROR_SAMPLES_MAX:
                if abs(error) > _ERROR_SAMPLES_MIN:
                    voice.slip(-1 if error > 0 else 1)
                    self.slips += 1
                return
        voice.anchor_ms, voice.anchor_position = heard_ms, voice.position

    def _wake_heard(self) -> None:
        """Wake the `play` calls whose last sample has been heard."""
        now_ms = self._clock.ticks_ms()
        while self._ending and self._ending[0][0] <= now_ms:
            _wake(self._ending.pop(0)[1])

    def _let_all_go(self) -> None:
        self._mixer.fade_all(0)
        self._mixer.render(1)
        for item in self._mixer.take_ended():
            _wake(item)
        for _, item in self._ending:
            _wake(item)
        self._ending = []


def _wake(item: Item) -> None:
    if isinstance(item, _Voice):
        item.done.set()


def open_i2s(port: str, ibuf_bytes: int, clock: ports.Clock, after_ms: int = 0) -> I2sOut:
    """Return the output named `0:5:6:7`, an I2S and its pins sck, ws and sd.

    Raises `LocalFault("config.audio")` for another form. On the Unix port it is a file's path.
    """
    number, pins = _parts(port)

    def make() -> "object":
        return machine.I2S(
            number,
            sck=machine.Pin(pins[0]),
            ws=machine.Pin(pins[1]),
            sd=machine.Pin(pins[2]),
            mode=machine.I2S.TX,
            bits=16,
            format=machine.I2S.MONO,
            rate=RATE_HZ,
            ibuf=ibuf_bytes,
        )

    return I2sOut(make, ibuf_bytes, clock, after_ms)


def _parts(port: str) -> "tuple[int | str, list[int]]":
    if port.startswith("/"):
        return port, [0, 0, 0]
    try:
        numbers = [int(part) for part in port.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        text = "audio.port " + port + " is no I2S"
        raise LocalFault("config.audio", text, "give number:sck:ws:sd")
    return numbers[0], numbers[1:]
