"""Verify signatures with `cryptography` (OpenSSL), refusing what the pure verifiers refuse."""

import hashlib
from collections.abc import Callable, Iterable
from typing import cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hw import ports
from protocols import ed25519, keys

_Check = Callable[[bytes, Iterable[bytes]], None]
# Parsed keys kept: every key of one unit's chain several times over, at about 2 KB each.
PARSED_KEYS_MAX = 64


class Verifier(ports.Verifier):
    """Check signatures with OpenSSL; parsed keys are kept, the oldest forgotten first."""

    def __init__(self) -> None:
        self._checks: dict[tuple[str, bytes], _Check] = {}

    def verify(self, scheme: str, public: bytes, signature: bytes, message: object) -> bool:
        """Tell whether `signature` by `public` covers `message` (an iterable of byte pieces)."""
        if scheme == keys.ED25519 and not ed25519.is_strict(public, signature):
            return False
        pieces = cast(Iterable[bytes], message)
        try:
            self._check(scheme, bytes(public))(bytes(signature), pieces)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True

    def _check(self, scheme: str, public: bytes) -> _Check:
        check = self._checks.pop((scheme, public), None)
        if check is None:
            check = _BUILDERS.get(scheme, _unknown)(public)
        if len(self._checks) >= PARSED_KEYS_MAX:
            del self._checks[next(iter(self._checks))]
        self._checks[scheme, public] = check
        return check


def _unknown(public: bytes) -> _Check:
    raise ValueError("unknown scheme")


def _ed25519(public: bytes) -> _Check:
    key = Ed25519PublicKey.from_public_bytes(public)
    return lambda signature, pieces: key.verify(signature, b"".join(pieces))


# The other two schemes come with offline keys of some provinces: loaded where one is met.
def _p256(public: bytes) -> _Check:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
    algorithm = ec.ECDSA(Prehashed(SHA256()))
    return lambda signature, pieces: key.verify(signature, _sha256(pieces), algorithm)


def _rsa_pss(public: bytes) -> _Check:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    from protocols import rsa_pss  # noqa: PLC0415

    numbers = rsa_pss.split(public)
    if numbers is None:
        raise ValueError("key out of bounds")
    modulus, exponent = numbers
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    scheme = padding.PSS(padding.MGF1(SHA256()), rsa_pss.SALT_BYTES)
    hashed = Prehashed(SHA256())
    return lambda signature, pieces: key.verify(signature, _sha256(pieces), scheme, hashed)


def _sha256(pieces: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


_BUILDERS = {keys.ED25519: _ed25519, keys.P256: _p256, keys.RSA_PSS: _rsa_pss}
