"""The stage of the play-out session: what is on air, what waits, and how a play begins and ends.

`protocols.playout` decides on top of it.
"""

from protocols.due_feed import DueFeed
from protocols.errors import LocalFault
from protocols.items import EMERGENCY
from protocols.on_air import OnAir
from protocols.open_alerts import OpenAlerts
from protocols.play_job import part_of
from protocols.play_memory import PlayMemory, read
from protocols.play_queue import PlayQueue, job_of
from protocols.play_values import Stop
from protocols.programme import Programme
from protocols.wall_clock import WallClock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.open_alerts import OpenAlert
    from protocols.play_job import Job
    from protocols.play_values import Cut
    from protocols.programme import Due
    from protocols.targets import Place

IDLE = "idle"
STARTING = "starting"
PLAYING = "playing"
STOPPING = "stopping"
CLOSED = "closed"

# A device that failed is tried again after this time, then at twice the pause up to a minute.
DEVICE_RETRY_MS = 10000
DEVICE_RETRY_MS_MAX = 60000
# An item that never starts, or runs longer than it is, is stopped after this time.
OVERRUN_MS = 30000
# A Stop that nobody answers is repeated at this pace.
STOP_RETRY_MS = 10000
# Fades: what an alert or the end of the session cuts must not wait; the rest ends gently.
FADE_SHORT_MS = 10
FADE_MS = 2000


