"""A store of slots, for FAT and flash where a rename is no commit.

How it works. Every file is a slot: a numbered file that says in its head (`protocols/slot.py`) what
it is. Staging, resuming, committing and dying are each one sector written in place, after the
content they speak of is durable; nothing is renamed, and nothing that counts is ever overwritten. A
new version is another slot with a higher sequence; the old one goes after the new one is durable.
What a cut leaves behind (slots without a valid head, losers, half-removed ones) is sorted out when
the store is opened. After files were removed the names are made durable before anything may be
written again, so that FAT never hands out clusters which a surviving entry still names.

Small files (`slot_handles.CHECKED_BYTES_MAX`) are checked by CRC-32 whenever they are opened, and
count as absent when it fails; larger ones are media, which their owner hashes before use.
"""

from hw import ports
from hw.slot_files import SlotFile, SlotFiles
from hw.slot_handles import PIECE_BYTES, Reader, Writer, crc_of
from protocols import slot, storage_names
from protocols.errors import LocalFault, WorldFault
from protocols.slot import CONTENT_AT, DEAD, FIXED, STAGED, VISIBLE, Head

_SUFFIX = ".SLT"
_ZEROS = bytes(512)
# So many slots are never all cut off by one power cut.
_TELLING_SLOTS = 4


class Storage(ports.Storage):
    """Keep files as slots; see the file's head. One instance at a time over one folder."""

    def __init__(self, files: SlotFiles):
        self._files = files
        # Name → head of what is visible.
        self._visible: dict[str, Head] = {}
        # Staging name → number.
        self._staged: dict[str, int] = {}
        self._writers: dict[str, Writer] = {}
        # Number → how many readers are open; what is outdated waits for them.
        self._readers: dict[int, int] = {}
        self._outdated: set[int] = set()
        self._last = 0
        self._load()

    # Recovery

    def _load(self) -> None:
        lost: list[int] = []
        broken: list[int] = []
        count = 0
        fault: WorldFault | None = None
        for file_name in self._files.names():
            number = _number_of(file_name)
            if not number:
                continue
            self._last = max(self._last, number)
            count += 1
            try:
                self._sort_in(number, lost)
            except WorldFault as found:
                # An entry whose clusters are free already, or a bad place on the card.
                broken.append(number)
                fault = found
        if fault is not None and len(broken) == count and count >= _TELLING_SLOTS:
            # It is the disk, not a slot: nothing may be removed for that.
            raise fault
        self._remove_slots(lost + broken)

    def _sort_in(self, number: int, lost: list[int]) -> None:
        file = self._files.open(_name_of(number))
        try:
            head = slot.read(file.read(0, CONTENT_AT), number)
            if head is None or file.size() < CONTENT_AT + head.length:
                lost.append(number)
                return
            self._last = max(self._last, head.sequence)
            if head.kind == STAGED:
                other = self._staged.get(head.name, 0)
                if other:
                    lost.append(min(number, other))
                self._staged[head.name] = max(number, other)
            elif head.kind in (VISIBLE, FIXED):
                self._sort_visible(head, file, lost)
            else:
                lost.append(number)
        finally:
            file.close()

    def _sort_visible(self, head: Head, file: SlotFile, lost: list[int]) -> None:
        """Of two slots with one name keep the newer one whose content is whole."""
        held = self._visible.get(head.name)
        if held is None:
            self._visible[head.name] = head
            return
        if head.sequence > held.sequence:
            newer_is_whole = _is_whole(head, file)
        else:
            newer_is_whole = self._is_whole(held)
        keep_found = (head.sequence > held.sequence) == newer_is_whole
        lost.append(held.number if keep_found else head.number)
        if keep_found:
            self._visible[head.name] = head

    def _is_whole(self, head: Head) -> bool:
        try:
            file = self._files.open(_name_of(head.number))
            try:
                return _is_whole(head, file)
            finally:
                file.close()
        except WorldFault:
            return False

    # What writers and readers report

    def next_number(self) -> int:
        """Return a number above all before."""
        self._last += 1
        return self._last

    def sync_names(self) -> None:
        """Make created and removed files durable."""
        self._files.sync()

    def committed(self, staged: str, head: Head, is_new: bool) -> None:
        """Take note of a durable head, and let the slot go that it replaces."""
        if is_new:
            self._files.sync()
        self._writers.pop(staged, None)
        self._staged.pop(staged, None)
        old = self._visible.get(head.name)
        self._visible[head.name] = head
        if old is not None:
            self._remove_slots([old.number])

    def abandoned(self, staged: str, writer: Writer) -> None:
        """Take note that a writer is closed."""
        if self._writers.get(staged) is writer:
            self._writers.pop(staged)

    def released(self, number: int) -> None:
        """Take note that a reader is closed."""
        left = self._readers.pop(number) - 1
        if left:
            self._readers[number] = left
        elif number in self._outdated:
            self._outdated.discard(number)
            self._remove_slots([number])

    def _remove_slots(self, numbers: list[int]) -> None:
        count = 0
        for number in numbers:
            if number in self._readers:
                self._outdated.add(number)
            else:
                self._files.remove(_name_of(number))
                count += 1
        if count:
            self._files.sync()

    # The port

    def open(self, name: str) -> Reader | None:
        """Open a visible file, or return None; a damaged one is removed and counts as absent."""
        storage_names.check(name)
        head = self._visible.get(name)
        if head is None:
            return None
        file = self._files.open(_name_of(head.number))
        try:
            is_whole = _is_whole(head, file)
        except WorldFault:
            file.close()
            raise
        if not is_whole:
            file.close()
            self.remove(name)
            return None
        return self._reader(head, file)

    def _reader(self, head: Head, file: SlotFile) -> Reader:
        self._readers[head.number] = self._readers.get(head.number, 0) + 1
        return Reader(self, head.number, file, head.length)

    def stage(self, name: str, resume: bool = False) -> Writer:
        """Start or continue a staged file."""
        storage_names.check(name)
        if name in self._writers:
            self._writers[name].abandon()
        number = self._staged.get(name, 0)
        writer = self._resume(name, number) if resume and number else None
        if writer is None:
            self.discard(name)
            number = self.next_number()
            file = self._files.open(_name_of(number), True)
            head = Head(STAGED, number, 0, 0, 0, None, name)
            self._staged[name] = number
            file.write(0, head.encode() + _ZEROS)
            writer = Writer(self, name, file, head, True)
        self._writers[name] = writer
        return writer

    def _resume(self, name: str, number: int) -> Writer | None:
        file = self._files.open(_name_of(number))
        head = slot.read(file.read(0, CONTENT_AT), number)
        if head is None:
            file.close()
            return None
        return Writer(self, name, file, head, False)

    def open_staged(self, name: str) -> Reader | None:
        """Open a staged file for checking, or return None."""
        storage_names.check(name)
        number = self._staged.get(name, 0)
        if not number:
            return None
        file = self._files.open(_name_of(number))
        head = slot.read(file.read(0, CONTENT_AT), number)
        if head is None:
            file.close()
            return None
        return self._reader(head, file)

    def staged_names(self) -> list[str]:
        """List the names of staged files that stand in no folder, sorted."""
        return sorted([name for name in self._staged if "/" not in name])

    def discard(self, name: str) -> None:
        """Forget a staged file."""
        storage_names.check(name)
        if name in self._writers:
            self._writers[name].abandon()
        number = self._staged.pop(name, 0)
        if number:
            self._remove_slots([number])

    def remove(self, name: str) -> None:
        """Remove a visible file durably."""
        storage_names.check(name)
        head = self._visible.get(name)
        if head is None:
            return
        file = self._files.open(_name_of(head.number))
        try:
            dead = head.follow(DEAD, 0, 0, None, name)
            file.write(slot.place_of(dead.turn), dead.encode())
            file.sync()
        finally:
            file.close()
        self._visible.pop(name)
        self._remove_slots([head.number])

    def names(self, folder: str) -> list[str]:
        """List the visible files of a folder ("" for the root), sorted."""
        if not folder:
            return sorted([name for name in self._visible if "/" not in name])
        storage_names.check(folder)
        start = folder + "/"
        return sorted([name[len(start) :] for name in self._visible if name.startswith(start)])

    def size(self, name: str) -> int | None:
        """Return a visible file's size, or None."""
        storage_names.check(name)
        head = self._visible.get(name)
        return None if head is None else head.length

    def preallocate(self, name: str, length: int) -> None:
        """Create a visible file of zero bytes, blocks and all."""
        zeros = bytes(min(length, PIECE_BYTES))
        writer = self.stage(name)
        try:
            while writer.position < length:
                writer.write(zeros[: length - writer.position])
            writer.commit_as(FIXED, name)
        finally:
            writer.close()

    def patch(self, name: str, position: int, data: bytes) -> None:
        """Overwrite bytes inside a preallocated file, durably.

        Raises `LocalFault("storage.range")` outside the file.
        """
        storage_names.check(name)
        head = self._visible.get(name)
        if head is None or head.kind != FIXED:
            raise LocalFault("storage.range", name + " is not preallocated", "preallocate it first")
        if position < 0 or position + len(data) > head.length:
            raise LocalFault("storage.range", "outside " + name, "patch inside the file")
        file = self._files.open(_name_of(head.number))
        try:
            file.write(CONTENT_AT + position, data)
            file.sync()
        finally:
            file.close()

    def wipe(self, keep: "tuple[str, ...]") -> int:
        """Remove all but visible files whose names start as in `keep`; return what is left."""
        for name in sorted(self._staged):
            self.discard(name)
        for name in sorted(self._visible):
            if not name.startswith(keep):
                self.remove(name)
        left = [name for name in self._visible if not name.startswith(keep)]
        return len(self._staged) + len(left)

    def free_bytes(self) -> int:
        """Return the room left for new files."""
        return self._files.free_bytes()


def _name_of(number: int) -> str:
    return "%08X" % number + _SUFFIX


def _number_of(file_name: str) -> int:
    """Return a slot file's number, 0 for a file that is none."""
    if len(file_name) != 12 or file_name[8:] != _SUFFIX:
        return 0
    try:
        number = int(file_name[:8], 16)
    except ValueError:
        return 0
    return number if _name_of(number) == file_name else 0


def _is_whole(head: Head, file: SlotFile) -> bool:
    return head.crc is None or crc_of(file, head.length) == head.crc
