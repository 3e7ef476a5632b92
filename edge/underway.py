"""Keep on disk what is being heard, so that a play which power or a crash cuts is recorded, too.

How it works. Beside the records of plays stands a memo (`edge/journal_store.py`): the play's
record as far as it is known, from its first sample on, and how far it has come, once a minute. The
play's own record makes it obsolete. One that still holds at a start is of a play that was cut: it
becomes that play's record, with the outcome `cut`. Its end and position are what was surely
reached, its evidence what was seen by then.
"""

from edge.book import Book
from hw import ports
from protocols import canonical, evidence
from protocols.fields import Fields
from protocols.limits import (
    DURATION_MS_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    PLAY_KEY_BYTES_MAX,
    RECORD_BYTES_MAX,
    RULE_ITEMS_MAX,
)
from protocols.on_air import CUT
from protocols.play_values import Cut, Played, Skipped
from protocols.records import PLAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.on_air import OnAir

# By then the amplifier has been looked at with sound on the line.
_FIRST_MS = 10_000
# A memo costs a flash card one block.
_PACE_MS = 60_000

_NAMES = (
    ("item", "item"),
    ("title", "title"),
    ("legal_class", "class"),
    ("drill", "drill"),
    ("unit", "unit"),
    ("version", "bundle_version"),
    ("sha256", "rendition_sha256"),
    ("occurrence", "occurrence"),
    ("scheduled_ms", "scheduled_ms"),
    ("started_ms", "started_ms"),
    ("ended_ms", "ended_ms"),
    ("from_ms", "from_ms"),
    ("until_ms", "until_ms"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("resumed", "resumed"),
    ("volume_percent", "volume_percent"),
)


def play_body(fact: Played, observed: "dict[str, int]") -> "dict[str, object]":
    """Return the body of a play record."""
    body: dict[str, object] = {name: getattr(fact, field) for field, name in _NAMES}
    body["evidence"] = evidence.record_fields(observed)
    return body


def skip_body(fact: Skipped) -> "dict[str, object]":
    """Return the body of a record of what did not play."""
    return {name: getattr(fact, field) for field, name in _NAMES if hasattr(fact, field)}


class Underway:
    """Follow what one play-out has on air."""

    def __init__(self, book: Book, clock: ports.Clock):
        self._book = book
        self._clock = clock
        # Numbers of plays begin at 1.
        self._number = 0
        self._started_ticks = 0
        self._due_ticks = 0
        self._grade = 0

    def wait_ms(self, on_air: "OnAir | None") -> int | None:
        """Return how long until `follow` has something to do; None while nothing sounds."""
        if on_air is None or on_air.number != self._number:
            return None
        return max(0, self._due_ticks - self._clock.ticks_ms())

    def follow(self, on_air: "OnAir | None", observed: "dict[str, int]") -> None:
        """Keep the memo up to date; `observed` is the strongest observation of the play."""
        if on_air is None or not on_air.has_started:
            return
        now_ticks = self._clock.ticks_ms()
        is_new = on_air.number != self._number
        if not is_new and now_ticks < self._due_ticks:
            return
        if is_new:
            self._number, self._started_ticks = on_air.number, now_ticks
        self._due_ticks = now_ticks + (_FIRST_MS if is_new else _PACE_MS)
        position_ms = on_air.position(on_air.from_ms + now_ticks - self._started_ticks)
        grade = evidence.grade(observed)
        data = b""
        if is_new or grade > self._grade:
            self._grade = grade
            fact = on_air.record(CUT, "reset", on_air.from_ms, on_air.started_ms)
            job, body = on_air.job, play_body(fact, observed)
            value = {"key": job.key, "part": job.index, "alert": job.is_alert, "play": body}
            data = canonical.encode(value)
        self._book.write_memo(PLAYS, position_ms, data)

    def take_cut(self) -> Cut | None:
        """Write the record of what was cut, and return how far it came; None when nothing was.

        Raises `Fault` when the memo is of another make.
        """
        # The session that asks is a new one: it numbers its plays from 1 again.
        self._number = 0
        position_ms, data = self._book.memo(PLAYS)
        if not data:
            return None
        fields = Fields(canonical.decode(data, RECORD_BYTES_MAX), "memo")
        play = fields.nested("play")
        from_ms = play.integer("from_ms", 0, DURATION_MS_MAX)
        cut = Cut(
            fields.text("key", 1, PLAY_KEY_BYTES_MAX),
            play.integer("scheduled_ms", 0, JSON_INTEGER_MAX),
            fields.integer("part", 0, RULE_ITEMS_MAX),
            play.text("item", 1, ID_BYTES_MAX),
            max(from_ms, min(position_ms, DURATION_MS_MAX)),
            fields.flag("alert"),
        )
        body = fields.value("play")
        body["until_ms"] = cut.position_ms  # type: ignore[index]
        if play.value("started_ms") is not None:
            started_ms = play.integer("started_ms", 0, JSON_INTEGER_MAX)
            body["ended_ms"] = started_ms + cut.position_ms - from_ms  # type: ignore[index]
        self._book.write(PLAYS, "play", body)  # type: ignore[arg-type]
        return cut
