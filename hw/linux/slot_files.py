"""Slots on a mounted FAT (or any) file system of Linux.

Mount it with `errors=continue,noatime` and let fsck.vfat run before: a power cut in the middle of a
removal leaves an entry whose clusters are free already.
"""

import errno
import os

from hw import slot_files
from protocols.errors import WorldFault


def _fault(error: OSError, name: str) -> WorldFault:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorldFault("storage.full", "no room for " + name, "free space on the disk")
    return WorldFault(
        "storage.io", name + ": " + (error.strerror or "failed"), "check the disk and its rights"
    )


class SlotFile(slot_files.SlotFile):
    """Hold one file descriptor."""

    def __init__(self, path: str, name: str, flags: int):
        self._name = name
        self._descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from a position."""
        try:
            return os.pread(self._descriptor, count, position)
        except OSError as error:
            raise _fault(error, self._name) from error

    def write(self, position: int, data: bytes) -> None:
        """Write all bytes at a position."""
        rest = memoryview(data)
        try:
            while rest:
                count = os.pwrite(self._descriptor, rest, position)
                position += count
                rest = rest[count:]
        except OSError as error:
            raise _fault(error, self._name) from error

    def size(self) -> int:
        """Return the size in bytes."""
        return os.fstat(self._descriptor).st_size

    def sync(self) -> None:
        """Make everything written durable."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _fault(error, self._name) from error

    def close(self) -> None:
        """Release the descriptor."""
        os.close(self._descriptor)


class SlotFiles(slot_files.SlotFiles):
    """Keep the files of one folder, made when it is missing."""

    def __init__(self, path: str):
        self._path = path
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise _fault(error, path) from error

    def names(self) -> list[str]:
        """List the files."""
        try:
            return os.listdir(self._path)
        except OSError as error:
            raise _fault(error, self._path) from error

    def open(self, name: str, create: bool = False) -> SlotFile:
        """Open a file, or make it empty."""
        flags = os.O_RDWR | (os.O_CREAT | os.O_TRUNC if create else 0)
        try:
            return SlotFile(os.path.join(self._path, name), name, flags)
        except OSError as error:
            raise _fault(error, name) from error

    def remove(self, name: str) -> None:
        """Remove a file."""
        try:
            os.unlink(os.path.join(self._path, name))
        except OSError as error:
            raise _fault(error, name) from error

    def sync(self) -> None:
        """Make what was created and removed durable."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _fault(error, self._path) from error

    def free_bytes(self) -> int:
        """Return the room left."""
        try:
            answer = os.statvfs(self._path)
        except OSError as error:
            raise _fault(error, self._path) from error
        return answer.f_bavail * answer.f_frsize
