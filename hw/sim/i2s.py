"""Stand in for `machine.I2S` in its non-blocking mode, in the time that a test makes pass."""

sounds: "dict[int, I2S]" = {}
# What this chip has.
NUMBERS = (0, 1)


class I2S:
    """Hold what was heard; `sounds[number]` is the one made last. `broken` refuses every write.

    `count` bytes were heard; `heard` holds those that are not silence, as [offset, bytes].
    """

    TX = 5
    MONO = 0

    def __init__(
        self,
        number: int,
        *,
        sck: object,
        ws: object,
        sd: object,
        mode: int,
        bits: int,
        format: int,
        rate: int,
        ibuf: int,
    ):
        if number not in NUMBERS:
            raise ValueError("invalid id")
        self.shape = (mode, bits, format, rate)
        self.heard: list[list[object]] = []
        self.count = 0
        self.dry = 0
        self.broken = False
        self.is_open = True
        self._ibuf = ibuf
        self._buffer = b""
        self._pending: bytes | None = None
        self._handler: object = None
        sounds[number] = self

    def irq(self, handler: "object") -> None:
        """Choose what is called when a buffer was taken."""
        self._handler = handler

    def write(self, data: bytes) -> int:
        """Take one buffer."""
        if self.broken:
            raise OSError(5)
        assert self._pending is None
        self._pending = data
        return len(data)

    def play(self, count: int) -> None:
        """Let so many bytes be heard; what is missing is silence."""
        piece = self._buffer[:count]
        self._buffer = self._buffer[count:]
        if any(piece):
            self.heard.append([self.count, piece])
        if len(piece) < count:
            self.dry += self.count > 0
        if piece or self.count:
            self.count += count
        data = self._pending
        if data is not None and len(self._buffer) + len(data) <= self._ibuf:
            self._buffer += data
            self._pending = None
            self._handler(self)  # type: ignore[operator]

    def deinit(self) -> None:
        """Fall silent."""
        self.is_open = False
