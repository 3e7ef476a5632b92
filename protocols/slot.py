"""The head of a slot: what one file of the slot store is, told by itself.

A slot begins with two sectors of 512 bytes. Each may hold a head; the valid one with the higher
turn counts, and the next is written over the other. A head torn by a power cut fails its checksum
and leaves the one before in force. A head names its slot's number, so that what an earlier file
left in the same place on the flash is never taken for one.
"""

import binascii
import struct
from collections import namedtuple

from protocols.errors import LocalFault
from protocols.limits import STORAGE_NAME_BYTES_MAX

SECTOR_BYTES = 512
# Content stands after both heads.
CONTENT_AT = 2 * SECTOR_BYTES

STAGED = 1  # `length` bytes are durable, nobody may see them yet
VISIBLE = 2  # a whole file; of two with one name the higher sequence counts
FIXED = 3  # a preallocated file, patched in place: its content has no checksum
DEAD = 4  # about to be removed

_MAGIC = b"ChSl\x01"
# magic, kind, slot number, turn, sequence, length, has checksum, checksum of content, name length
_LAYOUT = "<5sBIIIIBIB"
_LAYOUT_BYTES = struct.calcsize(_LAYOUT)
_CRC_AT = SECTOR_BYTES - 4
_INTEGER_MAX = 0xFFFFFFFF


class Head(namedtuple("Head", ("kind", "number", "turn", "sequence", "length", "crc", "name"))):
    """Describe a slot; `crc` is the CRC-32 of the content, or None where none is kept."""

    def encode(self) -> bytes:
        """Return the sector; it belongs at `place_of(turn)`."""
        name = self.name.encode()
        for value in (self.number, self.turn, self.sequence, self.length):
            if not 0 <= value <= _INTEGER_MAX:
                raise LocalFault("storage.range", "a number does not fit a slot", "Use less.")
        if len(name) > STORAGE_NAME_BYTES_MAX:
            raise LocalFault("storage.name", "the name does not fit a slot", "Use a short name.")
        data: bytes = struct.pack(
            _LAYOUT,
            _MAGIC,
            self.kind,
            self.number,
            self.turn,
            self.sequence,
            self.length,
            0 if self.crc is None else 1,
            self.crc or 0,
            len(name),
        )
        data += name
        data += bytes(_CRC_AT - len(data))
        data += struct.pack("<I", binascii.crc32(data) & _INTEGER_MAX)
        return data

    def follow(self, kind: int, sequence: int, length: int, crc: int | None, name: str) -> "Head":
        """Return the head that replaces this one."""
        return Head(kind, self.number, self.turn + 1, sequence, length, crc, name)


def place_of(turn: int) -> int:
    """Return where in the slot the head of a turn stands."""
    return SECTOR_BYTES * (turn & 1)


def read(data: bytes, number: int) -> Head | None:
    """Return the head in force in the first `CONTENT_AT` bytes of slot `number`, or None."""
    first = _read_sector(data[:SECTOR_BYTES], number)
    second = _read_sector(data[SECTOR_BYTES:CONTENT_AT], number)
    if first is None or second is None:
        return first or second
    return first if first.turn > second.turn else second


def _read_sector(data: bytes, number: int) -> Head | None:
    if len(data) != SECTOR_BYTES or data[:5] != _MAGIC:
        return None
    if binascii.crc32(data[:_CRC_AT]) & _INTEGER_MAX != struct.unpack("<I", data[_CRC_AT:])[0]:
        return None
    _, kind, named, turn, sequence, length, has_crc, crc, name_bytes = struct.unpack(
        _LAYOUT, data[:_LAYOUT_BYTES]
    )
    if named != number:
        return None
    name = str(data[_LAYOUT_BYTES : _LAYOUT_BYTES + name_bytes], "utf-8")
    return Head(kind, number, turn, sequence, length, crc if has_crc else None, name)