class Stage:
    """Hold the session's state and carry out its decisions."""

    def __init__(
        self,
        place: "Place",
        memory: object = None,
        lead_ms: int = 3000,
        cut: "Cut | None" = None,
    ):
        """Begin idle with an unknown clock; `memory` is the value of the last `Remember`, `cut`
        what was on air at the end of a session that died.

        `lead_ms` is how long before its time a `Play` is given out (relay, warm-up, pre-roll).
        Raises `RemoteFault("format.field")` when `memory` is broken: begin without it then.
        """
        self.state = IDLE
        self.clock = WallClock()
        self.programme = Programme(place)
        self.queue = PlayQueue()
        self._memory = PlayMemory() if memory is None else read(memory)
        self._feed = DueFeed(self._memory, memory is not None)
        self.alerts = OpenAlerts(self._memory.runs)
        self.on_air: OnAir | None = None
        self._lead_ms = lead_ms
        self._plays = 0
        self._out: list[object] = []
        self._changed = False
        self._halting = False
        self._held = False
        self._now_ms = 0
        self._deadline_ms: int | None = None
        self._cut_key = ""
        if cut is not None:
            self._take_cut(cut)

    def _take_cut(self, cut: "Cut") -> None:
        """Go on with what was cut, and let no skip be recorded of it."""
        if cut.is_alert:
            self.alerts.cut_key = cut.key
        elif not self._memory.is_done(cut.key, cut.start_ms):
            self._cut_key = cut.key
            self._memory.add_begun(cut.key, cut.start_ms, cut.part, cut.item, cut.position_ms)
            self._changed = True

    def _job_of(self, due: "Due") -> "Job":
        """Return the job of an occurrence, at the place where an earlier session left it."""
        job = job_of(due, self.programme)
        if job.key in self._memory.begun:
            job.take_up(self._memory.begun[job.key])
        if job.key == self._cut_key:
            self._cut_key = ""
            job.was_cut = True
        return job

    def _air(self) -> OnAir:
        if self.on_air is None:
            raise LocalFault("playout.state", "nothing is on air", "Report this as a bug.")
        return self.on_air

    def _stop(self, on_air: OnAir, why: str, fade_ms: int) -> None:
        on_air.why = why
        on_air.stop_ticks = self._now_ms + STOP_RETRY_MS
        self.state = STOPPING
        self._out.append(Stop(on_air.number, fade_ms))

    def _close(self, outcome: str, reason: str, position_ms: int) -> OnAir:
        """Record the play that is over; the session is idle again."""
        on_air = self._air()
        wall_ms = self.clock.wall_ms(self._now_ms)
        self._out.append(on_air.record(outcome, reason, position_ms, wall_ms))
        self.on_air = None
        self.state = IDLE
        self._changed = True
        return on_air

    def _take_back(self, on_air: OnAir) -> None:
        """Let a job that was on air go on, wait, or end."""
        job, why = on_air.job, on_air.why
        if on_air.alert is not None:
            if job.is_over() and self.alerts.has(on_air.alert):
                self._out.extend(self.alerts.played(on_air.alert, self._now_ms))
        elif why in ("quiet", "recalled"):
            self._give_up(job, why)
        elif job.is_over() and not self._may_fall_back(job):
            self._finish(job)
        elif why == "clock" and not job.begun:
            # It comes again when its time does.
            self._feed.reset()
        else:
            job.begun = True
            item = "" if job.is_over() else job.part().item
            start_ms = job.scheduled_ms or 0
            self._memory.add_begun(job.key, start_ms, job.index, item, job.position_ms)
            if job.limit_ticks is None or job.retry_ticks <= self._now_ms:
                job.limit_ticks = self._now_ms + job.late_ms
            self._wait(job)
        if self._halting:
            self.state = CLOSED

    def _wait(self, job: "Job") -> None:
        crowded = self.queue.add(job, self.programme)
        if crowded is not None:
            self._give_up(crowded, "crowded")

    def _finish(self, job: "Job") -> None:
        """End an occurrence whose parts are through."""
        if job.failed and not job.heard and not job.was_told:
            self._out.append(job.skipped("failed"))
        self._memory.add_done(job.key, job.scheduled_ms or 0, True)
        self._changed = True

    def _give_up(self, job: "Job", reason: str) -> None:
        """End an occurrence early; what of it was not begun is recorded as skipped."""
        if job.position_ms > 0 or job.was_cut:
            job.part_done()
        if not job.is_over():
            self._out.append(job.skipped(reason))
        self._memory.add_done(job.key, job.scheduled_ms or 0, job.heard or reason != "late")
        self._changed = True

    def _unaccounted_ms(self) -> int | None:
        """Return the start of the first occurrence that waits or plays and was never recorded."""
        jobs = list(self.queue.jobs)
        if self.on_air is not None and self.on_air.alert is None:
            jobs.append(self.on_air.job)
        first = None
        for job in jobs:
            if job.key not in self._memory.begun and job.scheduled_ms is not None:
                first = job.scheduled_ms if first is None else min(first, job.scheduled_ms)
        return first

    def _may_fall_back(self, job: "Job") -> bool:
        if job.heard or not job.failed or job.is_fallback:
            return False
        return len(self.programme.fallback()) > 0

    # Beginning a play.

    def _start_alert(self, entry: "OpenAlert", wall_ms: int | None) -> None:
        """Put an alert on air, or put it off when nothing of it can be played."""
        if entry.job is None:
            entry.job = self.alerts.job_of(entry, self.programme)
        job = entry.job
        if job.step() is None:
            is_intro = job.index < len(job.parts) - 1
            trouble = "drill_intro" if is_intro else "failed"
            self.alerts.blocked(entry, trouble, self._now_ms)
        else:
            volume_percent = self.programme.volume_percent(EMERGENCY, wall_ms)
            self._play(job, entry, None, volume_percent)

    def _start_job(self, job: "Job", wall_ms: int) -> None:
        """Put the next part of an occurrence on air that may and can be played, or end it."""
        scheduled_ms = max(wall_ms, job.scheduled_ms or 0)
        if scheduled_ms > wall_ms + self._lead_ms:
            # Begun, then the clock was set back.
            scheduled_ms = wall_ms
        while True:
            if job.is_over():
                if not self._may_fall_back(job):
                    self._finish(job)
                    return
                profiles = self.programme.place.profiles
                spares = self.programme.fallback()
                job.fall_back([part_of(spare.item, profiles) for spare in spares])
            part = job.part()
            if self._is_quiet(part.legal_class, scheduled_ms):
                self._give_up(job, "quiet")
                return
            if self.programme.mourns(scheduled_ms) and not part.solemn:
                self._out.append(job.skipped("mourning"))
                job.part_done()
            elif not part.steps:
                self._out.append(job.skipped(part.lack))
                job.failed = job.was_told = True
                job.part_done()
            elif job.step() is None:
                job.part_done()
            else:
                at_ms = scheduled_ms if scheduled_ms > wall_ms else None
                volume_percent = self.programme.volume_percent(part.legal_class, scheduled_ms)
                self._play(job, None, at_ms, volume_percent)
                return

    def _play(self, job: "Job", entry: "OpenAlert | None", at_ms: int | None, volume: int) -> None:
        self._plays += 1
        start_ticks = self._now_ms if at_ms is None else self.clock.ticks_ms(at_ms)
        job.was_cut = False
        on_air = OnAir(self._plays, job, entry, at_ms, volume, start_ticks + OVERRUN_MS)
        self.on_air = on_air
        self.state = STARTING
        self._out.append(on_air.command())

    def _is_quiet(self, legal_class: str, wall_ms: int) -> bool:
        """Tell whether a class must be silent now or before a fade could end."""
        return self.programme.is_quiet(legal_class, wall_ms) or self.programme.is_quiet(
            legal_class, wall_ms + FADE_MS
        )
