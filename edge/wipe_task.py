"""Empty a decommissioned node: content first, then, when the hub knows, records and key.

Theory of operation. The standing says `sealed` from the moment the approvers' word was taken, and
only this task and the records task run from then on, in every life, so no power cut leaves a node
half wiped and playing. The report is signed before the key goes: it says how many files were left
when the store was looked at again. Once the hub has it, the hub takes nothing more from this node,
so what is written down later is not waited for; that it refuses a revoked node says as much, where
a power cut took its answer. A hub that stays away delays the last step by `WAIT_MS` at most, in a
life that finds its report written already by `AGAIN_MS`.
"""

from edge.book import Book
from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.records_task import RecordsTask
from edge.standing import DUMB, NAME, WIPED, Standing
from edge.supervisor import Task
from hw import ports
from protocols.errors import WorldFault
from protocols.records import CHAINS, HEALTH

# What the report needs: the journal, the hub's keys, and the key that signs.
_KEPT = ("journal", "metadata/", "identity", NAME)
# A node may be sealed by a stick and carried away: a day on, the key goes without an answer.
WAIT_MS = 24 * 3_600_000
# A node whose power went after its report was written may never again stay on for a day; the masts
# around it are back by then.
AGAIN_MS = 15 * 60_000
_REVOKED = "records.revoked"
_LOOK_MS = 1_000


class Untold:
    """Tell whether the hub lacks anything, and takes it, of what was written down before this was
    first asked."""

    def __init__(self, journal: JournalStore, book: JournalBook, uplink: RecordsTask):
        self._journal = journal
        self._book = book
        self._uplink = uplink
        # (chain, epoch, last sequence) of what the hub must have.
        self._ends: list[tuple[str, str, int]] | None = None

    def __call__(self) -> bool:
        """Look at what the hub has acknowledged."""
        if self._uplink.refusal == _REVOKED:
            return False
        if self._ends is None:
            if self._book.waiting():
                return True
            self._ends = []
            for chain in CHAINS:
                for run in self._journal.runs(chain):
                    self._ends.append((chain, run.epoch, run.last))
        for chain, epoch, last in self._ends:
            if self._journal.positions(chain).get(epoch, 0) < last:
                return True
        return False


class WipeTask(Task):
    """Wipe the stores of one node; `pending()` tells whether the hub lacks the report."""

    name = "wipe"

    def __init__(
        self,
        clock: ports.Clock,
        storage: ports.Storage,
        identity: ports.Identity,
        standing: Standing,
        book: Book,
        pending: "object",
        restart: "object",
    ):
        self._clock = clock
        self._storage = storage
        self._identity = identity
        self._standing = standing
        self._book = book
        self._pending = pending
        self._restart = restart

    async def run(self) -> None:
        """Wipe, report, wait until the report is at the hub, then destroy records and key."""
        left = self._storage.wipe(_KEPT)
        if left:
            text = str(left) + " files could not be removed"
            raise WorldFault("wipe.left", text, "Destroy the node's medium by hand.")
        wait_ms = AGAIN_MS
        if self._standing.owed:
            wait_ms = WAIT_MS
            body = {"order": self._standing.owed, "kind": "decommission"}
            body["state"] = "done"
            self._book.write(HEALTH, "order", dict(body, files_left=left))
            self._standing.note_told()
        until_ms = self._clock.ticks_ms() + wait_ms
        while self._pending() and self._clock.ticks_ms() < until_ms:  # type: ignore[operator]
            await self._clock.sleep_ms(_LOOK_MS)
        self._standing.go_on(DUMB)
        self._identity.forget()
        clear(self._storage, self._standing)
        self._restart("wiped")  # type: ignore[operator]


def clear(storage: ports.Storage, standing: Standing) -> None:
    """Remove all that a node without a key still holds; also what a last breath wrote afterwards.

    Raises `WorldFault("wipe.left")`.
    """
    if storage.wipe((NAME,)):
        text = "the node's files could not all be removed"
        raise WorldFault("wipe.left", text, "Destroy the node's medium by hand.")
    if standing.state != WIPED:
        standing.go_on(WIPED)
