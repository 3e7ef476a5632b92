"""Do what the play-out session decides: open sound, time it, stop it, and write down what played.

The decisions are `protocols.playout`. This pump hands events in and commands out; each `Play` runs
in a task of its own and answers with exactly one of started/finished/stopped/failed.
"""

import asyncio

from edge.amplifier_task import AmplifierTask
from edge.inbox import Inbox
from edge.supervisor import Task
from edge.sync_task import Parts, standing_manifests
from hw import ports
from protocols import canonical, evidence
from protocols.errors import Fault, RemoteFault
from protocols.limits import PLAYOUT_MEMORY_BYTES_MAX
from protocols.play_values import (
    AlertsSet,
    Failed,
    Finished,
    Play,
    Played,
    ProgrammeSet,
    SettingsSet,
    Skipped,
    Started,
    Stopped,
)
from protocols.playout import Playout
from protocols.records import HEALTH, PLAYS

_MEMORY = "state/playout"
_TICK_MS = 1_000
_CLOCK_MS = 60_000
GAIN_UNITY_Q15 = 32767


def seed(session: Playout, parts: Parts, now_ms: int) -> None:
    """Tell a new session what the node holds already."""
    session.submit(parts.time.event(), now_ms)
    session.submit(SettingsSet(parts.manifests.settings), now_ms)
    session.submit(ProgrammeSet(parts.manifests.bundles()), now_ms)
    session.submit(AlertsSet(standing_manifests(parts.manifests, parts.offline), False), now_ms)


