"""Make this node's devices from its settings, on Linux.

Every maker loads its own drivers: what a node does not have costs neither time at boot nor memory.
"""

import os

from hw import ports
from hw.settings import Settings
from protocols.errors import LocalFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.announcer_port import Announcer
    from hw.linux.button import Button
    from hw.linux.watchdog import Watchdog
    from hw.modem_port import Modem
    from hw.relay import Relay

# ruff: noqa: PLC0415


def audio(settings: dict[str, object], clock: ports.Clock) -> ports.AudioOut:
    """Return the audio output: `{"kind": "wav", "path"}` or `{"kind": "alsa", "devices"}`."""
    given = Settings("audio", settings)
    kind = given.choice("kind", ("wav", "alsa"))
    from hw.linux.audio import AlsaOut, WavOut

    if kind == "wav":
        return WavOut(given.text("path"), clock)
    devices = tuple(given.text("devices", "default").split())
    return AlsaOut(devices, clock, latency_us=given.integer("latency_us", 0, 2000000, 0))


def amplifier(settings: dict[str, object], clock: ports.Clock) -> ports.Amplifier:
    """Return the amplifier.

    `{"kind": "modbus", "port", ...}`, see `hw.modbus_amplifier`; `{"kind": "gpio", "line",
    "chip", "active_low", "contactor_line", "line_sense", "port" (the meter's)}`.
    """
    from hw.linux.serial import open_serial

    given = Settings("amplifier", settings)
    kind = given.choice("kind", ("modbus", "gpio"))
    baud = given.integer("baud", 1200, 115200, 9600)
    if kind == "gpio":
        path = given.optional_text("port")
        return _pin_amplifier(given, None if path is None else open_serial(path, baud), clock)
    from hw.modbus_amplifier import modbus_amplifier

    return modbus_amplifier(given, open_serial(given.text("port"), baud), clock)


def _pin_amplifier(
    given: Settings, port: ports.Serial | None, clock: ports.Clock
) -> ports.Amplifier:
    from hw.linux.gpio import InputPin, OutputPin
    from hw.pin_amplifier import pin_amplifier

    chip = given.text("chip", "/dev/gpiochip0")
    low = given.integer("active_low", 0, 1, 0) == 1
    contactor = given.optional_integer("contactor_line", 0, 1023)
    sense = given.optional_integer("line_sense", 0, 1023)
    return pin_amplifier(
        given,
        OutputPin(chip, given.integer("line", 0, 1023), low),
        None if contactor is None else OutputPin(chip, contactor, low),
        None if sense is None else InputPin(chip, sense),
        port,
        clock,
    )


def inputs(settings: dict[str, object], amplifier: ports.Amplifier | None) -> ports.Inputs:
    """Return what the node feels, see `hw.linux.senses`; Modbus kinds use the amplifier's line."""
    from hw.linux.senses import senses
    from hw.relay_amplifier import RelayAmplifier

    bus = amplifier.bus if isinstance(amplifier, RelayAmplifier) else None
    return senses(settings, bus)


def board(settings: dict[str, object], clock: ports.Clock) -> ports.Board:
    """Return the board, all with `width_px`, `height_px` and `channels` (1 grey, 3 RGB).

    `{"kind": "png", "path"}`; `{"kind": "framebuffer", "path" (/dev/fb0), "left_px", "top_px"}`;
    `{"kind": "e131" | "artnet", "source" (our address on the board's network)}` and what
    `hw.universe_settings` tells; `{"kind": "colorlight", "interface", "order", "row_mark",
    "latch_bytes", "first_row", "first_column"}`.
    """
    given = Settings("board", settings)
    kind = given.choice("kind", ("png", "framebuffer", "e131", "artnet", "colorlight"))
    width_px = given.integer("width_px", 1, 1920)
    height_px = given.integer("height_px", 1, 1920)
    channels = given.integer("channels", 1, 3)
    if kind == "png":
        from hw.linux.board import PngPanel

        return PngPanel(given.text("path"), width_px, height_px, channels)
    if kind == "framebuffer":
        from hw.linux.framebuffer import FramebufferBoard

        place = (given.integer("left_px", 0, 8192, 0), given.integer("top_px", 0, 8192, 0))
        size = (width_px, height_px, channels)
        return FramebufferBoard(given.text("path", "/dev/fb0"), size, place)
    if kind == "colorlight":
        from hw.linux.colorlight_board import ColorlightBoard
        from protocols import colorlight

        dialect = colorlight.dialect(
            order=given.text("order", "bgr"),
            row_mark=given.integer("row_mark", 0, 0xFFFF, 0x0888),
            latch_bytes=given.integer("latch_bytes", 28, 1486, 98),
            first_row=given.integer("first_row", 0, 1023, 0),
            first_column=given.integer("first_column", 0, 1023, 0),
        )
        return ColorlightBoard(given.text("interface"), width_px, height_px, dialect)
    from hw import universe_settings
    from hw.linux.datagrams import Datagrams

    datagrams = Datagrams(given.optional_text("source") or "", universe_settings.port(kind))
    size = (width_px, height_px, channels)
    return universe_settings.universe_board(given, kind, datagrams, clock, size)


