"""A unit's policy: quiet hours, volume ceilings, mourning, tie-break; and what it allows when.

Quiet hours are a promise to residents: a normal or priority item neither starts nor goes on in
them. Settings narrow a policy (`protocols.settings`), except for emergencies: the online key that
signs settings must not be able to silence a storm warning.
"""

from collections import namedtuple

from protocols.dates import format_date, format_time, in_band
from protocols.fields import Fields, check_integer, check_list, refuse
from protocols.items import EMERGENCY
from protocols.limits import (
    ANCESTORS_MAX,
    BANDS_MAX,
    ID_BYTES_MAX,
    LANGUAGE_BYTES_MAX,
    LANGUAGES_MAX,
    LATE_S_MAX,
    LATE_S_MIN,
    MOURNING_MAX,
    ORDERS_MAX,
    SOURCES_MAX,
    TARGET_NAMES_MAX,
)
from protocols.rules import check_date, check_time

# A bulletin heard half an hour late is still that morning's bulletin.
LATE_S_DEFAULT = 1800
# Frequencies a listed FM input may name (kHz): the broadcast bands in use, 65 to 108 MHz.
_KHZ_MIN = 65000
_KHZ_MAX = 108000

Input = namedtuple("Input", ("input", "khz", "windows"))
"""A line input that may be opened in its windows (local seconds); `khz` is 0 without a tuner."""


Asked = namedtuple("Asked", ("languages", "hamlets"))
"""Languages in the order in which these hamlets ask for them; without hamlets, the whole unit."""


