"""What the page of all bulletins asks: which, by words, state, topic, unit, class and time.

The whole question stands in the page's address. The last changed stand first, and one page is found
by the last row of the page before it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hub import bulletins, fleet, folding, timing, topics, words
from hub.store import Above, Holds, Row, Store, UpTo
from protocols.limits import SERVICE_NAME_BYTES_MAX

PAGE = 50
# What was published and is over is a state here.
OVER = "over"
STATES = (*words.STATES, OVER)
WORDS_MAX = 8
TOPIC_MAX = 200
_AFTER = re.compile(r"([0-9]{1,12})\.(b[0-9a-f]{12})")


class Asked(NamedTuple):
    """Hold a question: `text` as typed; `state` one of `STATES`, `legal_class` one of
    `bulletins.CLASSES`, `topic` a code, `unit` an id, `first` and `last` days (ISO) on which it was
    last changed, or each empty; `after` the order columns of the last row seen.
    """

    text: str = ""
    state: str = ""
    topic: str = ""
    unit: str = ""
    legal_class: str = ""
    first: str = ""
    last: str = ""
    after: tuple[int, str] | None = None

    def query(self, **changes: Any) -> str:
        """Return the address's query of this question, changed; always from the first page."""
        now = self._replace(after=None, **changes)
        pairs = {"q": now.text, "state": now.state, "topic": now.topic, "unit": now.unit}
        pairs.update({"class": now.legal_class, "from": now.first, "to": now.last})
        return urlencode({name: value for name, value in pairs.items() if value})

    def next_query(self, row: Row) -> str:
        """Return the query of the page that follows a row."""
        after = urlencode({"after": f"{row['changed_s']}.{row['bulletin']}"})
        return "&".join(filter(None, (self.query(), after)))


class Clock(NamedTuple):
    """Hold the time (Unix seconds) and how far the province's clock is ahead of it."""

    now_s: int
    offset_min: int


def read(query: Mapping[str, str]) -> Asked:
    """Return the question in an address; what is not understood is left out."""
    state, legal_class = query.get("state", ""), query.get("class", "")
    unit, topic = query.get("unit", ""), query.get("topic", "")[:TOPIC_MAX]
    text = query.get("q", "")[:SERVICE_NAME_BYTES_MAX]
    after = _AFTER.fullmatch(query.get("after", ""))
    return Asked(
        " ".join("".join(one if one.isprintable() else " " for one in text).split()),
        state if state in STATES else "",
        topic if topic.isprintable() else "",
        unit if fleet.UNIT_PATTERN.fullmatch(unit) else "",
        legal_class if legal_class in bulletins.CLASSES else "",
        timing.iso_day(query.get("from", "")),
        timing.iso_day(query.get("to", "")),
        (int(after[1]), after[2]) if after else None,
    )


def page(
    store: Store, asked: Asked, clock: Clock, units: dict[str, Row], seen: Collection[str] | None
) -> dict[str, Any]:
    """Return one page of bulletins, and what there is to choose from."""
    rows = found(store, asked, clock, units, seen)
    shown, names = rows[:PAGE], topics.names(store)
    return {
        "asked": asked,
        "bulletins": [
            {
                **bulletins.current(store, row["bulletin"]),
                "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
            }
            for row in shown
        ],
        "following": asked.next_query(shown[-1]) if len(rows) > PAGE else "",
        "units": fleet.choices(units, seen),
        "topics": names,
        "states": STATES,
    }


def found(
    store: Store, asked: Asked, clock: Clock, units: dict[str, Row], seen: Collection[str] | None
) -> list[Row]:
    """Return the bulletins of one page, and one more where another page follows."""
    where: Row = fleet.within(fleet.under(units, asked.unit, seen))
    if asked.state == OVER:
        where.update(state=bulletins.PUBLISHED, until_s=UpTo(clock.now_s))
    elif asked.state:
        where["state"] = asked.state
        if asked.state == bulletins.PUBLISHED:
            where["until_s"] = Above(clock.now_s)
    if asked.topic:
        where["bulletin_versions.topic"] = asked.topic
    if asked.legal_class:
        where["bulletin_versions.class"] = asked.legal_class
    wanted = folding.words(asked.text)[:WORDS_MAX]
    if wanted:
        where["bulletin_versions.search"] = Holds(tuple(wanted))
    if asked.first:
        where["changed_s"] = Above(timing.midnight_s(asked.first, clock.offset_min) - 1)
    after = asked.after
    if asked.last:
        # The list runs backwards, so a last day is where it begins.
        end = (timing.midnight_s(asked.last, clock.offset_min, 1), "")
        after = min(after, end) if after else end
    return store.find(
        "bulletins",
        where,
        order=["changed_s"],
        descending=True,
        after=after,
        limit=PAGE + 1,
        join="bulletin_versions",
    )
