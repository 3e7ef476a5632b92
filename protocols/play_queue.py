"""The occurrences that wait: which goes first, which came too late, which were recalled."""

from protocols.play_job import RANK_PRIORITY, Job, part_of
from protocols.relays import OFF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.bundle import Bundle
    from protocols.items import Item
    from protocols.programme import Due, Programme
    from protocols.rules import Rule

# More than this many starts waiting at once is no programme; what would start last is given up.
QUEUE_MAX = 64


def job_of(due: "Due", programme: "Programme") -> Job:
    """Return the job of an occurrence."""
    occurrence, bundle = due.occurrence, due.bundle
    parts = []
    for item in programme.items(bundle, occurrence.rule):
        found, lack = programme.sounding(bundle.unit, item, due.start_ms)
        parts.append(part_of(found, programme.place.profiles, lack))
    job = Job(
        due.key,
        bundle.unit,
        bundle.version,
        occurrence.id,
        due.start_ms,
        due.start_ms + due.late_ms,
        parts,
    )
    job.late_ms = due.late_ms
    return job


class PlayQueue:
    """Keep waiting jobs in no order; the order is decided when one may go."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def keys(self) -> set[str]:
        """Return the keys of what waits."""
        return {job.key for job in self.jobs}

    def add(self, job: Job, programme: "Programme") -> Job | None:
        """Let a job wait; returns the one given up when there are too many."""
        self.jobs.append(job)
        if len(self.jobs) <= QUEUE_MAX:
            return None
        last = self.jobs[0]
        for other in self.jobs:
            if _order(other, programme) > _order(last, programme):
                last = other
        self.jobs.remove(last)
        return last

    def best(self, programme: "Programme", now_ms: int) -> Job | None:
        """Return the job that goes first now, still in the queue, or None.

        By class; then what was begun; among priority items the commune's tie-break order; then the
        scheduled time, the nearer unit and the key.
        """
        first = None
        for job in self.jobs:
            if job.retry_ticks <= now_ms:
                if first is None or _order(job, programme) < _order(first, programme):
                    first = job
        return first

    def take_late(self, wall_ms: int, now_ms: int, rank: int) -> list[Job]:
        """Remove and return what can no longer start; nothing that goes before `rank` is late.

        (What outranks the item on air interrupts it at its limit instead.)
        """
        late = []
        for job in self.jobs:
            if is_late(job, wall_ms, now_ms) and job.rank() >= rank:
                late.append(job)
        for job in late:
            self.jobs.remove(job)
        return late

    def impatient(self, wall_ms: int, now_ms: int, rank: int) -> Job | None:
        """Return a job above `rank` that reached its limit waiting for what is on air."""
        for job in self.jobs:
            if job.rank() < rank and is_late(job, wall_ms, now_ms) and job.retry_ticks <= now_ms:
                return job
        return None

    def drop_ahead(self, wall_ms: int) -> None:
        """Forget what turns out to start after `wall_ms`, once the clock was set back."""
        self.jobs = [job for job in self.jobs if job.begun or (job.scheduled_ms or 0) <= wall_ms]

    def take_recalled(self, programme: "Programme") -> list[Job]:
        """Take over a new programme; remove and return the jobs that are no longer in it."""
        gone = [job for job in self.jobs if not refresh(job, programme)]
        for job in gone:
            self.jobs.remove(job)
        return gone


def is_late(job: Job, wall_ms: int, now_ms: int) -> bool:
    """Tell whether a job may no longer start, or once begun no longer go on."""
    if job.limit_ticks is not None:
        return now_ms > job.limit_ticks
    return job.limit_ms is not None and wall_ms > job.limit_ms


def refresh(job: Job, programme: "Programme") -> bool:
    """Take a job's items from a new programme; False when it is no longer in it.

    One that has begun goes on as long as its unit still lists its items and wants their source; one
    that has not needs its rule as well.
    """
    bundle = programme.bundle_of(job.unit)
    if bundle is None:
        return False
    if not job.begun and not _has_rule(bundle.rules, job.occurrence):
        return False
    parts = []
    for part in job.parts:
        source = _find(programme, bundle, part.item, job.is_fallback)
        if source is None:
            return False
        source, lack = programme.sounding(job.unit, source, job.scheduled_ms or 0)
        if lack == OFF:
            return False
        if source.relay is not None and job.begun:
            # What sounds stays what it is, though a newer recording came.
            parts.append(part)
        else:
            parts.append(part_of(source, programme.place.profiles, lack))
    job.parts = parts
    job.version = bundle.version
    return True


def _find(programme: "Programme", bundle: "Bundle", name: str, is_fallback: bool) -> "Item | None":
    if is_fallback:
        for spare in programme.fallback():
            if spare.item.id == name:
                found: Item = spare.item
                return found
        return None
    item: Item | None = bundle.items.get(name)
    return item


def _has_rule(rules: "tuple[Rule, ...]", occurrence: str) -> bool:
    name = occurrence[: occurrence.index("/")]
    for rule in rules:
        if rule.id == name:
            return True
    return False


def _order(job: Job, programme: "Programme") -> tuple[int, int, int, int, int, str]:
    rank = job.rank()
    tie = programme.policy.tie_rank(job.unit) if rank == RANK_PRIORITY else 0
    begun = 0 if job.begun else 1
    return rank, begun, tie, job.scheduled_ms or 0, programme.rank(job.unit), job.key
