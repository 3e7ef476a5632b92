"""What a board will show in a window: its own rules (`protocols.board_pages`), from edge to edge.

Between two edges (a page or an alert begins or ends, quiet hours, midnight) the rotation stays the
same, so asking once in each stretch tells all of it.
"""

import bisect
from typing import NamedTuple

from protocols import alert_merge, board_pages
from protocols.alert import Alerts
from protocols.bundle import Bundle
from protocols.errors import LocalFault
from protocols.limits import PREVIEW_STEPS_MAX
from protocols.programme import Programme
from protocols.settings import Settings
from protocols.targets import Place


class Stretch(NamedTuple):
    """Hold how long the pages of one item stand in the rotation without a break, within a day."""

    from_ms: int
    until_ms: int
    item: str
    title: str
    legal_class: str
    unit: str


def what_will_show(
    place: Place,
    bundles: tuple[Bundle, ...],
    manifests: tuple[Alerts, ...],
    settings: Settings | None,
    from_ms: int,
    until_ms: int,
) -> list[Stretch]:
    """Return what stands on a board in [from_ms, until_ms), by its beginning and in turn.

    Bundles and manifests stand nearest first. Raises `LocalFault("preview.long")`.
    """
    session = Programme(place, bundles, settings)
    edges = _edges(bundles, manifests)
    found: list[Stretch] = []
    running: dict[tuple[str, str], int] = {}
    now_ms = from_ms
    for _ in range(PREVIEW_STEPS_MAX):
        if now_ms >= until_ms:
            return sorted(found, key=lambda one: one.from_ms)
        next_ms = min([session.next_edge_ms(now_ms), until_ms, *_after(edges, now_ms)])
        before = {} if session.local(now_ms)[1] == 0 else running
        running = {}
        for one in _rotation(session, manifests, now_ms, next_ms):
            key = (one.unit, one.item)
            if key in before:
                found[before[key]] = found[before[key]]._replace(until_ms=next_ms)
            else:
                found.append(one)
            running[key] = before.get(key, len(found) - 1)
        now_ms = next_ms
    raise LocalFault("preview.long", "too much happens in the window", "Ask for fewer days.")


def _rotation(
    session: Programme, manifests: tuple[Alerts, ...], now_ms: int, next_ms: int
) -> list[Stretch]:
    """Return what is in the rotation from now on, one of each item, in the order of their turns."""
    sent = [
        one._replace(alerts=tuple(a for a in one.alerts if a.sent_s * 1000 <= now_ms))
        for one in manifests
    ]
    standing = alert_merge.standing(sent, session.place)
    found: dict[tuple[str, str], Stretch] = {}
    for unit, page in board_pages.candidates(session, standing, now_ms):
        item = page.id.rpartition(".")[0] or page.id
        one = Stretch(now_ms, next_ms, item, page.title, page.legal_class, unit)
        found.setdefault((unit, item), one)
    return list(found.values())


def _edges(bundles: tuple[Bundle, ...], manifests: tuple[Alerts, ...]) -> list[int]:
    """Return the seconds, as milliseconds, at which something begins or ends, in order."""
    found: set[int] = set()
    for bundle in bundles:
        found |= {bundle.valid_from_s, bundle.valid_until_s}
        found |= {moment for page in bundle.pages for moment in (page.from_s, page.until_s)}
    for manifest in manifests:
        for alert in manifest.alerts:
            found |= {alert.sent_s, alert.expires_s}
            found |= {moment for page in alert.pages for moment in (page.from_s, page.until_s)}
    return sorted(moment * 1000 for moment in found)


def _after(edges: list[int], now_ms: int) -> list[int]:
    return edges[bisect.bisect_right(edges, now_ms) :][:1]
