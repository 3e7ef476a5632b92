"""Read and write WAV heads: 16-bit PCM only, strict, bounded.

A stream of ours carries the wall time of its first sample in a LIST/INFO comment, so that any
player opens it and a test can map samples to time. Source: Multimedia Programming Interface 1.0.
"""

import struct
from collections import namedtuple

from protocols.errors import RemoteFault
from protocols.limits import WAV_HEAD_BYTES_MAX

_COMMENT_BYTES = 32
_PREFIX = b"started_wall_ms="
# RIFF 12, fmt 24, LIST 12 + ICMT 8 + comment, data 8.
HEAD_BYTES = 12 + 24 + 20 + _COMMENT_BYTES + 8


class Head(namedtuple("Head", ("rate_hz", "channels", "data_offset", "data_bytes", "started_ms"))):
    """Hold what a head says; `started_ms` is None for files not written here."""


def head(rate_hz: int, data_bytes: int, started_ms: int) -> bytes:
    """Return the head (always `HEAD_BYTES` long) of a mono stream with so many data bytes."""
    comment = _PREFIX + str(started_ms).encode()
    comment += bytes(_COMMENT_BYTES - len(comment))
    return (
        struct.pack("<4sI4s", b"RIFF", HEAD_BYTES - 8 + data_bytes, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
        + struct.pack("<4sI4s", b"LIST", 12 + _COMMENT_BYTES, b"INFO")
        + struct.pack("<4sI", b"ICMT", _COMMENT_BYTES)
        + comment
        + struct.pack("<4sI", b"data", data_bytes)
    )


def _refuse(text: str) -> RemoteFault:
    return RemoteFault("media.undecodable", "WAV: " + text, "publish it as 16-bit PCM WAV")


def read_head(data: bytes) -> Head:
    """Parse the first bytes of a file (at most `WAV_HEAD_BYTES_MAX` are looked at).

    Raises `RemoteFault("media.undecodable")` for anything but 16-bit PCM with its data in reach.
    """
    data = data[:WAV_HEAD_BYTES_MAX]
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _refuse("no RIFF/WAVE head")
    position = 12
    sound = None
    started_ms = None
    while position + 8 <= len(data):
        name = data[position : position + 4]
        length = struct.unpack("<I", data[position + 4 : position + 8])[0]
        position += 8
        if name == b"data":
            if sound is None:
                raise _refuse("data before fmt")
            if length % (2 * sound[1]):
                raise _refuse("data is not whole samples")
            return Head(sound[0], sound[1], position, length, started_ms)
        body = data[position : position + length]
        if name == b"fmt ":
            sound = _read_format(body)
        elif name == b"LIST" and body[:8] == b"INFOICMT":
            started_ms = _read_comment(body[12:])
        position += length + (length & 1)
    raise _refuse("no data within %d bytes" % len(data))


def _read_format(body: bytes) -> tuple[int, int]:
    if len(body) < 16:
        raise _refuse("fmt is cut")
    form, channels, rate_hz, _, align, bits = struct.unpack("<HHIIHH", body[:16])
    if form != 1 or bits != 16:
        raise _refuse("format %d with %d bits" % (form, bits))
    if not 1 <= channels <= 2 or align != 2 * channels:
        raise _refuse("%d channels, block %d" % (channels, align))
    if not 4000 <= rate_hz <= 96000:
        raise _refuse("%d Hz" % rate_hz)
    return rate_hz, channels


def _read_comment(body: bytes) -> int | None:
    digits = body[len(_PREFIX) :].split(b"\0")[0]
    if body[: len(_PREFIX)] != _PREFIX or not 1 <= len(digits) <= 14:
        return None
    for byte in digits:
        if not 48 <= byte <= 57:
            return None
    return int(digits)
