"""Open faults: what is wrong now, recorded when it begins, when it changes, and when it ends."""

from edge.book import Book
from edge.event_log import EventLog
from edge.supervisor import Reporter
from protocols.errors import Fault
from protocols.fields import has_control
from protocols.limits import FAULT_TEXT_BYTES_MAX, FAULTS_OPEN_MAX
from protocols.records import HEALTH


def _plain(text: str) -> str:
    """Return a text as a record takes it: no control characters, no half letter at its end."""
    kept = []
    size = 0
    for letter in text:
        if has_control(letter):
            letter = " "
        size += len(letter.encode())
        if size > FAULT_TEXT_BYTES_MAX:
            break
        kept.append(letter)
    return "".join(kept)


class Faults(Reporter):
    """Keep at most one fault per place; a place is a dotted word such as `sync.refresh`."""

    def __init__(self, book: Book, log: EventLog | None = None):
        """With a `log`, every note goes there, also what is no news to the book."""
        self._book = book
        self._log = log
        self._open: dict[str, str] = {}

    def open_faults(self) -> "list[list[str]]":
        """Return [place, code] of what is wrong now, by place."""
        return [[place, self._open[place]] for place in sorted(self._open)]

    def note(self, place: str, error: Exception) -> None:
        """Note a fault at a place; the same code again is not recorded again."""
        code, remedy = "agent." + type(error).__name__, "send the log to the maker"
        message = str(error)
        if isinstance(error, Fault):
            code, message, remedy = error.code, error.message, error.remedy
        if self._log is not None:
            self._log.add(place + " " + code + ": " + message)
        if self._open.get(place) == code:
            return
        if place not in self._open and len(self._open) >= FAULTS_OPEN_MAX:
            return
        self._open[place] = code
        body: dict[str, object] = {
            "place": place,
            "code": code,
            "message": _plain(message),
            "remedy": _plain(remedy),
            "state": "raised",
        }
        self._book.write(HEALTH, "fault", body)

    def clear(self, place: str) -> None:
        """Note that a place works again; nothing when it did."""
        code = self._open.pop(place, None)
        if code is not None:
            ended: dict[str, object] = {"place": place, "code": code, "state": "cleared"}
            self._book.write(HEALTH, "fault", ended)

    def keep_only(self, prefix: str, places: "list[str]") -> None:
        """Forget faults of places that start so and are no longer anybody's concern."""
        for place in sorted(self._open):
            if place.startswith(prefix) and place not in places:
                self.clear(place)

    def task_failed(self, name: str, error: Exception) -> None:
        """Note an exception that left a task."""
        self.note("task." + name, error)

    def task_well(self, name: str) -> None:
        """Note that a task that had failed has run well since."""
        self.clear("task." + name)
