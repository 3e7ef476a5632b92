"""One `Play` from its command to its record."""

from protocols.errors import LocalFault
from protocols.items import EMERGENCY
from protocols.play_values import Play, Played

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.open_alerts import OpenAlert
    from protocols.play_job import Job

INTERRUPTED = "interrupted"
COMPLETE = "complete"
FAILED = "failed"
# The end was not seen: power, a crash.
CUT = "cut"


class OnAir:
    """Hold what one `Play` was given and came to."""

    def __init__(
        self,
        number: int,
        job: "Job",
        alert: "OpenAlert | None",
        at_ms: int | None,
        volume_percent: int,
        stuck_ticks: int,
    ):
        step = job.step()
        if step is None:
            raise LocalFault("playout.step", "nothing is left to play", "Ask the job first.")
        self.number = number
        self.job = job
        self.alert = alert
        self.part = job.part()
        self.step = step
        self.legal_class = EMERGENCY if job.is_alert else self.part.legal_class
        self.version = job.version
        self.at_ms = at_ms
        self.from_ms = min(job.position_ms, int(step.duration_ms))
        self.resumed = job.resumes
        self.first_volume_percent = volume_percent
        self.volume_percent = volume_percent
        self.has_started = False
        self.started_ms: int | None = None
        # When to stop it as stuck: it never started, or runs longer than it is.
        self.stuck_ticks = stuck_ticks
        self.recalled = False
        self.stepped = False
        # Why a Stop was sent, and when to repeat it.
        self.why = ""
        self.stop_ticks = 0

    def left_ms(self) -> int:
        """Return how much of the item is still to be heard at its start."""
        return int(self.step.duration_ms - self.from_ms)

    def position(self, position_ms: int) -> int:
        """Return a reported position within the item, and where it began when nothing sounded."""
        if not self.has_started:
            return self.from_ms
        return max(self.from_ms, min(position_ms, int(self.step.duration_ms)))

    def command(self) -> Play:
        """Return the command that puts it on air."""
        return Play(
            self.number,
            self.step.sha256,
            self.step.media_type,
            self.step.duration_ms,
            self.from_ms,
            self.at_ms,
            self.volume_percent,
            self.legal_class,
            self.job.drill,
            self.part.item,
            self.part.title,
        )

    def record(self, outcome: str, reason: str, position_ms: int, wall_ms: int | None) -> Played:
        """Return the fact of what was heard."""
        if outcome == COMPLETE and self.job.is_fallback:
            reason = "fallback"
        return Played(
            self.number,
            self.part.item,
            self.part.title,
            self.legal_class,
            self.job.drill,
            self.job.unit,
            self.version,
            self.step.sha256,
            self.job.occurrence,
            self.job.scheduled_ms,
            self.started_ms,
            wall_ms,
            self.from_ms,
            self.position(position_ms),
            outcome,
            reason,
            self.resumed,
            self.first_volume_percent,
        )
