"""A store in memory that counts its calls and loses power at any of them.

What a real disk may do in a cut is one number, `survive_percent`: how much of the interrupted
call's effect, and of staged bytes never flushed, is found after the reboot.
"""

from hw import ports
from protocols import storage_names
from protocols.errors import LocalFault, WorldFault

# Names found good: a fleet uses the same few hundred thousands of times.
_good: "set[str]" = set()
_GOOD_MAX = 4096


def _check(name: str) -> None:
    if name not in _good:
        storage_names.check(name)
        if len(_good) >= _GOOD_MAX:
            _good.clear()
        _good.add(name)


class PowerCut(Exception):
    """Stop the program: the power is gone in the middle of a storage call."""


class Reader(ports.Reader):
    """Read bytes held in memory."""

    def __init__(self, data: bytes):
        self._data = data
        self._position = 0

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end."""
        data = self._data[self._position : self._position + count]
        self._position += len(data)
        return data

    def seek(self, position: int) -> None:
        """Continue reading at an absolute position."""
        self._position = position

    def close(self) -> None:
        """Release nothing."""


class Writer(ports.Writer):
    """Write a staged file held in memory."""

    def __init__(self, store: "Storage", name: str):
        self._store = store
        self._name = name
        self._boot = store.boots
        self.position = len(store.staged[name])

    def write(self, data: bytes) -> None:
        """Append bytes; raises `WorldFault("storage.full")` when no room is left."""
        store = self._store
        if store.boots != self._boot:
            raise LocalFault("storage.closed", "writer outlived a reboot", "stage it again")
        if len(data) > store.free_bytes():
            raise WorldFault("storage.full", "no room for " + self._name, "free space on the disk")
        kept = store.call(len(data))
        store.staged[self._name] += data[:kept]
        self.position += kept
        store.cut_now()

    def flush(self) -> None:
        """Make what was written durable under the staging name."""
        store = self._store
        if store.call(1):
            store.flushed[self._name] = len(store.staged[self._name])
        store.cut_now()

    def commit(self, name: str) -> None:
        """Make the file durable and visible under `name`."""
        _check(name)
        store = self._store
        if store.call(1):
            store.files[name] = bytes(store.staged.pop(self._name))
            store.flushed.pop(self._name, None)
        store.cut_now()

    def close(self) -> None:
        """Close without commit; the staged bytes stay."""


class Storage(ports.Storage):
    """Keep files in dictionaries: `files` (visible) and `staged`.

    `calls` counts the calls that change something; `cut_at` is the count at which power goes.
    """

    def __init__(self, capacity_bytes: int = 64 * 1024 * 1024):
        self.files: dict[str, bytes] = {}
        self.staged: dict[str, bytearray] = {}
        self.flushed: dict[str, int] = {}
        self.capacity_bytes = capacity_bytes
        self.calls = 0
        self.boots = 0
        self.cut_at: int | None = None
        self.survive_percent = 0
        self._off = False

    def call(self, amount: int) -> int:
        """Count one changing call and return how much of `amount` takes effect."""
        if self._off:
            raise PowerCut("no power")
        self.calls += 1
        if self.calls == self.cut_at:
            self._off = True
            return amount * self.survive_percent // 100
        return amount

    def cut_now(self) -> None:
        """Raise `PowerCut` when this call was the one."""
        if self._off:
            raise PowerCut("power cut at call " + str(self.calls))

    def reboot(self) -> None:
        """Power on again: staged bytes that were not flushed survive in part."""
        for name in list(self.staged):
            safe = self.flushed.get(name)
            if safe is None and self.survive_percent < 100:
                del self.staged[name]
                continue
            safe = safe or 0
            loose = len(self.staged[name]) - safe
            keep = safe + loose * self.survive_percent // 100
            self.staged[name] = bytearray(self.staged[name][:keep])
            self.flushed[name] = keep
        self._off = False
        self.cut_at = None
        self.boots += 1

    def open(self, name: str) -> Reader | None:
        """Open a visible file, or return None."""
        _check(name)
        data = self.files.get(name)
        return None if data is None else Reader(data)

    def stage(self, name: str, resume: bool = False) -> Writer:
        """Start or continue a staged file."""
        _check(name)
        if self.call(1) and not (resume and name in self.staged):
            self.staged[name] = bytearray()
            self.flushed.pop(name, None)
        self.cut_now()
        return Writer(self, name)

    def open_staged(self, name: str) -> Reader | None:
        """Open a staged file for checking, or return None."""
        _check(name)
        data = self.staged.get(name)
        return None if data is None else Reader(bytes(data))

    def staged_names(self) -> list[str]:
        """List the names of staged files that stand in no folder, sorted."""
        return sorted([name for name in self.staged if "/" not in name])

    def discard(self, name: str) -> None:
        """Forget a staged file."""
        _check(name)
        if self.call(1):
            self.staged.pop(name, None)
            self.flushed.pop(name, None)
        self.cut_now()

    def remove(self, name: str) -> None:
        """Remove a visible file durably."""
        _check(name)
        if self.call(1):
            self.files.pop(name, None)
        self.cut_now()

    def names(self, folder: str) -> list[str]:
        """List the visible files of a folder ("" for the root), sorted."""
        if not folder:
            return sorted([name for name in self.files if "/" not in name])
        _check(folder)
        start = folder + "/"
        return sorted([name[len(start) :] for name in self.files if name.startswith(start)])

    def size(self, name: str) -> int | None:
        """Return a visible file's size, or None."""
        _check(name)
        data = self.files.get(name)
        return None if data is None else len(data)

    def preallocate(self, name: str, length: int) -> None:
        """Create a visible file of zero bytes."""
        writer = self.stage(name)
        writer.write(bytes(length))
        writer.commit(name)

    def patch(self, name: str, position: int, data: bytes) -> None:
        """Overwrite bytes inside an existing file; a cut tears it.

        Raises `LocalFault("storage.range")` outside the file.
        """
        size = self.size(name)
        if size is None or position < 0 or position + len(data) > size:
            raise LocalFault("storage.range", "outside " + name, "patch inside the file")
        kept = self.call(len(data))
        old = self.files[name]
        self.files[name] = old[:position] + data[:kept] + old[position + kept :]
        self.cut_now()

    def wipe(self, keep: "tuple[str, ...]") -> int:
        """Remove all but visible files whose names start as in `keep`; return what is left."""
        for name in sorted(self.staged):
            self.discard(name)
        for name in sorted(self.files):
            if not name.startswith(keep):
                self.remove(name)
        return len(self.staged) + len([name for name in self.files if not name.startswith(keep)])

    def free_bytes(self) -> int:
        """Return the room left for new files."""
        used = sum(map(len, self.files.values())) + sum(map(len, self.staged.values()))
        return self.capacity_bytes - used
