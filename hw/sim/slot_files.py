"""A FAT disk in memory that loses power at any operation, as badly as FAT may.

What was not made durable is held as a list of effects: names entered and left, sizes, and single
sectors. A power cut lets some of them reach the disk in no order, chosen by `luck`: 0 none, 1 all,
2 names and sizes but no content (files of the right length full of what stood there before), 3 only
the later half, above that a draw from the number. The write that was interrupted is torn inside
a sector. A name that did not leave keeps its file whole, empty, or full of another one's bytes.
`rename` exists to show what a store that trusts it would lose: both names, or none.
"""

from hw import slot_files
from hw.sim.storage import PowerCut
from protocols.errors import WorldFault

SECTOR_BYTES = 512
_ENTER, _LEAVE, _SIZE, _WRITE = "enter", "leave", "size", "write"


class SlotFile(slot_files.SlotFile):
    """Hold one file of the disk."""

    def __init__(self, disk: "SlotFiles", number: int):
        self._disk = disk
        self._number = number

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from a position."""
        self._disk.check_power()
        return bytes(self._disk.live[self._number][position : position + count])

    def write(self, position: int, data: bytes) -> None:
        """Write all bytes at a position."""
        self._disk.write(self._number, position, data)

    def size(self) -> int:
        """Return the size in bytes."""
        return len(self._disk.live[self._number])

    def sync(self) -> None:
        """Make content and size durable; the name is the folder's."""
        disk = self._disk
        if disk.begin():
            disk.settle((_SIZE, _WRITE), self._number)
            disk.syncs += 1
        disk.end()

    def close(self) -> None:
        """Release nothing."""


