"""Look a hub over: what would fail tomorrow is said today, each with its remedy."""

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hub import audit, backup, bulletins, database
from hub.blobs import Blobs
from hub.bucket_blobs import BucketBlobs
from hub.bucket_files import PublicFiles
from hub.bucket_follower import Follower
from hub.companion import CompanionBlobs
from hub.config import Config
from hub.notify import mail, subscriptions
from hub.notify.dispatches import Undelivered
from hub.programme import LIVE
from hub.repository import expiries
from hub.services import Services
from hub.store import Store
from protocols.errors import Fault, LocalFault

# Room for a day of recordings, and for SQLite to copy itself.
FREE_BYTES_MIN = 2 * 1024**3
# The timer copies every hour; a day without a copy is more than a machine that was off.
COPY_AGE_S_MAX = 24 * 3600
# June 2025, before this program existed. Hub time is what nodes set their clocks by.
CLOCK_S_MIN = 1_750_000_000


class Finding(NamedTuple):
    """Hold one thing that was looked at; `remedy` is empty when it is well."""

    check: str
    said: str
    remedy: str = ""

    @property
    def is_well(self) -> bool:
        """Tell whether nothing is to be done."""
        return not self.remedy


async def examine(services: Services, copies: Path | None, now_s: int) -> list[Finding]:
    """Return what was found, in the order of looking."""
    found = await services.ledger.read(lambda store: list(_database(store, services)))
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _repository(services, now_s),
        lambda: _machine(services.config),
        lambda: _keys(services.config),
        lambda: _storage(services.blobs, services.config),
        lambda: _copies(copies, now_s),
    ]
    for check in checks:
        found += check()
    return [*found, *await _mail(services)]


async def _mail(services: Services) -> list[Finding]:
    """Sign in at the mail server, and count the letters that were given up."""
    server = await services.ledger.read(mail.read)
    dead = await services.ledger.read(lambda s: s.count("dispatches", {"state": "dead"}))
    remedy = "Look at them under Notices: each says why." if dead else ""
    found = [Finding("letters", f"{dead} of the last month were given up", remedy)]
    if server is None:
        return found
    where = f"{server.host}:{server.port}"
    try:
        await mail.deliver(server, subscriptions.folder(services), None)
    except Undelivered as why:
        remedy = "Mend it, or run chieng-hub mail set: notices wait for a day."
        return [*found, Finding("mail", f"{where}: {why.code} {why.answer}", remedy)]
    return [*found, Finding("mail", f"{where} takes letters")]


def _database(store: Store, services: Services) -> Iterator[Finding]:
    where = services.config.where
    wrong, backend = database.damage(where), database.backend_of(where)
    said = "; ".join(wrong) or backend.wholeness
    yield Finding("database", said, backend.mend if wrong else "")
    broken = audit.first_broken(store)
    said = f"{store.count('audit')} entries follow one another"
    if broken is not None:
        yield Finding("audit", f"entry {broken} does not follow", "Compare it with a copy.")
    else:
        yield Finding("audit", said)
    waiting = store.count("publications", {"state": "approved", "missing": 0})
    remedy = "Run chieng-hub serve: it completes what a crash left." if waiting else ""
    yield Finding("publications", f"{waiting} approved and not yet published", remedy)
    yield _media(store, services)


def _media(store: Store, services: Services) -> Finding:
    """Look for the media of everything that is on air or will be."""
    missing = total = 0
    try:
        known = services.blobs.names()
    except Fault as fault:
        return Finding("media", fault.message, fault.remedy)
    for row in store.each("bulletins", {"state": list(LIVE)}):
        whole = bulletins.current(store, row["bulletin"])
        drawn = [{"sha256": one["picture"]} for one in whole["pictures"]]
        for one in [*bulletins.files(whole), *drawn]:
            total += 1
            missing += one["sha256"] not in known
    remedy = "Copy them from a backup's blobs folder, or withdraw the bulletin." if missing else ""
    return Finding("media", f"{total - missing} of {total} files of live bulletins", remedy)


