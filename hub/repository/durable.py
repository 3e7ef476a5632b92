"""Durable files and the one writer's lock."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Disk:
    """Change files so that after any crash each is whole, old or new."""

    def write(self, path: Path, data: bytes, mode: int = 0o644) -> None:
        """Replace `path` by `data`: draft, fsync, rename, fsync of the folder.

        Folders are created as needed. The new file is dated a later second than the old one: what
        tells versions apart by time and size, as nginx's ETag does, must see two.
        """
        make_folder(path.parent)
        draft = path.parent / f".{path.name}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            second = int(path.stat().st_mtime) + 1 if path.exists() else 0
            if os.stat(descriptor).st_mtime < second:
                os.utime(descriptor, (second, second))
            os.fsync(descriptor)
        draft.replace(path)
        sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file; not an error when there is none."""
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Create a folder and its parents durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the one writer's lock; other processes and threads wait."""
    make_folder(path.parent)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
