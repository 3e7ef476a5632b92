"""What the play-out session remembers across restarts: alerts, what was played, what had begun.

One canonical-encodable value, bounded, written by the shell whenever the session says `Remember`.
"""

from protocols.fields import Fields, check_integer, check_list, check_text, refuse
from protocols.limits import (
    DURATION_MS_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    PLAY_KEY_BYTES_MAX,
    RULE_ITEMS_MAX,
)
from protocols.open_alerts import OPEN, RUNS_MAX, Run

FORMAT = "chieng-playout/1"
# Occurrences remembered as done: four days of a busy station in four kilobytes of flash. What is
# older than one forgotten counts as done.
DONE_MAX = 96
# Interrupted or half-played occurrences to take up again after a restart.
BEGUN_MAX = 16
_STATES = ("open", "finished", "cancelled", "superseded", "expired", "too_old", "withdrawn") + (
    "no_rendition",
)


class PlayMemory:
    """Hold it while the session runs."""

    def __init__(self) -> None:
        # Every occurrence that starts up to here is accounted for: played, skipped or begun.
        self.seen_ms = 0
        # Occurrences up to here count as done without being listed.
        self.floor_ms = 0
        # Key to (start, whether it was played rather than skipped).
        self.done: dict[str, tuple[int, bool]] = {}
        # Key to (start, part, item, position) of what had begun.
        self.begun: dict[str, tuple[int, int, str, int]] = {}
        self.runs: dict[str, Run] = {}

    def is_done(self, key: str, start_ms: int) -> bool:
        """Tell whether an occurrence is over."""
        return key in self.done or start_ms <= self.floor_ms

    def add_done(self, key: str, start_ms: int, was_played: bool) -> None:
        """Note an occurrence as over; beyond `DONE_MAX` the oldest are forgotten."""
        self.done[key] = (start_ms, was_played)
        if key in self.begun:
            self.begun.pop(key)
        while len(self.done) > DONE_MAX:
            oldest = min(self.done, key=lambda name: (self.done[name][0], name))
            self.floor_ms = max(self.floor_ms, self.done.pop(oldest)[0])

    def add_begun(self, key: str, start_ms: int, part: int, item: str, position_ms: int) -> None:
        """Note how far an occurrence has come; beyond `BEGUN_MAX` the oldest are forgotten."""
        self.begun[key] = (start_ms, part, item, position_ms)
        while len(self.begun) > BEGUN_MAX:
            self.begun.pop(min(self.begun, key=lambda name: (self.begun[name][0], name)))

    def step_back(self, wall_ms: int) -> None:
        """Forget what a clock that ran ahead made of the time after `wall_ms`, but no play."""
        self.seen_ms = min(self.seen_ms, wall_ms)
        self.floor_ms = min(self.floor_ms, wall_ms)
        for key in list(self.done):
            start_ms, was_played = self.done[key]
            if start_ms > wall_ms and not was_played:
                self.done.pop(key)

    def export(self, open_ms: int | None) -> dict[str, object]:
        """Return the canonical-encodable value that `read` takes.

        `open_ms` is the start of the first occurrence that is not accounted for yet.
        """
        seen_ms = self.seen_ms if open_ms is None else max(0, min(self.seen_ms, open_ms - 1))
        return {
            "format": FORMAT,
            "seen_ms": seen_ms,
            "floor_ms": self.floor_ms,
            "done": [[key, self.done[key][0], self.done[key][1]] for key in sorted(self.done)],
            "begun": [[key] + list(self.begun[key]) for key in sorted(self.begun)],
            "alerts": [_run_list(key, self.runs[key]) for key in self._runs_to_keep()],
        }

    def _runs_to_keep(self) -> list[str]:
        """Return the keys of the alerts to store, open ones before ended ones."""
        keys = sorted(self.runs, key=lambda key: (self.runs[key].state != OPEN, key))
        return sorted(keys[:RUNS_MAX])


def _run_list(key: str, run: Run) -> list[object]:
    return [key, run.state, run.plays, run.budget_ms, run.expires_s]


def _rows(fields: Fields, field: str, count_max: int, width: int) -> list[tuple[str, list[object]]]:
    """Return (path, row) of a list of rows that begin with a key."""
    found = []
    for index, value in enumerate(fields.entries(field, 0, count_max)):
        path = fields.name(field) + "[" + str(index) + "]"
        row = check_list(value, path, width, width)
        check_text(row[0], path + "[0]", 1, PLAY_KEY_BYTES_MAX)
        found.append((path, row))
    return found


def read(value: object) -> PlayMemory:
    """Return the memory in an exported value; raises `RemoteFault("format.field")`.

    A shell whose stored value is refused starts without one.
    """
    fields = Fields(value, "playout")
    fields.choice("format", (FORMAT,))
    memory = PlayMemory()
    memory.seen_ms = fields.integer("seen_ms", 0, JSON_INTEGER_MAX)
    memory.floor_ms = fields.integer("floor_ms", 0, JSON_INTEGER_MAX)
    for path, row in _rows(fields, "done", DONE_MAX, 3):
        start_ms = check_integer(row[1], path + "[1]", 0, JSON_INTEGER_MAX)
        memory.done[str(row[0])] = (start_ms, row[2] is True)
    for path, row in _rows(fields, "begun", BEGUN_MAX, 5):
        start_ms = check_integer(row[1], path + "[1]", 0, JSON_INTEGER_MAX)
        part = check_integer(row[2], path + "[2]", 0, RULE_ITEMS_MAX)
        item = check_text(row[3], path + "[3]", 0, ID_BYTES_MAX)
        position_ms = check_integer(row[4], path + "[4]", 0, DURATION_MS_MAX)
        memory.begun[str(row[0])] = (start_ms, part, item, position_ms)
    for path, row in _rows(fields, "alerts", RUNS_MAX, 5):
        state = row[1]
        if not isinstance(state, str) or state not in _STATES:
            raise refuse(path + "[1]", "is no state of an alert", "Start without this memory.")
        plays = check_integer(row[2], path + "[2]", 0, JSON_INTEGER_MAX)
        budget_ms = check_integer(row[3], path + "[3]", 0, JSON_INTEGER_MAX)
        expires_s = check_integer(row[4], path + "[4]", 0, JSON_INTEGER_MAX)
        memory.runs[str(row[0])] = Run(state, plays, budget_ms, expires_s)
    return memory
