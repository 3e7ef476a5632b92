"""What a laptop carries to and from a node in service: signed records out, packs in.

Records leave as the very requests this node would post itself, signed for its hub, so the laptop
can bring them there and neither read wrongly nor change what they say. A pack arrives in pieces
into a folder that is looked at like a stick: nothing of it is believed unchecked.
"""

import binascii
import hashlib

from edge import records_request
from hw import ports
from protocols import records
from protocols.errors import RemoteFault
from protocols.fields import Fields, is_digest, refuse
from protocols.limits import (
    BLOB_BYTES_MAX,
    CONFIG_PATH_BYTES_MAX,
    SERVICE_PIECE_BYTES_MAX,
    UPLINK_BATCH_BYTES,
)
from protocols.outbox import Run, Span

STEPS = ("faults", "batch", "piece", "pack")
_BATCH_RECORDS = 100


class Carry:
    """Serve one running node."""

    def __init__(self, node: "object", entropy: ports.Entropy):
        self._node = node
        self._entropy = entropy
        self._body = b""

    def knows(self, name: str) -> bool:
        """Tell whether a step is done here."""
        return name in STEPS

    def faults(self) -> "list[list[str]]":
        """Return [place, code] of what is wrong now."""
        found: list[list[str]] = self._node.faults.open_faults()  # type: ignore[attr-defined]
        return found[:16]

    def do(self, name: str, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        """Do one step."""
        if name == "faults":
            return {"faults": self.faults()}, b""
        if name == "batch":
            return self._batch(words), b""
        if name == "piece":
            offset = words.integer("offset", 0, len(self._body))
            return {}, self._body[offset : offset + SERVICE_PIECE_BYTES_MAX]
        return self._pack(words, piece), b""

    def _batch(self, words: Fields) -> "dict[str, object]":
        """Prepare the next batch of a chain after (epoch, position); its body is read in pieces.

        `epoch` is empty for the oldest held; `length` 0 in the answer means that no more is held.
        """
        chain = words.choice("chain", records.CHAINS)
        base = words.text("hub", 8, CONFIG_PATH_BYTES_MAX)
        journal = self._node.journal  # type: ignore[attr-defined]
        after = (words.text("epoch", 0, 64, ""), words.integer("position", 0, 1 << 50, 0))
        for run in _after(journal.runs(chain), after):
            span = Span(run.epoch, run.first - 1, run.first, _BATCH_RECORDS)
            found = journal.read(chain, span, UPLINK_BATCH_BYTES)
            if found:
                node = self._node.config.node  # type: ignore[attr-defined]
                self._body = records.build_batch(node, chain, run.epoch, run.first - 1, found)
                last = run.first + len(found) - 1
                told = self._node.carried  # type: ignore[attr-defined]
                if told is not None:
                    # The hub may hold them before this node sends them: no fork.
                    told(chain, run.epoch, last)
                return self._described(base, node, run.epoch, last)
        self._body = b""
        return {"length": 0}

    def _described(self, base: str, node: str, epoch: str, position: int) -> "dict[str, object]":
        if "://" not in base:
            raise refuse("hub", "is no address", "Write http://… or https://…")
        wall_ms = self._node.time.wall_ms()  # type: ignore[attr-defined]
        identity = self._node.identity  # type: ignore[attr-defined]
        signed = records_request.sign(base, self._body, node, wall_ms, identity, self._entropy)
        return {
            "length": len(self._body),
            "host": signed.host,
            "path": signed.path,
            "headers": signed.headers,
            "epoch": epoch,
            "position": position,
        }

    def _pack(self, words: Fields, piece: bytes) -> "dict[str, object]":
        """Take a piece of a pack; the answer says where to go on, so that a cut resumes."""
        digest = words.text("sha256", 64, 64)
        length = words.integer("length", 1, BLOB_BYTES_MAX)
        if not is_digest(digest):
            raise refuse("pack.sha256", "is no hash", "Use tools of the same release.")
        handed: ports.Storage | None = self._node.handed  # type: ignore[attr-defined]
        if handed is None:
            raise RemoteFault("service.no_room", "no room for packs", "Use a USB stick instead.")
        name = digest[:32] + ".pack"
        if handed.size(name) == length:
            return {"position": length}
        if handed.free_bytes() < length:
            text = "%d bytes are free, the pack has %d" % (handed.free_bytes(), length)
            raise RemoteFault("service.no_room", text, "Write a pack of fewer days.")
        writer = handed.stage(name, True)
        try:
            if words.integer("offset", 0, length) == writer.position:
                writer.write(piece)
                writer.flush()
            position = writer.position
        finally:
            writer.close()
        if position >= length:
            _finish(handed, name, digest)
        return {"position": position}


def _after(runs: "list[Run]", after: "tuple[str, int]") -> "list[Run]":
    """Return what comes after (epoch, position), the rest of its run first."""
    for index, run in enumerate(runs):
        if run.epoch != after[0] or run.first > after[1] + 1:
            continue
        if after[1] < run.last:
            return [Run(run.epoch, after[1] + 1, run.last)] + runs[index + 1 :]
        if after[1] == run.last:
            return runs[index + 1 :]
    return runs


def _finish(handed: ports.Storage, name: str, digest: str) -> None:
    """Make a whole pack visible; one that arrived broken is thrown away."""
    reader = handed.open_staged(name)
    hashed = hashlib.sha256()
    while reader is not None:
        piece = reader.read(4096)
        if not piece:
            reader.close()
            break
        hashed.update(piece)
    if str(binascii.hexlify(hashed.digest()), "ascii") != digest:
        handed.discard(name)
        text = "the pack did not arrive whole"
        raise RemoteFault("service.broken", text, "Push it once more.")
    writer = handed.stage(name, True)
    writer.commit(name)
