"""Length and hashes of a file that streams by, compared with what signed metadata say of it."""

import hashlib
from binascii import hexlify

from protocols.errors import RemoteFault

_REMEDY = "fetch it again; if it stays so, the server or the line alters files"


def _new(algorithm: str) -> "object":
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "sha512":
        from protocols.sha512 import Sha512  # noqa: PLC0415

        return Sha512()
    raise RemoteFault("trust.hash", "hash algorithm not known: " + algorithm[:24], _REMEDY)


class FileHash:
    """Hash with each of `algorithms` at once; one that we do not know is refused."""

    def __init__(self, algorithms: "list[str]"):
        self.length = 0
        self._running = {}
        self._done: dict[str, str] = {}
        for name in algorithms:
            self._running[name] = _new(name)

    def update(self, data: bytes) -> None:
        """Append bytes."""
        self.length += len(data)
        for running in self._running.values():
            running.update(data)  # type: ignore[attr-defined]

    def digest(self, algorithm: str) -> str:
        """Return one digest in lower-case hex; nothing may be appended afterwards."""
        if algorithm not in self._done:
            raw = self._running[algorithm].digest()  # type: ignore[attr-defined]
            self._done[algorithm] = hexlify(raw).decode()
        return self._done[algorithm]

    def check(self, length: int | None, hashes: "dict[str, str]", where: str) -> None:
        """Compare with metadata: every hash listed must fit, and the length if one is listed.

        Raises `RemoteFault("trust.length" | "trust.hash")`.
        """
        if length is not None and length != self.length:
            raise RemoteFault("trust.length", where + ": not the length that is signed", _REMEDY)
        for algorithm in hashes:
            if self.digest(algorithm) != hashes[algorithm]:
                raise RemoteFault("trust.hash", where + ": not the hash that is signed", _REMEDY)
