"""A companion: a further hub that serves nodes out of the first one's database and bucket.

Theory of operation. One hub publishes: its folder holds the repository, its lock and the pages. A
companion shares its PostgreSQL and its bucket, and has a folder that is a cache and little more:
the signed files come from the bucket as soon as the first hub rings (`hub.bucket_follower`), media
when a node asks for them, and records of nodes go into the one database, where each is stored once.
Of all keys it has the timestamp's alone, with which it signs what it tells nodes. It offers no
pages and signs nothing that is published, so it can be lost, and made again, at any time.
"""

import asyncio
import logging
import time
from pathlib import Path

from hub.bucket_blobs import COMPARE_S, BucketBlobs
from hub.database import Where, newest_revision, revision
from hub.repository import durable
from protocols.errors import Fault, LocalFault, WorldFault

_COMMANDS = ("serve", "doctor", "audit", "report")
_log = logging.getLogger("chieng.hub")
_MARK = """This folder belongs to a companion hub, made by `chieng-hub join`. It publishes nothing.
"""


def _mark(data: Path) -> Path:
    return data / "companion"


def is_one(data: Path) -> bool:
    """Tell whether a folder is a companion's."""
    return _mark(data).exists()


def write_mark(data: Path) -> None:
    """Make a folder a companion's."""
    durable.Disk().write(_mark(data), _MARK.encode())


def check_schema(where: Where) -> None:
    """See that a database has the schema of this program, which a companion does not change.

    Raises `LocalFault("companion.schema")`.
    """
    found, wanted = revision(where), newest_revision()
    if found != wanted:
        raise LocalFault(
            "companion.schema",
            f"the database has the schema {found or 'of no hub'}, this program {wanted}",
            "Install on both machines the same version, and start the first hub first.",
        )


def refuse(data: Path, command: str) -> None:
    """Refuse a command that would publish or change what the first hub has.

    Raises `LocalFault("companion.command")`.
    """
    if is_one(data) and command not in _COMMANDS:
        raise LocalFault(
            "companion.command",
            f"{data} is a companion's folder, which cannot {command}",
            "Give the command on the first hub's machine.",
        )


class CompanionBlobs(BucketBlobs):
    """Keep what nodes asked for; what the bucket has not yet is no reason to give a blob up."""

    def _bring(self, sha256: str) -> bool:
        if not super()._bring(sha256):
            # 404 would tell a node that nobody has it.
            raise WorldFault(
                "storage.later", f"{sha256} is not in the bucket", "Ask again in a moment."
            )
        return True

    async def run(self) -> None:
        """Make room once a day, until cancelled: nothing is sent from here."""
        while True:
            try:
                await self.apart(self.make_room, time.time())
            except (Fault, OSError) as fault:
                _log.error("storage: %s", fault)
            await asyncio.sleep(COMPARE_S)
