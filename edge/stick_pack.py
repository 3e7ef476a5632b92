"""Read a pack where it lies on a stick: its papers in place, its media one after another.

Nothing is copied before it is wanted. The heads are walked with seeks, so that a stick of gigabytes
costs a microcontroller the names of the papers and no more. What is refused, and by which code, is
what `protocols.pack` refuses in a pack that comes over a link.
"""

import asyncio
from collections import namedtuple

from edge.pack import Papers
from hw import ports
from protocols import pack, tar
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import PACK_MEMBERS_MAX

# Heads walked between two turns of other tasks.
_YIELD_HEADS = 64
_REMEDY = "Write the stick again with chieng-tool stick write."

Medium = namedtuple("Medium", ("sha256", "offset", "length"))
"""One medium of a pack and where its bytes stand in the file."""


class StickPack(Papers):
    """One pack file; `read` first, then `next_medium` to the end.

    Both raise `RemoteFault("pack.*")` for a file that is no whole pack and `WorldFault` for a stick
    that was pulled. After `pack.cut` what stands before the cut can be used all the same.
    """

    def __init__(self, stick: ports.Storage, name: str):
        Papers.__init__(self)
        self._stick = stick
        self._name = name
        self._rules = pack.Rules()
        self._position = 0
        self._members = 0
        self._media_position: int | None = None
        self._is_at_end = False

    def open(self) -> ports.Reader:
        """Open the file; raises `WorldFault("pack.gone")` when it is there no more."""
        reader = self._stick.open(self._name)
        if reader is None:
            raise WorldFault("pack.gone", self._name + " is gone", "Plug the stick in again.")
        return reader

    async def read(self) -> None:
        """Walk all heads: learn where every paper stands, and whether this is a pack."""
        reader = self.open()
        try:
            while not self._is_at_end:
                start = self._position
                if self._member(reader) is not None and self._media_position is None:
                    self._media_position = start
                if self._members % _YIELD_HEADS == 0:
                    await asyncio.sleep(0)
        finally:
            reader.close()
            self._is_at_end = self._media_position is None
            self._position = self._media_position or 0
            self._members = 0

    def next_medium(self) -> Medium | None:
        """Return the next medium, or None after the last one."""
        if self._is_at_end:
            return None
        reader = self.open()
        try:
            return self._member(reader)
        finally:
            reader.close()

    def _member(self, reader: ports.Reader) -> Medium | None:
        """Read the head of the next member; None for a paper, which is noted, and at the end."""
        block = self._block(reader)
        if block == bytes(tar.BLOCK):
            if self._block(reader) != bytes(tar.BLOCK):
                raise RemoteFault("pack.header", "pack: goes on after half an end", _REMEDY)
            self._is_at_end = True
            return None
        self._members += 1
        if self._members > PACK_MEMBERS_MAX:
            raise RemoteFault("pack.count", "pack: holds too many files", _REMEDY)
        name, length = tar.read_header(block)
        kind = self._rules.admit(name, length)
        offset = self._position
        self._position += length + -length % tar.BLOCK
        if kind == pack.BLOB:
            return Medium(name[len(pack.BLOBS) :], offset, length)
        self.note(name, offset, length)
        return None

    def _block(self, reader: ports.Reader) -> bytes:
        reader.seek(self._position)
        block = reader.read(tar.BLOCK)
        if len(block) < tar.BLOCK:
            raise cut()
        self._position += tar.BLOCK
        return block


def cut() -> RemoteFault:
    """Return the fault of a pack that is shorter than its heads say."""
    return RemoteFault("pack.cut", "the pack on the stick ends early", _REMEDY)
