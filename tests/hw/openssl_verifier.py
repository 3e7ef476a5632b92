"""An independent verdict on all three schemes: `cryptography`, with the strictness of ours."""

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from hw import ports
from protocols import ed25519, keys, rsa_pss

HASHED = Prehashed(SHA256())


class Verifier(ports.Verifier):
    """Check signatures."""

    def verify(self, scheme: str, public: bytes, signature: bytes, message: object) -> bool:
        """Tell whether `signature` by `public` covers `message` (an iterable of byte pieces)."""
        if scheme not in _CHECKS:
            return False
        if scheme == keys.ED25519 and not ed25519.is_strict(public, signature):
            return False
        try:
            _CHECKS[scheme](bytes(public), bytes(signature), b"".join(message))
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True


def _ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


def _p256(public: bytes, signature: bytes, message: bytes) -> None:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
    key.verify(signature, hashlib.sha256(message).digest(), ec.ECDSA(HASHED))


def _rsa_pss(public: bytes, signature: bytes, message: bytes) -> None:
    numbers = rsa_pss.split(public)
    if numbers is None:
        raise ValueError("key out of bounds")
    modulus, exponent = numbers
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    scheme = padding.PSS(padding.MGF1(SHA256()), rsa_pss.SALT_BYTES)
    key.verify(signature, hashlib.sha256(message).digest(), scheme, HASHED)


_CHECKS = {keys.ED25519: _ed25519, keys.P256: _p256, keys.RSA_PSS: _rsa_pss}
