"""A plain directory on a Linux file system: temporary file, fsync, rename, directory fsync.

Measured sound on ext4 over power cuts; not for FAT, whose rename is no commit (use slots there).
"""

import errno
import os

from hw import ports
from protocols import storage_names
from protocols.errors import Fault, LocalFault, WorldFault

_ZEROS = bytes(65536)
_PART = ".part"


def _fault(error: OSError, name: str) -> Fault:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorldFault("storage.full", "no room for " + name, "free space on the disk")
    if error.errno == errno.EXDEV:
        return LocalFault(
            "storage.apart", "staging is on another disk: " + name, "keep both on one file system"
        )
    return WorldFault(
        "storage.io", name + ": " + (error.strerror or "failed"), "check the disk and its rights"
    )


def _private(path: str, flags: int) -> int:
    """Open for the node's own user alone: configurations hold a SIM's PIN."""
    return os.open(path, flags, 0o600)


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _intact(descriptor: int, size: int) -> int:
    """Return how many bytes stand before a file's first hole.

    A power cut leaves ext4 with a size on disk whose last blocks were allocated and not yet filled.
    """
    return os.lseek(descriptor, 0, os.SEEK_HOLE) if size else 0


class Reader(ports.Reader):
    """Read a file of the directory."""

    def __init__(self, path: str, name: str):
        self._name = name
        self._file = open(path, "rb", buffering=0)

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end; raises `WorldFault("storage.io")`."""
        try:
            return self._file.read(count)
        except OSError as error:
            raise _fault(error, self._name) from error

    def seek(self, position: int) -> None:
        """Continue reading at an absolute position."""
        self._file.seek(position)

    def close(self) -> None:
        """Release the file."""
        self._file.close()


class Writer(ports.Writer):
    """Write a staged file."""

    def __init__(self, store: "Storage", name: str, resume: bool):
        self._store = store
        self._name = name
        self._path = store.staged_path(name)
        try:
            mode = "ab" if resume else "wb"
            try:
                self._file = open(self._path, mode, buffering=0, opener=_private)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self._path), exist_ok=True)
                self._file = open(self._path, mode, buffering=0, opener=_private)
            size = self._file.seek(0, os.SEEK_END)
            self.position = _intact(self._file.fileno(), size)
            if self.position < size:
                self._file.truncate(self.position)
        except OSError as error:
            raise _fault(error, name) from error

    def write(self, data: bytes) -> None:
        """Append bytes; raises `WorldFault("storage.full")` when no room is left."""
        rest = memoryview(data)
        try:
            while rest:
                count = self._file.write(rest)
                self.position += count
                rest = rest[count:]
        except OSError as error:
            raise _fault(error, self._name) from error

    def flush(self) -> None:
        """Make what was written durable under the staging name."""
        try:
            os.fsync(self._file.fileno())
            _sync_folder(os.path.dirname(self._path))
        except OSError as error:
            raise _fault(error, self._name) from error

    def commit(self, name: str) -> None:
        """Make the file durable and visible under `name`."""
        target = self._store.visible_path(name)
        folder = os.path.dirname(target)
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            try:
                os.rename(self._path, target)
            except FileNotFoundError:
                os.makedirs(folder, exist_ok=True)
                os.rename(self._path, target)
            _sync_folder(folder)
        except OSError as error:
            raise _fault(error, name) from error

    def close(self) -> None:
        """Close without commit; the staged bytes stay."""
        self._file.close()


class Storage(ports.Storage):
    """Keep files under a root directory; staged ones apart, by default in `root/.staged`."""

    # A commit of ext4's journal costs 20 KB. A killed process loses nothing that it wrote, and
    # what waits for 30 seconds the kernel writes by itself.
    flush_bytes = 1024 * 1024

    def __init__(self, root_path: str, staging_path: str | None = None):
        self._root = root_path
        self._staging = staging_path or os.path.join(root_path, storage_names.STAGING)

    def visible_path(self, name: str) -> str:
        """Return the path of a visible file; for adapters that hand files to other programs."""
        storage_names.check(name)
        return os.path.join(self._root, name)

    def staged_path(self, name: str) -> str:
        """Return the path of a staged file."""
        storage_names.check(name)
        return os.path.join(self._staging, name + _PART)

    def open(self, name: str) -> Reader | None:
        """Open a visible file, or return None."""
        return self._open(self.visible_path(name), name)

    def stage(self, name: str, resume: bool = False) -> Writer:
        """Start or continue a staged file."""
        return Writer(self, name, resume)

    def open_staged(self, name: str) -> Reader | None:
        """Open a staged file for checking, or return None."""
        return self._open(self.staged_path(name), name)

    def _open(self, path: str, name: str) -> Reader | None:
        try:
            return Reader(path, name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault(error, name) from error

    def staged_names(self) -> list[str]:
        """List the names of staged files that stand in no folder, sorted."""
        try:
            found = os.listdir(self._staging)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _fault(error, self._staging) from error
        return sorted(name[: -len(_PART)] for name in found if name.endswith(_PART))

    def discard(self, name: str) -> None:
        """Forget a staged file."""
        self._unlink(self.staged_path(name), name)

    def remove(self, name: str) -> None:
        """Remove a visible file durably."""
        path = self.visible_path(name)
        if self._unlink(path, name):
            _sync_folder(os.path.dirname(path))

    def _unlink(self, path: str, name: str) -> bool:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _fault(error, name) from error
        return True

    def names(self, folder: str) -> list[str]:
        """List the visible files of a folder ("" for the root), sorted."""
        if folder:
            storage_names.check(folder)
        try:
            with os.scandir(os.path.join(self._root, folder)) as entries:
                return sorted(entry.name for entry in entries if entry.is_file())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _fault(error, folder) from error

    def size(self, name: str) -> int | None:
        """Return a visible file's size, or None."""
        try:
            return os.stat(self.visible_path(name)).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault(error, name) from error

    def preallocate(self, name: str, length: int) -> None:
        """Create a visible file of zero bytes, blocks and all."""
        writer = self.stage(name)
        try:
            while writer.position < length:
                writer.write(_ZEROS[: length - writer.position])
            writer.commit(name)
        finally:
            writer.close()

    def patch(self, name: str, position: int, data: bytes) -> None:
        """Overwrite bytes inside an existing file, durably.

        Raises `LocalFault("storage.range")` outside the file.
        """
        try:
            with open(self.visible_path(name), "r+b", buffering=0) as file:
                if position < 0 or position + len(data) > os.fstat(file.fileno()).st_size:
                    raise LocalFault("storage.range", "outside " + name, "patch inside the file")
                rest = memoryview(data)
                file.seek(position)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fdatasync(file.fileno())
        except FileNotFoundError:
            raise LocalFault("storage.range", "no file " + name, "preallocate it first") from None
        except OSError as error:
            raise _fault(error, name) from error

    def free_bytes(self) -> int:
        """Return the room left for new files."""
        try:
            answer = os.statvfs(self._root)
        except OSError as error:
            raise _fault(error, self._root) from error
        return answer.f_bavail * answer.f_frsize

    def wipe(self, keep: tuple[str, ...]) -> int:
        """Remove all but visible files whose names start as in `keep`; return what is left."""
        try:
            for path in self._doomed(keep):
                os.unlink(path)
                _sync_folder(os.path.dirname(path))
        except OSError as error:
            raise _fault(error, self._root) from error
        return len(self._doomed(keep))

    def _doomed(self, keep: tuple[str, ...]) -> list[str]:
        found: set[str] = set()
        for root in (self._root, self._staging):
            for folder, _, files in os.walk(root):
                found.update(os.path.join(folder, name) for name in files)
        return sorted(
            path for path in found if not os.path.relpath(path, self._root).startswith(keep)
        )
