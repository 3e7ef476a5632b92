"""One S3 bucket: whole files in, pieces of files out, by name. The only file that knows obstore.

Where a hub's bucket is stands in `storage.json` in its folder:

    {"endpoint": "https://s3.vn.example", "bucket": "chieng", "region": "us-east-1",
     "prefix": "tinh-03", "path_style": true, "keys": "/etc/chieng-hub/bucket-keys.json"}

`keys` names a file with `access_key_id` and `secret_access_key`, which others must not read;
without it they come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). No key stands
in the hub's folder, so none goes into its copies.
"""

import json
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore import exceptions
from obstore.store import S3Store

from protocols.errors import LocalFault, WorldFault

FILE = "storage.json"
_TEXTS = ("endpoint", "bucket", "region", "prefix", "keys")
_NAMES = {*_TEXTS, "path_style", "cache_bytes"}
# What the local disk keeps of what the bucket has: a year of a province's bulletins.
CACHE_BYTES = 50 * 1024**3
CACHE_BYTES_MIN = 64 * 1024**2
# A whole request, which carries at most one part of a file; silence within it; and tries before it
# counts as failed.
_REQUEST_S, _CONNECT_S, _SILENCE_S = 60, 5, 10
_TRIES, _TRYING_S = 2, 20
# Small files on their way at once: each is a round trip of the network.
_AT_ONCE = 8
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Place:
    """Say where a bucket is and how much of it the local disk keeps."""

    bucket: str
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    path_style: bool = True
    keys: str = ""
    cache_bytes: int = CACHE_BYTES

    def __str__(self) -> str:
        """Return the place as people write it."""
        return f"s3://{self.bucket}/{self.prefix}" + (f" at {self.endpoint}" * bool(self.endpoint))


def read(folder: Path) -> Place | None:
    """Return what a hub's folder says of its bucket, None without one.

    Raises `LocalFault("storage.settings")`.
    """
    path = folder / FILE
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _settings(f"{path}: {error}") from error
    if not isinstance(said, dict) or not _NAMES.issuperset(said) or not said.get("bucket"):
        raise _settings(f"{path} needs bucket, and may have {', '.join(sorted(_NAMES))}")
    if not all(isinstance(said.get(name, ""), str) for name in _TEXTS):
        raise _settings(f"{path}: {', '.join(_TEXTS)} are texts")
    if not isinstance(said.get("path_style", True), bool):
        raise _settings(f"{path}: path_style is true or false")
    kept = said.get("cache_bytes", CACHE_BYTES)
    if not isinstance(kept, int) or isinstance(kept, bool) or kept < CACHE_BYTES_MIN:
        raise _settings(f"{path}: cache_bytes is a number, {CACHE_BYTES_MIN} at least")
    if not said.get("endpoint", "https://").startswith(("https://", "http://")):
        raise _settings(f"{path}: endpoint begins with https://")
    return Place(**{**said, "prefix": said.get("prefix", "").strip("/")})


def _settings(said: str) -> LocalFault:
    return LocalFault("storage.settings", said, "Correct it as hub/bucket.py shows.")


