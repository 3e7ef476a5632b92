"""One thing on its way to the air: its parts in order, and how far each has come.

The ladder when a file is missing or broken: the part's next rendition, then the next part, then
(when nothing of the job was heard) the fallback.
"""

from collections import namedtuple

from protocols import media
from protocols.items import PRIORITY
from protocols.play_values import Skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.items import Item
    from protocols.media import Rendition

# Ranks are the legal classes with drills between: a real emergency goes before a drill.
RANK_EMERGENCY = 0
RANK_DRILL = 1
RANK_PRIORITY = 2
RANK_NORMAL = 3

Part = namedtuple("Part", ("item", "title", "legal_class", "solemn", "steps", "lack"))
"""One item of a job with the renditions this node can use, best first; `lack` says why none is
there."""


def part_of(item: "Item", profiles: tuple[str, ...], lack: str = "") -> Part:
    """Return the part that plays an item."""
    steps = media.ladder(item.renditions, profiles)
    lack = lack or "no_rendition"
    return Part(item.id, item.title, item.legal_class, item.solemn, steps, lack)


class Job:
    """Hold an occurrence, or one run of an alert, while it waits, plays or is interrupted."""

    def __init__(
        self,
        key: str,
        unit: str,
        version: int,
        occurrence: str,
        scheduled_ms: int | None,
        limit_ms: int | None,
        parts: list[Part],
    ):
        self.key = key
        self.unit = unit
        self.version = version
        self.occurrence = occurrence
        self.scheduled_ms = scheduled_ms
        # Wall time until which it may still start; a begun one has its limit in ticks instead.
        self.limit_ms = limit_ms
        self.limit_ticks: int | None = None
        self.late_ms = 0
        self.retry_ticks = 0
        self.retry_ms = 0
        self.parts = parts
        self.lead = parts[0]
        self.index = 0
        self.rung = 0
        self.position_ms = 0
        self.begun = False
        self.resumes = False
        self.heard = False
        self.failed = False
        # Why nothing of it could be played is recorded already.
        self.was_told = False
        # The part that comes next was on air when an earlier session died, and recorded.
        self.was_cut = False
        self.is_fallback = False
        self.drill = False
        self.is_alert = False

    def is_over(self) -> bool:
        """Tell whether no part is left."""
        return self.index >= len(self.parts)

    def part(self) -> Part:
        """Return the part that comes next."""
        found: Part = self.parts[self.index]
        return found

    def step(self) -> "Rendition | None":
        """Return the rendition to try next, or None when the part has no more."""
        steps = self.part().steps
        return steps[self.rung] if self.rung < len(steps) else None

    def rank(self) -> int:
        """Return how high the next part goes (`RANK_…`, lower goes first)."""
        if self.is_alert:
            return RANK_DRILL if self.drill else RANK_EMERGENCY
        part = self.parts[min(self.index, len(self.parts) - 1)]
        return RANK_PRIORITY if part.legal_class == PRIORITY else RANK_NORMAL

    def part_done(self) -> None:
        """Go on to the next part; a fallback ends with the first one heard."""
        self.index = len(self.parts) if self.is_fallback and self.heard else self.index + 1
        self.rung = 0
        self.position_ms = 0
        self.resumes = False
        self.was_cut = False

    def step_failed(self, position_ms: int) -> None:
        """Go on to the next rendition of the part, at the position reached."""
        self.rung += 1
        self.keep_position(position_ms)

    def keep_position(self, position_ms: int) -> None:
        """Resume the part at a position when it comes next."""
        self.position_ms = position_ms
        self.resumes = position_ms > 0
        if position_ms > 0:
            self.heard = True

    def fall_back(self, parts: list[Part]) -> None:
        """Play the fallback in place of what could not be played."""
        self.parts = parts
        self.is_fallback = True
        self.index = 0
        self.rung = 0
        self.position_ms = 0
        self.resumes = False

    def take_up(self, begun: tuple[int, int, str, int]) -> None:
        """Go on after a restart at a remembered part, and its position if it is the same item."""
        _, index, item, position_ms = begun
        if index < len(self.parts):
            self.begun = True
            self.heard = True
            self.index = index
            self.keep_position(position_ms if self.part().item == item else 0)

    def be_patient(self, wall_ms: int, now_ms: int, span_ms: int) -> None:
        """Extend the limit while what is on air makes room."""
        if self.limit_ticks is not None:
            self.limit_ticks = now_ms + span_ms
        else:
            self.limit_ms = wall_ms + span_ms

    def skipped(self, reason: str) -> Skipped:
        """Return the fact that the next part, or when none is left the whole, did not play."""
        part = self.lead if self.is_over() else self.part()
        return Skipped(
            part.item,
            part.title,
            part.legal_class,
            self.drill,
            self.unit,
            self.version,
            self.occurrence,
            self.scheduled_ms,
            reason,
        )
