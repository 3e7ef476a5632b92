"""Slots on a file system of MicroPython: FatFs on a card, littlefs on flash, or the unix port's.

`flush` makes a file durable on all three (f_sync, lfs_file_sync, fsync). FatFs and littlefs write
names at once; the unix port opens the folder and syncs it.
"""

import os

from hw import slot_files
from protocols.errors import WorldFault

# MicroPython's errno module does not name it.
_ENOSPC = 28


def _fault(error: OSError, name: str) -> WorldFault:
    if error.errno == _ENOSPC:
        return WorldFault("storage.full", "no room for " + name, "free space on the disk")
    return WorldFault("storage.io", name + ": " + str(error), "check the disk and its rights")


class SlotFile(slot_files.SlotFile):
    """Hold one open file."""

    def __init__(self, path: str, name: str, mode: str):
        self._name = name
        self._file = open(path, mode)

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from a position."""
        try:
            self._file.seek(position)
            data: bytes = self._file.read(count)
            return data
        except OSError as error:
            raise _fault(error, self._name)

    def write(self, position: int, data: bytes) -> None:
        """Write all bytes at a position."""
        view = memoryview(data)
        done = 0
        try:
            self._file.seek(position)
            while done < len(data):
                count = self._file.write(view[done:])
                if not count:
                    # FatFs tells a full disk by a short count.
                    raise OSError(_ENOSPC)
                done += count
        except OSError as error:
            raise _fault(error, self._name)

    def size(self) -> int:
        """Return the size in bytes."""
        try:
            return int(self._file.seek(0, 2))
        except OSError as error:
            raise _fault(error, self._name)

    def sync(self) -> None:
        """Make everything written durable."""
        try:
            self._file.flush()
        except OSError as error:
            raise _fault(error, self._name)

    def close(self) -> None:
        """Release the file."""
        try:
            self._file.close()
        except OSError as error:
            raise _fault(error, self._name)


class SlotFiles(slot_files.SlotFiles):
    """Keep the files of one folder, made when it is missing."""

    def __init__(self, path: str):
        self._path = path
        made = ""
        for part in path.split("/"):
            made += part
            if part:
                _make_folder(made)
            made += "/"

    def names(self) -> list[str]:
        """List the files."""
        try:
            return os.listdir(self._path)
        except OSError as error:
            raise _fault(error, self._path)

    def open(self, name: str, create: bool = False) -> SlotFile:
        """Open a file, or make it empty."""
        try:
            return SlotFile(self._path + "/" + name, name, "w+b" if create else "r+b")
        except OSError as error:
            raise _fault(error, name)

    def remove(self, name: str) -> None:
        """Remove a file."""
        try:
            os.remove(self._path + "/" + name)
        except OSError as error:
            raise _fault(error, name)

    def sync(self) -> None:
        """Make what was created and removed durable."""
        try:
            folder = open(self._path, "rb")
        except OSError:
            return
        try:
            folder.flush()
        finally:
            folder.close()

    def free_bytes(self) -> int:
        """Return the room left."""
        try:
            answer = os.statvfs(self._path)
        except OSError as error:
            raise _fault(error, self._path)
        return int(answer[4] * answer[1])


def _make_folder(path: str) -> None:
    try:
        os.stat(path)
    except OSError:
        try:
            os.mkdir(path)
        except OSError as error:
            raise _fault(error, path)
