"""Decide which records of one chain go to the hub next, until the hub has them all.

Theory of operation. The journal holds runs of records; the hub holds one position per epoch. On
every answer the position is taken as the truth, whatever was believed before: a hub restored from
a copy answers a lower one, and the records it lost are sent again as far as the journal still has
them. When it takes the first records of an epoch it is asked where the others stand: it may have
been restored when this one was new, and would never be asked of the older ones again. A cut, a
timeout or a bad answer forgets what was under way and asks again after a pause.
An epoch that the hub calls a fork is set aside and offered again much later; the other epochs go on
meanwhile. At most one request is under way; there is no last try.

`data_to_send` gives a `Span`; the pump reads those records from the journal, posts them and hands
back the *verified* answer with `receive`, or says `submit(Refused(code))` or `link_lost`.
"""

from collections import namedtuple

from protocols import records
from protocols.backoff import Backoff
from protocols.errors import LocalFault
from protocols.limits import RECORD_BATCH_COUNT_MAX

IDLE = "idle"
READY = "ready"
WAITING = "waiting"
PAUSED = "paused"
REFUSED = "refused"
CLOSED = "closed"
STATES = (IDLE, READY, WAITING, PAUSED, REFUSED, CLOSED)

# A batch over a bad 3G link takes a while; longer than this nobody answers any more.
ANSWER_MS_MAX = 60_000
PAUSE_MS_MIN = 2_000
PAUSE_MS_MAX = 15 * 60_000
# Each loss halves what is sent next, so often at most.
_HALVINGS_MAX = 4
# A revoked or unknown node, or a fork, needs a person: ask now and then whether one came.
REFUSED_MS_MIN = 10 * 60_000
REFUSED_MS_MAX = 6 * 3_600_000

# (state, trigger) → state; a missing entry is the error.
TABLE = {
    (IDLE, "confirm"): READY,
    (READY, "confirm"): READY,
    (WAITING, "confirm"): WAITING,
    (PAUSED, "confirm"): PAUSED,
    (REFUSED, "confirm"): REFUSED,
    (IDLE, "ask"): READY,
    (READY, "ask"): READY,
    (WAITING, "ask"): WAITING,
    (PAUSED, "ask"): READY,
    (REFUSED, "ask"): READY,
    (IDLE, "carried"): IDLE,
    (READY, "carried"): READY,
    (WAITING, "carried"): WAITING,
    (PAUSED, "carried"): PAUSED,
    (REFUSED, "carried"): REFUSED,
    (IDLE, "drop"): IDLE,
    (READY, "drop"): READY,
    (WAITING, "drop"): WAITING,
    (PAUSED, "drop"): PAUSED,
    (REFUSED, "drop"): REFUSED,
    (READY, "send"): WAITING,
    (READY, "empty"): IDLE,
    (WAITING, "answer"): READY,
    (WAITING, "stuck"): PAUSED,
    (WAITING, "fork"): READY,
    (WAITING, "refusal"): REFUSED,
    (WAITING, "lost"): PAUSED,
    (IDLE, "lost"): IDLE,
    (READY, "lost"): READY,
    (PAUSED, "lost"): PAUSED,
    (REFUSED, "lost"): REFUSED,
    (WAITING, "due"): PAUSED,
    (PAUSED, "due"): READY,
    (REFUSED, "due"): READY,
    (IDLE, "due"): READY,
    (IDLE, "close"): CLOSED,
    (READY, "close"): CLOSED,
    (WAITING, "close"): CLOSED,
    (PAUSED, "close"): CLOSED,
    (REFUSED, "close"): CLOSED,
}

Run = namedtuple("Run", ("epoch", "first", "last"))
"""Consecutive sequences of one epoch that the journal holds."""

Span = namedtuple("Span", ("epoch", "after", "first", "count_max"))
"""Send up to `count_max` consecutive records from `first`; `after` as in `records.build_batch`.
`count_max` 0 asks for the position and the time only."""

Ask = namedtuple("Ask", ())
"""Event in: ask the hub now, even with nothing to send (its time is wanted, or the link is new)."""

Dropped = namedtuple("Dropped", ("epoch", "first", "last"))
"""Event in: the journal no longer holds these sequences."""

Carried = namedtuple("Carried", ("epoch", "last"))
"""Event in: another carrier took the records up to here along; the hub may come to hold them."""

Refused = namedtuple("Refused", ("code",))
"""Event in: the hub refused the batch with this code. `records.fork` sets its epoch aside."""

Close = namedtuple("Close", ())
"""Event in: end the session."""

Acknowledged = namedtuple("Acknowledged", ("epoch", "position"))
"""Event out: the hub has this epoch up to here on disk."""

Rewound = namedtuple("Rewound", ("epoch", "position"))
"""Event out: the hub's position went back to here; what is still held will be sent again."""

