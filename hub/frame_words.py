"""What pages say about the frame of a programme, ready for translation: by kind, then by name."""

from datetime import date
from typing import Any

from hub import lunar
from hub.translations import N_, Translations

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))

TEXTS = {
    "view": {
        "day": N_("a day"),
        "week": N_("a week"),
        "fortnight": N_("two weeks"),
        "month": N_("a month"),
        "places": N_("a day by hamlets"),
    },
    "slot": {
        "own": N_("own programme"),
        "relay": N_("relay of a broadcaster"),
        "province": N_("matter of the province"),
        "campaign": N_("campaign"),
    },
    "order": {
        "first": N_("before other normal bulletins"),
        "usual": N_("among other normal bulletins"),
        "after": N_("after other normal bulletins"),
    },
    "stage": {
        "planned": N_("Published, still to come"),
        "running": N_("Published, in its days"),
        "over": N_("Broadcast, over"),
    },
    "source": {"feed": N_("podcast"), "stream": N_("stream")},
    "again": {
        "nothing": N_("nothing"),
        "last": N_("the last one again"),
    },
    "state": {
        "waiting": N_("waits for a signature"),
        "approved": N_("signed, being published"),
        "in_force": N_("in force"),
        "replaced": N_("replaced by a later change"),
        "withdrawn": N_("withdrawn"),
    },
    "change": {
        "slot": N_("Slot"),
        "mourning": N_("Days of mourning"),
        "move": N_("Another time"),
    },
}
CHIPS = {"waiting": "warn", "approved": "warn", "in_force": "good"}
_LUNAR = {"1": N_("first of the month"), "15": N_("full moon (15th)")}


def text(kind: str, name: str) -> str:
    """Return what something of a kind is called, in English."""
    return TEXTS[kind].get(name, name)


class FrameWords:
    """Say what belongs to a programme's frame in one language."""

    def __init__(self, translations: Translations):
        self._ = translations.get

    def day(self, text: str) -> str:
        """Return an ISO day as `24/11/2026`."""
        return "/".join(reversed(text.split("-")))

    def days(self, found: list[str]) -> str:
        """Return some ISO days."""
        return ", ".join(self.day(one) for one in found)

    def frame(self, kind: str, name: str) -> str:
        """Return what something of a programme's frame is called."""
        return self._(text(kind, name))

    def frame_chip(self, state: str) -> str:
        """Return the colour of a change's state."""
        return CHIPS.get(state, "")

    def change(self, row: dict[str, Any]) -> str:
        """Return what a change of the frame is about, in a few words."""
        what = self._(text("change", row["kind"]))
        if row["body"] is None:
            return self._("%(what)s: end", what=what)
        return f"{what}: {row['body'].get('name', '')}"

    def weekdays(self, days: list[int]) -> str:
        """Return weekdays by number (1 is Monday)."""
        return ", ".join(self._(WEEKDAYS[day - 1]) for day in days)

    def span(self, first: str, last: str) -> str:
        """Return from which day to which; an empty last one is none."""
        if not last:
            return self._("from %(day)s on", day=self.day(first))
        return self._("%(first)s to %(last)s", first=self.day(first), last=self.day(last))

    def lunar(self, day: str) -> str:
        """Return an ISO day's lunar name: `15/8`."""
        found = lunar.of(date.fromisoformat(day))
        leap = " " + self._("leap") if found.is_leap else ""
        return self._("lunar %(day)s", day=f"{found.day}/{found.month}{leap}")

    def lunar_short(self, day: str) -> str:
        """Return an ISO day's lunar day, with the month on its first."""
        found = lunar.of(date.fromisoformat(day))
        return f"{found.day}/{found.month}" if found.day == 1 else str(found.day)

    def lunar_days(self, tokens: list[str]) -> str:
        """Return lunar days as they are named; days around Tết in a row as from and to."""
        tet = [int(one[3:]) for one in tokens if one.startswith("tet")]
        found = [
            self._(_LUNAR.get(one, one)) if one in _LUNAR else one
            for one in tokens
            if not one.startswith("tet")
        ]
        if tet:
            found.append(
                self._("Tết %(first)s to %(last)s", first=f"{min(tet):+}", last=f"{max(tet):+}")
            )
        return ", ".join(found)
