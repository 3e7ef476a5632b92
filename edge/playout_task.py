"""Do what the play-out session decides: open sound, time it, stop it, and write down what played.

The decisions are `protocols.playout`. This pump hands events in and commands out; each `Play` is a
`Performance`, which answers with exactly one of finished/stopped/failed.
"""

import asyncio

from edge import state_file
from edge.amplifier_task import AmplifierTask
from edge.content import Parts, standing_manifests
from edge.inbox import Inbox
from edge.performance import Performance
from edge.supervisor import Task
from edge.underway import Underway, play_body, skip_body
from hw import ports
from protocols import canonical
from protocols.errors import Fault
from protocols.limits import PLAYOUT_MEMORY_BYTES_MAX
from protocols.play_stage import FADE_SHORT_MS
from protocols.play_values import (
    AlertsSet,
    Cut,
    Halt,
    Play,
    Played,
    PolicySet,
    ProgrammeSet,
    RelaysSet,
    SettingsSet,
)
from protocols.playout import Playout
from protocols.records import PLAYS

_MEMORY = "state/playout"
# The session says when it must be asked again; this is a watch over that, and how often the
# believed time is passed on although nothing changed it.
_TICK_MS = 3_600_000
# What the disk would not take is offered to it again after this.
_SAVE_MS = 60_000
# How long the end of the agent waits for what plays to fade and be written down.
_HALT_MS = 2_000
# What an alert interrupts is written down this much later: a flash card's write would hold up the
# alert's first sample. Long enough for a fade and the hash of a minute of sound.
_HURRY_MS = 150
# From the command to the first sample, beside the amplifier's warm-up: hashing, and the audio's
# own approach.
_LEAD_MS = 1_000


def seed(session: Playout, parts: Parts, now_ms: int) -> None:
    """Tell a new session what the node holds already."""
    session.submit(parts.time.event(), now_ms)
    session.submit(SettingsSet(parts.manifests.settings), now_ms)
    session.submit(PolicySet(parts.manifests.waiting()), now_ms)
    session.submit(RelaysSet(parts.manifests.relays()), now_ms)
    session.submit(ProgrammeSet(parts.manifests.bundles()), now_ms)
    session.submit(AlertsSet(standing_manifests(parts.manifests, parts.offline), False), now_ms)


