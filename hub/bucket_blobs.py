"""Blobs that live in a bucket, with the local disk before it.

Theory of operation. A blob is made durable on the local disk first, so that nobody waits for the
network and an emergency sounds while the bucket is away; a mark in `.unsent/` says that the bucket
has yet to get it, and `run` sends what is marked, for as long as it takes. What is not here is
brought from the bucket piece by piece when somebody wants it: a cut piece is asked again, what came
stays as `.part-<sha256>` and is gone on with, and nothing is visible before its hash is right. What
the bucket has may leave the local disk when that is full (`cache_bytes`), longest unused first.
Everything that talks to the bucket does so in a few threads of its own, so that a bucket that
stalls holds up nobody else: whoever wants a blob waits `WAIT_S` for it at most, while it goes on
coming; a bucket that failed is left alone for `AWAY_S`, and what only it has is refused meanwhile.
A crash between a blob and its mark, a bucket that is new or was emptied: once a day all names are
compared.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from hub.blobs import PIECE_BYTES, Blob, Blobs
from hub.bucket import Bucket
from protocols.errors import Fault, WorldFault
from protocols.limits import BLOB_BYTES_MAX

FOLDER = "blobs"
BROUGHT_BYTES = 4 * 1024 * 1024
# Between looks for something to send; a bucket that is away is asked ever more rarely.
LOOK_S, AGAIN_S_MAX = 1.0, 300.0
COMPARE_S = 24 * 3600
# Whoever has just used a blob may want it once more.
UNUSED_S = 7 * 24 * 3600
# How long one who wants a blob waits (a node asks again), and how long a bucket is left alone.
WAIT_S, AWAY_S = 20.0, 5.0
# Blobs on their way at once, and those that wait for a turn: a slow bucket gets no longer queue.
BRINGERS, BRINGING_MAX = 8, 64

_log = logging.getLogger("chieng.hub")
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class BucketBlobs(Blobs):
    """Keep blobs on the local disk and in a bucket."""

    def __init__(self, root_path: Path, bucket: Bucket):
        super().__init__(root_path)
        self.bucket = bucket
        self._marks = self._root / ".unsent"
        self._marks.mkdir(exist_ok=True)
        self._guard = threading.Lock()
        self._bringing: dict[str, Future[bool]] = {}
        self._bringers = ThreadPoolExecutor(BRINGERS, "hub-bringer")
        self._slow = ThreadPoolExecutor(4, "hub-bucket")
        self._away_until = float("-inf")

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

        Raises `WorldFault("storage.bucket")` when only the bucket could tell and does not answer,
        or not within `WAIT_S`: then the blob may be here a moment later.
        """
        if self.has(sha256):
            return True
        try:
            return self._wanted(sha256).result(WAIT_S)
        except TimeoutError:
            raise self._late() from None

    async def fetch(self, sha256: str) -> bool:
        """Do as `bring`, while others are served; no thread waits."""
        if self.has(sha256):
            return True
        coming = asyncio.wrap_future(self._wanted(sha256))
        # Whoever waits for it also asks why it failed; one who has left does not.
        coming.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(WAIT_S):
                return await asyncio.shield(coming)
        except TimeoutError:
            raise self._late() from None

    def _late(self) -> WorldFault:
        said = f"{self.bucket.place} takes long"
        return WorldFault("storage.bucket", said, "It goes on by itself: ask again soon.")

    def _wanted(self, sha256: str) -> "Future[bool]":
        """Begin to bring a blob, once for all who want it."""
        path = self.path(sha256)
        with self._guard:
            future = self._bringing.get(sha256)
            if future is None:
                self._check_turn()
                if len(self._bringing) >= BRINGING_MAX:
                    said = f"{self.bucket.place} is asked for too much at once"
                    raise WorldFault("storage.bucket", said, "Ask again in a moment.")
                future = self._bringers.submit(self._bring_one, sha256, path)
                self._bringing[sha256] = future
        return future

    def _check_turn(self) -> None:
        if time.monotonic() < self._away_until:
            said = f"{self.bucket.place} does not answer"
            raise WorldFault("storage.bucket", said, "Ask again in a moment.")

    def _bring_one(self, sha256: str, path: Path) -> bool:
        try:
            if path.is_file():
                return True
            # It may have waited behind others that met no answer.
            self._check_turn()
            return self._bring(sha256)
        finally:
            with self._guard:
                del self._bringing[sha256]

    async def apart(
        self, work: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs
    ) -> _Result:
        """Run what may wait for the bucket, in one of its own threads."""
        return await asyncio.wrap_future(self._slow.submit(work, *given, **named))

    def _bring(self, sha256: str) -> bool:
        part = self._root / f".part-{sha256}"
        try:
            if not self._collect(f"{FOLDER}/{sha256}", part):
                return False
        except WorldFault:
            self._away_until = time.monotonic() + AWAY_S
            raise
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

    def _collect(self, name: str, part: Path) -> bool:
        """Read a file of the bucket to its end, from where `part` ends; tell whether it exists."""
        length = self.bucket.size(name)
        if length is None or length > BLOB_BYTES_MAX:
            return False
        with part.open("ab") as file:
            while (at := file.tell()) < length:
                try:
                    file.write(self.bucket.piece(name, at, min(BROUGHT_BYTES, length - at)))
                except FileNotFoundError:
                    return False
        return True

    def forget(self, sha256: str) -> None:
        """Erase a blob from the local disk; the bucket shall not get it any more."""
        (self._marks / sha256).unlink(missing_ok=True)
        super().forget(sha256)

    def erase(self, sha256: str) -> None:
        """Erase a blob from the local disk and from the bucket."""
        self.forget(sha256)
        self.bucket.delete(f"{FOLDER}/{sha256}")

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
                    await self.apart(self.compare)
                    await self.apart(self.make_room, time.time())
                    compared_s = time.monotonic()
                await self.apart(self.send)
                again_s = LOOK_S
            except (Fault, OSError) as fault:
                again_s = min(max(again_s * 2, 4.0), AGAIN_S_MAX)
                _log.error("storage: %s; again in %d s", fault, again_s)
            await asyncio.sleep(again_s)


def _is(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
