"""Make a pack of what a node on the LAN hands on to its neighbours (setting `lan`).

The files are fetched one by one, as a neighbour does; nodes check them as ever, whichever way they
came. A node keeps only the newest root: a stick made of it helps nodes that hold that one or the
one before it.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.repository.packing import Member, Pack
from protocols import pack
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import (
    BLOB_BYTES_MAX,
    JSON_INTEGER_MAX,
    MANIFEST_BYTES_MAX,
    METADATA_BYTES_MAX,
    PACK_MEMBERS_MAX,
    PACK_PAPERS_MAX,
)
from tools.hub_client import Hub
from tools.stick_pack import FILE_BYTES_MAX

_READ_BYTES = 256 * 1024
_REMEDY = "Look whether the node has its programme, then try again."
# What a node names is asked for, and named on the stick, only if it is plain.
_ROLE = re.compile(r"[A-Za-z0-9._%-]{1,80}\.json")
_PATH = re.compile(r"[A-Za-z0-9._%/-]{1,200}")


class NodeFiles:
    """Fetch a unit's files from one node into a folder."""

    def __init__(self, node: Hub, unit: str, folder: Path):
        self._node = node
        self._unit = unit
        self._folder = folder
        self._members: list[Member] = []
        self._bytes = 0

    def pack(self) -> Pack:
        """Return the pack of everything the node has; raises `Fault("stick.node")`."""
        timestamp = self._role("timestamp.json")
        newest = _version(timestamp)
        listed = _entries(timestamp, "meta")
        name = f"{_version(listed.get('snapshot.json'))}.snapshot.json"
        roles = _entries(self._role(name), "meta")
        root = self._root()
        manifests: dict[str, str] = {}
        for role, entry in sorted(roles.items()):
            if not _ROLE.fullmatch(role):
                raise _broken(f"a role is called {role[:80]!r}")
            signed = self._role(f"{_version(entry)}.{role}", absent=True)
            if signed is not None:
                manifests.update(_targets(signed))
        if len(manifests) > PACK_MEMBERS_MAX:
            raise _broken("it lists more targets than a pack holds")
        blobs: set[str] = set()
        for path, sha256 in sorted(manifests.items()):
            data = self._manifest(path, sha256)
            if data is not None:
                blobs.update(_named(data))
        for sha256 in sorted(blobs):
            if len(self._members) < PACK_MEMBERS_MAX:
                self._blob(sha256)
        return Pack(root, newest, tuple(self._members))

    def _root(self) -> int:
        """Bring the newest root, found by asking upwards; it stands before all else."""
        found = 0
        for version in range(1, 256):
            if self._role(f"{version}.root.json", absent=True) is not None:
                found = version
            elif found:
                break
        if not found:
            raise _broken("it hands on no root")
        self._members.sort(key=lambda one: not one.name.endswith(".root.json"))
        return found

    def _role(self, file: str, absent: bool = False) -> Any:
        data = self._fetch(f"/v1/units/{self._unit}/metadata/{file}", METADATA_BYTES_MAX, absent)
        if data is None:
            return None
        self._keep(pack.METADATA + file, data)
        try:
            return json.loads(data)["signed"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _broken(f"{file} is no metadata") from None

    def _manifest(self, path: str, sha256: str) -> bytes | None:
        folder, _, base = path.rpartition("/")
        data = self._fetch(f"/v1/targets/{folder}/{sha256}.{base}", MANIFEST_BYTES_MAX, True)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            return None
        self._keep(pack.TARGETS + sha256, data)
        return data

    def _blob(self, sha256: str) -> None:
        """Bring a medium; what is not what its name says is left out."""
        target, length, digest = self._folder / sha256, 0, hashlib.sha256()
        with self._node.ask("GET", f"{self._node.prefix}/v1/blobs/{sha256}", {}) as answer:
            if answer.status != 200:
                return
            with target.open("wb") as file:
                while piece := answer.read(_READ_BYTES):
                    length += len(piece)
                    if length > BLOB_BYTES_MAX or self._bytes + length > FILE_BYTES_MAX:
                        raise _broken("it sends a file that does not end")
                    file.write(piece)
                    digest.update(piece)
        if digest.hexdigest() != sha256:
            target.unlink()
            return
        self._bytes += length
        self._members.append(Member(pack.BLOBS + sha256, target, length))

    def _keep(self, name: str, data: bytes) -> None:
        if len(self._members) >= PACK_PAPERS_MAX:
            raise _broken("it hands on more papers than a pack holds")
        target = self._folder / f"{len(self._members)}.part"
        target.write_bytes(data)
        self._bytes += len(data)
        self._members.append(Member(name, target, len(data)))

    def _fetch(self, path: str, bytes_max: int, absent: bool) -> bytes | None:
        with self._node.ask("GET", self._node.prefix + path, {}) as answer:
            if answer.status == 404 and absent:
                return None
            if answer.status != 200:
                text = f"{self._unit}: the node answers {answer.status}"
                raise WorldFault("stick.node", text, "Set `lan` with `serves` at the node.")
            data = b""
            while piece := answer.read(_READ_BYTES):
                data += piece
                if len(data) > bytes_max:
                    raise _broken("it sends a file that does not end")
            return data


def _broken(what: str) -> RemoteFault:
    return RemoteFault("stick.node", f"the node: {what}", _REMEDY)


def _entries(signed: Any, name: str) -> dict[str, Any]:
    found = signed.get(name, {}) if isinstance(signed, dict) else None
    if not isinstance(found, dict):
        raise _broken(f"its metadata hold no {name}")
    return found


def _version(entry: Any) -> int:
    found = entry.get("version") if isinstance(entry, dict) else None
    if type(found) is not int or not 0 < found <= JSON_INTEGER_MAX:
        raise _broken("its metadata name no version")
    return found


def _targets(signed: Any) -> dict[str, str]:
    """Return the SHA-256 of every target that a role lists, by its path."""
    found = {}
    for path, entry in _entries(signed, "targets").items():
        hashes = entry.get("hashes") if isinstance(entry, dict) else None
        sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
        if not _PATH.fullmatch(path) or not isinstance(sha256, str) or not pack.is_digest(sha256):
            raise _broken(f"it lists {path[:80]!r} without a hash")
        found[path] = sha256
    return found


def _named(data: bytes) -> Iterator[str]:
    """Give the hashes of the media that a manifest names, wherever they stand in it."""
    try:
        waiting: list[Any] = [json.loads(data)]
    except (ValueError, RecursionError):
        raise _broken("a manifest is no JSON") from None
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            sha256 = value.get("sha256")
            if isinstance(sha256, str) and pack.is_digest(sha256):
                yield sha256
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