def gain_q15(volume_percent: int) -> int:
    """Return the linear gain of a volume; percent are those of amplitude."""
    return min(GAIN_UNITY_Q15, GAIN_UNITY_Q15 * volume_percent // 100)


class PlayoutTask(Task):
    """Play what is due on one audio output."""

    name = "playout"

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
        self._playing: asyncio.Task[None] | None = None
        self._sounding = False
        self._stop_asked = False
        self._observed: dict[str, int] = {}
        self.now_playing: Play | None = None
        parts.feed.subscribe(self._inbox)

    async def run(self) -> None:
        """Play until cancelled; a new run after a crash takes up the stored memory."""
        session = self._open_session()
        seed(session, self._parts, self._clock.ticks_ms())
        try:
            await self._audio.open()
            self._parts.faults.clear("audio")
        except Fault as fault:
            self._parts.faults.note("audio", fault)
        clock_ticks = self._clock.ticks_ms()
        while True:
            self._drain(session)
            if self._clock.ticks_ms() >= clock_ticks:
                clock_ticks = self._clock.ticks_ms() + _CLOCK_MS
                session.submit(self._parts.time.event(), self._clock.ticks_ms())
            session.tick(self._clock.ticks_ms())
            await self._act(session)
            deadline_ms = session.deadline_ms()
            wait_ms = _TICK_MS
            if deadline_ms is not None:
                wait_ms = max(0, min(wait_ms, deadline_ms - self._clock.ticks_ms()))
            await self._inbox.wait(wait_ms)

    async def make_safe(self) -> None:
        """Silence the output."""
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None
        await self._audio.close()

    def _drain(self, session: Playout) -> None:
        while True:
            event = self._inbox.next()
            if event is None:
                return
            session.submit(event, self._clock.ticks_ms())

    async def _act(self, session: Playout) -> None:
        while True:
            command = session.next_event()
            if command is None:
                return
            kind = command.kind  # type: ignore[attr-defined]
            if kind == "play":
                self._start(command)  # type: ignore[arg-type]
            elif kind == "stop":
                await self._stop(command.play, command.fade_ms)  # type: ignore[attr-defined]
            elif kind == "volume":
                self._audio.set_gain(gain_q15(command.volume_percent))  # type: ignore[attr-defined]
            elif kind == "remember":
                self._remember(command.value)  # type: ignore[attr-defined]
            elif kind == "played":
                self._record_played(command)  # type: ignore[arg-type]
            elif kind == "skipped":
                self._record_skipped(command)  # type: ignore[arg-type]

    def _start(self, play: Play) -> None:
        self._stop_asked = False
        self._sounding = False
        self._observed = {}
        self.now_playing = play
        self._playing = asyncio.create_task(self._perform(play))

    async def _stop(self, number: int, fade_ms: int) -> None:
        self._stop_asked = True
        if self._sounding:
            await self._audio.stop(fade_ms)
        elif self._playing is not None:
            self._playing.cancel()

    async def _perform(self, play: Play) -> None:
        position_ms = play.position_ms
        held = False
        try:
            pcm = await self._parts.blobs.open_sound(play.sha256, play.media_type)
            try:
                await self._amplifier.acquire()
                held = True
                position_ms = await self._sound(play, pcm)
            finally:
                pcm.close()
            if self._stop_asked and position_ms < play.duration_ms:
                event: object = Stopped(play.play, position_ms)
            else:
                event = Finished(play.play, position_ms)
        except asyncio.CancelledError:
            event = Stopped(play.play, position_ms)
        except Fault as fault:
            media = isinstance(fault, RemoteFault)
            self._parts.faults.note("media" if media else "audio", fault)
            event = Failed(play.play, position_ms, media, fault.code)
        if held:
            self._observed = self._amplifier.observed()
            self._amplifier.release()
        self.now_playing = None
        self._sounding = False
        self._inbox.take(event)

    async def _sound(self, play: Play, pcm: ports.Reader) -> int:
        """Play a reader from the play's position and return the position reached (ms)."""
        rate = self._audio.rate_hz
        await self._clock.sleep_ms(self._amplifier.warm_up_left_ms())
        wall_ms = self._parts.time.wall_ms()
        at_ms = play.at_ms
        if at_ms is not None and wall_ms is not None:
            if at_ms > wall_ms:
                # The last stretch is the audio's own: it places the first sample exactly.
                await self._clock.sleep_ms(max(0, at_ms - wall_ms - 500))
            else:
                at_ms = None
        self._sounding = True
        announced = asyncio.create_task(self._announce(play, at_ms))
        try:
            reached = await self._audio.play(
                pcm, play.position_ms * rate // 1000, at_ms, gain_q15(play.volume_percent)
            )
        finally:
            announced.cancel()
        self._parts.faults.clear("audio")
        return reached * 1000 // rate

    async def _announce(self, play: Play, at_ms: int | None) -> None:
        """Say `Started` when the first sample is out."""
        wall_ms = self._parts.time.wall_ms()
        if at_ms is not None and wall_ms is not None:
            await self._clock.sleep_ms(max(0, at_ms - wall_ms))
        body: dict[str, object] = {
            "item": play.item,
            "title": play.title,
            "class": play.legal_class,
        }
        self._parts.book.write(HEALTH, "on-air", body)
        self._inbox.take(Started(play.play))

    def _open_session(self) -> Playout:
        place = self._parts.config.place
        lead_ms = 500 + self._amplifier.warm_up_left_ms() + 500
        data = _read_memory(self._storage)
        try:
            memory = None if data is None else canonical.decode(data, PLAYOUT_MEMORY_BYTES_MAX)
            return Playout(place, memory, lead_ms)
        except Fault as fault:
            self._parts.faults.note("store.playout", fault)
            return Playout(place, None, lead_ms)

    def _remember(self, value: object) -> None:
        writer = self._storage.stage("playout")
        writer.write(canonical.encode(value))
        writer.commit(_MEMORY)

    def _record_played(self, fact: Played) -> None:
        body = _fields(fact)
        body["evidence"] = evidence.record_fields(self._observed)
        self._parts.book.write(PLAYS, "play", body)

    def _record_skipped(self, fact: Skipped) -> None:
        body = _fields(fact)
        body["reason"] = fact.reason
        self._parts.book.write(PLAYS, "skip", body)


_PLAYED_NAMES = (
    ("item", "item"),
    ("title", "title"),
    ("legal_class", "class"),
    ("drill", "drill"),
    ("unit", "unit"),
    ("version", "bundle_version"),
    ("sha256", "rendition_sha256"),
    ("occurrence", "occurrence"),
    ("scheduled_ms", "scheduled_ms"),
    ("started_ms", "started_ms"),
    ("ended_ms", "ended_ms"),
    ("from_ms", "from_ms"),
    ("until_ms", "until_ms"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("resumed", "resumed"),
    ("volume_percent", "volume_percent"),
)


def _fields(fact: object) -> "dict[str, object]":
    """Return a fact's fields under the names that records have."""
    return {name: getattr(fact, field) for field, name in _PLAYED_NAMES if hasattr(fact, field)}


def _read_memory(storage: ports.Storage) -> bytes | None:
    reader = storage.open(_MEMORY)
    if reader is None:
        return None
    try:
        return reader.read(PLAYOUT_MEMORY_BYTES_MAX)
    finally:
        reader.close()
