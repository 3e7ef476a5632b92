"""Write what the hub has not acknowledged onto a stick, for a person to bring home.

A batch on a stick is the request that would have gone over the link. Writing it acknowledges
nothing: the journal keeps every record until the hub has signed for it. A file torn by a stick
pulled too soon is told by its digest, and written again the next time.
"""

import asyncio
from collections import namedtuple

from edge import records_request, small_heap, state_file
from edge.journal_store import JournalStore
from hw import ports
from protocols import carried, records
from protocols.carried import Name
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import (
    CARRIED_HEAD_BYTES_MAX,
    RECORD_BATCH_BYTES_MAX,
    STICK_SPARE_BYTES,
)
from protocols.outbox import Run, first_span

_FILE_BYTES_MAX = CARRIED_HEAD_BYTES_MAX + RECORD_BATCH_BYTES_MAX

Pen = namedtuple("Pen", ("node", "hubs", "identity", "entropy", "now", "carried"))
"""Who writes: the node, its `HubAddresses`, its key, `now() -> (wall_ms, source,
uncertainty_ms)`, and `carried(chain, epoch, last)`, told of what is on the stick."""


class StickRecords:
    """Write one node's pending records onto sticks."""

    def __init__(self, journal: JournalStore, pen: Pen):
        self._journal = journal
        self._pen = pen

    def newest(self) -> "list[Run]":
        """Return the last run of each chain: as long as it is the same, nothing new happened."""
        return [run for name in records.CHAINS for run in self._journal.runs(name)[-1:]]

    async def write(self, stick: ports.Storage) -> int:
        """Make every pending record stand on a stick; return how many do.

        Raises `WorldFault("stick.full" | "storage.*")`; what was written until then stands.
        """
        count = 0
        is_whole = True
        names: list[str] = []
        for chain in records.CHAINS:
            written, left = await self._chain(stick, chain, names)
            count += written
            is_whole = is_whole and not left
        if is_whole:
            self._tidy(stick, names)
        return count

    async def _chain(
        self, stick: ports.Storage, chain: str, names: "list[str]"
    ) -> "tuple[int, bool]":
        """Write one chain; return how many records, and whether some could not be read."""
        runs = self._journal.runs(chain)
        reached = self._journal.positions(chain)
        count = 0
        while True:
            span = first_span(runs, reached, [])
            if span is None:
                return count, False
            found = self._journal.read(chain, span, small_heap.batch_bytes())
            if not found:
                # Damaged: the journal tells of it, and the next look finds what is left.
                return count, True
            node, last = self._pen.node, span.first + len(found) - 1
            body = records.build_batch(node, chain, span.epoch, span.after, found)
            name = carried.file_name(Name(node, chain, span.epoch, span.first, last))
            self._file(stick, name, body)
            names.append(name)
            self._pen.carried(chain, span.epoch, last)
            reached[span.epoch] = last
            count += len(found)
            await asyncio.sleep(0)

    def _file(self, stick: ports.Storage, name: str, body: bytes) -> None:
        path = carried.FOLDER + name
        if _holds(stick, path, body):
            return
        pen = self._pen
        signed = records_request.sign(
            pen.hubs.known()[0], body, pen.node, pen.now()[0], pen.identity, pen.entropy
        )
        data = carried.build(signed.host, signed.path, signed.headers, body)
        if stick.free_bytes() < len(data) + STICK_SPARE_BYTES:
            text = "no room for the node's records"
            raise WorldFault("stick.full", text, "Delete other files from the stick.")
        state_file.write(stick, path, data)

    def _tidy(self, stick: ports.Storage, names: "list[str]") -> None:
        """Remove own files of which every record is acknowledged or stands in a newer file."""
        for text in stick.names(carried.FOLDER[:-1]):
            name = carried.read_name(text)
            if name is None or name.node != self._pen.node or text in names:
                continue
            if name.chain in records.CHAINS and self._is_covered(name):
                stick.remove(carried.FOLDER + text)

    def _is_covered(self, name: Name) -> bool:
        if name.last <= self._journal.positions(name.chain).get(name.epoch, 0):
            return True
        for run in self._journal.runs(name.chain):
            if run.epoch == name.epoch and run.first <= name.first and name.last <= run.last:
                # All that is held and not acknowledged was written just now.
                return True
        return False


def _holds(stick: ports.Storage, path: str, body: bytes) -> bool:
    """Tell whether a stick has this batch already, whole."""
    data = state_file.read(stick, path, _FILE_BYTES_MAX)
    if data is None:
        return False
    try:
        found = carried.read(data)
    except RemoteFault:
        return False
    return bool(found.body == body)
