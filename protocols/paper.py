"""A signed paper: tickets, enrolments and answers that travel as files, by cable or as pictures.

`{"body": …, "format": …, "signature": …}` in canonical JSON. The signature (Ed25519, hex) covers
the format, a line end, and the canonical body, so that no paper passes for another kind, for
metadata or for an HTTP message by the same key.
"""

import binascii
import hashlib
from collections import namedtuple

from protocols import canonical
from protocols.fields import Fields, refuse
from protocols.limits import PAPER_BYTES_MAX


class Paper(namedtuple("Paper", ("format", "body", "signature", "message"))):
    """Hold one paper: `body` as `Fields`, `signature` of 64 bytes over `message`.

    Reading checks no signature: who may sign is known to the caller alone.
    """

    def value(self) -> "dict[str, object]":
        """Return the paper as it stands inside another."""
        return {
            "format": self.format,
            "body": self.body.values,
            "signature": str(binascii.hexlify(self.signature), "ascii"),
        }

    def encode(self) -> bytes:
        """Return the paper's bytes."""
        return canonical.encode(self.value())

    def digest(self) -> str:
        """Return the SHA-256 of what is signed, in hex: the paper's name in lists."""
        return str(binascii.hexlify(hashlib.sha256(self.message).digest()), "ascii")


def message(kind: str, body: "dict[str, object]") -> bytes:
    """Return the bytes that a paper's signature covers."""
    return kind.encode() + b"\n" + canonical.encode(body)


def seal(kind: str, body: "dict[str, object]", sign: "object") -> Paper:
    """Return a paper signed by `sign(message) -> 64 bytes`."""
    covered = message(kind, body)
    signature = sign(covered)  # type: ignore[operator]
    return Paper(kind, Fields(body, kind), signature, covered)


def read(data: bytes, kind: str, bytes_max: int = PAPER_BYTES_MAX) -> Paper:
    """Return the paper in a file's bytes; raises `RemoteFault` (`json.*`, `format.field`)."""
    return take(canonical.decode(data, bytes_max), kind)


def take(value: object, kind: str) -> Paper:
    """Return the paper in a decoded value; raises `RemoteFault("format.field")`."""
    fields = Fields(value, "paper")
    if fields.text("format", 1, 40) != kind:
        remedy = "Choose the right file: this one must be a " + kind + "."
        raise refuse("paper.format", "is not " + kind, remedy)
    body = Fields(fields.value("body"), kind)
    text = fields.text("signature", 128, 128)
    try:
        signature = binascii.unhexlify(text)
    except ValueError:
        raise refuse("paper.signature", "is not hex", "Take the file from its source again.")
    return Paper(kind, body, signature, message(kind, body.values))
