"""Copies of a running hub, and a hub from a copy.

Theory of operation. A copy is what a crash at one moment would have left: with the repository's
writer lock held a read transaction pins the database, the repository's small files are copied, and
the lock is let go; the pinned database is copied while others write on. Nothing publishes between
the two, so what the copy's database calls published stands in the copy's repository. Media are
content-addressed and shared by all copies of one folder. `copy.json` is written last: a folder
without it is no copy.

What is lost with the disk is what happened after the newest copy: at most the interval between
copies and the minutes that one takes. Nodes send their records again (a hub whose position went
back is told to by `protocols.records`), what approvers signed comes back from any mirror, stick or
node (`hub.repository.recovery`), and numbers of manifests go on above all that nodes have seen.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub import audit, bucket, bucket_files, database_address, database_copy, facts
from hub.blobs import Blobs
from hub.bucket_blobs import BucketBlobs
from hub.config import Config
from hub.repository import durable, recovery
from hub.repository.layout import Layout
from hub.services import open_blobs, open_hub
from protocols.errors import Fault, LocalFault, WorldFault

FORMAT = "chieng-copy-1"
_FOLDERS = ("repository", "keys")


def back_up(config: Config, target: Path, keep: int) -> dict[str, Any]:
    """Copy a hub, running or not, to a new folder under `target`; keep the newest `keep`.

    Raises `WorldFault("backup.disk")` when the disk does not take it; older copies stay.
    """
    if "root" not in Layout(config.repository).role_versions():
        raise LocalFault("hub.not_founded", f"{config.data} holds no hub", "Name the hub's folder.")
    # One at a time: who forgets old copies would take media from a copy that is not whole yet.
    with durable.writer_lock(config.data / ".copying.lock"):
        return _back_up(config, target, keep)


def _back_up(config: Config, target: Path, keep: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(config.now_ms() / 1000, UTC)
    draft = target / f".{moment:%Y%m%dT%H%M%SZ}.draft"
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Also what a power cut left.
        for left in target.glob(".*Z.draft"):
            shutil.rmtree(left, ignore_errors=True)
        draft.mkdir(mode=0o700)
        # What the copied rows name must still be there when it is their turn.
        with Blobs(config.blobs).shared():
            _copy_consistently(config, draft)
            media = _copy_media(config.blobs, target / "blobs")
        entry = {
            "format": FORMAT,
            "at_s": int(moment.timestamp()),
            "files": _digests(draft),
            "media": media,
        }
        durable.Disk().write(draft / "copy.json", json.dumps(entry, indent=1).encode(), 0o600)
        whole = target / draft.name[1:].removesuffix(".draft")
        draft.rename(whole)
        durable.sync_folder(target)
    except Fault:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise WorldFault(
            "backup.disk", f"the copy was not made: {error}", "Free some space, or copy elsewhere."
        ) from error
    removed = _forget(target, keep)
    made = {"copy": str(whole), "media": len(media), "removed": removed}
    return {**made, **_not_contained(config)}


def _not_contained(config: Config) -> dict[str, Any]:
    """Say what the copy lacks: media that only the bucket has, which must outlive the hub."""
    blobs = open_blobs(config)
    if not isinstance(blobs, BucketBlobs):
        return {}
    try:
        found: dict[str, Any] = {"media_in_bucket_only": len(blobs.only_there())}
    except Fault as fault:
        found = {"media_in_bucket_only": fault.message}
    return {"bucket": str(blobs.bucket.place), **found}


def _copy_consistently(config: Config, draft: Path) -> None:
    with ExitStack() as stack:
        with durable.writer_lock(Layout(config.repository).lock):
            write = stack.enter_context(database_copy.pinned(config.where))
            for name in _FOLDERS:
                shutil.copytree(config.data / name, draft / name)
            if (config.data / bucket.FILE).exists():
                shutil.copy2(config.data / bucket.FILE, draft / bucket.FILE)
        write(draft)
    for path in [*draft.rglob("*"), draft]:
        _sync(path)


def _copy_media(source: Path, target: Path) -> list[str]:
    """Copy the media that no earlier copy holds; return all names."""
    blobs, names = Blobs(target), []
    for path in sorted(source.glob("??/*")):
        names.append(path.name)
        if not blobs.has(path.name):
            blobs.put_file(path)
    return names


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = _digest(path)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copies(target: Path) -> list[Path]:
    """Return the whole copies under a folder, oldest first."""
    return sorted(path.parent for path in target.glob("[0-9]*T[0-9]*Z/copy.json"))


def _forget(target: Path, keep: int) -> list[str]:
    """Remove the oldest copies, and media that no copy names any more."""
    removed = []
    for path in copies(target)[: -max(1, keep)]:
        (path / "copy.json").unlink()
        shutil.rmtree(path)
        removed.append(path.name)
    if removed:
        named: set[str] = set()
        for path in copies(target):
            named |= set(read(path)["media"])
        for path in (target / "blobs").glob("??/*"):
            if path.name not in named:
                path.unlink()
    return removed


def read(copy: Path) -> dict[str, Any]:
    """Return what a copy says of itself; raises `LocalFault("backup.copy")`."""
    try:
        entry: dict[str, Any] = json.loads((copy / "copy.json").read_bytes())
        if entry["format"] != FORMAT:
            raise ValueError(entry["format"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise LocalFault(
            "backup.copy", f"{copy} is no whole copy: {error}", "Choose another copy."
        ) from error
    return entry


def verify(copy: Path) -> list[str]:
    """Hash a copy again; return what is missing or damaged."""
    entry = read(copy)
    broken = [
        name
        for name, digest in entry["files"].items()
        if not (copy / name).is_file() or _digest(copy / name) != digest
    ]
    media = Blobs(copy.parent / "blobs")
    return broken + [one for one in entry["media"] if not media.has(one) or not media.verify(one)]


def _lay_out(config: Config, copy: Path, media: list[str]) -> None:
    config.data.mkdir(parents=True, exist_ok=True)
    for name in _FOLDERS:
        shutil.copytree(copy / name, config.data / name)
    if (copy / bucket.FILE).exists():
        shutil.copy2(copy / bucket.FILE, config.data / bucket.FILE)
    held, blobs = Blobs(copy.parent / "blobs"), Blobs(config.blobs)
    for name in media:
        blobs.put_file(held.path(name))
    database_copy.lay_out(copy, config.where)
    if config.database_url:
        database_address.write(config.data, config.database_url)


async def restore(config: Config, copy: Path, others: Sequence[Path]) -> dict[str, Any]:
    """Make a hub in an empty folder from a copy, and let it go on above what was lost.

    `others` are folders with newer signed files: a mirror, an unpacked stick, a node's store.
    Raises `LocalFault("backup.copy")` or `("backup.target")`, and
    `WorldFault("backup.disk")` when the disk does not take it: nothing is left behind.
    """
    broken = verify(copy)
    if broken:
        raise LocalFault(
            "backup.copy", f"{len(broken)} files are damaged: {broken[0]}", "Choose another copy."
        )
    if config.data.exists() and any(config.data.iterdir()):
        raise LocalFault(
            "backup.target", f"{config.data} is not empty", "Restore into an empty folder."
        )
    entry, place = read(copy), bucket.read(copy)
    # A key that is missing is told before anything is laid out.
    store = bucket.Bucket(place) if place else None
    try:
        _lay_out(config, copy, entry["media"])
    except Fault:
        shutil.rmtree(config.data, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(config.data, ignore_errors=True)
        raise WorldFault(
            "backup.disk", f"the copy was not restored: {error}", "Free some space and try again."
        ) from error
    services, database = open_hub(config)
    try:
        with tempfile.TemporaryDirectory(dir=config.work) as signed:
            newer, from_bucket = [*others, Path(signed)], _from_bucket(store, Path(signed))
            adopted = recovery.adopt(services.repository, newer, services.now_s())
        now_s = services.now_s()

        def note(store: Any) -> None:
            facts.put(store, facts.NUMBER_FLOOR, now_s)
            audit.append(store, now_s, "command line", "hub.restore", copy.name)

        await services.ledger.write(note)
    finally:
        database.close()
    return {
        "data": str(config.data),
        "copied_s": entry["at_s"],
        "signed_files_taken_over": [f"{version}.{role}" for role, version in adopted.roles],
        "missing_manifests": adopted.missing,
        **from_bucket,
    }


def _from_bucket(store: bucket.Bucket | None, folder: Path) -> dict[str, Any]:
    """Read back what was signed after the copy; a bucket that is away holds up no restore."""
    if store is None:
        return {}
    try:
        return {"signed_files_in_bucket": bucket_files.fetch(store, folder)}
    except Fault as fault:
        return {"signed_files_in_bucket": fault.message}
    except OSError as error:
        return {"signed_files_in_bucket": f"not all were read: {error}"}