Forked = namedtuple("Forked", ("epoch",))
"""Event out: the hub holds another history of this epoch; record on under a new epoch."""

Blocked = namedtuple("Blocked", ("code",))
"""Event out: the hub refuses this node; a person must act."""


def first_span(runs: "list[Run]", positions: "dict[str, int]", aside: "list[str]") -> Span | None:
    """Return the oldest records beyond the positions, of no epoch that is `aside`, or None."""
    after: dict[str, int] = {}
    for run in runs:
        first = max(run.first, positions.get(run.epoch, 0) + 1)
        if first <= run.last and run.epoch not in aside:
            before = first - 1 if first > run.first else after.get(run.epoch, 0)
            count = min(run.last - first + 1, RECORD_BATCH_COUNT_MAX)
            return Span(run.epoch, before, first, count)
        after[run.epoch] = run.last
    return None


class Outbox:
    """One chain's uplink session."""

    def __init__(self, seed: int, runs: "list[Run]", positions: "dict[str, int]"):
        """Take up what the journal found: `runs` oldest first, `positions` by epoch."""
        self.state = IDLE
        self._runs: list[Run] = []
        self._positions = dict(positions)
        # Epoch → when it may be offered again: those the hub called forks.
        self._aside: dict[str, int] = {}
        # Epoch → the highest sequence that may ever have been sent.
        self._reached: dict[str, int] = {}
        # Epochs whose position is asked for before anything else, after a rewind.
        self._doubted: list[str] = []
        self._asked = False
        self._sent: Span | None = None
        self._events: list[object] = []
        self._deadline_ms: int | None = None
        self._now_ms = 0
        # Spans lost in a row: the next ones are shorter, as less is lost with them, and read in
        # vain from a slow disk.
        self._losses = 0
        self._pause = Backoff(seed, PAUSE_MS_MIN, PAUSE_MS_MAX)
        self._refusal = Backoff(seed + 1, REFUSED_MS_MIN, REFUSED_MS_MAX)
        for run in runs:
            self._hold(run)
            self._reached[run.epoch] = run.last
        if runs:
            self.state = READY

    def confirm(self, position: Run) -> None:
        """Take records that are on this node's disk now."""
        self._move("confirm")
        self._hold(position)

    def submit(self, event: object, now_ms: int) -> None:
        """Take an `Ask`, `Carried`, `Dropped`, `Refused` or `Close`."""
        if isinstance(event, Ask):
            self._move("ask")
            self._asked = True
        elif isinstance(event, Carried):
            self._move("carried")
            self._reached[event.epoch] = max(event.last, self._reached.get(event.epoch, 0))
        elif isinstance(event, Dropped):
            self._move("drop")
            self._drop(event)
        elif isinstance(event, Refused):
            self._refuse(event.code, now_ms)
        elif isinstance(event, Close):
            self._move("close")
        else:
            raise LocalFault("outbox.event", "not an event of the outbox", "See its module.")
        self._now_ms = now_ms
        self._forget_deadline()

    def data_to_send(self) -> Span | None:
        """Return what to post now, or None; `tick` first, it tells the time."""
        if self.state != READY:
            return None
        span = self._next_span()
        if span is None:
            self._move("empty")
            self._deadline_ms = self._next_retry()
            return None
        self._move("send")
        self._sent = span
        reached = span.first + span.count_max - 1
        self._reached[span.epoch] = max(reached, self._reached.get(span.epoch, 0))
        self._asked = False
        self._deadline_ms = self._now_ms + ANSWER_MS_MAX
        return span

    def receive(self, data: bytes, now_ms: int) -> None:
        """Take the body of a verified answer to the span under way.

        An answer that is none, or about something else, counts as a lost link: ask again.
        """
        if self.state != WAITING or self._sent is None:
            raise LocalFault("outbox.state", "no answer is awaited", "Send first.")
        answer = records.read_answer(data)
        if answer.epoch != self._sent.epoch:
            self.link_lost(now_ms)
            return
        span = self._sent
        self._now_ms = now_ms
        self._asked = False
        stuck = span.count_max > 0 and answer.position == self._positions.get(span.epoch, 0)
        self._move("stuck" if stuck else "answer")
        self._sent = None
        self._deadline_ms = None
        if stuck:
            self._pause_after_loss()
            return
        self._losses = 0
        self._pause.reset()
        self._refusal.reset()
        self._take_position(span.epoch, answer.position)

    def link_lost(self, now_ms: int) -> None:
        """Forget what was under way and pause."""
        was_waiting = self.state == WAITING
        self._move("lost")
        self._now_ms = now_ms
        if was_waiting:
            self._pause_after_loss()

    def tick(self, now_ms: int) -> None:
        """Tell the time; a passed deadline acts."""
        self._now_ms = now_ms
        if self._deadline_ms is None or now_ms < self._deadline_ms:
            return
        was_waiting = self.state == WAITING
        self._move("due")
        self._deadline_ms = None
        if was_waiting:
            self._pause_after_loss()

    def next_event(self) -> object:
        """Return the next `Acknowledged`, `Rewound`, `Forked` or `Blocked`, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> int | None:
        """Return when `tick` has something to do, or None."""
        return self._deadline_ms

    def is_closed(self) -> bool:
        """Tell whether the session has ended."""
        return self.state == CLOSED

    def pending(self) -> int:
        """Return how many held records the hub has not acknowledged."""
        count = 0
        for run in self._runs:
            first = max(run.first, self._positions.get(run.epoch, 0) + 1)
            count += max(0, run.last - first + 1)
        return count

    def _move(self, trigger: str) -> None:
        state = TABLE.get((self.state, trigger))
        if state is None:
            raise LocalFault("outbox.state", trigger + " while " + self.state, "See outbox.TABLE.")
        self.state = state

    def _hold(self, run: Run) -> None:
        if self._runs:
            last = self._runs[-1]
            if last.epoch == run.epoch and last.last + 1 == run.first:
                self._runs[-1] = Run(run.epoch, last.first, run.last)
                return
        self._runs.append(run)

    def _drop(self, gone: Dropped) -> None:
        runs = []
        for run in self._runs:
            if run.epoch != gone.epoch or gone.last < run.first or gone.first > run.last:
                runs.append(run)
                continue
            if run.first < gone.first:
                runs.append(Run(run.epoch, run.first, gone.first - 1))
            if run.last > gone.last:
                runs.append(Run(run.epoch, gone.last + 1, run.last))
        self._runs = runs

    def _refuse(self, code: str, now_ms: int) -> None:
        span = self._sent
        if code == "records.fork" and span is not None:
            self._move("fork")
            self._aside[span.epoch] = now_ms + REFUSED_MS_MAX
            self._events.append(Forked(span.epoch))
        else:
            self._move("refusal")
            self._deadline_ms = now_ms + self._refusal.next_ms()
            self._events.append(Blocked(code))
        self._sent = None

    def _forget_deadline(self) -> None:
        if self.state in (READY, CLOSED):
            self._deadline_ms = None

    def _pause_after_loss(self) -> None:
        self._sent = None
        self._losses = min(self._losses + 1, _HALVINGS_MAX)
        self._deadline_ms = self._now_ms + self._pause.next_ms()

    def _take_position(self, epoch: str, position: int) -> None:
        if epoch in self._doubted:
            self._doubted.remove(epoch)
        self._aside.pop(epoch, None)
        believed = self._positions.get(epoch, 0)
        if position > self._reached.get(epoch, 0):
            # The hub holds what this journal never sent: another one wrote under this epoch.
            position = max(believed, self._reached.get(epoch, 0))
            self._events.append(Forked(epoch))
        self._positions[epoch] = position
        if position < believed:
            self._events.append(Rewound(epoch, position))
            self._doubt_others(epoch, 0)
        elif position > believed:
            self._events.append(Acknowledged(epoch, position))
        if believed == 0 < position:
            # A hub that was restored since the older ones were complete may show it in no other way
            # than that it knew nothing of this one.
            self._doubt_others(epoch, 1)

    def _doubt_others(self, epoch: str, least: int) -> None:
        """Ask anew of the other epochs that the hub is believed to have at least so far."""
        for other in self._epochs():
            if other not in self._doubted + [epoch] and self._positions.get(other, 0) >= least:
                self._doubted.append(other)

    def _epochs(self) -> "list[str]":
        epochs: list[str] = []
        for run in self._runs:
            if run.epoch not in epochs:
                epochs.append(run.epoch)
        return epochs

    def _aside_now(self) -> "list[str]":
        return [epoch for epoch in self._aside if self._aside[epoch] > self._now_ms]

    def _next_span(self) -> Span | None:
        for epoch in self._doubted:
            if epoch not in self._aside_now():
                return Span(epoch, self._positions.get(epoch, 0), 0, 0)
        span = first_span(self._runs, self._positions, self._aside_now())
        if span is not None:
            count = min(span.count_max, RECORD_BATCH_COUNT_MAX >> self._losses)
            return Span(span.epoch, span.after, span.first, count)
        if self._asked and self._runs:
            epoch = self._runs[-1].epoch
            return Span(epoch, self._positions.get(epoch, 0), 0, 0)
        return None

    def _next_retry(self) -> int | None:
        waits = [self._aside[epoch] for epoch in self._epochs() if epoch in self._aside]
        return max(min(waits), self._now_ms + 1) if waits else None
