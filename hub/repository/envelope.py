"""Metadata to bytes and back, and signatures as counted by TUF."""

from typing import Any

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from protocols.errors import LocalFault, RemoteFault

Delegator = Root | Targets


def encode(metadata: Metadata[Any]) -> bytes:
    """Return the bytes that are served (compact JSON)."""
    return metadata.to_bytes(JSONSerializer(compact=True))


def decode(data: bytes, name: str) -> Metadata[Any]:
    """Read metadata bytes; raises `RemoteFault("repository.format")` naming the file."""
    try:
        return Metadata.from_bytes(data)
    except DeserializationError as error:
        raise RemoteFault(
            "repository.format", f"{name} is no TUF metadata: {error}", "Fetch the file again."
        ) from error


def sign(metadata: Metadata[Any], signers: list[Any]) -> Metadata[Any]:
    """Add one signature per signer; raises `LocalFault` when a key cannot sign."""
    for signer in signers:
        if not isinstance(signer, Signer):
            raise LocalFault("keys.signer", f"{signer!r} cannot sign", "Unwrap the key first.")
        metadata.sign(signer, append=True)
    return metadata


def verifies(delegator: Delegator, role: str, metadata: Metadata[Any]) -> bool:
    """Tell whether `delegator` lets these signatures speak for `role`."""
    return missing(delegator, role, metadata) == 0


def missing(delegator: Delegator, role: str, metadata: Metadata[Any]) -> int:
    """Return how many signatures are still missing; the whole threshold for an unknown role."""
    try:
        found = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    except (ValueError, RepositoryError):
        return 1
    return found.missing if not found.verified else 0


def keyids_of(delegator: Delegator, role: str) -> list[str]:
    """Return the key ids that may sign `role`, none when it is not delegated."""
    try:
        return list(delegator.get_delegated_role(role).keyids)
    except ValueError:
        return []
