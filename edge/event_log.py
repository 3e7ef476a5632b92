"""The node's event log: the last lines of what happened, for a technician who asks from afar.

Records say what is wrong; the log says how often and in which order. It lives in memory, is kept at
most every six hours and at every good end, and leaves the node only when asked, as signed records.
"""

from edge import state_file
from hw import ports
from protocols import canonical
from protocols.errors import Fault
from protocols.fields import has_control
from protocols.limits import LOG_LINE_BYTES_MAX, LOG_LINES_MAX, LOG_RECORD_LINES_MAX

_NAME = "state/log"
_BYTES_MAX = LOG_LINES_MAX * (2 * LOG_LINE_BYTES_MAX + 40)
# Flash is spared: 18 KB four times a day.
KEEP_MS = 6 * 3_600_000


class EventLog:
    """Keep the newest lines; `stamp()` is put before each."""

    def __init__(self, storage: ports.Storage, clock: ports.Clock):
        self._storage = storage
        self._clock = clock
        # [when the last was, how often, text]
        self._lines: list[list[object]] = []
        self._is_new = False
        self._kept_ms = clock.ticks_ms()
        try:
            data = state_file.read(storage, _NAME, _BYTES_MAX)
            value = None if data is None else canonical.decode(data, _BYTES_MAX)
            for line in value if isinstance(value, list) else []:
                self._lines.append([line[0], line[1], line[2]])
        except (Fault, IndexError, TypeError):
            # A damaged log is no log; its loss hurts nobody.
            self._lines = []

    def add(self, text: str) -> None:
        """Add a line; the same as the last one is counted, not repeated."""
        clean = _plain(text)
        wall_ms = self._clock.wall_ms()
        self._is_new = True
        if self._lines and self._lines[-1][2] == clean:
            last = self._lines[-1]
            self._lines[-1] = [wall_ms, int(last[1]) + 1, clean]  # type: ignore[call-overload]
            return
        self._lines.append([wall_ms, 1, clean])
        if len(self._lines) > LOG_LINES_MAX:
            self._lines.pop(0)

    def parts(self) -> "list[list[list[object]]]":
        """Return the lines, oldest first, in parts that fit one record each."""
        lines = list(self._lines)
        starts = range(0, len(lines), LOG_RECORD_LINES_MAX)
        return [lines[start : start + LOG_RECORD_LINES_MAX] for start in starts]

    def keep(self, now: bool = False) -> None:
        """Store the lines, when it is time or `now`; a disk that refuses costs only the log."""
        if not self._is_new or not (now or self._clock.ticks_ms() - self._kept_ms >= KEEP_MS):
            return
        self._kept_ms = self._clock.ticks_ms()
        self._is_new = False
        try:
            state_file.write(self._storage, _NAME, canonical.encode(self._lines))
        except Fault:
            return


def _plain(text: str) -> str:
    """Return a text on one line, cut between letters."""
    if len(text.encode()) <= LOG_LINE_BYTES_MAX and not has_control(text):
        return text
    kept = []
    size = 0
    for letter in text:
        size += len(letter.encode())
        if size > LOG_LINE_BYTES_MAX:
            break
        kept.append(" " if has_control(letter) else letter)
    return "".join(kept)
