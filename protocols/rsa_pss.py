"""RSASSA-PSS with SHA-256 (RFC 8017, 8.1.2 and 9.1.2), pure: verify.

The verdict, equal to OpenSSL's within these bounds and the same on every platform: modulus odd and
2048 to 4096 bits; exponent odd, 3 to 2^32 - 1; MGF1 with SHA-256; salt of exactly 32 bytes, which
is what securesystemslib writes; the signature as long as the modulus and smaller than it.
"""

import hashlib

MODULUS_BITS_MIN = 2048
MODULUS_BITS_MAX = 4096
SALT_BYTES = 32
_HASH_BYTES = 32
_EXPONENT_BYTES = 4


def split(key: bytes) -> tuple[int, int] | None:
    """Return modulus and exponent of a key (n big-endian without leading zeros, then e as four
    bytes); None when either is out of bounds."""
    if not MODULUS_BITS_MIN // 8 <= len(key) - _EXPONENT_BYTES <= MODULUS_BITS_MAX // 8:
        return None
    modulus = int.from_bytes(key[:-_EXPONENT_BYTES], "big")
    exponent = int.from_bytes(key[-_EXPONENT_BYTES:], "big")
    if not key[0] or not modulus >> (MODULUS_BITS_MIN - 1):
        return None
    if exponent < 3 or not exponent & modulus & 1:
        return None
    return modulus, exponent


def verify(key: bytes, signature: bytes, pieces: "list[bytes]") -> bool:
    """Tell whether a signature by a key (as `split` reads it) covers a message in pieces."""
    numbers = split(key)
    if numbers is None or len(signature) != len(key) - _EXPONENT_BYTES:
        return False
    modulus, exponent = numbers
    value = int.from_bytes(signature, "big")
    if value >= modulus:
        return False
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    first_bits = 0
    while key[0] >> (first_bits + 1):
        first_bits += 1
    encoded = pow(value, exponent, modulus).to_bytes(len(signature), "big")
    return _matches(encoded, first_bits, digest.digest())


def _matches(encoded: bytes, first_bits: int, message_hash: bytes) -> bool:
    """Check the padding (9.1.2) of which `first_bits` (0 to 7) lie in the first octet.

    Padding is one bit shorter than the modulus: with 8k + 1 bits its first octet must be zero.
    """
    if not first_bits:
        if encoded[0]:
            return False
        encoded = encoded[1:]
    split_at = len(encoded) - _HASH_BYTES - 1
    seed = encoded[split_at:-1]
    if encoded[-1] != 0xBC or (first_bits and encoded[0] >> first_bits):
        return False
    block = bytearray(encoded[:split_at])
    for at in range(0, split_at, _HASH_BYTES):
        mask = hashlib.sha256(seed + bytes((0, 0, 0, at // _HASH_BYTES))).digest()
        for i in range(at, min(at + _HASH_BYTES, split_at)):
            block[i] ^= mask[i - at]
    if first_bits:
        block[0] &= (1 << first_bits) - 1
    salt_at = split_at - SALT_BYTES
    if block[salt_at - 1] != 1 or any(block[: salt_at - 1]):
        return False
    recovered = hashlib.sha256(bytes(8) + message_hash + block[salt_at:]).digest()
    return recovered == seed
