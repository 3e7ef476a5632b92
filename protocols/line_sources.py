"""Which line input may sound now: a relay of another station in its window, or the microphone.

A line input is analogue: nobody signed its sound, so it is off by default. A *window* stands in an
approver-signed bundle and names the input and, for a tuner, its frequency. The *key* of the
emergency microphone (in a locked cabinet) opens it for a bounded time; it holds the programme back,
never a signed alert. What is not allowed now is disconnected.
"""

from collections import namedtuple

from protocols.dates import in_band

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.programme import Programme

WINDOW = "window"
KEY = "key"

Wanted = namedtuple("Wanted", ("source", "reason", "hold"))
"""The input to connect (or ""), why, and whether the programme must make room."""

NOTHING = Wanted("", "", False)


def open_windows(
    programme: "Programme", khz_by_source: dict[str, int], wall_ms: int | None
) -> list[str]:
    """Return the inputs of this node that the own unit's bundle allows now.

    `khz_by_source` says what each is tuned to (0: no tuner); another frequency than the bundle's is
    not allowed. Never at an unknown time, in quiet hours, on days of mourning, or by a bundle that
    is not valid now.
    """
    bundle = programme.bundle_of(programme.place.unit)
    if wall_ms is None or bundle is None or not bundle.is_valid_at(wall_ms):
        return []
    if programme.is_quiet("normal", wall_ms) or programme.mourns(wall_ms):
        return []
    second = programme.local(wall_ms)[1]
    found = []
    for entry in bundle.policy.inputs:
        if khz_by_source.get(entry.input) != entry.khz:
            continue
        for start, end in entry.windows:
            if in_band(second, start, end) and entry.input not in found:
                found.append(entry.input)
    return found


class LineSources:
    """Decide from key, alerts, programme and windows; `key_source` "" means there is no key."""

    def __init__(self, key_source: str, key_ms_max: int):
        self._key_source = key_source
        self._key_ms_max = key_ms_max
        self._pressed_ms: int | None = None

    def look(self, now_ms: int, key: int, on_air: str, windows: list[str]) -> Wanted:
        """Return what is wanted at a tick.

        `key` is 1 while it is held; `on_air` is "alert", "item" or "" for silence.
        """
        if key != 1 or not self._key_source:
            self._pressed_ms = None
        elif self._pressed_ms is None:
            self._pressed_ms = now_ms
        pressed_ms = self._pressed_ms
        # A key that jams (or is forgotten) must be let go before it counts again.
        if pressed_ms is not None and now_ms - pressed_ms < self._key_ms_max:
            return Wanted("" if on_air else self._key_source, KEY, True)
        if not on_air and windows:
            return Wanted(windows[0], WINDOW, False)
        return NOTHING
