"""Programme rules: which items play at which local times, on which days, for whom."""

from collections import namedtuple

from protocols.dates import DAY_MAX, format_date, format_time, parse_date, parse_time
from protocols.fields import Fields, check_integer, refuse
from protocols.limits import (
    ID_BYTES_MAX,
    LATE_S_MAX,
    LATE_S_MIN,
    RULE_DATES_MAX,
    RULE_DURATION_MS_MAX,
    RULE_ITEMS_MAX,
    RULE_TIMES_MAX,
)
from protocols.targets import read_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.items import Item

_ALL_WEEK = (1, 2, 3, 4, 5, 6, 7)


class Rule(
    namedtuple(
        "Rule",
        (
            "id",
            "items",
            "times_s",
            "weekdays",
            "from_day",
            "until_day",
            "dates",
            "exceptions",
            "targets",
            "late_max_s",
            "duration_ms",
        ),
    )
):
    """Say when items play: every condition given must hold.

    `times_s` are seconds of the local day, days are day numbers (`protocols.dates`), `dates`
    restricts to explicit days (lunar feasts) when not empty, `late_max_s` of 0 takes the policy's
    default, `duration_ms` is all items one after another.
    """

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {
            "id": self.id,
            "items": list(self.items),
            "times": [format_time(second) for second in self.times_s],
            "weekdays": list(self.weekdays),
            "from": format_date(self.from_day),
            "until": format_date(self.until_day),
        }
        if self.dates:
            value["dates"] = [format_date(day) for day in self.dates]
        if self.exceptions:
            value["except"] = [format_date(day) for day in self.exceptions]
        targets = self.targets.to_dict()
        if targets:
            value["targets"] = targets
        if self.late_max_s:
            value["late_max_s"] = self.late_max_s
        return value


def check_date(value: object, path: str) -> int:
    """Return the day number of a date text; raises `RemoteFault("format.field")`."""
    day = parse_date(value) if isinstance(value, str) else None
    if day is None:
        raise refuse(path, "is no date", "Write YYYY-MM-DD, a day of 1970 to 2100.")
    return day


def check_time(value: object, path: str) -> int:
    """Return the second of the day of a time text; raises `RemoteFault("format.field")`."""
    second = parse_time(value) if isinstance(value, str) else None
    if second is None:
        raise refuse(path, "is no time of day", "Write HH:MM, or HH:MM:SS with seconds.")
    return second


def take_date(fields: Fields, field: str, absent: int) -> int:
    """Return the day number in a field."""
    if not fields.has(field):
        return absent
    return check_date(fields.value(field), fields.name(field))


def _numbers(fields: Fields, field: str, count_max: int, check: "object") -> tuple[int, ...]:
    """Return a list's values by `check(value, path)`, sorted; none may stand twice."""
    found: set[int] = set()
    for index, value in enumerate(fields.entries(field, 0, count_max, True)):
        path = fields.name(field) + "[" + str(index) + "]"
        number = check(value, path)  # type: ignore[operator]
        if number in found:
            raise refuse(path, "stands twice", "Name every entry once.")
        found.add(number)
    return tuple(sorted(found))


def _check_weekday(value: object, path: str) -> int:
    return check_integer(value, path, 1, 7)


def _items_duration(fields: Fields, names: tuple[str, ...], items: "dict[str, Item]") -> int:
    """Return the duration of a rule's items together, after checking that they exist."""
    total = 0
    for index, name in enumerate(names):
        if name not in items:
            path = fields.name("items") + "[" + str(index) + "]"
            raise refuse(path, "names no item of this bundle", "Add the item or drop the name.")
        total += items[name].duration_ms()
    if total > RULE_DURATION_MS_MAX:
        raise refuse(fields.name("items"), "plays longer than a day", "Make two rules of it.")
    return total


def _item_names(fields: Fields) -> tuple[str, ...]:
    """Return the item ids of a rule; the same one may stand twice (a jingle before and after)."""
    names = []
    for index, value in enumerate(fields.entries("items", 1, RULE_ITEMS_MAX)):
        if not isinstance(value, str):
            path = fields.name("items") + "[" + str(index) + "]"
            raise refuse(path, "is not an id", "Write the id of an item.")
        names.append(value)
    return tuple(names)


def read_rule(fields: Fields, items: "dict[str, Item]") -> Rule:
    """Return one rule of a bundle whose items are `items` by id."""
    times_s = _numbers(fields, "times", RULE_TIMES_MAX, check_time)
    if not times_s:
        raise refuse(fields.name("times"), "is empty or missing", "Name a time such as 05:30.")
    from_day = take_date(fields, "from", 0)
    until_day = take_date(fields, "until", DAY_MAX)
    if until_day < from_day:
        raise refuse(fields.name("until"), "is before from", "Let until be from or later.")
    names = _item_names(fields)
    return Rule(
        fields.id("id", ID_BYTES_MAX),
        names,
        times_s,
        _numbers(fields, "weekdays", 7, _check_weekday) or _ALL_WEEK,
        from_day,
        until_day,
        _numbers(fields, "dates", RULE_DATES_MAX, check_date),
        _numbers(fields, "except", RULE_DATES_MAX, check_date),
        read_targets(fields),
        fields.integer("late_max_s", LATE_S_MIN, LATE_S_MAX, 0),
        _items_duration(fields, names, items),
    )
