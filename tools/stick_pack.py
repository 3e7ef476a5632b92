"""Look into a pack on a stick: is it whole, what is in it, how long does it count."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from protocols import pack, tar
from protocols.errors import RemoteFault
from protocols.limits import MANIFEST_BYTES_MAX

# FAT32 ends here.
FILE_BYTES_MAX = (1 << 32) - 1
_READ_BYTES = 1 << 20
_REMEDY = "Run chieng-tool stick write again."


class Contents(NamedTuple):
    """What a whole pack holds: the view's version, when it expires (Unix seconds), its media."""

    version: int
    expires_s: int
    media: int
    bytes: int


def check(path: Path) -> Contents:
    """Read a pack to its end and hash what is named by its hash.

    Signatures are the nodes' to check. Raises `RemoteFault` (`pack.*`, `stick.damaged`).
    """
    intake, timestamp, media = pack.Intake(), b"", 0
    name, sha, kept = "", hashlib.sha256(), bytearray()
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            for event in intake.receive(data):
                if event[0] in (pack.PAPER, pack.BLOB):
                    name, sha, kept = str(event[1]), hashlib.sha256(), bytearray()
                    media += event[0] == pack.BLOB
                elif event[0] == tar.DATA:
                    sha.update(event[1])  # type: ignore[arg-type]
                    if name == pack.METADATA + "timestamp.json":
                        kept += event[1]  # type: ignore[arg-type]
                        timestamp = bytes(kept[:MANIFEST_BYTES_MAX])
                elif event[0] == tar.MEMBER_END:
                    _check_hash(name, sha.hexdigest())
    if not intake.is_complete:
        raise RemoteFault("pack.cut", f"{path.name} ends early", _REMEDY)
    version, expires_s = _read_timestamp(timestamp)
    return Contents(version, expires_s, media, path.stat().st_size)


def _check_hash(name: str, found: str) -> None:
    folder, _, base = name.partition("/")
    if folder != "metadata" and base != found:
        raise RemoteFault("stick.damaged", f"{name[:24]}… is not what it is called", _REMEDY)


def _read_timestamp(data: bytes) -> tuple[int, int]:
    try:
        signed = json.loads(data)["signed"]
        return int(signed["version"]), int(datetime.fromisoformat(signed["expires"]).timestamp())
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteFault("stick.damaged", "the pack names no version", _REMEDY) from error
