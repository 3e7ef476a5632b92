"""Drive the TUF client: ask `protocols.trust` what it wants, fetch it, store what it accepted.

Nothing is decided here. A file is staged, closed, judged, and only then committed under its plain
name; a refused one is discarded. Metadata stand in one folder of the store ("metadata/"; "" for a
store of their own). Requests run in the order of the specification, each role once in a cycle.
"""

from collections import namedtuple

from edge import small_heap
from hw import ports
from protocols.errors import RemoteFault, WorldFault
from protocols.file_hash import FileHash
from protocols.metadata import Target
from protocols.trust import Trust, Want, quote
from protocols.trust_checks import refusal

_BLOCK_BYTES = 1024
_STAGED = "incoming"
# Targets remembered: all that one node reads, several times over.
_FOUND_MAX = 64
# What a path may hold unescaped (RFC 3986, 3.3), besides the separator.
_PATH_MARKS = "/!$&'()*+,;=:@"


class Refreshed(namedtuple("Refreshed", ("changed", "version", "issued_s"))):
    """What a refresh found.

    `changed`: any file was stored. `version` of the timestamp. `issued_s`: the latest signed time,
    the floor of the caller's clock (0 for a repository without).
    """


class MetadataFetch:
    """Keep one repository's metadata fresh, and find and download its targets.

    `metadata_url` and `targets_url` are base addresses; `unit` is the node's unit, or None for an
    ordinary TUF repository. Faults: `RemoteFault("trust.*")` for what was served,
    `WorldFault("link.*" | "storage.*")` for the way and the disk.
    """

    def __init__(
        self,
        link: ports.Link,
        storage: ports.Storage,
        verifier: ports.Verifier,
        metadata_url: str,
        targets_url: str = "",
        folder: str = "metadata/",
        unit: str | None = None,
    ):
        self._link = link
        self._storage = storage
        self._verifier = small_heap.verifier(verifier)
        self._metadata_url = _with_slash(metadata_url)
        self._targets_url = _with_slash(targets_url)
        self._folder = folder
        self._unit = unit
        self._etag = ""
        self._changed = False
        self._rotated = False
        self._trust: Trust | None = None
        self._held: tuple[int, int] | None = None
        # Targets by path, each with whom its search went by; nothing on a small heap.
        self._found: dict[str, tuple[Target, list[tuple[str, object, int]]]] = {}

    def held(self, now_s: int) -> tuple[int, int]:
        """Return the versions of root and timestamp that are trusted here; 0 for none.

        Asks nobody: what is stored is verified, the first time, as at the start of a cycle.
        """
        if self._held is None:
            trust = Trust(self._verifier, now_s, self._unit)
            self._read_stored(trust)
            timestamp = 0 if trust.timestamp is None else trust.timestamp.version
            self._held = (0 if trust.root is None else trust.root.version, timestamp)
        return self._held

    def _read_stored(self, trust: Trust) -> None:
        """Take the stored root and timestamp, and stop before anything is asked for."""
        try:
            while trust.timestamp is None:
                want = trust.wanted()
                if want is None or want.role not in ("root", "timestamp"):
                    return
                if want.source is None:
                    self._offer_stored(trust, want)
                elif want.role == "root":
                    trust.absent()
                else:
                    return
        except RemoteFault:
            # No root, or an expired one: an ordinary cycle says so.
            return

    async def refresh(self, now_s: int, sure_s: int | None = None) -> Refreshed:
        """Run one update cycle up to the top-level targets.

        `now_s` is Unix seconds, no earlier than the floor; `sure_s` as in `Trust`. Whatever was
        stored before stays when the cycle fails, but no target is found until one has succeeded.
        """
        self._changed = False
        self._trust = None
        self._held = None
        trust = Trust(self._verifier, now_s, self._unit, sure_s)
        await self._run(trust)
        self._trust = trust
        self._held = (trust.root.version, trust.timestamp.version)
        small_heap.tidy()
        return Refreshed(self._changed, trust.timestamp.version, trust.issued_s)

    def stands(self, now_s: int) -> bool:
        """Tell whether what the last cycle verified is in memory still, and fresh."""
        trust = self._trust
        if trust is None:
            return False
        known = (trust.root.expires_s, trust.timestamp.expires_s, trust.snapshot.expires_s)
        return int(min(known)) > now_s

    async def is_unchanged(self) -> bool:
        """Ask whether a new cycle would find what the last one did, where that still `stands`.

        Asks what a cycle asks first, in its order: is there a newer root, is the timestamp another.
        False also when anything is not as expected: then run the cycle, which says what it is.
        """
        if self._trust is None or not self._etag:
            return False
        root = str(self._trust.root.version + 1) + ".root.json"
        if await self._status(root, {}) not in (403, 404):
            return False
        return await self._status("timestamp.json", {"if-none-match": self._etag}) == 304

    async def _status(self, name: str, headers: "dict[str, str]") -> int:
        response = await self._link.request("GET", self._metadata_url + name, headers, b"")
        await response.close()
        return response.status

    def take_rotated(self) -> bool:
        """Tell whether an online key was taken away since the last call, in whatever cycle.

        What it signed, times too, is void; the files are gone from the store already.
        """
        rotated, self._rotated = self._rotated, False
        return rotated

    async def find_target(self, path: str) -> Target:
        """Return what signed metadata say of a target path, fetching delegated roles as needed.

        Raises `RemoteFault("trust.unknown_target")` when no trusted role lists it.
        """
        if self._trust is None:
            raise refusal("trust.absent", "no refresh has succeeded yet")
        self._trust.search(path)
        await self._run(self._trust)
        small_heap.tidy()
        if self._trust.target is None:
            raise refusal("trust.unknown_target", path + ": no trusted role lists it")
        if not small_heap.is_small():
            if len(self._found) >= _FOUND_MAX:
                self._found = {}
            self._found[path] = (self._trust.target, self._trust.asked)
        return self._trust.target

    def still_found(self, path: str) -> Target | None:
        """Return the very target that was found last, while a search would go by the same files.

        None when another file stands on the way, one has expired, or nothing is remembered: search.
        """
        known = self._found.get(path)
        if known is None or self._trust is None or not _stands(known[1], self._trust):
            return None
        return known[0]

    def look_anew(self) -> None:
        """Have every target searched for again, from the files in store."""
        self._found = {}

    async def _run(self, trust: Trust) -> None:
        while True:
            want = trust.wanted()
            if want is None:
                return
            if want.source is None:
                self._offer_stored(trust, want)
            else:
                await self._offer_fetched(trust, want)
            small_heap.tidy()

    def _offer_stored(self, trust: Trust, want: Want) -> None:
        reader = self._storage.open(self._folder + want.file)
        if reader is None:
            trust.absent()
            return
        try:
            trust.offer(small_heap.reader(reader))
        finally:
            reader.close()

    async def _offer_fetched(self, trust: Trust, want: Want) -> None:
        headers = {}
        timestamp = want.role == "timestamp"
        held = trust.timestamp
        if timestamp and self._etag and held is not None and held.unit == self._unit:
            headers["if-none-match"] = self._etag
        url = self._metadata_url + want.source
        response = await self._link.request("GET", url, headers, b"")
        try:
            if response.status == 304 and headers:
                trust.unchanged()
                return
            if response.status in (403, 404):
                trust.absent()
                return
            _check_status(response, want.source)
            await self._stage(response, self._storage, _STAGED, want.bytes_max, None)
        finally:
            await response.close()
        self._judge_staged(trust, want)
        if timestamp:
            self._etag = response.headers.get("etag", "")

    def _judge_staged(self, trust: Trust, want: Want) -> None:
        storage = self._storage
        reader = storage.open_staged(_STAGED)
        if reader is None:
            raise WorldFault("storage.io", "the staged file is gone", "check the disk")
        kept = False
        try:
            verdict = trust.offer(small_heap.reader(reader))
            kept = verdict.keep
        finally:
            reader.close()
            if not kept:
                storage.discard(_STAGED)
        if kept:
            for name in verdict.drop:
                self._rotated = True
                storage.remove(self._folder + name)
            storage.stage(_STAGED, True).commit(self._folder + want.file)
            self._changed = True

    async def _stage(
        self,
        response: ports.Response,
        storage: ports.Storage,
        staged: str,
        bytes_max: int,
        file_hash: FileHash | None,
    ) -> None:
        writer = storage.stage(staged)
        try:
            while True:
                piece = await response.read(_BLOCK_BYTES)
                if not piece:
                    return
                if writer.position + len(piece) > bytes_max:
                    raise refusal("trust.length", "more than " + str(bytes_max) + " bytes")
                if file_hash is not None:
                    file_hash.update(piece)
                writer.write(piece)
        except Exception:
            storage.discard(staged)
            raise
        finally:
            writer.close()

    async def download_target(
        self, target: Target, storage: ports.Storage, name: str, bytes_max: int | None = None
    ) -> bool:
        """Make a target stand in a store under `name`; return whether it had to be fetched.

        What stands there already is hashed again: when it is the target, nothing is asked for and
        nothing is touched. Nor is one that is signed as longer than `bytes_max` (None: any length).
        Raises `RemoteFault("trust.hash" | "trust.length")` for wrong bytes.
        """
        if self._trust is None:
            raise refusal("trust.absent", "no refresh has succeeded yet")
        if bytes_max is not None and target.length > bytes_max:
            message = target.path[:120] + ": signed as " + str(target.length) + " bytes, over "
            raise refusal("trust.length", message + str(bytes_max))
        if _holds(storage, name, target):
            return False
        file_hash = FileHash(list(target.hashes))
        path = target.path
        if self._trust.root.consistent:
            folder, mark, base = path.rpartition("/")
            digest = target.hashes["sha256" if "sha256" in target.hashes else "sha512"]
            path = folder + mark + digest + "." + base
        url = self._targets_url + quote(path, _PATH_MARKS)
        response = await self._link.request("GET", url, {}, b"")
        try:
            if response.status in (403, 404, 410):
                raise refusal("trust.absent", path[:200] + ": listed, but not served")
            _check_status(response, path)
            await self._stage(response, storage, name, target.length, file_hash)
        finally:
            await response.close()
        try:
            file_hash.check(target.length, target.hashes, path)
        except RemoteFault:
            storage.discard(name)
            raise
        storage.stage(name, True).commit(name)
        return True


def _stands(asked: "list[tuple[str, object, int]]", trust: Trust) -> bool:
    """Tell whether a search would go by the same files as one before, and none has expired."""
    if asked[0] != trust.asked[0]:
        return False
    for name, meta, expires_s in asked[1:]:
        if expires_s <= trust.now_s or trust.snapshot.of(name) != meta:
            return False
    return True


def _with_slash(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def _check_status(response: ports.Response, what: str) -> None:
    if response.status != 200:
        message = what + ": status " + str(response.status)
        raise WorldFault("link.status", message, "look at the server's log; it is tried again")


def _holds(storage: ports.Storage, name: str, target: Target) -> bool:
    if storage.size(name) != target.length:
        return False
    reader = storage.open(name)
    if reader is None:
        return False
    try:
        file_hash = FileHash(list(target.hashes))
        while True:
            piece = reader.read(_BLOCK_BYTES)
            if not piece:
                break
            file_hash.update(piece)
        file_hash.check(target.length, target.hashes, name)
    except RemoteFault:
        return False
    finally:
        reader.close()
    return True
