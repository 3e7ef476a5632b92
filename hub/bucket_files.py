"""What the hub has signed and published, kept in its bucket as it stands in `repository/`.

Theory of operation. The hub's own folder is where publishing writes; as soon as a publisher lets
the repository's lock go, what is new there goes to the bucket, timestamps last, so that whoever
reads the bucket never sees a timestamp before what it names; then other hubs are rung. All names
but that of a timestamp hold a version or a hash, so a file that is there with the right length is
the right one. What publishing prunes is removed there, too. When the hub's disk is lost, a restored
copy takes over from here what was signed after it was made: nothing read back is trusted, each file
counts by its signatures (`hub.repository.recovery`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from hub.bucket import Bucket, each
from hub.file_watch import FileWatch
from protocols.errors import Fault

FOLDER = "repository"
# The rest is the hub's own and never served (`hub.repository.layout`).
_PUBLIC = ("metadata", "targets", "units")
_LAST = "timestamp.json"
# Larger than any file that is signed; what is longer is not ours.
BYTES_MAX = 4 * 1024 * 1024
LOOK_S, AGAIN_S_MAX = 5.0, 300.0

_log = logging.getLogger("chieng.hub")
_Stamp = tuple[int, int]


class PublicFiles:
    """Keep a repository's public files in a bucket; `ring` tells others that some are new there."""

    def __init__(self, root: Path, bucket: Bucket, ring: Callable[[], None] | None = None):
        self._root = root
        self._bucket = bucket
        self._ring = ring
        self._sent: dict[str, _Stamp] | None = None

    def _here(self) -> dict[str, _Stamp]:
        """Return what stands here; a timestamp is looked at before what it names."""
        found: dict[str, _Stamp] = {}
        for pattern in (_LAST, "*.json"):
            for path in (one for folder in _PUBLIC for one in (self._root / folder).rglob(pattern)):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    # Pruned in this moment.
                    continue
                if not path.name.startswith("."):
                    name = path.relative_to(self._root).as_posix()
                    found.setdefault(name, (status.st_mtime_ns, status.st_size))
        return found

    def _there(self, here: dict[str, _Stamp]) -> dict[str, _Stamp]:
        """Return what the bucket has already, as it stands here."""
        found = {}
        for name, _, length in self._bucket.names(FOLDER + "/"):
            own = name.removeprefix(FOLDER + "/")
            if own in here and here[own][1] == length and not own.endswith(_LAST):
                found[own] = here[own]
        return found

    def waiting(self) -> list[str]:
        """Return the names of what the bucket has yet to get, in the order of sending."""
        return self._waiting(self._here())

    def _waiting(self, here: dict[str, _Stamp]) -> list[str]:
        if self._sent is None:
            self._sent = self._there(here)
        names = [name for name, stamp in here.items() if self._sent.get(name) != stamp]
        return sorted(names, key=lambda name: (name.endswith(_LAST), name))

    def send(self) -> int:
        """Send what is new and remove what was pruned; return how many were sent.

        Raises a `Fault` at the first failure; what was sent until then counts.
        """
        here = self._here()
        names = self._waiting(here)
        sent = self._sent if self._sent is not None else {}

        def put(name: str) -> int:
            path = self._root / name
            try:
                data, status = path.read_bytes(), path.stat()
            except FileNotFoundError:
                return 0
            is_newer = (status.st_mtime_ns, status.st_size) != here[name]
            if is_newer and name.endswith(_LAST):
                # It may name what was not looked at: the next look is soon.
                return 0
            self._bucket.put_bytes(f"{FOLDER}/{name}", data)
            sent[name] = here[name]
            return 1

        count = sum(each(put, [name for name in names if not name.endswith(_LAST)]))
        count += sum(each(put, [name for name in names if name.endswith(_LAST)]))
        for name in sent.keys() - self._here().keys():
            self._bucket.delete(f"{FOLDER}/{name}")
            del sent[name]
        if count and self._ring is not None:
            self._ring()
        return count

    async def run(self) -> None:
        """Send what is new, at once and again and again, until cancelled."""
        again_s, published = LOOK_S, asyncio.Event()
        watch = FileWatch(lambda _folder: published.set())
        # Whoever publishes, in whichever process, closes the lock's file there when all is written.
        watch.add(self._root / "state")
        # Nobody else waits for a thread that a bucket holds.
        lane = ThreadPoolExecutor(1, "hub-signed-files")
        try:
            while True:
                published.clear()
                try:
                    await asyncio.wrap_future(lane.submit(self.send))
                    again_s = LOOK_S
                except (Fault, OSError) as fault:
                    again_s = min(again_s * 2, AGAIN_S_MAX)
                    _log.error("storage: %s; again in %d s", fault, again_s)
                    # Publishing does not hurry a bucket that is away.
                    await asyncio.sleep(min(again_s, LOOK_S))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(again_s):
                        await published.wait()
        finally:
            watch.close()
            lane.shutdown(wait=False, cancel_futures=True)


def fetch(bucket: Bucket, folder: Path) -> int:
    """Read back everything into a folder; return how many files. Nothing of it is trusted yet.

    Raises a `Fault` when the bucket does not answer.
    """
    count = 0
    for own, name, length in _safe(bucket):
        path = folder.joinpath(*own.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(bucket.piece(name, 0, length) if length else b"")
        except FileNotFoundError:
            continue
        count += 1
    return count


def own_name(name: str, length: int) -> PurePosixPath | None:
    """Return where a file of the bucket belongs under `repository/`, None for a strange one."""
    own = PurePosixPath(name.removeprefix(FOLDER + "/"))
    is_ours = own.parts[:1] and own.parts[0] in _PUBLIC and own.suffix == ".json"
    return own if is_ours and ".." not in own.parts and length <= BYTES_MAX else None


def _safe(bucket: Bucket) -> Iterator[tuple[PurePosixPath, str, int]]:
    """Yield where a file belongs, its name in the bucket and its length; strange ones are none."""
    for name, _, length in bucket.names(FOLDER + "/"):
        own = own_name(name, length)
        if own is not None:
            yield own, name, length
