"""Write and read the uncompressed tar of a pack: plain files only, one after another.

A pack travels over HTTP, on a USB stick and between neighbours; any `tar` lists and unpacks it.
The format is POSIX ustar (IEEE Std 1003.1-1990, section 10.1.1) with regular files, no links, no
folders, no extensions, owner 0, time 0: equal content gives equal bytes. The reader takes pieces of
any size and gives events; it never holds more than one 512-byte block.
"""

from protocols.errors import LocalFault, RemoteFault
from protocols.limits import BLOB_BYTES_MAX, PACK_MEMBERS_MAX

BLOCK = 512
NAME_BYTES_MAX = 100
END = bytes(2 * BLOCK)

MEMBER = "member"
DATA = "data"
MEMBER_END = "member-end"
PACK_END = "end"

_REMEDY = "Fetch the pack again, or write the stick again."
_NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-%/"


def header(name: str, length: int) -> bytes:
    """Return the 512-byte head of a member; its bytes follow, then `padding(length)`.

    Raises LocalFault `pack.name` for a name that the reader would refuse or a length too large.
    """
    encoded = name.encode()
    if not _is_name(encoded) or not 0 <= length <= BLOB_BYTES_MAX:
        raise LocalFault("pack.name", name + ": cannot stand in a pack", "Use a short plain name.")
    head = bytearray(BLOCK)
    head[0 : len(encoded)] = encoded
    head[100:108] = b"0000644\0"
    head[108:116] = b"0000000\0"
    head[116:124] = b"0000000\0"
    head[124:136] = b"%011o\0" % length
    head[136:148] = b"00000000000\0"
    head[148:156] = b"        "
    head[156:157] = b"0"
    head[257:265] = b"ustar\00000"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def padding(length: int) -> bytes:
    """Return the zero bytes that follow a member of `length` bytes."""
    return bytes(-length % BLOCK)


def _is_name(name: bytes) -> bool:
    if not 1 <= len(name) <= NAME_BYTES_MAX:
        return False
    for letter in name:
        if letter not in _NAME:
            return False
    for part in name.split(b"/"):
        if part in (b"", b".", b".."):
            return False
    return True


def _refuse(code: str, complaint: str) -> RemoteFault:
    return RemoteFault(code, complaint, _REMEDY)


def _octal(field: bytes, what: str) -> int:
    digits = field.rstrip(b"\0 ")
    if not digits:
        raise _refuse("pack.header", "pack: " + what + " is empty")
    for digit in digits:
        if not 48 <= digit <= 55:
            raise _refuse("pack.header", "pack: " + what + " is not octal")
    return int(str(digits, "ascii"), 8)


def read_header(block: bytes) -> tuple[str, int]:
    """Return (name, length) of a member's 512-byte head; raises `RemoteFault("pack.*")`."""
    expected = _octal(block[148:156], "checksum")
    if sum(block) - sum(block[148:156]) + 8 * 32 != expected:
        raise _refuse("pack.header", "pack: checksum of a head does not match")
    if block[257:262] != b"ustar":
        raise _refuse("pack.header", "pack: a head is not ustar")
    if block[156:157] != b"0" or block[345:346] != b"\0":
        raise _refuse("pack.member", "pack: holds something else than plain files")
    name = block[0:NAME_BYTES_MAX].rstrip(b"\0")
    if not _is_name(name):
        raise _refuse("pack.name", "pack: the name of a member is not plain")
    length = _octal(block[124:136], "length")
    if length > BLOB_BYTES_MAX:
        raise _refuse("pack.length", "pack: a member is longer than any file may be")
    return str(name, "ascii"), length


class PackReader:
    """Turn the bytes of a pack into events.

    `receive(data)` returns a list of `(MEMBER, name, length)`, `(DATA, bytes)`, `(MEMBER_END,)` and
    at last `(PACK_END,)`. Raises RemoteFault `pack.header`, `pack.member`, `pack.name`,
    `pack.length`, `pack.count` or `pack.trailing` and takes nothing more after that.
    """

    def __init__(self) -> None:
        self._block = bytearray()
        self._left = 0
        self._skip = 0
        self._members = 0
        self._zero_blocks = 0
        self._broken = False

    @property
    def is_complete(self) -> bool:
        """Tell whether the end marker was read."""
        return self._zero_blocks == 2

    def receive(self, data: bytes) -> "list[tuple[object, ...]]":
        """Take the next bytes and return what they complete."""
        if self._broken:
            raise _refuse("pack.header", "pack: was refused already")
        try:
            return self._take(memoryview(data))
        except RemoteFault:
            self._broken = True
            raise

    def _take(self, data: memoryview) -> "list[tuple[object, ...]]":
        events: list[tuple[object, ...]] = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                events.append((DATA, bytes(piece)))
                if not self._left:
                    events.append((MEMBER_END,))
            elif self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
            else:
                piece = data[at : at + BLOCK - len(self._block)]
                self._block.extend(piece)
                at += len(piece)
                if len(self._block) == BLOCK:
                    self._head(bytes(self._block), events)
                    self._block = bytearray()
        return events

    def _head(self, block: bytes, events: "list[tuple[object, ...]]") -> None:
        if self._zero_blocks == 2:
            if block != bytes(BLOCK):
                raise _refuse("pack.trailing", "pack: goes on after its end")
            return
        if block == bytes(BLOCK):
            self._zero_blocks += 1
            if self._zero_blocks == 2:
                events.append((PACK_END,))
            return
        if self._zero_blocks:
            raise _refuse("pack.header", "pack: goes on after half an end")
        self._members += 1
        if self._members > PACK_MEMBERS_MAX:
            raise _refuse("pack.count", "pack: holds too many files")
        name, length = read_header(block)
        self._left = length
        self._skip = -length % BLOCK
        events.append((MEMBER, name, length))
        if not length:
            events.append((MEMBER_END,))
