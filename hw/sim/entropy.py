"""Repeatable bytes for simulations; never for keys of real nodes."""

import hashlib
import struct

from hw import ports


class Entropy(ports.Entropy):
    """Give the stream SHA-256(seed, counter), the same for the same seed on both Pythons."""

    def __init__(self, seed: bytes):
        self._seed = seed
        self._counter = 0
        self._rest = b""

    def random_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes of the stream."""
        while len(self._rest) < count:
            block = self._seed + struct.pack(">Q", self._counter)
            self._rest += hashlib.sha256(block).digest()
            self._counter += 1
        taken = self._rest[:count]
        self._rest = self._rest[count:]
        return taken
