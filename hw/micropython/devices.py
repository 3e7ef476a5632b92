"""Make this node's devices from its settings, on a microcontroller.

Drivers are loaded when a setting names them: a heap has room for those that are used.
"""

from hw import ports
from hw.settings import Settings
from protocols.errors import LocalFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.announcer_port import Announcer
    from hw.button_port import Button
    from hw.modem_port import Modem
    from hw.watchdog_port import Watchdog

# 20,000 bytes are 0.6 s: longer than any other step of the agent holds the interpreter.
_IBUF_BYTES = 20000


def audio(settings: dict[str, object], clock: ports.Clock) -> ports.AudioOut:
    """Return the audio output: `{"kind": "i2s", "port": "0:5:6:7", "ibuf_bytes",
    "latency_us"}`."""
    given = Settings("audio", settings)
    given.choice("kind", ("i2s",))
    ibuf_bytes = given.integer("ibuf_bytes", 4000, 64000, _IBUF_BYTES)
    module = __import__("hw.micropython.audio", None, None, ("open_i2s",))
    after_ms = given.integer("latency_us", 0, 2000000, 0) // 1000
    made: ports.AudioOut = module.open_i2s(given.text("port"), ibuf_bytes, clock, after_ms)
    return made


def amplifier(settings: dict[str, object], clock: ports.Clock) -> ports.Amplifier:
    """Return the amplifier, on a UART and its pins tx and rx.

    `{"kind": "modbus", "port": "2:17:16", ...}`, see `hw.modbus_amplifier`; `{"kind": "gpio",
    "line", "active_low", "contactor_line", "line_sense", "port" (the meter's)}` with pins.
    """
    given = Settings("amplifier", settings)
    kind = given.choice("kind", ("modbus", "gpio"))
    path = given.text("port") if kind == "modbus" else given.optional_text("port")
    port: ports.Serial | None = None
    if path is not None:
        baud = given.integer("baud", 1200, 115200, 9600)
        module = __import__("hw.micropython.serial", None, None, ("open_serial",))
        port = module.open_serial(path, baud, clock)
    made: ports.Amplifier
    if kind == "gpio":
        made = _pin_amplifier(given, port, clock)
    else:
        module = __import__("hw.modbus_amplifier", None, None, ("modbus_amplifier",))
        made = module.modbus_amplifier(given, port, clock)
    return made


def _pin_amplifier(
    given: Settings, port: ports.Serial | None, clock: ports.Clock
) -> ports.Amplifier:
    pins = __import__("hw.micropython.pins", None, None, ("OutputPin",))
    low = given.integer("active_low", 0, 1, 0) == 1
    contactor = given.optional_integer("contactor_line", 0, 255)
    sense = given.optional_integer("line_sense", 0, 255)
    module = __import__("hw.pin_amplifier", None, None, ("pin_amplifier",))
    made: ports.Amplifier = module.pin_amplifier(
        given,
        pins.OutputPin(given.integer("line", 0, 255), low),
        None if contactor is None else pins.OutputPin(contactor, low),
        None if sense is None else pins.InputPin(sense),
        port,
        clock,
    )
    return made


def inputs(settings: dict[str, object], amplifier: ports.Amplifier | None) -> ports.Inputs:
    """Return what the node feels, see `hw.sense_settings`; Modbus kinds use the amplifier line."""
    module = __import__("hw.sense_settings", None, None, ("senses",))
    pins = __import__("hw.micropython.pins", None, None, ("InputPin",))
    make = lambda given: pins.InputPin(given.integer("line", 0, 255))  # noqa: E731
    made: ports.Inputs = module.senses(settings, getattr(amplifier, "bus", None), make, {})
    return made


def board(settings: dict[str, object], clock: ports.Clock) -> ports.Board:
    """Return the board, all with `width_px`, `height_px` and `channels` (1 grey, 3 RGB).

    `{"kind": "framebuf", "driver" (a module with `Display(width_px, height_px)`), "form": "mono" |
    "grey" | "rgb565"}`; `{"kind": "e131" | "artnet"}` and what `hw.universe_settings` tells.
    """
    given = Settings("board", settings)
    kind = given.choice("kind", ("framebuf", "e131", "artnet"))
    width_px = given.integer("width_px", 1, 1920)
    height_px = given.integer("height_px", 1, 1920)
    size = (width_px, height_px, given.integer("channels", 1, 3))
    made: ports.Board
    if kind == "framebuf":
        module = __import__("hw.micropython.board", None, None, ("open_display",))
        form = given.choice("form", ("mono", "grey", "rgb565"))
        made = module.open_display(given.text("driver"), size, form)
        return made
    module = __import__("hw.universe_settings", None, None, ("universe_board",))
    sockets = __import__("hw.micropython.datagrams", None, None, ("Datagrams",))
    datagrams = sockets.Datagrams(clock, module.port(kind))
    made = module.universe_board(given, kind, datagrams, clock, size)
    return made