class PlayoutTask(Task):
    """Play what is due on one audio output."""

    name = "playout"
    is_vital = True

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        storage: ports.Storage,
        audio: ports.AudioOut,
        amplifier: AmplifierTask,
    ):
        self._parts = parts
        self._clock = clock
        self._storage = storage
        self._audio = audio
        self._amplifier = amplifier
        self._inbox = Inbox()
        self._performance: Performance | None = None
        self._unsaved: object = None
        self._facts: list[tuple[object, dict[str, int]]] = []
        self._hurry_ticks = 0
        self._session: Playout | None = None
        self._underway = Underway(parts.book, clock)
        parts.feed.subscribe(self._inbox)

    def on_air(self) -> str:
        """Return "alert" or "item" while one is on its way to the air or on it, else ""."""
        on_air = None if self._session is None else self._session.on_air
        if on_air is None:
            return ""
        return "item" if on_air.alert is None else "alert"

    async def run(self) -> None:
        """Play until cancelled; a new run after a crash takes up the stored memory."""
        self._inbox.drop_answers()
        session = self._session = self._open_session()
        seed(session, self._parts, self._clock.ticks_ms())
        try:
            await self._pump(session)
        except asyncio.CancelledError:
            await self._halt(session)
            raise
        finally:
            self._write_down()

    async def make_safe(self) -> None:
        """Silence the output."""
        performance, self._performance = self._performance, None
        if performance is not None:
            await performance.abandon()
        await self._audio.close()

    async def _pump(self, session: Playout) -> None:
        await self._open_audio()
        clock_ticks = self._clock.ticks_ms()
        while True:
            self._drain(session)
            if self._clock.ticks_ms() >= clock_ticks:
                clock_ticks = self._clock.ticks_ms() + _TICK_MS
                session.submit(self._parts.time.event(), self._clock.ticks_ms())
            self._save()
            session.tick(self._clock.ticks_ms())
            await self._act(session)
            hurry_ms = self._hurry_ticks - self._clock.ticks_ms()
            if hurry_ms <= 0:
                self._write_down()
            if not self._facts:
                self._underway.follow(session.on_air, self._amplifier.observed())
            deadline_ms = session.deadline_ms()
            wait_ms = _TICK_MS if self._unsaved is None else _SAVE_MS
            if self._facts:
                wait_ms = min(hurry_ms, wait_ms)
            if deadline_ms is not None:
                wait_ms = max(0, min(wait_ms, deadline_ms - self._clock.ticks_ms()))
            follow_ms = self._underway.wait_ms(session.on_air)
            if follow_ms is not None:
                wait_ms = min(wait_ms, follow_ms)
            await self.rest(self._inbox, self._clock, wait_ms)

    async def _halt(self, session: Playout) -> None:
        """Let what plays fade, write it down, and remember where it was."""
        session.submit(Halt("restart"), self._clock.ticks_ms())
        until_ms = self._clock.ticks_ms() + _HALT_MS
        while True:
            await self._act(session)
            if session.is_closed() or self._clock.ticks_ms() >= until_ms:
                return
            await self._inbox.wait(self._clock, 100)
            self._drain(session)

    async def _open_audio(self) -> None:
        try:
            await self._audio.open()
        except Fault as fault:
            self._parts.faults.note("audio", fault)

    def _drain(self, session: Playout) -> None:
        while not session.is_closed():
            event = self._inbox.next()
            if event is None:
                return
            if event.trigger == "clock":  # type: ignore[attr-defined]
                # It tells the time of its making, and waited since.
                event = self._parts.time.event()
            session.submit(event, self._clock.ticks_ms())

    async def _act(self, session: Playout) -> None:
        """Carry out what was decided; what is only to be written down is kept."""
        while True:
            command = session.next_event()
            if command is None:
                return
            kind = command.kind  # type: ignore[attr-defined]
            performance = self._performance
            if kind == "play":
                await self._start(command)  # type: ignore[arg-type]
            elif kind == "stop":
                if performance is not None:
                    await self._stop(performance, command.fade_ms)  # type: ignore[attr-defined]
            elif kind == "volume":
                if performance is not None:
                    performance.set_volume(command.volume_percent)  # type: ignore[attr-defined]
            else:
                observed = {} if performance is None else performance.observed
                self._facts.append((command, observed))

    async def _stop(self, performance: Performance, fade_ms: int) -> None:
        if fade_ms == FADE_SHORT_MS:
            self._hurry_ticks = self._clock.ticks_ms() + _HURRY_MS
        await performance.stop(fade_ms)

    def _write_down(self) -> None:
        """Put on disk what happened, in order."""
        while self._facts:
            fact, observed = self._facts.pop(0)
            kind = fact.kind  # type: ignore[attr-defined]
            if kind == "remember":
                self._unsaved = fact.value  # type: ignore[attr-defined]
                self._save()
            elif kind == "played":
                self._record_played(fact, observed)  # type: ignore[arg-type]
            elif kind == "skipped":
                self._parts.book.write(PLAYS, "skip", skip_body(fact))  # type: ignore[arg-type]

    async def _start(self, play: Play) -> None:
        # A card that was away at the start may be here by now; nothing when the stream runs.
        await self._open_audio()
        self._performance = Performance(
            play, self._parts, self._clock, self._audio, self._amplifier, self._inbox
        )
        self._performance.start()

    def _open_session(self) -> Playout:
        place = self._parts.config.place
        lead_ms = _LEAD_MS + self._amplifier.warm_up_left_ms()
        cut = self._take_cut()
        try:
            data = state_file.read_either(self._storage, _MEMORY, PLAYOUT_MEMORY_BYTES_MAX)
            memory = None if data is None else canonical.decode(data, PLAYOUT_MEMORY_BYTES_MAX)
            return Playout(place, memory, lead_ms, cut)
        except Fault as fault:
            self._parts.faults.note("store.playout", fault)
            return Playout(place, None, lead_ms, cut)

    def _take_cut(self) -> Cut | None:
        """Write down what an earlier life had on air."""
        try:
            return self._underway.take_cut()
        except Fault as fault:
            self._parts.faults.note("store.playout", fault)
            return None

    def _save(self) -> None:
        """Store what the session wants remembered; a full disk must not silence the node."""
        if self._unsaved is None:
            return
        try:
            state_file.write_twice(self._storage, _MEMORY, canonical.encode(self._unsaved))
        except Fault as fault:
            self._parts.faults.note("store.playout", fault)
            return
        self._unsaved = None
        self._parts.faults.clear("store.playout")

    def _record_played(self, fact: Played, observed: "dict[str, int]") -> None:
        self._parts.book.write(PLAYS, "play", play_body(fact, observed))
