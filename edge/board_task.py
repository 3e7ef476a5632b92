"""Show on the board what was signed for this moment, and write down what it showed.

Which page stands is decided by `protocols.board_pages`. A picture is decoded row by row from the
blob that was hashed just before; what the device shows is read back where it can tell.
"""

import binascii
import hashlib

from edge.content import Parts, standing_manifests
from edge.inbox import Inbox
from edge.screen import Screen
from edge.supervisor import Task
from hw import ports
from protocols import alert_merge, board_pages, evidence, png_rows
from protocols.alert_merge import Standing
from protocols.board_pages import Shown
from protocols.clock_trust import UNKNOWN
from protocols.errors import Fault, WorldFault
from protocols.items import Page
from protocols.png_rows import Size
from protocols.programme import Programme
from protocols.records import PLAYS

_LOOK_MS = 1_000
# A picture that stands longer than this is shown and read back again: a module may have restarted.
_REFRESH_MS = 60_000
# Turns of one page are told together: when the page leaves the rotation, or after an hour.
_TELL_MS = 3_600_000
# A page that cannot be shown (its picture is missing, the board is dead) is tried again at this
# pace, or when a picture arrives.
_RETRY_MS = 10_000


class _Exposure:
    """How long one page stood on the board, over all its turns."""

    def __init__(self, shown: Shown, started_ms: int | None, ticks_ms: int):
        self.shown = shown
        self.started_ms = started_ms
        self.first_ticks = ticks_ms
        self.ended_ms = started_ms
        self.shown_ms = 0
        self.turns = 0
        self.matches = True
        self.seen: bytes | None = None

    def add(
        self, duration_ms: int, ended_ms: int | None, matches: bool, seen: "bytes | None"
    ) -> None:
        """Count one turn; `seen` is the hash of the rows that the device told last."""
        self.shown_ms += duration_ms
        self.ended_ms = ended_ms
        self.turns += 1
        self.matches = self.matches and matches
        self.seen = seen

    def body(self) -> "dict[str, object]":
        """Return the record's body; the grade says whether the device confirmed every turn."""
        page = self.shown.page
        found: dict[str, object] = {"grade": evidence.COIL if self.matches else evidence.ACCEPTED}
        if self.seen is not None:
            found["shown_sha256"] = str(binascii.hexlify(self.seen), "ascii")
        return {
            "item": page.id,
            "title": page.title,
            "class": page.legal_class,
            "unit": self.shown.unit,
            "rendition_sha256": self.shown.rendition.sha256,
            "started_ms": self.started_ms,
            "ended_ms": self.ended_ms,
            "shown_ms": self.shown_ms,
            "turns": self.turns,
            "outcome": "complete",
            "evidence": found,
        }


