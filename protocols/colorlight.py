"""Build the Ethernet frames of a Colorlight 5A-75 receiver card.

The card ignores EtherType: the byte at offset 12 names the frame. The maker publishes nothing;
the numbers are those on which public drivers agree (PanelPlayer, FPP, PyLights), and where they
differ there is a setting. Nobody here has tried a card.
"""

import struct
from collections import namedtuple

PIXELS_PER_FRAME_MAX = 497
# A frame shown sooner than this after its last row tears (PanelPlayer).
LATCH_DELAY_MS = 5

_CARD = b"\x11\x22\x33\x44\x55\x66"
_SENDER = b"\x22\x22\x33\x44\x55\x66"
_ADDRESSES = _CARD + _SENDER
_ROW = 0x55
_LATCH = b"\x01\x07"
_BRIGHTNESS = b"\x0a"
_DETECT = b"\x07\x00"
_DETECTED = b"\x08\x05"


class Dialect(
    namedtuple("Dialect", ("order", "row_mark", "latch_bytes", "first_row", "first_column"))
):
    """Hold what differs between cards: colour `order` (`bgr`, `rgb`, ...), the two bytes before a
    row's pixels, the length of a latch's body, and where on the card the picture begins."""


def dialect(
    *,
    order: str = "bgr",
    row_mark: int = 0x0888,
    latch_bytes: int = 98,
    first_row: int = 0,
    first_column: int = 0,
) -> Dialect:
    """Build a dialect; the defaults are those of most cards."""
    return Dialect(order, row_mark, latch_bytes, first_row, first_column)


def row_head(given: Dialect, row: int, column: int, pixels: int) -> bytes:
    """Return the frame of a stretch of pixels up to the pixels themselves."""
    place = (given.first_row + row, given.first_column + column, pixels, given.row_mark)
    return _ADDRESSES + struct.pack(">BHHHH", _ROW, *place)


def latch(given: Dialect, level: int) -> bytes:
    """Return the frame that shows what was sent, at a brightness of 0 to 255."""
    body = bytearray(given.latch_bytes)
    # Offsets 35 and 38 to 40 of the whole frame.
    body[21] = level
    body[22] = 5
    body[24:27] = bytes((level, level, level))
    return _ADDRESSES + _LATCH + bytes(body)


def brightness(level: int) -> bytes:
    """Return the frame that sets colour balance and brightness."""
    return _ADDRESSES + _BRIGHTNESS + bytes((level, level, level, 255)) + bytes(60)


def detect() -> bytes:
    """Return the frame that a card answers."""
    return _ADDRESSES + _DETECT + bytes(270)


def is_detected(frame: bytes) -> bool:
    """Tell whether a received frame is a card's answer."""
    return len(frame) >= 14 and frame[12:14] == _DETECTED
