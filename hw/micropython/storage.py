"""A directory of MicroPython's file system, where the port's rename replaces at once.

True on the unix port (POSIX rename) and on littlefs. `Storage` holds the naming and listing; only
`_commit` and `stage` know how a file becomes visible, so that an adapter with two slots and a
checksum for FAT replaces those two. Closing or flushing a file makes it durable: the unix port's
flush is fsync, littlefs writes at close.
"""

import errno
import os

from hw import ports
from protocols import storage_names
from protocols.errors import LocalFault, WorldFault

_ZEROS = bytes(512)
_PART = ".part"
# MicroPython's errno module does not name it.
_ENOSPC = 28


def _fault(error: OSError, name: str) -> WorldFault:
    if error.errno == _ENOSPC:
        return WorldFault("storage.full", "no room for " + name, "free space on the disk")
    return WorldFault("storage.io", name + ": " + str(error), "check the disk and its rights")


def _folder(path: str) -> str:
    return path[: path.rfind("/")]


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def _make_folders(path: str) -> None:
    missing = []
    while path and not _exists(path):
        missing.append(path)
        path = _folder(path) if "/" in path else ""
    while missing:
        os.mkdir(missing.pop())


def _sync_folder(path: str) -> None:
    # The unix port opens a directory and fsyncs it; flash file systems have nothing to flush.
    try:
        folder = open(path or ".", "rb")
    except OSError:
        return
    try:
        folder.flush()
    finally:
        folder.close()


class Reader(ports.Reader):
    """Read a file of the directory."""

    def __init__(self, path: str, name: str):
        self._name = name
        self._file = open(path, "rb")
        self._left = self._file.seek(0, 2)
        self._size = self._left
        self._file.seek(0)

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end; raises `WorldFault("storage.io")`."""
        try:
            # The interpreter takes a buffer of all that is asked for before it reads.
            data: bytes = self._file.read(min(count, self._left))
            self._left -= len(data)
            return data
        except OSError as error:
            raise _fault(error, self._name)

    def seek(self, position: int) -> None:
        """Continue reading at an absolute position."""
        self._file.seek(position)
        self._left = max(0, self._size - position)

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
            _make_folders(_folder(self._path))
            self._file = open(self._path, "ab" if resume else "wb")
            self.position = self._file.seek(0, 2)
        except OSError as error:
            raise _fault(error, name)

    def write(self, data: bytes) -> None:
        """Append bytes; raises `WorldFault("storage.full")` when no room is left."""
        view = memoryview(data)
        done = 0
        try:
            while done < len(data):
                count = self._file.write(view[done:])
                self.position += count
                done += count
        except OSError as error:
            raise _fault(error, self._name)

    def flush(self) -> None:
        """Make what was written durable under the staging name."""
        try:
            self._file.flush()
            _sync_folder(_folder(self._path))
        except OSError as error:
            raise _fault(error, self._name)

    def commit(self, name: str) -> None:
        """Make the file durable and visible under `name`."""
        try:
            self._file.flush()
            self._file.close()
            self._store.make_visible(self._path, name)
        except OSError as error:
            raise _fault(error, name)

    def close(self) -> None:
        """Close without commit; the staged bytes stay."""
        self._file.close()


class Storage(ports.Storage):
    """Keep files under a root directory; staged ones apart, by default in `root/.staged`."""

    def __init__(self, root_path: str, staging_path: str | None = None):
        self._root = root_path
        self._staging = staging_path or root_path + "/" + storage_names.STAGING

    def visible_path(self, name: str) -> str:
        """Return the path of a visible file."""
        storage_names.check(name)
        return self._root + "/" + name

    def staged_path(self, name: str) -> str:
        """Return the path of a staged file."""
        storage_names.check(name)
        return self._staging + "/" + name + _PART

    def make_visible(self, path: str, name: str) -> None:
        """Rename a closed staged file to its visible name, durably; raises OSError."""
        target = self.visible_path(name)
        _make_folders(_folder(target))
        os.rename(path, target)
        _sync_folder(_folder(target))

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
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise _fault(error, name)

    def staged_names(self) -> list[str]:
        """List the names of staged files that stand in no folder, sorted."""
        try:
            found = os.listdir(self._staging)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return []
            raise _fault(error, self._staging)
        return sorted([name[: -len(_PART)] for name in found if name.endswith(_PART)])

    def discard(self, name: str) -> None:
        """Forget a staged file."""
        self._remove(self.staged_path(name), name)

    def remove(self, name: str) -> None:
        """Remove a visible file durably."""
        path = self.visible_path(name)
        if self._remove(path, name):
            _sync_folder(_folder(path))

    def _remove(self, path: str, name: str) -> bool:
        try:
            os.remove(path)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise _fault(error, name)
        return True

    def names(self, folder: str) -> list[str]:
        """List the visible files of a folder ("" for the root), sorted."""
        path = self._root
        if folder:
            storage_names.check(folder)
            path += "/" + folder
        try:
            names = os.listdir(path)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return []
            raise _fault(error, folder)
        return sorted([name for name in names if os.stat(path + "/" + name)[0] & 0x8000])

    def size(self, name: str) -> int | None:
        """Return a visible file's size, or None."""
        try:
            return os.stat(self.visible_path(name))[6]
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise _fault(error, name)

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
        size = self.size(name)
        if size is None or position < 0 or position + len(data) > size:
            raise LocalFault("storage.range", "outside " + name, "patch inside the file")
        try:
            with open(self.visible_path(name), "r+b") as file:
                file.seek(position)
                file.write(data)
                file.flush()
        except OSError as error:
            raise _fault(error, name)

    def free_bytes(self) -> int:
        """Return the room left for new files."""
        try:
            answer = os.statvfs(self._root)
        except OSError as error:
            raise _fault(error, self._root)
        return answer[4] * answer[1]

    def wipe(self, keep: "tuple[str, ...]") -> int:
        """Remove all but visible files whose names start as in `keep`; return what is left."""
        try:
            for path in self._doomed(keep):
                os.remove(path)
                _sync_folder(_folder(path))
            return len(self._doomed(keep))
        except OSError as error:
            raise _fault(error, self._root)

    def _doomed(self, keep: "tuple[str, ...]") -> list[str]:
        found = []
        folders = [self._root, self._staging]
        while folders:
            folder = folders.pop()
            for name in os.listdir(folder) if _exists(folder) else []:
                path = folder + "/" + name
                if os.stat(path)[0] & 0x4000:
                    folders.append(path)
                elif path not in found and not path[len(self._root) + 1 :].startswith(keep):
                    found.append(path)
        return found