def indicator(settings: dict[str, object]) -> ports.Indicator:
    """Return the lamp: `{"kind": "led", "path": "/sys/class/leds/..."}`."""
    from hw.linux.indicator import Led

    given = Settings("indicator", settings)
    given.choice("kind", ("led",))
    return Led(given.text("path"))


def modem(
    settings: dict[str, object], clock: ports.Clock, amplifier: ports.Amplifier | None
) -> "Modem":
    """Return the modem: `{"kind": "sim7600" | "ec25", "port": "/dev/ttyUSB2", "baud"}`.

    Its power goes through a normally closed contact, of a pin (`power_line`, `power_chip`,
    `power_active_low`) or of the amplifier's Modbus board (`power_coil`, `relay_*`).
    """
    from hw.at_modem import KINDS, AtModem
    from hw.linux.serial import open_serial

    given = Settings("modem", settings)
    kind = given.choice("kind", KINDS)
    line = given.optional_integer("power_line", 0, 1023)
    coil = given.optional_integer("power_coil", 0, 255)
    power: Relay | None = None
    if line is not None:
        from hw.linux.gpio import OutputPin
        from hw.pin_relay import PinRelay

        low = given.integer("power_active_low", 0, 1, 0) == 1
        power = PinRelay(OutputPin(given.text("power_chip", "/dev/gpiochip0"), line, low))
    elif coil is not None:
        from hw.modbus_amplifier import modbus_relay
        from hw.relay_amplifier import RelayAmplifier

        bus = amplifier.bus if isinstance(amplifier, RelayAmplifier) else None
        if bus is None:
            text = "modem.power_coil needs the amplifier's serial line"
            raise LocalFault("config.modem", text, "describe an amplifier with a port")
        power = modbus_relay(given, bus, coil)
    port = open_serial(given.text("port"), given.integer("baud", 1200, 921600, 115200))
    return AtModem(port, clock, kind, power)


def chip_clock(settings: dict[str, object], clock: ports.Clock, sets_platform: bool) -> ports.Clock:
    """Return a clock with a chip: `{"kind": "ds3231", "bus": "/dev/i2c-1", "address": 104}`."""
    from hw.chip_clock import ChipClock
    from hw.ds3231 import Ds3231
    from hw.linux.i2c import I2c

    given = Settings("rtc", settings)
    given.choice("kind", ("ds3231",))
    chip = Ds3231(I2c(given.text("bus", "/dev/i2c-1")), given.integer("address", 3, 119, 0x68))
    return ChipClock(clock, chip, sets_platform)


def serial(path: str, baud: int, clock: ports.Clock) -> ports.Serial:
    """Return a serial port, closed."""
    from hw.linux.serial import open_serial

    return open_serial(path, baud)


def button(path: str, pressed: str) -> "Button":
    """Return the button behind a file of the kernel."""
    from hw.linux.button import Button

    return Button(path, pressed)


def watchdog(settings: dict[str, object]) -> "Watchdog":
    """Return the watchdog: `{"kind": "kernel", "path": "/dev/watchdog", "timeout_s": 60}`."""
    from hw.linux.watchdog import Watchdog

    given = Settings("watchdog", settings)
    given.choice("kind", ("kernel",))
    timeout_s = given.integer("timeout_s", 5, 600, 60)
    return Watchdog(given.text("path", "/dev/watchdog"), timeout_s)


def lan_address(interface: str) -> str:
    """Return this machine's IPv4 address on an interface."""
    from hw.linux.interface import address_of

    return address_of(interface)


def announcer(address: str) -> "Announcer":
    """Return the mDNS of the interface that has this address."""
    from hw.linux.announcer import Announcer

    return Announcer(address)


def decoder() -> ports.Decoder:
    """Return the decoder of media."""
    from hw.linux.decoder import Decoder

    return Decoder()


def identity(data: str, entropy: ports.Entropy) -> ports.Identity:
    """Return the node's key, in `identity.key` of its data folder."""
    from hw.linux.identity import Identity

    os.makedirs(data, mode=0o700, exist_ok=True)
    return Identity(os.path.join(data, "identity.key"), entropy)
