"""Make this node's devices from its settings, on a microcontroller."""

from hw import ports
from hw.micropython.button import Button
from hw.micropython.decoder import Decoder
from hw.micropython.indicator import Led
from hw.micropython.serial import open_serial
from hw.modbus_amplifier import modbus_amplifier
from hw.settings import Settings
from protocols.errors import LocalFault


def audio(settings: dict[str, object], clock: ports.Clock) -> ports.AudioOut:
    """Refuse: this release plays sound on Linux only."""
    raise _absent("audio")


def amplifier(settings: dict[str, object], clock: ports.Clock) -> ports.Amplifier:
    """Return the amplifier: `{"kind": "modbus", "port": "2:17:16", ...}`, a UART and its pins."""
    given = Settings("amplifier", settings)
    given.choice("kind", ("modbus",))
    port = open_serial(given.text("port"), given.integer("baud", 1200, 115200, 9600), clock)
    return modbus_amplifier(given, port, clock)


def board(settings: dict[str, object], clock: ports.Clock) -> ports.Board:
    """Refuse: this release shows boards on Linux only."""
    raise _absent("board")


def indicator(settings: dict[str, object]) -> ports.Indicator:
    """Return the lamp: `{"kind": "led", "pin": 2}`."""
    given = Settings("indicator", settings)
    given.choice("kind", ("led",))
    machine = __import__("machine")
    return Led(machine.Pin(given.integer("pin", 0, 255), machine.Pin.OUT, value=0))


def serial(path: str, baud: int, clock: ports.Clock) -> ports.Serial:
    """Return the UART named `2` or, with its pins tx and rx, `2:17:16`, closed."""
    return open_serial(path, baud, clock)


def button(path: str, pressed: str) -> ports.Button:
    """Return the button on a pin."""
    return Button(path, pressed)


def decoder() -> ports.Decoder:
    """Return the decoder of media."""
    return Decoder()


def _absent(device: str) -> LocalFault:
    text = device + " has no driver on a microcontroller"
    return LocalFault("config." + device, text, "use a Linux node, or leave it out")