class BoardTask(Task):
    """Keep one board in step with the programme."""

    name = "board"
    is_vital = True

    def __init__(
        self, parts: Parts, clock: ports.Clock, board: ports.Board, inflate: ports.Inflate
    ):
        self._parts = parts
        self._clock = clock
        self._board = board
        self._screen = Screen(board, clock)
        self._inflate = inflate
        self._inbox = Inbox()
        self._live_alerts = False
        self._shown: Shown | None = None
        self._turn_ticks = 0
        self._shown_ticks = 0
        self._exposures: dict[str, _Exposure] = {}
        self._matches = False
        self._seen: bytes | None = None
        self._is_dark = False
        self._failed = ""
        self._retry_ticks = 0
        parts.feed.subscribe(self._inbox)

    async def run(self) -> None:
        """Show pages until cancelled; begins dark."""
        await self._darken()
        while True:
            self._drain()
            programme, standing, wall_ms = self._situation()
            now_ms = self._clock.ticks_ms()
            rotation = board_pages.candidates(programme, standing, wall_ms)
            if not await self._turn(board_pages.show(programme, standing, wall_ms, now_ms)):
                await self._drop_stale(rotation)
            self._tell(rotation)
            await self._set_brightness(programme, wall_ms)
            await self._pass()

    async def _pass(self) -> None:
        """Let time pass until the next look; what moves goes on moving."""
        if self._shown is None or not self._screen.is_moving():
            await self.rest(self._inbox, self._clock, _LOOK_MS)
            return
        self.due_ms = self._clock.ticks_ms() + _LOOK_MS
        try:
            await self._screen.move(self._clock.ticks_ms() + _LOOK_MS, self._inbox)
        except Fault as fault:
            self._retry_ticks = self._clock.ticks_ms() + _RETRY_MS
            self._failed = self._shown.rendition.sha256
            self._close()
            self._parts.faults.note("board", fault)

    async def _set_brightness(self, programme: Programme, wall_ms: int | None) -> None:
        second = None if wall_ms is None else programme.local(wall_ms)[1]
        try:
            await self._screen.set_brightness(programme.policy.brightness_percent(second))
        except Fault as fault:
            self._parts.faults.note("board", fault)

    async def make_safe(self) -> None:
        """Darken the board: a page that nobody watches over must not stand for days."""
        self._close()
        self._tell([])
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
            elif event.trigger == "blob":  # type: ignore[attr-defined]
                self._failed = ""

    def _situation(self) -> "tuple[Programme, list[Standing], int | None]":
        """Return the programme, the alerts that stand, and the believed time."""
        manifests = self._parts.manifests
        place = self._parts.config.place
        programme = Programme(place, manifests.bundles(), manifests.settings)
        instant = self._parts.time.now()
        standing = []
        if instant.source != UNKNOWN or self._live_alerts:
            found = standing_manifests(manifests, self._parts.offline)
            standing = alert_merge.standing(found, place)
        return programme, standing, instant.wall_ms

    async def _turn(self, wanted: Shown | None) -> bool:
        """Show what is wanted; tells whether the board is in step with it."""
        now_ms = self._clock.ticks_ms()
        if wanted is None:
            if not self._is_dark and now_ms >= self._retry_ticks:
                await self._darken()
            return True
        fresh = self._screen.is_moving() or now_ms - self._shown_ticks < _REFRESH_MS
        if _same(wanted, self._shown) and fresh:
            return True
        if wanted.rendition.sha256 == self._failed and now_ms < self._retry_ticks:
            return False
        self._is_dark = False
        try:
            rows = await self._rows(wanted)
            page = wanted.page
            await self._screen.show(rows, page.scroll_px_s, page.blink)
            seen = None if page.scroll_px_s else await self._board.read_back()
        except Fault as fault:
            self._failed = wanted.rendition.sha256
            self._retry_ticks = now_ms + _RETRY_MS
            self._parts.faults.note("board", fault)
            return False
        self._failed = ""
        self._seen = seen
        self._matches = seen == _digest(rows)
        if seen is None or self._matches:
            self._parts.faults.clear("board")
        else:
            self._parts.faults.note("board", _mismatch(wanted))
        self._shown_ticks = self._clock.ticks_ms()
        if not _same(wanted, self._shown):
            self._close()
            self._shown = wanted
            self._turn_ticks = self._shown_ticks
        return True

    async def _drop_stale(self, rotation: "list[tuple[str, Page]]") -> None:
        """Darken a page that may stand no longer when its successor cannot be shown."""
        if self._shown is None:
            return
        key = _key(self._shown.unit, self._shown.page)
        if key not in [_key(unit, page) for unit, page in rotation]:
            await self._darken()

    async def _darken(self) -> None:
        """Show nothing; a board that does not answer is a fault, not an end."""
        self._close()
        try:
            await self._screen.off()
            self._is_dark = True
        except Fault as fault:
            self._retry_ticks = self._clock.ticks_ms() + _RETRY_MS
            self._parts.faults.note("board", fault)

    async def _rows(self, wanted: Shown) -> list[bytes]:
        size = Size(self._board.width_px, self._board.height_px, self._board.channels)
        reader = await self._parts.blobs.open_blob(wanted.rendition.sha256)
        try:
            if wanted.page.scroll_px_s:
                return png_rows.read_strip(reader, self._inflate, size.height_px, size.channels)
            return png_rows.read_rows(reader, self._inflate, size)
        finally:
            reader.close()

    def _close(self) -> None:
        """Count the turn that ends now."""
        shown = self._shown
        self._shown = None
        if shown is None:
            return
        now_ms = self._clock.ticks_ms()
        wall_ms = self._parts.time.wall_ms()
        lasted_ms = now_ms - self._turn_ticks
        key = _key(shown.unit, shown.page)
        if key not in self._exposures:
            started_ms = None if wall_ms is None else wall_ms - lasted_ms
            self._exposures[key] = _Exposure(shown, started_ms, now_ms)
        self._exposures[key].add(lasted_ms, wall_ms, self._matches, self._seen)

    def _tell(self, rotation: "list[tuple[str, Page]]") -> None:
        """Write down pages that left the rotation, and long ones now and then."""
        standing = [_key(unit, page) for unit, page in rotation]
        now_ms = self._clock.ticks_ms()
        for key in sorted(self._exposures):
            exposure = self._exposures[key]
            if key not in standing or now_ms - exposure.first_ticks >= _TELL_MS:
                self._parts.book.write(PLAYS, "show", exposure.body())
                del self._exposures[key]


def _key(unit: str, page: Page) -> str:
    return unit + "/" + str(page.id)


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
