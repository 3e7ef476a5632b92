"""Media by content: a blob's name is the SHA-256 of its bytes."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, ParamSpec, TypeVar

from protocols.errors import RemoteFault, WorldFault
from protocols.limits import BLOB_BYTES_MAX

SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
PIECE_BYTES = 256 * 1024
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Blob(NamedTuple):
    """Name stored bytes by SHA-256 (hex) and length."""

    sha256: str
    length: int


class Blobs:
    """Keep blobs in a folder as `<ab>/<sha256>`; what is visible is whole and durable."""

    def __init__(self, root_path: Path):
        self._root = Path(root_path)
        self._lock = self._root.with_name(f".{self._root.name}.lock")
        self._root.mkdir(parents=True, exist_ok=True)
        self._sweep_drafts()

    def _sweep_drafts(self) -> None:
        """Remove what a crash left; what another process writes just now is locked by it."""
        with self.alone() as is_alone:
            for path in self._root.glob(".draft-*") if is_alone else ():
                with (
                    contextlib.suppress(BlockingIOError, FileNotFoundError),
                    path.open("rb") as file,
                ):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()

    def path(self, sha256: str) -> Path:
        """Return where a blob stands; raises `RemoteFault("blob.name")` for a malformed name."""
        if not SHA256_PATTERN.fullmatch(sha256):
            raise RemoteFault(
                "blob.name", "a blob's name is 64 lower-case hex digits", "Copy it from a manifest."
            )
        return self._root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Tell whether a blob is on this disk."""
        return self.path(sha256).is_file()

    def names(self) -> set[str]:
        """Return the name of every blob."""
        return {path.name for path in self._root.glob("??/*")}

    def bring(self, sha256: str) -> bool:
        """Have a blob on this disk, wherever it is kept; tell whether it exists."""
        return self.has(sha256)

    async def fetch(self, sha256: str) -> bool:
        """Do as `bring`, while others are served."""
        return self.has(sha256) or await asyncio.to_thread(self.bring, sha256)

    async def fetched(self, sha256: str) -> Path:
        """Do as `brought`, while others are served."""
        await self.fetch(sha256)
        return self.path(sha256)

    def brought(self, sha256: str) -> Path:
        """Bring a blob and return where it stands, if it exists."""
        self.bring(sha256)
        return self.path(sha256)

    def renew(self, sha256: str) -> bool:
        """Do as `bring` for somebody who is about to name the blob: it is as if stored anew."""
        with self.shared():
            is_here = self.bring(sha256)
            if is_here:
                os.utime(self.path(sha256))
            return is_here

    def held(self) -> dict[str, tuple[float, int]]:
        """Return when each blob was stored (Unix s) and its length, by name."""
        found = {}
        for path in self._root.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found[path.name] = (status.st_mtime, status.st_size)
        return found

    def stored_s(self, sha256: str) -> float:
        """Return when a blob was stored on this disk (Unix s), 0 for one that is not here."""
        path = self.path(sha256)
        return path.stat().st_mtime if path.is_file() else 0.0

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Let nothing be erased meanwhile, by any process."""
        with self._lock.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Let nobody store, renew or copy meanwhile; gives False, at once, when somebody does."""
        with self._lock.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def committed(self, blob: Blob) -> None:
        """Take note of a new blob on this disk."""

    def forget(self, sha256: str) -> None:
        """Erase a blob from this disk; one that is not here is no error."""
        self.path(sha256).unlink(missing_ok=True)

    def erase(self, sha256: str) -> None:
        """Erase a blob wherever it is kept."""
        self.forget(sha256)

    async def apart(
        self, work: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs
    ) -> _Result:
        """Run what may wait for wherever blobs are kept, in a thread that others do not need."""
        return await asyncio.to_thread(work, *given, **named)

    async def run(self) -> None:
        """Do what is to be done in the background, until cancelled."""
        await asyncio.Event().wait()

    def draft(self, bytes_max: int = BLOB_BYTES_MAX) -> "Draft":
        """Start a new blob of at most `bytes_max` bytes."""
        return Draft(self, self._root, bytes_max)

    def put_bytes(self, data: bytes) -> Blob:
        """Store bytes; storing them again is no error."""
        with self.draft() as draft:
            draft.write(data)
            return draft.commit()

    def put_file(self, source: Path) -> Blob:
        """Store a copy of a file."""
        with self.draft() as draft, Path(source).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                draft.write(piece)
            return draft.commit()

    def verify(self, sha256: str) -> bool:
        """Hash a stored blob again and tell whether it is still what its name says."""
        digest = hashlib.sha256()
        with self.path(sha256).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
        return digest.hexdigest() == sha256


class Draft:
    """Collect a blob's bytes; nobody sees them before `commit`. Use in a `with` statement."""

    def __init__(self, blobs: Blobs, root: Path, bytes_max: int):
        self._blobs = blobs
        self._bytes_max = bytes_max
        self._digest = hashlib.sha256()
        self.length = 0
        with blobs.shared():
            self._file: IO[bytes] = tempfile.NamedTemporaryFile(
                dir=root, prefix=".draft-", delete=False
            )
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append bytes; raises `RemoteFault("blob.too_long")` or `WorldFault("hub.disk")`."""
        self.length += len(data)
        if self.length > self._bytes_max:
            raise RemoteFault(
                "blob.too_long",
                f"the file is longer than {self._bytes_max} bytes",
                "Shorten or compress the recording.",
            )
        self._digest.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise _disk(error) from error

    def commit(self, is_new: bool = True) -> Blob:
        """Make the blob durable and visible, and return its name."""
        blob = Blob(self._digest.hexdigest(), self.length)
        target = self._blobs.path(blob.sha256)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            if not target.parent.is_dir():
                target.parent.mkdir(exist_ok=True)
                sync_folder(target.parent.parent)
            Path(self._file.name).chmod(0o644)
            with self._blobs.shared():
                Path(self._file.name).replace(target)
                if is_new:
                    self._blobs.committed(blob)
            sync_folder(target.parent)
        except OSError as error:
            raise _disk(error) from error
        return blob


def sync_folder(folder: Path) -> None:
    """Make a folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk(error: OSError) -> WorldFault:
    return WorldFault(
        "hub.disk", f"the disk did not take it: {error.strerror}", "Free some space on the hub."
    )