class Policy(
    namedtuple(
        "Policy",
        (
            "quiet",
            "ceilings",
            "emergency_ceiling_percent",
            "emergency_in_quiet",
            "tie_break",
            "mourning",
            "drill_intro",
            "late_max_s",
            "relays",
            "inputs",
            "brightness",
            "languages",
            "added_quiet",
            "volume_percent",
        ),
    )
):
    """Hold what a unit decided; the last two fields come from settings and never from a bundle.

    `quiet` bands, `ceilings` and `brightness` of boards (start, end, percent) are local seconds,
    ends not included; `emergency_ceiling_percent` of None leaves emergencies under the ceilings;
    `tie_break` lists unit ids in the order in which their priority items go; `mourning` pairs of
    day numbers.
    """

    def is_quiet(self, legal_class: str, second: int) -> bool:
        """Tell whether an item of a class must be silent at a second of the local day."""
        if legal_class == EMERGENCY:
            return not self.emergency_in_quiet and _in_any(self.quiet, second)
        return _in_any(self.quiet, second) or _in_any(self.added_quiet, second)

    def may_be_quiet(self, legal_class: str) -> bool:
        """Tell whether it could be quiet now for a class, when the hour is unknown."""
        if legal_class == EMERGENCY:
            return not self.emergency_in_quiet and len(self.quiet) > 0
        return len(self.quiet) + len(self.added_quiet) > 0

    def volume(self, legal_class: str, second: int | None) -> int:
        """Return the volume in percent for a class at a second of the local day.

        An unknown hour (None) takes the lowest ceiling of all. The lowest of overlapping bands
        holds; outside all bands there is no ceiling.
        """
        if legal_class == EMERGENCY and self.emergency_ceiling_percent is not None:
            return int(self.emergency_ceiling_percent)
        lowest = 100 if legal_class == EMERGENCY else self.volume_percent
        for start, end, percent in self.ceilings:
            if second is None or in_band(second, start, end):
                lowest = min(lowest, percent)
        return int(lowest)

    def brightness_percent(self, second: int | None) -> int:
        """Return how bright a board is at a second of the local day.

        The lowest of overlapping bands holds, outside all 100; an unknown hour takes the lowest.
        """
        lowest = 100
        for start, end, percent in self.brightness:
            if second is None or in_band(second, start, end):
                lowest = min(lowest, percent)
        return int(lowest)

    def seconds_to_change(self, second: int) -> int:
        """Return the seconds until the next edge of any band, at most a day."""
        nearest = 86400
        for band in self.quiet + self.added_quiet + self.ceilings:
            for edge in band[:2]:
                ahead = (edge - second) % 86400
                if ahead:
                    nearest = min(nearest, ahead)
        return int(nearest)

    def mourns(self, day: int) -> bool:
        """Tell whether a local day is one of mourning."""
        for first, last in self.mourning:
            if first <= day <= last:
                return True
        return False

    def tie_rank(self, unit: str) -> int:
        """Return the place of a unit in the tie-break order; unlisted units share the last."""
        return self.tie_break.index(unit) if unit in self.tie_break else len(self.tie_break)

    def narrowed(self, volume_percent: int, quiet: tuple[tuple[int, int], ...]) -> "Policy":
        """Return this policy with a lower ceiling and more quiet hours, emergencies excepted."""
        return Policy(
            self.quiet,
            self.ceilings,
            self.emergency_ceiling_percent,
            self.emergency_in_quiet,
            self.tie_break,
            self.mourning,
            self.drill_intro,
            self.late_max_s,
            self.relays,
            self.inputs,
            self.brightness,
            self.languages,
            self.added_quiet + quiet,
            min(self.volume_percent, volume_percent),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {
            "quiet": [[format_time(start), format_time(end)] for start, end in self.quiet],
            "ceilings": [
                [format_time(start), format_time(end), percent]
                for start, end, percent in self.ceilings
            ],
            "emergency_in_quiet": self.emergency_in_quiet,
            "tie_break": list(self.tie_break),
            "mourning": [[format_date(first), format_date(last)] for first, last in self.mourning],
            "late_max_s": self.late_max_s,
            "relays": list(self.relays),
            "inputs": [_input_dict(entry) for entry in self.inputs],
        }
        if self.emergency_ceiling_percent is not None:
            value["emergency_ceiling_percent"] = self.emergency_ceiling_percent
        if self.brightness:
            value["brightness"] = [
                [format_time(start), format_time(end), percent]
                for start, end, percent in self.brightness
            ]
        if self.languages:
            value["languages"] = [
                {"languages": list(asked.languages), "hamlets": list(asked.hamlets)}
                for asked in self.languages
            ]
        if self.drill_intro:
            value["drill_intro"] = self.drill_intro
        return value


def _input_dict(entry: Input) -> dict[str, object]:
    windows = [[format_time(start), format_time(end)] for start, end in entry.windows]
    value: dict[str, object] = {"input": entry.input, "windows": windows}
    if entry.khz:
        value["khz"] = entry.khz
    return value


def _in_any(bands: tuple[tuple[int, int], ...], second: int) -> bool:
    for start, end in bands:
        if in_band(second, start, end):
            return True
    return False


def read_bands(fields: Fields, field: str) -> tuple[tuple[int, int], ...]:
    """Return a list of [start, end) local times as seconds of the day."""
    found = []
    for index, value in enumerate(fields.entries(field, 0, BANDS_MAX, True)):
        path = fields.name(field) + "[" + str(index) + "]"
        pair = check_list(value, path, 2, 2)
        found.append((check_time(pair[0], path + "[0]"), check_time(pair[1], path + "[1]")))
    return tuple(found)


def _read_levels(fields: Fields, field: str) -> tuple[tuple[int, int, int], ...]:
    found = []
    for index, value in enumerate(fields.entries(field, 0, BANDS_MAX, True)):
        path = fields.name(field) + "[" + str(index) + "]"
        band = check_list(value, path, 3, 3)
        start, end = check_time(band[0], path + "[0]"), check_time(band[1], path + "[1]")
        found.append((start, end, check_integer(band[2], path + "[2]", 0, 100)))
    return tuple(found)


def _read_mourning(fields: Fields) -> tuple[tuple[int, int], ...]:
    found = []
    for index, value in enumerate(fields.entries("mourning", 0, MOURNING_MAX, True)):
        path = fields.name("mourning") + "[" + str(index) + "]"
        pair = check_list(value, path, 2, 2)
        first, last = check_date(pair[0], path + "[0]"), check_date(pair[1], path + "[1]")
        if last < first:
            raise refuse(path, "ends before it begins", "Write the first day, then the last.")
        found.append((first, last))
    return tuple(found)


def _read_inputs(fields: Fields) -> tuple[Input, ...]:
    found = []
    for entry in fields.objects("inputs", SOURCES_MAX):
        khz = entry.integer("khz", _KHZ_MIN, _KHZ_MAX, 0)
        found.append(Input(entry.id("input", ID_BYTES_MAX), khz, read_bands(entry, "windows")))
    return tuple(found)


def _read_languages(fields: Fields) -> tuple[Asked, ...]:
    found = []
    for entry in fields.objects("languages", ORDERS_MAX):
        languages = entry.ids("languages", LANGUAGES_MAX, LANGUAGE_BYTES_MAX)
        hamlets = entry.ids("hamlets", TARGET_NAMES_MAX, ID_BYTES_MAX)
        found.append(Asked(languages, hamlets))
    return tuple(found)


def read_policy(fields: Fields) -> Policy:
    """Return the policy of a bundle."""
    ceiling = None
    if fields.has("emergency_ceiling_percent"):
        ceiling = fields.integer("emergency_ceiling_percent", 0, 100)
    return Policy(
        read_bands(fields, "quiet"),
        _read_levels(fields, "ceilings"),
        ceiling,
        fields.flag("emergency_in_quiet", True),
        fields.ids("tie_break", ANCESTORS_MAX + 1, ID_BYTES_MAX),
        _read_mourning(fields),
        fields.id("drill_intro", ID_BYTES_MAX, ""),
        fields.integer("late_max_s", LATE_S_MIN, LATE_S_MAX, LATE_S_DEFAULT),
        fields.ids("relays", SOURCES_MAX, ID_BYTES_MAX),
        _read_inputs(fields),
        _read_levels(fields, "brightness"),
        _read_languages(fields),
        (),
        100,
    )


# What holds before the first bundle arrives: nights are quiet, alerts are heard.
DEFAULT = Policy(
    ((21 * 3600, 5 * 3600),), (), None, True, (), (), "", LATE_S_DEFAULT, (), (), (), (), (), 100
)
