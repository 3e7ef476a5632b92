"""Which page a board shows now: emergencies alone and full screen, else a rotation, else darkness.

The rotation hangs on the wall clock, so boards with the same pages turn them together.
"""

from collections import namedtuple

from protocols import media
from protocols.items import EMERGENCY, class_rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.alert_merge import Standing
    from protocols.items import Page
    from protocols.programme import Programme

Shown = namedtuple("Shown", ("page", "rendition", "unit", "until_ms"))
"""The page to show, its file for this board, whose it is, and the time (of the clock that was
given) until which it stays."""

# Look again at least this often: validity, quiet hours and alerts change between two turns.
_LOOK_MS_MAX = 60000


def candidates(
    programme: "Programme", standing: "list[Standing]", wall_ms: int | None
) -> "list[tuple[str, Page]]":
    """Return (unit, page) of all pages that may be shown now, in the order of their turns.

    With an open emergency only emergency pages; otherwise, outside quiet hours and with a known
    time, the valid pages of the bundles: priority before normal, nearer units first, and within a
    manifest as they stand there.
    """
    urgent = _urgent(programme, standing, wall_ms)
    if urgent or wall_ms is None or programme.is_quiet("normal", wall_ms):
        return urgent
    found: list[tuple[tuple[int, int, int], str, Page]] = []
    for bundle in programme.bundles:
        if bundle.is_valid_at(wall_ms):
            for page in programme.pages(bundle.pages):
                if page.from_s * 1000 <= wall_ms < page.until_s * 1000:
                    # Sorting is not stable everywhere, and `b.10` is less than `b.2`.
                    place = (class_rank(page.legal_class), programme.rank(bundle.unit), len(found))
                    found.append((place, bundle.unit, page))
    found.sort(key=lambda entry: entry[0])
    return [entry[1:] for entry in found if _can_show(programme, entry[2])]


def _urgent(
    programme: "Programme", standing: "list[Standing]", wall_ms: int | None
) -> "list[tuple[str, Page]]":
    """Return the pages of the alerts that stand; at an unknown time their dates are not asked."""
    if programme.is_quiet(EMERGENCY, wall_ms):
        return []
    found: list[tuple[tuple[int, str, int], str, Page]] = []
    for entry in standing:
        if wall_ms is not None and wall_ms >= entry.alert.expires_s * 1000:
            continue
        for page in programme.pages(entry.alert.pages):
            if wall_ms is None or wall_ms < page.until_s * 1000:
                found.append(((page.from_s, entry.unit, len(found)), entry.unit, page))
    found.sort(key=lambda entry: entry[0])
    return [entry[1:] for entry in found if _can_show(programme, entry[2])]


def _can_show(programme: "Programme", page: "Page") -> bool:
    place = programme.place
    if not page.targets.reach(place):
        return False
    return len(media.ladder(page.renditions, place.profiles)) > 0


def show(
    programme: "Programme", standing: "list[Standing]", wall_ms: int | None, now_ms: int
) -> Shown | None:
    """Return what a board shows now, or None for darkness.

    `standing` comes from `alert_merge.standing`; with an unknown time (`wall_ms` None) the caller
    passes only alerts it received live, and the turns follow the ticks `now_ms`.
    """
    pages = candidates(programme, standing, wall_ms)
    if not pages:
        return None
    clock_ms = now_ms if wall_ms is None else wall_ms
    cycle_ms = 0
    for _, page in pages:
        cycle_ms += page.dwell_s * 1000
    phase_ms = clock_ms % cycle_ms
    for unit, page in pages:
        phase_ms -= page.dwell_s * 1000
        if phase_ms < 0:
            rendition = media.ladder(page.renditions, programme.place.profiles)[0]
            left_ms = min(-phase_ms, _LOOK_MS_MAX)
            return Shown(page, rendition, unit, _until(page, wall_ms, clock_ms + left_ms))
    return None


def _until(page: "Page", wall_ms: int | None, until_ms: int) -> int:
    """Return the end of a page's turn, not beyond its own validity."""
    return until_ms if wall_ms is None else min(until_ms, int(page.until_s) * 1000)


def next_look_ms(programme: "Programme", wall_ms: int) -> int:
    """Return the wall time at which a dark board looks again (an edge or a new page)."""
    soonest = min(wall_ms + _LOOK_MS_MAX, programme.next_edge_ms(wall_ms))
    for bundle in programme.bundles:
        for page in bundle.pages:
            from_ms = page.from_s * 1000
            if wall_ms < from_ms < soonest:
                soonest = from_ms
    return soonest
