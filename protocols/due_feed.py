"""Hand out each occurrence once, when it is due, and say which were missed while nobody looked.

An occurrence is expanded from its rule a little ahead (`HORIZON_MS`), again after every change of
programme or clock. The memory knows what is done, so no step of the clock plays anything twice.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.play_memory import PlayMemory
    from protocols.programme import Due, Programme

# Occurrences are expanded this far ahead, and again at half of it: the list stays small.
HORIZON_MS = 2 * 3600 * 1000
# After a power cut, what was missed is looked up and recorded this far back.
LOOK_BACK_MS = 48 * 3600 * 1000


class DueFeed:
    """Watch a programme against the wall clock."""

    def __init__(self, memory: "PlayMemory", has_past: bool):
        self._memory = memory
        self._has_past = has_past
        self._upcoming: list[Due] = []
        self._rebuild_ms: int | None = None

    def reset(self) -> None:
        """Expand anew at the next `take`: programme or clock changed."""
        self._rebuild_ms = None

    def take(
        self, programme: "Programme", wall_ms: int, lead_ms: int, known: set[str]
    ) -> "tuple[list[Due], list[Due]]":
        """Return (what starts within `lead_ms`, what can no longer start); `known` are the keys of
        what waits or plays already."""
        missed: list[Due] = []
        if not self._has_past:
            self._has_past = True
            self._memory.seen_ms = wall_ms
        if self._rebuild_ms is None or wall_ms >= self._rebuild_ms:
            missed = self._expand(programme, wall_ms, known)
        due = []
        while self._upcoming and self._upcoming[0].start_ms <= wall_ms + lead_ms:
            due.append(self._upcoming.pop(0))
        self._memory.seen_ms = max(self._memory.seen_ms, wall_ms)
        return due, missed

    def _expand(self, programme: "Programme", wall_ms: int, known: set[str]) -> "list[Due]":
        from_ms = wall_ms - programme.late_ms_max()
        seen_ms = self._memory.seen_ms
        if seen_ms < wall_ms:
            from_ms = min(from_ms, max(seen_ms + 1, wall_ms - LOOK_BACK_MS))
        self._upcoming = []
        missed = []
        for due in programme.due(from_ms, wall_ms + HORIZON_MS):
            if due.key in known or self._memory.is_done(due.key, due.start_ms):
                continue
            if wall_ms <= due.start_ms + due.late_ms:
                self._upcoming.append(due)
            elif due.start_ms > seen_ms:
                missed.append(due)
        self._rebuild_ms = wall_ms + HORIZON_MS // 2
        return missed

    def next_ms(self, lead_ms: int) -> int | None:
        """Return the wall time of the next start less the lead, or of the next expansion."""
        if self._rebuild_ms is None:
            return None
        if not self._upcoming:
            return self._rebuild_ms
        return min(int(self._upcoming[0].start_ms) - lead_ms, self._rebuild_ms)
