"""Bring a repository's public files from the bucket, as another hub publishes them.

Theory of operation. A timestamp is put into the bucket after all that it names. So timestamps are
read first, then the bucket is listed once more, everything that is new is brought, and only then
do the timestamps that were read become visible here: who asks meanwhile gets the old view, whole.
A bucket that is away, or was emptied, takes nothing away: what is here is served on. Nothing is
believed that nodes would not check themselves, but a view older than the one here is refused.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from hub.bucket import each
from hub.bucket_blobs import BucketBlobs
from hub.bucket_files import BYTES_MAX, FOLDER, own_name
from hub.doorbell import Listener
from hub.ending import end
from hub.repository import durable
from protocols.errors import Fault

_TIMESTAMP = "timestamp.json"
# Between looks while rings are heard, while they are not, and after one that came too late.
HEARING_S, DEAF_S, HURRIED_S = 60.0, 5.0, 1.0

_log = logging.getLogger("chieng.hub")


class Follower:
    """Keep a folder as the bucket has it; call `followed()` after something new came."""

    def __init__(self, root: Path, blobs: BucketBlobs, followed: Callable[[], None]):
        self._root = root
        self._blobs = blobs
        self._bucket = blobs.bucket
        self._followed = followed
        self._disk = durable.Disk()
        self._marks: dict[str, str] = {}
        self._rung = asyncio.Event()
        # What could not be had at the last look, and whether that calls for another one soon.
        self._lost: set[str] = set()
        self._is_hurried = False
        self._seen_s = time.monotonic()
        self._listener: Listener | None = None

    def age_s(self) -> float:
        """Return for how long the bucket has not been seen."""
        return time.monotonic() - self._seen_s

    def is_listening(self) -> bool:
        """Tell whether the first hub's rings are heard."""
        return self._listener is not None and self._listener.is_listening

    def _listed(self) -> dict[str, tuple[str, int]]:
        """Return the marks and lengths of what is ours, by the name under the repository."""
        return {
            own.as_posix(): (mark, length)
            for name, (mark, length) in self._bucket.listed(FOLDER + "/").items()
            if (own := own_name(name, length)) is not None
        }

    def look(self) -> int:
        """Bring what is new, remove what was pruned; return how many files came.

        Raises a `Fault` when the bucket does not answer; what came until then stays.
        """
        listed = self._listed()
        late = [
            name
            for name, (mark, _) in listed.items()
            if name.endswith(_TIMESTAMP) and self._marks.get(name) != mark
        ]
        timestamps = each(self._read, late)
        if late:
            listed, marks = self._listed(), listed
        missing = self._missing(listed)
        lost = set(missing) - set(each(self._bring(listed), missing))
        # Pruned in this moment: what was read may name it, and newer ones follow. What a bucket
        # lists and never gives holds up nothing.
        self._is_hurried, self._lost = bool(lost - self._lost), lost
        count, is_behind = len(missing) - len(lost), self._is_hurried
        for name, data in timestamps if not self._is_hurried else ():
            shown = None if data is None else self._show(name, data)
            is_behind = is_behind or shown is None
            if shown is not None:
                self._marks[name] = marks[name][0]
                count += shown
        if not is_behind:
            self._prune(listed)
        return count

    def behind(self) -> int:
        """Return how many files of the bucket are not here."""
        return len(self._missing(self._listed()))

    def _read(self, name: str) -> tuple[str, bytes | None]:
        try:
            return name, self._bucket.whole(f"{FOLDER}/{name}", BYTES_MAX)
        except FileNotFoundError:
            return name, None

    def _missing(self, listed: dict[str, tuple[str, int]]) -> list[str]:
        """Return what is not here, or not whole; all these names hold a version or a hash."""
        found = []
        for name, (_, length) in listed.items():
            if not name.endswith(_TIMESTAMP):
                path = self._root / name
                if not path.is_file() or path.stat().st_size != length:
                    found.append(name)
        return found

    def _bring(self, listed: dict[str, tuple[str, int]]) -> Callable[[str], str]:
        """Return what brings a file and returns its name, or nothing where it is gone."""

        def bring(name: str) -> str:
            _, data = self._read(name)
            if data is None or len(data) != listed[name][1]:
                return ""
            self._disk.write(self._root / name, data)
            return name

        return bring

    def _show(self, name: str, data: bytes) -> bool | None:
        """Make a timestamp visible; tell whether it is new, None for one that must not stand here.

        That is one that is older than ours, or of which something was pruned while it was on its
        way: there a newer one follows.
        """
        path = self._root / name
        held = path.read_bytes() if path.is_file() else b""
        if held == data:
            return False
        try:
            version, snapshot = _versions(data)
            is_newer = not held or version > _versions(held)[0]
        except (ValueError, LookupError, TypeError):
            is_newer, snapshot = False, 0
        if not is_newer:
            _log.error("%s in %s is not newer than the one here", name, self._bucket.place)
            return None
        if not self._is_whole(path.parent / f"{snapshot}.snapshot.json"):
            return None
        self._disk.write(path, data)
        return True

    def _is_whole(self, snapshot: Path) -> bool:
        """Tell whether a snapshot and every role file that it names are here."""
        try:
            meta = json.loads(snapshot.read_bytes())["signed"]["meta"]
            names = [f"{entry['version']}.{name}" for name, entry in meta.items()]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return False
        return all((self._root / "metadata" / name).is_file() for name in names)

    def _prune(self, listed: dict[str, tuple[str, int]]) -> None:
        """Remove what the first hub has pruned, not what a bucket lost or has yet to get."""
        here = {
            path.relative_to(self._root).as_posix(): path
            for folder in ("metadata", "targets", "units")
            for path in (self._root / folder).rglob("*.json")
            if not path.name.startswith(".")
        }
        lasting = [name for name in here if name.endswith((".root.json", _TIMESTAMP))]
        if all(name in listed for name in lasting):
            for name in here.keys() - listed.keys():
                here[name].unlink(missing_ok=True)

    async def run(self, address: str) -> None:
        """Look whenever the first hub rings, and now and then, until cancelled."""
        self._listener = Listener(address, self._rung.set)
        listening = asyncio.create_task(self._listener.run())
        try:
            while True:
                self._rung.clear()
                await self.follow()
                wait_s = HEARING_S if self.is_listening() else DEAF_S
                if self._is_hurried:
                    wait_s = HURRIED_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._rung.wait()
        finally:
            await end([listening])

    async def follow(self) -> None:
        """Look once; a bucket that is away is told and passed over."""
        try:
            count = await self._blobs.apart(self.look)
        except (Fault, OSError) as fault:
            _log.error("storage: %s; what is here is served on", fault)
            return
        self._seen_s = time.monotonic()
        if count:
            self._followed()


def _versions(data: bytes) -> tuple[int, int]:
    """Return the version of a timestamp and that of the snapshot it names."""
    signed = json.loads(data)["signed"]
    return int(signed["version"]), int(signed["meta"]["snapshot.json"]["version"])
