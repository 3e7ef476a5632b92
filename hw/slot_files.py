"""What the slot store asks of a file system: as little as FAT can be trusted with.

No rename, no replacing, no folders: files with short names in one folder, written in place. Each
`hw/*/slot_files.py` has a `SlotFiles` of its own.
"""


class SlotFile:
    """Read and write one open file by position.

    Raises `WorldFault("storage.full" | "storage.io")`.
    """

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from a position; empty at the end."""
        raise NotImplementedError

    def write(self, position: int, data: bytes) -> None:
        """Write all bytes at a position, at most one byte beyond the end."""
        raise NotImplementedError

    def size(self) -> int:
        """Return the size in bytes."""
        raise NotImplementedError

    def sync(self) -> None:
        """Make everything written to this file durable, its size too."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the file."""
        raise NotImplementedError


class SlotFiles:
    """Keep files in one folder, by names of at most eight letters and three after a point.

    Raises `WorldFault("storage.full" | "storage.io")`.
    """

    def names(self) -> list[str]:
        """List the files."""
        raise NotImplementedError

    def open(self, name: str, create: bool = False) -> SlotFile:
        """Open a file, or make it empty."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Remove a file."""
        raise NotImplementedError

    def sync(self) -> None:
        """Make what was created and removed durable."""
        raise NotImplementedError

    def free_bytes(self) -> int:
        """Return the room left."""
        raise NotImplementedError