def indicator(settings: dict[str, object]) -> ports.Indicator:
    """Return the lamp: `{"kind": "led", "pin": 2}`."""
    given = Settings("indicator", settings)
    given.choice("kind", ("led",))
    machine = __import__("hw.micropython.chip", None, None, ("machine",)).machine
    pin = machine.Pin(given.integer("pin", 0, 255), machine.Pin.OUT, value=0)
    led = __import__("hw.micropython.indicator", None, None, ("Led",))
    made: ports.Indicator = led.Led(pin)
    return made


def modem(
    settings: dict[str, object], clock: ports.Clock, amplifier: "ports.Amplifier | None"
) -> "Modem":
    """Return the modem: `{"kind", "port": "1:17:16", "baud", "power_line", "power_active_low"}`."""
    given = Settings("modem", settings)
    module = __import__("hw.at_modem", None, None, ("AtModem",))
    kind = given.choice("kind", module.KINDS)
    line = given.optional_integer("power_line", 0, 255)
    power = None
    if line is not None:
        pins = __import__("hw.micropython.pins", None, None, ("OutputPin",))
        relays = __import__("hw.pin_relay", None, None, ("PinRelay",))
        low = given.integer("power_active_low", 0, 1, 0) == 1
        power = relays.PinRelay(pins.OutputPin(line, low))
    baud = given.integer("baud", 1200, 921600, 115200)
    made: Modem = module.AtModem(serial(given.text("port"), baud, clock), clock, kind, power)
    return made


def chip_clock(settings: dict[str, object], clock: ports.Clock, sets_platform: bool) -> ports.Clock:
    """Return a clock with a chip: `{"kind": "ds3231", "bus": "0:22:21" (number, scl, sda)}`."""
    given = Settings("rtc", settings)
    given.choice("kind", ("ds3231",))
    wires = __import__("hw.micropython.i2c", None, None, ("open_i2c",))
    chips = __import__("hw.ds3231", None, None, ("Ds3231",))
    bus = wires.open_i2c(given.text("bus", "0"))
    chip = chips.Ds3231(bus, given.integer("address", 3, 119, 0x68))
    clocks = __import__("hw.chip_clock", None, None, ("ChipClock",))
    made: ports.Clock = clocks.ChipClock(clock, chip, sets_platform)
    return made


def serial(path: str, baud: int, clock: ports.Clock) -> ports.Serial:
    """Return the UART named `2` or, with its pins tx and rx, `2:17:16`, closed."""
    module = __import__("hw.micropython.serial", None, None, ("open_serial",))
    made: ports.Serial = module.open_serial(path, baud, clock)
    return made


def button(path: str, pressed: str) -> "Button":
    """Return the button on a pin."""
    module = __import__("hw.micropython.button", None, None, ("Button",))
    made: Button = module.Button(path, pressed)
    return made


def watchdog(settings: dict[str, object]) -> "Watchdog":
    """Return the watchdog: `{"kind": "chip", "timeout_s": 60}`; an RP2040 counts to 8 s."""
    given = Settings("watchdog", settings)
    given.choice("kind", ("chip",))
    module = __import__("hw.micropython.watchdog", None, None, ("Watchdog",))
    made: Watchdog = module.Watchdog(given.integer("timeout_s", 5, 600, 60))
    return made


def lan_address(interface: str) -> str:
    """Refuse: this release is a neighbour on Linux only."""
    text = "a microcontroller is nobody's neighbour"
    raise LocalFault("config.lan", text, "use a Linux node, or leave it out")


def announcer(address: str) -> "Announcer":
    """Refuse likewise."""
    raise LocalFault("config.lan", "no mDNS here", "use a Linux node, or leave it out")


def decoder() -> ports.Decoder:
    """Return the decoder of media."""
    made: ports.Decoder = __import__("hw.micropython.decoder", None, None, ("Decoder",)).Decoder()
    return made


def identity(data: str, entropy: ports.Entropy) -> ports.Identity:
    """Return the node's key, in `identity.key` of its data folder."""
    files = __import__("hw.micropython.storage", None, None, ("Storage",)).Storage(data)
    made: ports.Identity = __import__(
        "hw.micropython.identity", None, None, ("Identity",)
    ).Identity(files, entropy)
    return made
