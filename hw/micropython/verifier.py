"""Verify signatures in pure Python, keeping the tables of the keys used last."""

import sys

from hw import ports
from protocols import ed25519, keys, p256, rsa_pss
from protocols.sha512 import PureSha512, Sha512

try:
    if sys.maxsize >> 32:
        raise ImportError("machine words wider than 32 bits")
    from hw.micropython.sha512_viper import ViperSha512 as SHA512
except (ImportError, SyntaxError, ValueError):  # no emitter, or .mpy of another machine
    SHA512 = Sha512  # type: ignore[assignment, misc]

# A table takes 2 KiB of a 32-bit heap; the online key and one approver's are the ones that recur.
TABLES_MAX = 2


class Verifier(ports.Verifier):
    """Check signatures; `sha512` is the class that hashes for Ed25519."""

    def __init__(self, sha512: type[PureSha512] = SHA512):
        self._sha512 = sha512
        self._tables: list[tuple[str, bytes, tuple[list[tuple[int, ...]], ...]]] = []

    def verify(self, scheme: str, public: bytes, signature: bytes, message: "object") -> bool:
        """Tell whether `signature` by `public` covers `message` (an iterable of byte pieces)."""
        pieces: list[bytes] = message  # type: ignore[assignment]
        if scheme == keys.RSA_PSS:
            return rsa_pss.verify(public, signature, pieces)
        if scheme == keys.ED25519:
            if not ed25519.is_strict(public, signature):
                return False
            number = ed25519.challenge(public, signature, pieces, self._sha512)
        elif scheme == keys.P256:
            number = p256.challenge(pieces)
        else:
            return False
        table = self._table(scheme, public)
        if table is None:
            return False
        if scheme == keys.P256:
            return p256.verify_prepared(table, signature, number)
        return ed25519.verify_prepared(table, signature, number)

    def forget(self) -> None:
        """Free the tables; the next use of a key derives its own again."""
        self._tables.clear()

    def _table(self, scheme: str, public: bytes) -> "tuple[list[tuple[int, ...]], ...] | None":
        """Return the table of a key, derived at first use; None when the key is refused."""
        for i, entry in enumerate(self._tables):
            if entry[0] == scheme and entry[1] == public:
                self._tables.append(self._tables.pop(i))
                return entry[2]
        table = ed25519.prepare(public) if scheme == keys.ED25519 else p256.prepare(public)
        if table is not None:
            while len(self._tables) >= TABLES_MAX:
                self._tables.pop(0)
            self._tables.append((scheme, public, table))
        return table
