"""Make this node's devices from its settings, on Linux."""

import os

from hw import ports
from hw.linux.audio import AlsaOut, WavOut
from hw.linux.board import PngPanel
from hw.linux.decoder import Decoder
from hw.linux.identity import Identity
from hw.linux.serial import open_serial
from hw.modbus_amplifier import modbus_amplifier
from hw.settings import Settings


def audio(settings: dict[str, object], clock: ports.Clock) -> ports.AudioOut:
    """Return the audio output: `{"kind": "wav", "path"}` or `{"kind": "alsa", "devices"}`."""
    given = Settings("audio", settings)
    kind = given.choice("kind", ("wav", "alsa"))
    if kind == "wav":
        return WavOut(given.text("path"), clock)
    devices = tuple(given.text("devices", "default").split())
    return AlsaOut(devices, clock, latency_us=given.integer("latency_us", 0, 2000000, 0))


def amplifier(settings: dict[str, object], clock: ports.Clock) -> ports.Amplifier:
    """Return the amplifier: `{"kind": "modbus", "port", ...}`, see `hw.modbus_amplifier`."""
    given = Settings("amplifier", settings)
    given.choice("kind", ("modbus",))
    port = open_serial(given.text("port"), given.integer("baud", 1200, 115200, 9600))
    return modbus_amplifier(given, port, clock)


def board(settings: dict[str, object], clock: ports.Clock) -> ports.Board:
    """Return the board: `{"kind": "png", "path", "width_px", "height_px", "channels"}`."""
    given = Settings("board", settings)
    given.choice("kind", ("png",))
    return PngPanel(
        given.text("path"),
        given.integer("width_px", 1, 1920),
        given.integer("height_px", 1, 1920),
        given.integer("channels", 1, 3),
    )


def decoder() -> ports.Decoder:
    """Return the decoder of media."""
    return Decoder()


def identity(data: str, entropy: ports.Entropy) -> ports.Identity:
    """Return the node's key, in `identity.key` of its data folder."""
    os.makedirs(data, mode=0o700, exist_ok=True)
    return Identity(os.path.join(data, "identity.key"), entropy)
