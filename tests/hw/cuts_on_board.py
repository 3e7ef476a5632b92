"""Cuts the power of a disk under MicroPython's own FatFs or littlefs at every block it writes.

Run by `test_slot_storage_board.py`: `micropython -m tests.hw.cuts_on_board fat|littlefs
slots|rename LUCK`. The card holds what it was not told to sync in a cache that reaches the flash in
part and in no order (littlefs: in order, as on bare flash), and tears the block it is writing.
Prints a JSON object: cuts, and how often the store broke what it had told.
"""

import gc
import json
import sys

import vfs

from hw.micropython.slot_files import SlotFiles
from hw.micropython.storage import Storage as RenameStorage
from hw.sim.storage import PowerCut
from hw.slot_storage import Storage as SlotStorage
from protocols.errors import Fault
from tests.portable import storage_cuts

BLOCKS = {"fat": (160, 512), "littlefs": (64, 4096)}


class Card:
    """A block device that loses power; `luck` 0: nothing unsynced survives, 1: all, more: some."""

    def __init__(self, kind):
        self.ordered = kind == "littlefs"
        self.count, self.size = BLOCKS[kind]
        self.flash = bytearray(self.count * self.size)
        self.cache = []
        self.writes = 0
        self.bytes_written = 0
        self.cut_at = None
        self.luck = 0
        self.off = False

    def readblocks(self, block, data, offset=0):
        if self.off:
            return -5
        start = block * self.size + offset
        data[:] = self.flash[start : start + len(data)]
        for at, piece in self.cache:
            first = max(at, start)
            last = min(at + len(piece), start + len(data))
            if first < last:
                data[first - start : last - start] = piece[first - at : last - at]
        return 0

    def writeblocks(self, block, data, offset=0):
        if self.off:
            # Finalisers of files that were open may come here, where nothing can be raised.
            return -5
        at = block * self.size + offset
        for begin in range(0, len(data), 512):
            self.writes += 1
            piece = bytes(data[begin : begin + 512])
            self.bytes_written += len(piece)
            if self.writes == self.cut_at:
                self.off = True
                self.cache.append((at + begin, piece[: len(piece) // 2]))
                raise PowerCut("cut")
            self.cache.append((at + begin, piece))
        if self.cut_at is None or len(self.cache) > 64:
            self.sync()
        return 0

    def sync(self):
        for at, piece in self.cache:
            self.flash[at : at + len(piece)] = piece
        self.cache = []

    def ioctl(self, operation, argument):
        if operation == 3:
            if not self.off:
                self.sync()
            return -5 if self.off else 0
        if operation == 4:
            return self.count
        if operation == 5:
            return self.size
        return 0

    def reboot(self):
        """Return the card of the next life; what is still open in this one reaches it no more."""
        card = Card("littlefs" if self.ordered else "fat")
        card.flash, self.flash = self.flash, bytearray(0)
        cache, self.cache = self.cache, []
        draw = self.luck * 7919 + self.writes
        if self.ordered:
            keep = len(cache) if self.luck == 1 else draw % (len(cache) + 1)
            cache = cache[:keep]
        for at, piece in cache:
            draw = (draw * 1103515245 + 12345) & 0x3FFFFFFF
            if self.ordered or self.luck == 1 or (self.luck > 1 and draw >> 16 & 1):
                card.flash[at : at + len(piece)] = piece
        return card


FILE_SYSTEMS = {"fat": vfs.VfsFat, "littlefs": vfs.VfsLfs2}
STORES = {
    "slots": lambda: SlotStorage(SlotFiles("/card/slots")),
    "rename": lambda: RenameStorage("/card/files"),
}


def opened(card, kind, store):
    """Mount the card anew and open the store on it."""
    gc.collect()
    try:
        vfs.umount("/card")
    except OSError:
        pass
    vfs.mount(FILE_SYSTEMS[kind](card), "/card")
    return STORES[store]()


def prepared(kind, store):
    """Return a card on which the story may begin."""
    card = Card(kind)
    FILE_SYSTEMS[kind].mkfs(card)
    storage_cuts.begin(opened(card, kind, store))
    try:
        vfs.umount("/card")
    except OSError:
        pass
    return card


def try_cut(base, kind, store_kind, luck, cut_at):
    """Cut once; returns None when the story ended before, else whether all held."""
    card = Card(kind)
    card.flash[:] = base.flash
    card.luck = luck
    store = opened(card, kind, store_kind)
    card.cut_at = card.writes + cut_at
    told = storage_cuts.Told()
    try:
        storage_cuts.story(store, told)
        storage_cuts.check_end(store)
        return None
    except (PowerCut, Fault, OSError):
        assert card.off
    card = card.reboot()
    try:
        store = opened(card, kind, store_kind)
        storage_cuts.check(store, told)
        storage_cuts.story(store, storage_cuts.Told())
        storage_cuts.check_end(store)
        storage_cuts.check_end(opened(card, kind, store_kind))
    except (AssertionError, Fault, OSError) as error:
        if store_kind == "slots":
            sys.print_exception(error)
        return False
    return True


def main(kind, store, luck):
    base = prepared(kind, store)
    cuts = broken = 0
    while True:
        held = try_cut(base, kind, store, luck, cuts + 1)
        if held is None:
            break
        cuts += 1
        broken += not held
    print(json.dumps({"cuts": cuts, "broken": broken}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
