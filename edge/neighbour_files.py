"""Find what a neighbour asks for among this node's verified files."""

import binascii
import hashlib

from edge import state_file
from edge.blob_store import FOLDER
from hw import ports
from protocols import canonical
from protocols.errors import Fault
from protocols.limits import MANIFEST_BYTES_MAX, METADATA_BYTES_MAX
from protocols.neighbour import BLOB, METADATA, Asked

# Of the manifests only those that stand for the unit: a node's own orders are nobody else's.
_PUBLIC = ("units/", "alerts/")


class NeighbourFiles:
    """Open files of one store; whoever gets them checks them as if they came from the hub."""

    def __init__(self, storage: ports.Storage):
        self._storage = storage

    def find(self, asked: Asked) -> "tuple[ports.Reader, int] | None":
        """Return a reader and the length of what is asked for, or None."""
        if asked.kind == BLOB:
            name = FOLDER + asked.name
        elif asked.kind == METADATA:
            name = "metadata/" + asked.name + ".json"
            if asked.version and not self._is_version(name, int(asked.version)):
                return None
        else:
            name = "candidates/" + asked.name.replace("/", "+")
            if not asked.name.startswith(_PUBLIC) or not self._is_hash(name, asked.version):
                return None
        length, reader = self._storage.size(name), self._storage.open(name)
        if length is None or reader is None:
            return None
        return reader, length

    def _is_version(self, name: str, version: int) -> bool:
        data = state_file.read(self._storage, name, METADATA_BYTES_MAX)
        if data is None:
            return False
        try:
            value = canonical.decode(data, METADATA_BYTES_MAX)
            return bool(value["signed"]["version"] == version)  # type: ignore[index]
        except (Fault, KeyError, TypeError):
            return False

    def _is_hash(self, name: str, sha256: str) -> bool:
        data = state_file.read(self._storage, name, MANIFEST_BYTES_MAX)
        if data is None:
            return False
        return str(binascii.hexlify(hashlib.sha256(data).digest()), "ascii") == sha256
