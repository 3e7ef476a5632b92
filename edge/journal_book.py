"""Write facts into the journal at once; while the disk refuses, hold them in order."""

from collections import namedtuple

from edge.bell import Bell
from edge.book import Book
from edge.journal_store import NO_CLOCK, JournalStore
from protocols.errors import LocalFault, WorldFault
from protocols.limits import FACTS_WAITING_MAX
from protocols.records import HEALTH

Fact = namedtuple("Fact", ("chain", "clock", "kind", "body"))
"""What happened, and what the clock said then: (at_ms, source, uncertainty_ms)."""


class JournalBook(Book):
    """The book of one node over its open journal.

    A fact is on disk when `write` returns, or waits in memory for `retry`, in order; `fault` then
    says why. Facts are dated when they are written down: before `follow` by no clock at all.
    """

    def __init__(self, journal: JournalStore):
        self._journal = journal
        self._now: object = None
        self._waiting: list[Fact] = []
        self._lost = 0
        self.fault: WorldFault | None = None
        # Rung when there may be something to send.
        self.news = Bell()

    def follow(self, now: "object") -> None:
        """Date facts by `now() -> (wall_ms, source, uncertainty_ms)` from here on."""
        self._now = now

    def now_ms(self) -> int | None:
        """Return the wall time that a fact gets now."""
        return self._clock()[0]

    def _clock(self) -> "tuple[int | None, str, int | None]":
        return NO_CLOCK if self._now is None else self._now()  # type: ignore[operator]

    def write(self, chain: str, kind: str, body: "dict[str, object]") -> None:
        """Note a fact of a chain at this instant.

        A fact that no reader would take (too long, a control character) is recorded as a fault.
        """
        clock = self._clock()
        self._waiting.append(Fact(chain, (clock[0], clock[1], clock[2]), kind, body))
        if len(self._waiting) > FACTS_WAITING_MAX:
            self._forget_one()
        self.retry()
        self.news.ring()

    def write_memo(self, chain: str, number: int, data: bytes) -> None:
        """Keep a memo of the journal (see there) up to date, unless the disk refuses."""
        if not self._waiting:
            try:
                self._journal.write_memo(chain, number, data)
            except WorldFault as fault:
                self.fault = fault

    def memo(self, chain: str) -> "tuple[int, bytes]":
        """Return the memo of a chain that still holds; no bytes when there is none."""
        return self._journal.memo(chain)

    def retry(self) -> None:
        """Write what waits, oldest first, as far as the disk takes it."""
        while self._waiting:
            fact = self._waiting[0]
            try:
                self._append(fact)
            except WorldFault as fault:
                self.fault = fault
                return
            self._waiting.pop(0)
        self.fault = None
        if self._lost:
            count, self._lost = self._lost, 0
            self.write(HEALTH, "fault", _fault("book", "records.lost", str(count) + " facts"))

    def waiting(self) -> int:
        """Return how many facts are not on disk yet."""
        return len(self._waiting)

    def _append(self, fact: Fact) -> None:
        try:
            self._journal.append(fact.chain, fact.clock, fact.kind, fact.body)
        except LocalFault as fault:
            if fault.code != "records.local":
                raise
            body = _fault("book." + fact.kind, fault.code, fault.message)
            self._journal.append(HEALTH, fact.clock, "fault", body)

    def _forget_one(self) -> None:
        """Give up the oldest health fact, or the oldest of all; never the one being retried."""
        self._lost += 1
        for index in range(1, len(self._waiting)):
            if self._waiting[index].chain == HEALTH:
                self._waiting.pop(index)
                return
        self._waiting.pop(1)


def _fault(place: str, code: str, message: str) -> "dict[str, object]":
    return {
        "place": place,
        "code": code,
        "message": message,
        "remedy": "Look at the node's storage and at its log",
        "state": "raised",
    }
