"""SHA-512 in pieces, for interpreters whose `hashlib` lacks it.

Source: FIPS 180-4 sections 4.1.3, 4.2.3, 5.3.5 and 6.4. `Sha512` is the platform's own where
`hashlib` has one, else `PureSha512`; a board with the viper emitter passes a faster subclass
(`hw/micropython/sha512_viper.py`).

The pure rounds keep each 64-bit word doubled (`w * (2**64 + 1)`), so that one shift of the doubled
word is a rotation, and mask only where a word is stored.
"""

import hashlib
import struct
from binascii import a2b_base64

BLOCK_BYTES = 128
_MASK = 0xFFFFFFFFFFFFFFFF
_DOUBLE = 0x10000000000000001

# FIPS 180-4, 4.2.3: the first 64 bits of the fractions of the cube roots of the first 80 primes.
ROUND_CONSTANTS = a2b_base64(
    "QoovmNcoriJxN0SRI+9lzbXA+8/sTTsv6bXbpYGJ27w5VsJb80i1OFnxEfG2BdAZkj+CpK8ZT5urHF7V2m2BGNgH"
    "qpijAwJCEoNbAUVwb74kMYW+TuSyjFUMfcPV/7Ticr5ddPJ7iW+A3rH+OxaWsZvcBqclxxI1wZvxdM9pJpTkm2nB"
    "nvFK0u++R4Y4TyXjD8GdxouM1bUkDKHMd6ycZS3pLG9ZKwJ1SnSEqm6m5INcsKncvUH71Hb5iNqDEVO1mD5RUu5m"
    "36uoMcZtLbQyELADJ8iY+yE/v1l/x77vDuTG4AvzPaiPwtWnkUeTCqclBspjUeADgm8UKSlnCg5ucCe3CoVG0i/8"
    "LhshOFwmySZNLG38WsQq7VM4DROdlbPfZQpzVIuvY952agq7PHeyqIHCyS5H7a7mknIshRSCNTuiv+ihTPEDZKga"
    "Zku8QjABwkuLcND4l5HHbFGjBlS+MNGS6BnW71IY1pkGJFVlqRD0DjWFV3EgKhBqoHAyu9G4GaTBFrjS0MgeN2wI"
    "UUGrUydId0zfjuuZNLC8teGbSKg5HAyzxclaY07YqkrjQYrLW5zKT3dj43NoLm/z1rK4o3SPgu5d77L8eKVjb0MX"
    "L2CEyHgUofCrcozHAggaZDnskL7/+iNjHiikUGzr3oK96b75o/eyxnkVxnF48uNyUyvKJz7O6iZhnNGGuMchwMIH"
    "6tp91s3g6x71fU9/7m7ReAbwZ6pyF2+6CmN9xaLImKYRP5gEvvkNrhtxCzUTHEcbKNt39SMEfYQyyqt7QMckkzye"
    "vgoVyb68Qx1nxJwQDUxMxdS+yz5Ctll/KZz8ZX4qX8tvqzrW+uxsRBmMSkdYFw=="
)
# FIPS 180-4, 5.3.5: the same of the square roots of the first eight primes.
INITIAL_STATE = a2b_base64(
    "agnmZ/O8yQi7Z66FhMqnOzxu83L+lPgrpU/1Ol8dNvFRDlJ/reaC0ZsFaIwrPmwfH4PZq/tBvWtb4M0ZE34heQ=="
)


def compress(state: list[int], block: bytes) -> None:
    """Mix one block of 128 bytes into a state of eight words (FIPS 180-4, 6.4.2)."""
    mask = _MASK
    double = _DOUBLE
    words = list(struct.unpack(">16Q", block))
    append = words.append
    for i in range(16, 80):
        x = words[i - 15]
        y = words[i - 2]
        xx = x * double
        yy = y * double
        append(
            ((xx >> 1 ^ xx >> 8) & mask ^ x >> 7)
            + ((yy >> 19 ^ yy >> 61) & mask ^ y >> 6)
            + words[i - 7]
            + words[i - 16]
            & mask
        )
    a, b, c, d, e, f, g, h = state
    constants = struct.unpack(">80Q", ROUND_CONSTANTS)
    for i in range(80):
        xx = e * double
        t = h + ((xx >> 14 ^ xx >> 18 ^ xx >> 41) & mask) + (g ^ e & (f ^ g))
        t += constants[i] + words[i]
        xx = a * double
        h = g
        g = f
        f = e
        e = d + t & mask
        t += ((xx >> 28 ^ xx >> 34 ^ xx >> 39) & mask) + (a & b | c & (a | b))
        d = c
        c = b
        b = a
        a = t & mask
    for i, word in enumerate((a, b, c, d, e, f, g, h)):
        state[i] = state[i] + word & mask


class PureSha512:
    """Hash bytes that arrive in pieces; `digest` may be called once."""

    def __init__(self) -> None:
        self._state = list(struct.unpack(">8Q", INITIAL_STATE))
        self._rest = b""
        self._length = 0

    def mix(self, block: bytes) -> None:
        """Mix one block of 128 bytes into the state; a faster platform overrides it."""
        compress(self._state, block)

    def words(self) -> list[int]:
        """Return the state as eight words."""
        return self._state

    def update(self, data: bytes) -> None:
        """Append bytes of any length."""
        self._length += len(data)
        start = BLOCK_BYTES - len(self._rest)
        if len(data) < start:
            self._rest += bytes(data)
            return
        self.mix(self._rest + bytes(data[:start]))
        while start + BLOCK_BYTES <= len(data):
            self.mix(data[start : start + BLOCK_BYTES])
            start += BLOCK_BYTES
        self._rest = bytes(data[start:])

    def digest(self) -> bytes:
        """Return the 64-byte digest of everything appended."""
        length = self._length
        zeros = (111 - length) % BLOCK_BYTES
        self.update(b"\x80" + bytes(zeros + 8) + struct.pack(">Q", length * 8))
        return struct.pack(">8Q", *self.words())


Sha512: "type[PureSha512]" = getattr(hashlib, "sha512", PureSha512)
