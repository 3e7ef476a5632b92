"""Blobs that live in a bucket, with the local disk before it.

Theory of operation. A blob is made durable on the local disk first, so that nobody waits for the
network and an emergency sounds while the bucket is away; a mark in `.unsent/` says that the bucket
has yet to get it, and `run` sends what is marked, for as long as it takes. What is not here is
brought from the bucket piece by piece when somebody wants it: a cut piece is asked again, what came
stays as `.part-<sha256>` and is gone on with, and nothing is visible before its hash is right. What
the bucket has may leave the local disk when that is full (`cache_bytes`), longest unused first.
A crash between a blob and its mark, a bucket that is new or was emptied: once a day all names are
compared.
"""

import asyncio
import hashlib
import logging
import threading
import time
import weakref
from pathlib import Path

from hub.blobs import PIECE_BYTES, Blob, Blobs
from hub.bucket import Bucket
from protocols.errors import Fault
from protocols.limits import BLOB_BYTES_MAX

FOLDER = "blobs"
BROUGHT_BYTES = 4 * 1024 * 1024
# Between looks for something to send; a bucket that is away is asked ever more rarely.
LOOK_S, AGAIN_S_MAX = 1.0, 300.0
COMPARE_S = 24 * 3600
# Whoever has just used a blob may want it once more.
UNUSED_S = 7 * 24 * 3600

_log = logging.getLogger("chieng.hub")


class BucketBlobs(Blobs):
    """Keep blobs on the local disk and in a bucket."""

    def __init__(self, root_path: Path, bucket: Bucket):
        super().__init__(root_path)
        self.bucket = bucket
        self._marks = self._root / ".unsent"
        self._marks.mkdir(exist_ok=True)
        # A lock stands as long as somebody brings that blob or waits for it.
        self._bringing: weakref.WeakValueDictionary[str, threading.Lock] = (
            weakref.WeakValueDictionary()
        )
        self._guard = threading.Lock()

    def committed(self, blob: Blob) -> None:
        """Mark a blob that the bucket has yet to get."""
        (self._marks / blob.sha256).touch()

    def unsent(self) -> list[str]:
        """Return the names of what the bucket has yet to get."""
        return sorted(path.name for path in self._marks.iterdir())

    def names(self) -> set[str]:
        """Return the name of every blob, here or in the bucket."""
        return super().names() | set(self._in_bucket())

    def only_there(self) -> set[str]:
        """Return the names of those that only the bucket has."""
        return set(self._in_bucket()) - super().names()

    def _in_bucket(self) -> dict[str, tuple[float, int]]:
        return {
            name.rpartition("/")[2]: (came_s, length)
            for name, came_s, length in self.bucket.names(FOLDER + "/")
        }

    def held(self) -> dict[str, tuple[float, int]]:
        """Return when each blob was last stored, here or there, and its length, by name."""
        found = self._in_bucket()
        for name, (stored_s, length) in super().held().items():
            found[name] = (max(stored_s, found.get(name, (0.0, 0))[0]), length)
        return found

    def bring(self, sha256: str) -> bool:
        """Have a blob on the local disk; tell whether it exists.

        Raises `WorldFault("storage.bucket")` when only the bucket could tell and does not answer.
        """
        path = self.path(sha256)
        if path.is_file():
            return True
        with self._guard:
            lock = self._bringing.setdefault(sha256, threading.Lock())
        with lock:
            return path.is_file() or self._bring(sha256, path)

    def _bring(self, sha256: str, path: Path) -> bool:
        name = f"{FOLDER}/{sha256}"
        length = self.bucket.size(name)
        if length is None or length > BLOB_BYTES_MAX:
            return False
        part = self._root / f".part-{sha256}"
        with part.open("ab") as file:
            while (at := file.tell()) < length:
                try:
                    file.write(self.bucket.piece(name, at, min(BROUGHT_BYTES, length - at)))
                except FileNotFoundError:
                    return False
        try:
            if not _is(part, sha256):
                _log.error("blob %s in %s is not what its name says", sha256, self.bucket.place)
                return False
            with self.draft() as draft, part.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    draft.write(piece)
                draft.commit(is_new=False)
        finally:
            part.unlink()
        return True

    def erase(self, sha256: str) -> None:
        """Erase a blob from the bucket and from the local disk."""
        self.bucket.delete(f"{FOLDER}/{sha256}")
        (self._marks / sha256).unlink(missing_ok=True)
        super().erase(sha256)

    def send(self) -> int:
        """Send everything that is marked; return how many. Raises a `Fault` at the first failure.

        What a caller erased meanwhile is passed over.
        """
        sent = 0
        for name in self.unsent():
            path = self.path(name)
            if path.is_file():
                self.bucket.put(f"{FOLDER}/{name}", path)
                sent += 1
            (self._marks / name).unlink(missing_ok=True)
        return sent

    def compare(self) -> int:
        """Mark whatever is here and not, or not whole, in the bucket; return how many."""
        there, marked = self._in_bucket(), 0
        for name in super().names():
            if name not in there or there[name][1] != self.path(name).stat().st_size:
                (self._marks / name).touch()
                marked += 1
        return marked

    def make_room(self, now_s: float) -> int:
        """Remove from the local disk what the bucket has too, longest unused first; return bytes.

        Only what is over `cache_bytes` goes, and nothing that was used within a week.
        """
        files = []
        for name in super().names():
            status = self.path(name).stat()
            files.append((max(status.st_atime, status.st_mtime), status.st_size, name))
        over = sum(size for _, size, _ in files) - self.bucket.place.cache_bytes
        unsent, removed = set(self.unsent()), 0
        for used_s, size, name in sorted(files):
            if removed >= over or used_s > now_s - UNUSED_S:
                break
            if name not in unsent and self.bucket.size(f"{FOLDER}/{name}") == size:
                with self.alone() as is_alone:
                    if not is_alone:
                        # A copy is made, or somebody is about to name it: tomorrow is soon enough.
                        continue
                    self.path(name).unlink()
                removed += size
        return removed

    async def run(self) -> None:
        """Send what is marked, again and again until cancelled; compare and make room daily."""
        again_s, compared_s = LOOK_S, float("-inf")
        while True:
            try:
                if time.monotonic() - compared_s > COMPARE_S:
                    await asyncio.to_thread(self.compare)
                    await asyncio.to_thread(self.make_room, time.time())
                    compared_s = time.monotonic()
                await asyncio.to_thread(self.send)
                again_s = LOOK_S
            except (Fault, OSError) as fault:
                again_s = min(max(again_s * 2, 4.0), AGAIN_S_MAX)
                _log.error("storage: %s; again in %d s", fault, again_s)
            await asyncio.sleep(again_s)


def _is(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
