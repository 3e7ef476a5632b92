"""A change that waits for signatures: the same file at the hub, on a stick and on a laptop."""

import binascii
import json
from typing import Any

from tuf.api.metadata import Metadata, TargetFile

from hub.repository import envelope
from hub.repository.layout import sha256
from hub.repository.roles import parse
from protocols import limits
from protocols.errors import Fault, RemoteFault

FORMAT = "chieng-request/1"
# Metadata and the manifests it names; base64 adds a third.
REQUEST_BYTES_MAX = 2 * (limits.METADATA_BYTES_MAX + limits.MANIFEST_BYTES_MAX)


class Request:
    """Carry a role's next metadata, its signatures so far, and the new files it names."""

    def __init__(self, role: str, metadata: Metadata[Any], files: dict[str, bytes] | None = None):
        self.role = role
        self.metadata = metadata
        self.files = files or {}

    @property
    def version(self) -> int:
        """Return the version that the role will have."""
        return int(self.metadata.signed.version)

    def sign(self, signers: list[Any]) -> "Request":
        """Add signatures and return itself."""
        envelope.sign(self.metadata, signers)
        return self

    def merge(self, other: "Request") -> None:
        """Take over the signatures that another copy of the same change has collected."""
        if other.metadata.signed_bytes == self.metadata.signed_bytes:
            self.metadata.signatures.update(other.metadata.signatures)

    def check_files(self) -> None:
        """Refuse files that are not exactly what the metadata names."""
        targets: dict[str, TargetFile] = getattr(self.metadata.signed, "targets", {})
        for path, data in self.files.items():
            named = targets.get(path)
            if named is None or named.length != len(data) or named.hashes != hashes(data):
                raise RemoteFault(
                    "request.file",
                    f"{path} in the request is not the file its metadata names",
                    "Export the request again; do not sign this one.",
                )

    def to_bytes(self) -> bytes:
        """Return the file form."""
        files = {
            path: binascii.b2a_base64(data, newline=False).decode()
            for path, data in self.files.items()
        }
        document = {
            "format": FORMAT,
            "role": self.role,
            "metadata": json.loads(envelope.encode(self.metadata)),
            "files": files,
        }
        return json.dumps(document, sort_keys=True, indent=1).encode()


def read(data: bytes) -> Request:
    """Read the file form; raises `RemoteFault("request.format")`."""
    try:
        if len(data) > REQUEST_BYTES_MAX:
            raise ValueError(f"{len(data)} bytes")
        document = json.loads(data)
        if document["format"] != FORMAT or not isinstance(document["role"], str):
            raise ValueError(f"format {document['format']!r}")
        files = {
            path: binascii.a2b_base64(text, strict_mode=True)
            for path, text in document["files"].items()
        }
        metadata = envelope.decode(json.dumps(document["metadata"]).encode(), document["role"])
        parse(document["role"])
        request = Request(document["role"], metadata, files)
    except Fault:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RemoteFault(
            "request.format",
            f"this is no signing request: {error}",
            "Export it again from the hub.",
        ) from error
    request.check_files()
    return request


def hashes(data: bytes) -> dict[str, str]:
    """Return the hashes that metadata name for a file."""
    return {"sha256": sha256(data)}


def target(path: str, data: bytes) -> TargetFile:
    """Describe a manifest as a target."""
    return TargetFile(len(data), hashes(data), path)