def _keys(place: Place) -> tuple[str, str]:
    """Return the key's id and secret; raises `LocalFault("storage.keys")`."""
    if not place.keys:
        found = [os.environ.get(f"AWS_{n}", "") for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")]
        if not all(found):
            raise _no_keys("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
        return found[0], found[1]
    try:
        if stat.S_IMODE(os.stat(place.keys).st_mode) & 0o077:
            raise _no_keys(f"others can read {place.keys}")
        said: dict[str, Any] = json.loads(Path(place.keys).read_bytes())
        return str(said["access_key_id"]), str(said["secret_access_key"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _no_keys(f"{place.keys}: {error}") from error


def _no_keys(said: str) -> LocalFault:
    return LocalFault(
        "storage.keys", said, "Write access_key_id and secret_access_key into a file of mode 600."
    )


@contextmanager
def _told(place: Place, needs_file: bool = False) -> Iterator[None]:
    """Turn the library's errors into faults, but for a file that is needed and not there."""
    try:
        yield
    except FileNotFoundError as error:
        if needs_file:
            raise
        raise LocalFault(
            "storage.settings", f"there is no bucket {place}", "Make it, or correct storage.json."
        ) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise LocalFault(
            "storage.keys", f"{place} does not let us in", "Check the key and what it may do."
        ) from error
    except (exceptions.BaseError, OSError) as error:
        said = str(error).strip().splitlines()[0][:200]
        raise WorldFault(
            "storage.bucket", f"{place} does not answer: {said}", "It is tried again by itself."
        ) from error


def each(work: Callable[[str], _Result], names: Iterable[str]) -> list[_Result]:
    """Do a work for every name, several at once; after a failure nothing more is begun.

    Raises the first failure, when all that was begun has ended.
    """
    failed = threading.Event()

    def one(name: str) -> list[_Result]:
        if failed.is_set():
            return []
        try:
            return [work(name)]
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(_AT_ONCE, "hub-bucket") as pool:
        return [result for found in pool.map(one, names) for result in found]


class Bucket:
    """Keep files in a bucket. Every method waits for the network: call it in a thread.

    Each raises `WorldFault("storage.bucket")` when the bucket does not answer and
    `LocalFault("storage.keys")` when it refuses.
    """

    def __init__(self, place: Place):
        self.place = place
        key, secret = _keys(place)
        options: dict[str, Any] = {"endpoint": place.endpoint} if place.endpoint else {}
        self._store = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            region=place.region,
            access_key_id=key,
            secret_access_key=secret,
            virtual_hosted_style_request=not place.path_style,
            # The bucket hashes what it received, before it says that it has it.
            checksum_algorithm="SHA256",
            client_options={
                "allow_http": place.endpoint.startswith("http://"),
                "timeout": timedelta(seconds=_REQUEST_S),
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "read_timeout": timedelta(seconds=_SILENCE_S),
            },
            retry_config={
                "max_retries": _TRIES,
                "retry_timeout": timedelta(seconds=_TRYING_S),
            },
            **options,
        )

    def put(self, name: str, source: Path) -> None:
        """Store a file; an interrupted one is never seen."""
        with _told(self.place):
            obstore.put(self._store, name, source)

    def put_bytes(self, name: str, data: bytes) -> None:
        """Store bytes."""
        with _told(self.place):
            obstore.put(self._store, name, data)

    def size(self, name: str) -> int | None:
        """Return how long a file is, None for none."""
        try:
            with _told(self.place, needs_file=True):
                return int(obstore.head(self._store, name)["size"])
        except FileNotFoundError:
            return None

    def piece(self, name: str, start: int, length: int) -> bytes:
        """Return some bytes of a file, all that were asked for; raises `FileNotFoundError`."""
        found = bytearray()
        with _told(self.place, needs_file=True):
            asked = obstore.get(self._store, name, options={"range": (start, start + length)})
            for some in asked.stream():
                found += some
                if len(found) > length:
                    break
        if len(found) != length:
            raise WorldFault(
                "storage.bucket",
                f"{self.place} answers with another length than asked for",
                "It is tried again by itself.",
            )
        return bytes(found)

    def whole(self, name: str, length_max: int) -> bytes:
        """Return all bytes of a small file; raises `FileNotFoundError`."""
        found = bytearray()
        with _told(self.place, needs_file=True):
            for some in obstore.get(self._store, name).stream():
                found += some
                if len(found) > length_max:
                    raise WorldFault(
                        "storage.bucket",
                        f"{name} in {self.place} is longer than {length_max} bytes",
                        "Tell who runs it.",
                    )
        return bytes(found)

    def listed(self, under: str) -> dict[str, tuple[str, int]]:
        """Return a mark that changes with every replacement, and the length, of every file."""
        found = {}
        with _told(self.place):
            for batch in obstore.list(self._store, prefix=under):
                for one in batch:
                    mark = one["e_tag"] or one["last_modified"].isoformat()
                    found[str(one["path"])] = (str(mark), int(one["size"]))
        return found

    def names(self, under: str) -> Iterator[tuple[str, float, int]]:
        """Yield the name of every file under a folder, when it came (Unix s), and its length."""
        with _told(self.place):
            for batch in obstore.list(self._store, prefix=under):
                for one in batch:
                    yield str(one["path"]), one["last_modified"].timestamp(), int(one["size"])

    def probe(self) -> None:
        """Write, read and remove a small file: what a hub needs to be allowed."""
        name, said = f"probe-{secrets.token_hex(8)}", secrets.token_bytes(32)
        self.put_bytes(name, said)
        try:
            if self.piece(name, 0, len(said)) != said:
                raise WorldFault(
                    "storage.bucket", f"{self.place} gives back other bytes", "Tell who runs it."
                )
        finally:
            self.delete(name)

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        try:
            with _told(self.place, needs_file=True):
                obstore.delete(self._store, name)
        except FileNotFoundError:
            pass