def _repository(services: Services, now_s: int) -> Iterator[Finding]:
    repository = services.repository
    lost = expiries.orphans(repository)
    archive = repository.archive
    said = f"{len(archive.units())} units, root version {archive.newest_version('root')}"
    yield Finding("repository", said, f"Approve once more: {', '.join(lost[:5])}" if lost else "")
    for one in expiries.expiring(repository, now_s):
        days = (one.expires_s - now_s) // 86400
        if not one.online:
            remedy = f"Ask the holder of {one.holder} to sign again."
            yield Finding("expiry", f"{one.role}: {days} days left", remedy)
        elif days < 0:
            yield Finding("expiry", f"{one.role} {one.scope} ran out", "Run chieng-hub serve.")


def _machine(config: Config) -> Iterator[Finding]:
    free = shutil.disk_usage(config.data).free
    remedy = "" if free >= FREE_BYTES_MIN else "Free some space: writing stops at zero."
    yield Finding("disk", f"{free // 1024**2} MiB free", remedy)
    remedy = "" if time.time() > CLOCK_S_MIN else "Set the clock; nodes follow it."
    yield Finding("clock", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), remedy)
    for program in ("ffmpeg", "espeak-ng"):
        path = shutil.which(program)
        remedy = "" if path else f"Install it: apt-get install {program}"
        yield Finding("programs", f"{program}: {path or 'missing'}", remedy)


def _keys(config: Config) -> Iterator[Finding]:
    open_files = [
        path.name
        for path in (config.data / "keys").rglob("*")
        if path.is_file() and stat.S_IMODE(os.stat(path).st_mode) & 0o077
    ]
    remedy = f"chmod 600 {' '.join(open_files[:5])}" if open_files else ""
    yield Finding("keys", f"{len(open_files)} key files others can read", remedy)


def _storage(blobs: Blobs, config: Config) -> Iterator[Finding]:
    """Look whether the bucket does what it is asked, and whether it has everything."""
    if not isinstance(blobs, BucketBlobs):
        return
    if isinstance(blobs, CompanionBlobs):
        yield _followed(blobs, config)
        return
    try:
        blobs.bucket.probe()
        waiting = len(blobs.unsent())
        signed = PublicFiles(config.repository, blobs.bucket).waiting()
    except Fault as fault:
        yield Finding("storage", fault.message, fault.remedy)
        return
    # A timestamp cannot be told from an older one without reading it.
    waiting += sum(not name.endswith("timestamp.json") for name in signed)
    said = f"{blobs.bucket.place} answers; {waiting} files wait to be sent"
    yield Finding("storage", said, "Run chieng-hub serve: it sends them." if waiting else "")


def _followed(blobs: CompanionBlobs, config: Config) -> Finding:
    """Look whether a companion has what the first hub published; it need not write there."""
    try:
        behind = Follower(config.repository, blobs, lambda: None).behind()
    except Fault as fault:
        return Finding("storage", fault.message, fault.remedy)
    said = f"{blobs.bucket.place} answers; {behind} files have yet to come"
    return Finding("storage", said, "Run chieng-hub serve: it brings them." if behind else "")


def _copies(folder: Path | None, now_s: int) -> Iterator[Finding]:
    if folder is None:
        return
    found = backup.copies(folder)
    if not found:
        yield Finding("copies", f"none in {folder}", "Run chieng-hub backup.")
        return
    try:
        age_s = now_s - int(backup.read(found[-1])["at_s"])
    except LocalFault as fault:
        yield Finding("copies", fault.message, "Remove it and run chieng-hub backup.")
        return
    remedy = "" if age_s < COPY_AGE_S_MAX else "See why chieng-hub-backup.timer does not run."
    yield Finding("copies", f"the newest is {age_s // 3600} hours old", remedy)
