"""Connect line inputs when they are allowed, disconnect them when not, and write down what was on.

The decision is `protocols.line_sources`. A line input yields to every item of the programme, and
the emergency microphone's key makes all but alerts wait. Nobody signed what a line input brings, so
its record says only which one was on, why, and for how long.
"""

from edge.amplifier_task import AmplifierTask
from edge.content import Parts
from edge.playout_task import PlayoutTask
from edge.senses_task import SensesTask
from edge.supervisor import Task
from hw import ports
from protocols import evidence
from protocols.line_sources import KEY, NOTHING, LineSources, Wanted, open_windows
from protocols.play_values import Hold
from protocols.programme import Programme
from protocols.records import PLAYS

LOOK_MS = 250
# A play-out that was started again must hear of the hold, too.
_HOLD_AGAIN_MS = 5_000


class SourcesTask(Task):
    """Own the line inputs of one node; `khz_by_source` names them with what they are tuned to."""

    name = "sources"

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        amplifier: AmplifierTask,
        playout: PlayoutTask,
        senses: SensesTask | None,
        khz_by_source: dict[str, int],
        sources: LineSources,
    ):
        self._parts = parts
        self._clock = clock
        self._amplifier = amplifier
        self._playout = playout
        self._senses = senses
        self._khz = khz_by_source
        self._sources = sources
        self._open = NOTHING
        self._started_ms: int | None = None
        self._started_ticks = 0
        self._is_held = False
        self._hold_ticks = 0

    async def run(self) -> None:
        """Look four times a second until cancelled."""
        while True:
            await self._look()
            await self._clock.sleep_ms(LOOK_MS)

    async def make_safe(self) -> None:
        """Disconnect, and let the programme go on."""
        await self._change(NOTHING)
        self._hold(False)

    async def _look(self) -> None:
        key = 0 if self._senses is None else self._senses.latest.get("key", 0)
        wall_ms = self._parts.time.wall_ms()
        manifests = self._parts.manifests
        programme = Programme(self._parts.config.place, manifests.bundles(), manifests.settings)
        wanted = self._sources.look(
            self._clock.ticks_ms(),
            key,
            self._playout.on_air(),
            open_windows(programme, self._khz, wall_ms),
        )
        self._hold(wanted.hold)
        await self._change(wanted)

    def _hold(self, on: bool) -> None:
        now_ms = self._clock.ticks_ms()
        if on == self._is_held and (not on or now_ms < self._hold_ticks):
            return
        self._is_held = on
        self._hold_ticks = now_ms + _HOLD_AGAIN_MS
        self._parts.feed.publish(Hold(on))

    async def _change(self, wanted: Wanted) -> None:
        """Connect what is wanted; one that was taken away meanwhile is written down as ended."""
        is_same = wanted.source == self._open.source
        if is_same and self._amplifier.source() == wanted.source:
            return
        before, self._open = self._open, NOTHING
        stands = await self._amplifier.connect(wanted.source)
        if before.source:
            self._write(before, "preempted" if is_same or self._playout.on_air() else "over")
        if wanted.source and stands:
            self._open = wanted
            self._started_ms = self._parts.time.wall_ms()
            self._started_ticks = self._clock.ticks_ms()

    def _write(self, closed: Wanted, ended: str) -> None:
        body: dict[str, object] = {
            "source": closed.source,
            "reason": closed.reason,
            "started_ms": self._started_ms,
            "ended_ms": self._parts.time.wall_ms(),
            "lasted_ms": self._clock.ticks_ms() - self._started_ticks,
            "ended": ended,
            "evidence": evidence.record_fields(self._amplifier.source_observed()),
        }
        if closed.reason == KEY:
            body["class"] = "emergency"
        self._parts.book.write(PLAYS, "source", body)
