"""What one step on the service cable says: words (an object) and a piece of a file behind them."""

import struct

from protocols import canonical
from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault
from protocols.fields import Fields
from protocols.limits import FAULT_TEXT_BYTES_MAX
from protocols.provision_session import MESSAGE_BYTES_MAX

_KINDS = {"local": LocalFault, "remote": RemoteFault, "world": WorldFault}


def encode(words: "dict[str, object]", piece: bytes = b"") -> bytes:
    """Return one message; raises `LocalFault("service.length")`."""
    head = canonical.encode(words)
    if 2 + len(head) + len(piece) > MESSAGE_BYTES_MAX:
        raise LocalFault("service.length", "a step says too much", "Send it in smaller pieces.")
    return struct.pack(">H", len(head)) + head + piece


def read(message: bytes) -> "tuple[Fields, bytes]":
    """Return (words, piece); raises `RemoteFault` (`service.broken`, `json.*`)."""
    length = struct.unpack(">H", message[:2])[0] if len(message) >= 2 else 1 << 16
    if len(message) < 2 + length:
        raise RemoteFault("service.broken", "a step is broken", "Use tools of the same release.")
    words = Fields(canonical.decode(message[2 : 2 + length], MESSAGE_BYTES_MAX), "step")
    return words, message[2 + length :]


def refusal(fault: Fault) -> bytes:
    """Return the answer that tells a fault."""
    told: dict[str, object] = {
        "whose": fault.whose,
        "code": fault.code,
        "message": _cut(fault.message),
        "remedy": _cut(fault.remedy),
    }
    return encode({"fault": told})


def raise_refusal(words: Fields) -> None:
    """Raise the fault that an answer tells; nothing when it tells none."""
    if not words.has("fault"):
        return
    told = words.nested("fault")
    kind = _KINDS[told.choice("whose", ("local", "remote", "world"))]
    texts = [str(told.value(name)) for name in ("code", "message", "remedy")]
    raise kind(texts[0], texts[1], texts[2])


def _cut(text: str) -> str:
    """Return a text that fits a message, cut between letters."""
    while len(text.encode()) > FAULT_TEXT_BYTES_MAX:
        text = text[: len(text) - 1 - len(text) // 16]
    return text
