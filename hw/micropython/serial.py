"""Carry bytes over a UART of a microcontroller, or over the cable of its prompt (`usb`)."""

from hw import ports
from hw.micropython.chip import machine
from protocols.errors import LocalFault, WorldFault

_WRITE_MS_MAX = 2000


class Serial(ports.Serial):
    """Hold one UART (8N1); `pins` are tx and rx where the board lets one choose."""

    def __init__(
        self,
        clock: ports.Clock,
        number: "int | str",
        baud: int,
        pins: tuple[int, int] | None = None,
    ):
        self._clock = clock
        self._number = number
        self._baud = baud
        self._pins = pins
        self._uart: machine.UART | None = None

    async def open(self) -> None:
        """Set the UART up; raises `WorldFault("serial.missing")`."""
        if self._uart is not None:
            return
        if self._number == "usb":
            module = __import__("hw.micropython.usb_console", None, None, ("Console",))
            self._uart = module.Console()
            return
        try:
            if self._pins is None:
                self._uart = machine.UART(self._number, self._baud)
            else:
                self._uart = machine.UART(
                    self._number, self._baud, tx=self._pins[0], rx=self._pins[1]
                )
        except (OSError, ValueError) as error:
            text = "UART %s: %s" % (self._number, error)
            raise WorldFault("serial.missing", text, "choose a UART and pins this board has")

    async def write(self, data: bytes) -> None:
        """Send all bytes; raises `WorldFault("serial.lost")`."""
        uart = self._opened()
        started = self._clock.ticks_ms()
        while data:
            sent = uart.write(data) or 0
            data = data[sent:]
            if data:
                if self._clock.ticks_ms() - started > _WRITE_MS_MAX:
                    raise WorldFault("serial.lost", "UART takes no bytes", "check the wiring")
                await self._clock.sleep_ms(1)

    async def read(self, count: int, timeout_ms: int) -> bytes:
        """Return what is there, looking every millisecond for the first byte."""
        uart = self._opened()
        started = self._clock.ticks_ms()
        while not uart.any():
            if self._clock.ticks_ms() - started >= timeout_ms:
                return b""
            await self._clock.sleep_ms(1)
        return uart.read(min(count, uart.any())) or b""

    async def close(self) -> None:
        """Release the UART."""
        uart = self._uart
        self._uart = None
        if uart is not None:
            uart.deinit()

    def _opened(self) -> machine.UART:
        if self._uart is None:
            raise LocalFault("serial.closed", "UART is not open", "call open")
        return self._uart


def open_serial(path: str, baud: int, clock: ports.Clock) -> Serial:
    """Return the UART named `2` or, with its pins tx and rx, `2:17:16` (opened by its `open`).

    `usb` is the cable of the board's prompt; a terminal's path a UART of the Unix port.
    Raises `LocalFault("config.amplifier")` for another form.
    """
    if path == "usb" or path.startswith("/"):
        return Serial(clock, path, baud)
    try:
        numbers = [int(part) for part in path.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3):
        text = "amplifier.port " + path + " is no UART"
        raise LocalFault("config.amplifier", text, "give a number, or number:tx:rx")
    return Serial(clock, numbers[0], baud, (numbers[1], numbers[2]) if len(numbers) == 3 else None)
