"""Find messages among the bytes of a serial line: our frames, and packets of Improv Serial.

Theory of operation. A console prints boot messages and log lines on the same wire, so a reader
looks for a start anywhere, checks what follows, and on any disagreement goes on one byte later:
nothing whole is ever lost behind something broken. The verdict depends on the bytes alone, not on
how they were split. A started frame whose rest never comes is given up with `rescan`.

Our frame: `C4 68`, kind, length of the body (two bytes, big-endian), body, CRC-32 of everything
after the mark (big-endian). The mark never occurs in UTF-8 text: C4 begins a letter of two bytes,
68 cannot end one. Improv Serial (https://www.improv-wifi.com/serial/): `IMPROV`, version 1, type,
length, data, and the sum of all bytes before it modulo 256.
"""

import binascii
import struct
from collections import namedtuple

from protocols.errors import LocalFault, RemoteFault
from protocols.limits import FRAME_BODY_BYTES_MAX, IMPROV_DATA_BYTES_MAX

_MARK = b"\xc4\x68"
_HEAD_BYTES = 5
_CRC_BYTES = 4

_IMPROV = b"IMPROV\x01"
_IMPROV_HEAD_BYTES = 9

# Types of Improv packets.
STATE = 1
ERROR = 2
RPC = 3
RESULT = 4
# Improv's states, errors and remote calls, as far as they are ours.
READY = 2
PROVISIONING = 3
PROVISIONED = 4
ERROR_NONE = 0
ERROR_INVALID = 1
ERROR_UNKNOWN = 2
CALL_STATE = 2
CALL_DEVICE = 3

Frame = namedtuple("Frame", ("kind", "body"))
"""One of our frames; its CRC was right."""

Packet = namedtuple("Packet", ("type", "data"))
"""One packet of Improv Serial; its sum was right."""


def encode(kind: int, body: bytes) -> bytes:
    """Return the bytes of one frame; raises `LocalFault("frame.length")` for a body too long."""
    if len(body) > FRAME_BODY_BYTES_MAX or not 0 <= kind <= 255:
        raise LocalFault("frame.length", "a frame's body is too long", "Send it in pieces.")
    covered = struct.pack(">BH", kind, len(body)) + body
    return _MARK + covered + struct.pack(">I", binascii.crc32(covered) & 0xFFFFFFFF)


def packet(kind: int, data: bytes) -> bytes:
    """Return the bytes of one Improv packet between line ends, where other readers look for one."""
    if len(data) > IMPROV_DATA_BYTES_MAX:
        raise LocalFault("frame.length", "an Improv packet is too long", "Shorten its texts.")
    covered = _IMPROV + bytes((kind, len(data))) + data
    return b"\n" + covered + bytes((sum(covered) & 255,)) + b"\n"


def call(command: int) -> bytes:
    """Return the Improv packet that calls a command without arguments."""
    return packet(RPC, bytes((command, 0)))


def result(command: int, texts: "list[str]") -> bytes:
    """Return the Improv packet that answers a command with texts."""
    data = b""
    for text in texts:
        piece = text.encode()[:60]
        data += bytes((len(piece),)) + piece
    return packet(RESULT, bytes((command, len(data))) + data)


def read_result(data: bytes) -> "tuple[int, list[str]]":
    """Return (command, texts) of a RESULT packet; raises `RemoteFault("frame.improv")`."""
    if len(data) < 2 or data[1] != len(data) - 2:
        raise _broken()
    texts, at = [], 2
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise _broken()
        try:
            texts.append(str(data[at + 1 : end], "utf-8"))
        except (UnicodeError, ValueError):
            raise _broken()
        at = end
    return data[0], texts


def _broken() -> RemoteFault:
    return RemoteFault("frame.improv", "an Improv answer is broken", "Plug the device in again.")


class Reader:
    """Turn received bytes into `Frame`s and `Packet`s; `noise` counts the bytes skipped."""

    def __init__(self) -> None:
        self._held = b""
        self.noise = 0

    @property
    def is_partial(self) -> bool:
        """Tell whether bytes are held that may begin a message."""
        return bool(self._held)

    def receive(self, data: bytes) -> "list[Frame | Packet]":
        """Take bytes and return the messages they complete."""
        return self._take(self._held + data)

    def rescan(self) -> "list[Frame | Packet]":
        """Give up what is begun but not whole; return what stands behind its first byte."""
        found: list[Frame | Packet] = []
        while self._held:
            self.noise += 1
            found.extend(self._take(self._held[1:]))
        return found

    def clear(self) -> None:
        """Forget what is begun: the line was cut."""
        self.noise += len(self._held)
        self._held = b""

    def _take(self, data: bytes) -> "list[Frame | Packet]":
        found: list[Frame | Packet] = []
        at = 0
        while at < len(data):
            length, message = _match(data, at)
            if not length:
                break
            if message is None:
                self.noise += length
            else:
                found.append(message)
            at += length
        self._held = data[at:]
        return found


def _match(data: bytes, at: int) -> "tuple[int, Frame | Packet | None]":
    """Return how many bytes are settled at a place, with their message or None for noise.

    0 bytes means that more must come before they can be judged.
    """
    first = data[at]
    if first == _MARK[0]:
        return _frame(data, at)
    if first == _IMPROV[0]:
        return _packet(data, at)
    places = [data.find(b"\xc4", at), data.find(b"I", at)]
    ends = [place for place in places if place >= 0]
    return (min(ends) if ends else len(data)) - at, None


def _frame(data: bytes, at: int) -> "tuple[int, Frame | None]":
    room = len(data) - at
    if room == 1 or (room < _HEAD_BYTES and data[at + 1] == _MARK[1]):
        return 0, None
    if data[at + 1] != _MARK[1]:
        return 1, None
    kind, length = struct.unpack(">BH", data[at + 2 : at + _HEAD_BYTES])
    if length > FRAME_BODY_BYTES_MAX:
        return 1, None
    end = at + _HEAD_BYTES + length
    if len(data) < end + _CRC_BYTES:
        return 0, None
    crc = struct.unpack(">I", data[end : end + _CRC_BYTES])[0]
    if crc != binascii.crc32(data[at + 2 : end]) & 0xFFFFFFFF:
        return 1, None
    return end + _CRC_BYTES - at, Frame(kind, data[at + _HEAD_BYTES : end])


def _packet(data: bytes, at: int) -> "tuple[int, Packet | None]":
    head = data[at : at + len(_IMPROV)]
    if not _IMPROV.startswith(head):
        return 1, None
    if len(data) - at < _IMPROV_HEAD_BYTES:
        return 0, None
    end = at + _IMPROV_HEAD_BYTES + data[at + 8]
    if len(data) <= end:
        return 0, None
    if data[end] != sum(data[at:end]) & 255:
        return 1, None
    return end + 1 - at, Packet(data[at + 7], data[at + _IMPROV_HEAD_BYTES : end])
