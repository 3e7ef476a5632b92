"""Make a pack of what a node on the LAN hands on to its neighbours (setting `lan`).

The files are fetched one by one, as a neighbour does; nodes check them as ever, whichever way they
came. A node keeps only the newest root: a stick made of it helps nodes that hold that one or the
one before it.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.repository.packing import Member, Pack
from protocols import pack
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import (
    BLOB_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    METADATA_BYTES_MAX,
    PACK_MEMBERS_MAX,
)
from tools.hub_client import Hub

_READ_BYTES = 256 * 1024
_REMEDY = "Look whether the node has its programme, then try again."


class NodeFiles:
    """Fetch a unit's files from one node into a folder."""

    def __init__(self, node: Hub, unit: str, folder: Path):
        self._node = node
        self._unit = unit
        self._folder = folder
        self._members: list[Member] = []

    def pack(self) -> Pack:
        """Return the pack of everything the node has; raises `Fault("stick.node*")`."""
        timestamp = self._role("timestamp.json", "timestamp.json")
        newest = timestamp["version"]
        version = timestamp["meta"]["snapshot.json"]["version"]
        name = f"{version}.snapshot.json"
        snapshot = self._role(name, name)
        root = self._root()
        manifests: dict[str, str] = {}
        for role, entry in sorted(snapshot["meta"].items()):
            name = f"{entry['version']}.{role}"
            signed = self._role(name, name, absent=True)
            if signed is not None:
                manifests.update(_targets(signed))
        blobs: set[str] = set()
        for path, sha256 in sorted(manifests.items()):
            data = self._manifest(path, sha256)
            if data is not None:
                blobs.update(_named(data))
        for sha256 in sorted(blobs):
            self._blob(sha256)
        return Pack(root, newest, tuple(self._members[:PACK_MEMBERS_MAX]))

    def _root(self) -> int:
        """Bring the newest root, found by asking upwards; it stands before all else."""
        found = 0
        for version in range(1, 256):
            name = f"{version}.root.json"
            if self._role(name, name, absent=True) is not None:
                found = version
            elif found:
                break
        if not found:
            raise RemoteFault("stick.node", "the node hands on no root", _REMEDY)
        self._members.sort(key=lambda one: not one.name.endswith(".root.json"))
        return found

    def _role(self, file: str, name: str, absent: bool = False) -> Any:
        data = self._fetch(f"/v1/units/{self._unit}/metadata/{file}", METADATA_BYTES_MAX, absent)
        if data is None:
            return None
        self._keep(pack.METADATA + name, data)
        try:
            return json.loads(data)["signed"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise RemoteFault("stick.node", f"{file} is no metadata", _REMEDY) from None

    def _manifest(self, path: str, sha256: str) -> bytes | None:
        folder, _, base = path.rpartition("/")
        data = self._fetch(f"/v1/targets/{folder}/{sha256}.{base}", MANIFEST_BYTES_MAX, True)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            return None
        self._keep(pack.TARGETS + sha256, data)
        return data

    def _blob(self, sha256: str) -> None:
        target, length = self._folder / sha256, 0
        with self._node.ask("GET", f"{self._node.prefix}/v1/blobs/{sha256}", {}) as answer:
            if answer.status != 200:
                return
            with target.open("wb") as file:
                while piece := answer.read(_READ_BYTES):
                    length += len(piece)
                    if length > BLOB_BYTES_MAX:
                        raise RemoteFault("stick.node", "a file that does not end", _REMEDY)
                    file.write(piece)
        self._members.append(Member(pack.BLOBS + sha256, target, length))

    def _keep(self, name: str, data: bytes) -> None:
        target = self._folder / f"{len(self._members)}.part"
        target.write_bytes(data)
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
                    raise RemoteFault("stick.node", "a file that does not end", _REMEDY)
            return data


def _targets(signed: Any) -> dict[str, str]:
    found = signed.get("targets", {})
    return {path: entry["hashes"]["sha256"] for path, entry in found.items()}


def _named(data: bytes) -> Iterator[str]:
    """Give the hashes of the media that a manifest names, wherever they stand in it."""
    waiting: list[Any] = [json.loads(data)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("sha256"), str):
                yield value["sha256"]
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
