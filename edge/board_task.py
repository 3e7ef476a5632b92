"""Show on the board what was signed for this moment, and write down what it showed.

Which page stands is decided by `protocols.board_pages`. A picture is decoded row by row from the
blob that was hashed just before; what the device shows is read back where it can tell.
"""

import hashlib

from edge.inbox import Inbox
from edge.supervisor import Task
from edge.sync_task import Parts
from hw import ports
from protocols import alert_merge, board_pages, evidence, png_rows
from protocols.board_pages import Shown
from protocols.clock_trust import UNKNOWN
from protocols.errors import Fault, WorldFault
from protocols.png_rows import Size
from protocols.programme import Programme
from protocols.records import PLAYS

_LOOK_MS = 1_000
# A picture that stands longer than this is shown and read back again: a module may have restarted.
_REFRESH_MS = 60_000


class BoardTask(Task):
    """Keep one board in step with the programme."""

    name = "board"

    def __init__(
        self, parts: Parts, clock: ports.Clock, board: ports.Board, inflate: ports.Inflate
    ):
        self._parts = parts
        self._clock = clock
        self._board = board
        self._inflate = inflate
        self._inbox = Inbox()
        self._live_alerts = False
        self._shown: Shown | None = None
        self._shown_at_ms: int | None = None
        self._shown_ticks = 0
        self._matches = False
        parts.feed.subscribe(self._inbox)

    async def run(self) -> None:
        """Show pages until cancelled; begins dark."""
        await self._board.off()
        self._shown = None
        while True:
            self._drain()
            await self._turn(self._decide())
            await self._inbox.wait(_LOOK_MS)

    async def make_safe(self) -> None:
        """Darken the board: a page that nobody watches over must not stand for days."""
        self._close()
        await self._board.off()

    def showing(self) -> Shown | None:
        """Return what stands on the board, or None for darkness."""
        return self._shown

    def _drain(self) -> None:
        while True:
            event = self._inbox.next()
            if event is None:
                return
            if event.trigger == "alerts":  # type: ignore[attr-defined]
                self._live_alerts = self._live_alerts or event.live  # type: ignore[attr-defined]

    def _decide(self) -> Shown | None:
        manifests = self._parts.manifests
        place = self._parts.config.place
        programme = Programme(place, manifests.bundles(), manifests.settings)
        instant = self._parts.time.now()
        standing = []
        if instant.source != UNKNOWN or self._live_alerts:
            standing = alert_merge.standing(manifests.alerts(), place)
        return board_pages.show(programme, standing, instant.wall_ms, self._clock.ticks_ms())

    async def _turn(self, wanted: Shown | None) -> None:
        if _same(wanted, self._shown):
            age_ms = self._clock.ticks_ms() - self._shown_ticks
            if wanted is None or age_ms < _REFRESH_MS:
                return
        if wanted is None:
            self._close()
            await self._board.off()
            return
        try:
            rows = await self._rows(wanted)
            await self._board.show(rows)
            self._matches = await self._board.read_back() == _digest(rows)
            if not self._matches:
                self._parts.faults.note("board", _mismatch(wanted))
        except Fault as fault:
            self._parts.faults.note("board", fault)
            return
        if self._matches:
            self._parts.faults.clear("board")
        self._shown_ticks = self._clock.ticks_ms()
        if not _same(wanted, self._shown):
            self._close()
            self._shown = wanted
            self._shown_at_ms = self._parts.time.wall_ms()

    async def _rows(self, wanted: Shown) -> list[bytes]:
        size = Size(self._board.width_px, self._board.height_px, self._board.channels)
        reader = await self._parts.blobs.open_blob(wanted.rendition.sha256)
        try:
            return png_rows.read_rows(reader, self._inflate, size)
        finally:
            reader.close()

    def _close(self) -> None:
        """Write down the page that stood until now."""
        shown = self._shown
        self._shown = None
        if shown is None:
            return
        self._parts.book.write(
            PLAYS,
            "show",
            {
                "item": shown.page.id,
                "title": shown.page.title,
                "class": shown.page.legal_class,
                "unit": shown.unit,
                "rendition_sha256": shown.rendition.sha256,
                "started_ms": self._shown_at_ms,
                "ended_ms": self._parts.time.wall_ms(),
                "outcome": "complete",
                "evidence": {"grade": evidence.COIL if self._matches else evidence.ACCEPTED},
            },
        )


def _digest(rows: list[bytes]) -> bytes:
    sha = hashlib.sha256()
    for row in rows:
        sha.update(row)
    return bytes(sha.digest())


def _mismatch(wanted: Shown) -> WorldFault:
    text = "the board does not show " + wanted.page.id
    return WorldFault("board.read_back", text, "Look at the board and its cable.")


def _same(one: Shown | None, other: Shown | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.unit, one.page.id, one.rendition.sha256) == (
        other.unit,
        other.page.id,
        other.rendition.sha256,
    )
