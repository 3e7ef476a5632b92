"""Verify signatures: Ed25519 with OpenSSL, refusing what the pure verifiers refuse.

The two other schemes come with the offline keys of some provinces, a few at a time; the pure code
is quick enough for them (P-256 takes eight times as long as Ed25519 here) and loaded when one is
met.
"""

from typing import cast

from hw import ports
from hw.linux import libcrypto
from protocols import ed25519, keys


class Verifier(ports.Verifier):
    """Check signatures."""

    def verify(self, scheme: str, public: bytes, signature: bytes, message: object) -> bool:
        """Tell whether `signature` by `public` covers `message` (an iterable of byte pieces).

        Raises `WorldFault` (`crypto.missing`, `crypto.refused`) where OpenSSL does not judge.
        """
        pieces = cast(list[bytes], message)
        if scheme == keys.ED25519:
            return ed25519.is_strict(public, signature) and libcrypto.verify(
                bytes(public), bytes(signature), b"".join(pieces)
            )
        if scheme == keys.P256:
            from protocols import p256  # noqa: PLC0415

            return p256.verify(bytes(public), bytes(signature), pieces)
        if scheme == keys.RSA_PSS:
            from protocols import rsa_pss  # noqa: PLC0415

            return rsa_pss.verify(bytes(public), bytes(signature), pieces)
        return False