class SlotFiles(slot_files.SlotFiles):
    """Keep files; `calls` counts operations that change something, `cut_at` says where power goes.

    `live` holds content by number as programs see it, `entries` the names; `safe` and
    `safe_entries` what is on the disk.
    """

    def __init__(self, capacity_bytes: int = 64 * 1024 * 1024):
        self.capacity_bytes = capacity_bytes
        self.live: dict[int, bytearray] = {}
        self.entries: dict[str, int] = {}
        self.safe: dict[int, bytearray] = {}
        self.safe_entries: dict[str, int] = {}
        self.calls = 0
        self.syncs = 0
        self.cut_at: int | None = None
        self.luck = 0
        self._pending: list[tuple[str, int, object, bytes]] = []
        self._next = 1
        self._off = False
        self._freed = bytes(SECTOR_BYTES)
        self._draw = 0

    # Power

    def check_power(self) -> None:
        """Raise `PowerCut` while there is none."""
        if self._off:
            raise PowerCut("no power")

    def begin(self) -> bool:
        """Count an operation; tells whether it takes effect as a whole."""
        self.check_power()
        self.calls += 1
        self._off = self.calls == self.cut_at
        return not self._off

    def end(self) -> None:
        """Raise `PowerCut` when this operation was the one."""
        if self._off:
            raise PowerCut("power cut at operation " + str(self.calls))

    def reboot(self) -> None:
        """Power on: let some of what was pending have reached the disk."""
        self._draw = self.luck * 2654435761 + self.calls
        pending, self._pending = self._pending, []
        for index, effect in enumerate(pending):
            if self._lands(index, len(pending), effect[0]):
                self._settle_one(effect)
            elif effect[0] == _LEAVE:
                self._half_leave(effect[1])
        self.live = {}
        self.entries = dict(self.safe_entries)
        for number in self.entries.values():
            self.safe.setdefault(number, bytearray())
            self.live[number] = bytearray(self.safe[number])
        self._off = False
        self.cut_at = None

    def _lands(self, index: int, count: int, kind: str) -> bool:
        if self.luck == 0:
            return False
        if self.luck == 1:
            return True
        if self.luck == 2:
            return kind != _WRITE
        if self.luck == 3:
            return index >= count // 2
        return self._random() & 1 == 1

    def _random(self) -> int:
        self._draw = (self._draw * 1103515245 + 12345) & 0x7FFFFFFF
        return self._draw >> 16

    def _half_leave(self, number: int) -> None:
        """Leave a name whose clusters may be gone already."""
        content = self.safe.get(number)
        choice = 0 if self.luck == 0 else self._random() % 3
        if content is not None and choice:
            self._freed = bytes(content[:4096])
            filling = bytes(len(content)) if choice == 1 else b""
            self.safe[number] = bytearray(filling)

    # Effects

    def settle(self, kinds: "tuple[str, ...]", number: int) -> None:
        """Make the pending effects of some kinds durable, of one file or (0) of all."""
        left = []
        for effect in self._pending:
            if effect[0] in kinds and number in (0, effect[1]):
                self._settle_one(effect)
            else:
                left.append(effect)
        self._pending = left

    def _settle_one(self, effect: "tuple[str, int, object, bytes]") -> None:
        kind, number, where, data = effect
        if kind == _ENTER:
            self.safe_entries[str(where)] = number
        elif kind == _LEAVE:
            self.safe_entries.pop(str(where), None)
        elif kind == _SIZE:
            content = self.safe.setdefault(number, bytearray())
            while len(content) < int(str(where)):
                # Clusters come as they were left: with the head of a removed file, at worst.
                content += self._freed[: int(str(where)) - len(content)]
        else:
            at = int(str(where))
            content = self.safe.setdefault(number, bytearray())
            room = max(0, len(content) - at)
            content[at : at + len(data)] = data[:room]

    def write(self, number: int, position: int, data: bytes) -> None:
        """Change content in sectors; an interrupted write is torn."""
        content = self.live[number]
        if position > len(content):
            raise WorldFault("storage.io", "a hole in a file", "write in order")
        growth = position + len(data) - len(content)
        if growth > 0 and growth > self.free_bytes():
            raise WorldFault("storage.full", "no room", "free space on the disk")
        kept = len(data) if self.begin() else len(data) // 2
        if growth > 0:
            self._pending.append((_SIZE, number, position + len(data), b""))
        at = 0
        while at < kept:
            step = min(SECTOR_BYTES - (position + at) % SECTOR_BYTES, kept - at)
            piece = bytes(data[at : at + step])
            self._pending.append((_WRITE, number, position + at, piece))
            at += step
        content[position : position + kept] = data[:kept]
        self.end()

    # Names

    def names(self) -> list[str]:
        """List the files."""
        self.check_power()
        return list(self.entries)

    def open(self, name: str, create: bool = False) -> SlotFile:
        """Open a file, or make it empty."""
        if create:
            if self.begin():
                self._enter(name)
            self.end()
        elif name not in self.entries:
            raise WorldFault("storage.io", name + ": no such file", "check the disk")
        self.check_power()
        return SlotFile(self, self.entries[name])

    def _enter(self, name: str) -> None:
        number = self._next
        self._next += 1
        self.entries[name] = number
        self.live[number] = bytearray()
        self._pending.append((_ENTER, number, name, b""))

    def remove(self, name: str) -> None:
        """Remove a file; whoever holds it open still reads it."""
        if self.begin():
            number = self.entries.pop(name)
            self._freed = bytes(self.live[number][:4096]) or self._freed
            self._pending.append((_LEAVE, number, name, b""))
        self.end()

    def rename(self, old: str, new: str) -> None:
        """Move a file to another name, as FAT does: in two steps that may land in either order."""
        if self.begin():
            number = self.entries.pop(old)
            self.entries[new] = number
            self._pending.append((_ENTER, number, new, b""))
            self._pending.append((_LEAVE, number, old, b""))
        self.end()

    def sync(self) -> None:
        """Make what was created and removed durable."""
        if self.begin():
            self.settle((_ENTER, _LEAVE), 0)
            self.syncs += 1
        self.end()

    def free_bytes(self) -> int:
        """Return the room left."""
        used = sum([len(self.live[number]) for number in self.entries.values()])
        return self.capacity_bytes - used
