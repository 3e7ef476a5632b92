"""Signers whose key ids are short: 16 of the 64 digits.

A key id only has to be unique where it stands (TUF 1.0.37, 4.2): it proves nothing, the key itself
does. Shorter ids make a registry of 16 units with three approvers each a third smaller.
"""

from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from protocols import keys
from protocols.errors import LocalFault

KEY_ID_DIGITS = 16
START_DIGITS_MIN = 8
RSA_BITS = 3072
SCHEMES = keys.SCHEMES


def generate(scheme: str = keys.ED25519) -> CryptoSigner:
    """Make a fresh key of one of `SCHEMES`."""
    if scheme == keys.ED25519:
        return of_private(ed25519.Ed25519PrivateKey.generate())
    if scheme == keys.P256:
        return of_private(ec.generate_private_key(ec.SECP256R1()))
    if scheme == keys.RSA_PSS:
        return of_private(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))
    raise LocalFault("keys.scheme", f"no scheme {scheme!r}", f"Use one of {', '.join(SCHEMES)}.")


def load(pem: bytes) -> CryptoSigner:
    """Return the signer of an unencrypted PKCS#8 PEM."""
    return of_private(load_pem_private_key(pem, None))


def of_private(private: Any) -> CryptoSigner:
    """Return the signer of a private key."""
    return CryptoSigner(private, short(SSlibKey.from_crypto(private.public_key())))


def short(key: SSlibKey) -> SSlibKey:
    """Return a key under its short id."""
    return SSlibKey(fingerprint(key)[:KEY_ID_DIGITS], key.keytype, key.scheme, key.keyval)


def fingerprint(key: Key) -> str:
    """Return the whole SHA-256 of a key, for paper; a short id is how it begins."""
    return keys.key_id(key.to_dict())


def find(keys_in_force: Iterable[Key], start: str) -> Key:
    """Return the one key whose fingerprint begins so; raises `LocalFault("keys.unknown")`."""
    found = [key for key in keys_in_force if fingerprint(key).startswith(start)]
    if len(start) < START_DIGITS_MIN or len(found) != 1:
        raise LocalFault(
            "keys.unknown",
            f"{len(found)} of these keys begin with {start!r}",
            f"Take at least {START_DIGITS_MIN} digits from `chieng-tool keys record`.",
        )
    return found[0]
