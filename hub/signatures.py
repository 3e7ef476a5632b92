"""Check the signatures of nodes; keys stay parsed."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# Every node of a large province, at about 200 bytes each.
_PARSED_KEYS_MAX = 16_384


@lru_cache(maxsize=_PARSED_KEYS_MAX)
def _parsed(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` by the Ed25519 key `public` covers `message` (RFC 8032)."""
    try:
        _parsed(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
