"""The play-out session: what is on air now, what comes next, and what was heard.

Pure and deterministic: events and ticks go in (`submit`, `tick`), commands and facts come out
(`next_event`), `deadline_ms` says when to come back. All `now_ms` are monotonic ticks; wall time
enters only as `ClockSet`. One `Play` is out at a time, and each is answered by one `Played`.

    idle --Play--> starting --started--> playing --finished/failed--> idle
                      |                     |
                      +---- Stop -----------+--> stopping --stopped--> idle (or closed)

Rules (Circular 39/2020 and DESIGN section 6): an emergency interrupts at once, and a real one
interrupts a drill; a priority item goes before normal ones at the next item's end, or interrupts
when it would otherwise come too late; what was interrupted goes on at its position. Quiet hours
end what plays. An occurrence may start up to its `late_max_s` late, and go on as long after an
interruption; later it is recorded as missed. With an unknown clock nothing scheduled starts.
"""

from protocols.errors import LocalFault
from protocols.items import EMERGENCY, PRIORITY
from protocols.on_air import COMPLETE, FAILED, INTERRUPTED, OnAir
from protocols.open_alerts import alert_rank
from protocols.play_job import RANK_EMERGENCY
from protocols.play_queue import refresh
from protocols.play_stage import (
    CLOSED,
    DEVICE_RETRY_MS,
    DEVICE_RETRY_MS_MAX,
    FADE_MS,
    FADE_SHORT_MS,
    IDLE,
    OVERRUN_MS,
    PLAYING,
    STARTING,
    STOPPING,
    Stage,
)
from protocols.play_values import Remember, SetVolume
from protocols.programme import Programme
from protocols.wall_clock import STEP_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.play_values import (
        AlertsSet,
        BlobArrived,
        ClockSet,
        Failed,
        Finished,
        Halt,
        Hold,
        PolicySet,
        ProgrammeSet,
        RelaysSet,
        SettingsSet,
        Started,
        Stopped,
    )

# Nothing lower starts when an alert's repeat comes within this time.
REPEAT_NEAR_MS = 20000
# What outranks the item on air and waited its whole limit gets this long to begin.
PATIENCE_MS = 60000


class Playout(Stage):
    """Decide what one node plays."""

    # The session's verbs.

    def submit(self, event: "object", now_ms: int) -> None:
        """Take an event of `play_values`.

        Raises `LocalFault`, changing nothing, when it does not fit the state (`playout.state`),
        answers another `Play` (`playout.play`), or ticks ran back (`playout.time`).
        """
        handler = self._handler(event.trigger, now_ms)  # type: ignore[attr-defined]
        number = getattr(event, "play", None)
        if number is not None and (self.on_air is None or number != self.on_air.number):
            raise LocalFault("playout.play", "answers another play", "Answer the last Play.")
        self._now_ms = now_ms
        handler(self, event)  # type: ignore[operator]
        self._settle()

    def tick(self, now_ms: int) -> None:
        """Let time pass."""
        self._handler("tick", now_ms)
        self._now_ms = now_ms
        self._settle()

    def next_event(self) -> "object":
        """Return the next command or fact of `play_values` (see its `kind`), or None."""
        return self._out.pop(0) if self._out else None

    def deadline_ms(self) -> int | None:
        """Return the tick at which to call `tick` at the latest, or None."""
        return self._deadline_ms

    def is_closed(self) -> bool:
        """Tell whether the session has ended."""
        return self.state == CLOSED

    def memory(self) -> dict[str, object]:
        """Return the value to store now (the same that `Remember` carries)."""
        return self._memory.export(self._unaccounted_ms())

    def _handler(self, trigger: str, now_ms: int) -> "object":
        handler = TABLE.get((self.state, trigger))
        if handler is None:
            message = trigger + " does not fit the state " + self.state
            raise LocalFault("playout.state", message, "Follow the session's commands.")
        if now_ms < self._now_ms:
            raise LocalFault("playout.time", "ticks ran back", "Pass monotonic milliseconds.")
        return handler

    # One handler per trigger.

    def _on_tick(self, event: "object") -> None:
        """Nothing but the passing of time, which `_settle` sees to."""

    def _on_clock(self, event: "ClockSet") -> None:
        was_unknown = self.clock.wall_ms(self._now_ms) is None
        step_ms = self.clock.set(event.wall_ms, event.trust, event.floor_ms, self._now_ms)
        wall_ms = self.clock.wall_ms(self._now_ms)
        if wall_ms is None or (not was_unknown and abs(step_ms) <= STEP_MS):
            return
        if step_ms < 0 or was_unknown:
            self._memory.step_back(wall_ms)
        self._feed.reset()
        self.queue.drop_ahead(wall_ms + self._lead_ms)
        if self.on_air is not None and self.on_air.at_ms is not None:
            self.on_air.stepped = True

    def _on_programme(self, event: "ProgrammeSet") -> None:
        old = self.programme
        self.programme = Programme(old.place, event.bundles, old.settings, old.waiting, old.relays)
        self._feed.reset()
        self._refresh()

    def _on_relays(self, event: "RelaysSet") -> None:
        old = self.programme
        self.programme = Programme(old.place, old.bundles, old.settings, old.waiting, event.relays)
        self._refresh()

    def _refresh(self) -> None:
        """Take what waits and what is on air from a new programme, or end it."""
        for job in self.queue.take_recalled(self.programme):
            self._give_up(job, "recalled")
        if self.on_air is not None and self.on_air.alert is None:
            self.on_air.recalled = not refresh(self.on_air.job, self.programme)

    def _on_alerts(self, event: "AlertsSet") -> None:
        self._out.extend(
            self.alerts.update(event.manifests, self.programme, event.live, self._now_ms)
        )

    def _on_settings(self, event: "SettingsSet") -> None:
        old = self.programme
        self.programme = Programme(old.place, old.bundles, event.settings, old.waiting, old.relays)

    def _on_policy(self, event: "PolicySet") -> None:
        old = self.programme
        self.programme = Programme(old.place, old.bundles, old.settings, event.waiting, old.relays)

    def _on_blob(self, event: "BlobArrived") -> None:
        self.alerts.blob_arrived(event.sha256, self._now_ms)

    def _on_hold(self, event: "Hold") -> None:
        self._held = event.on

    def _on_halt(self, event: "Halt") -> None:
        self._halting = True
        if self.on_air is None:
            self.state = CLOSED
            self._changed = True
        elif self.state != STOPPING:
            self._stop(self.on_air, event.reason, FADE_SHORT_MS)

    def _on_started(self, event: "Started") -> None:
        on_air = self._air()
        on_air.has_started = True
        on_air.started_ms = self.clock.wall_ms(self._now_ms)
        on_air.at_ms = None
        on_air.job.begun = True
        if self.state == STARTING:
            self.state = PLAYING
            on_air.stuck_ticks = self._now_ms + on_air.left_ms() + OVERRUN_MS

    def _on_finished(self, event: "Finished") -> None:
        # A last stretch can be over before anyone said that it started.
        self._air().has_started = True
        on_air = self._close(COMPLETE, "", event.position_ms)
        on_air.job.heard = True
        on_air.job.retry_ms = 0
        on_air.job.part_done()
        self._take_back(on_air)

    def _on_failed(self, event: "Failed") -> None:
        on_air = self._close(FAILED, event.code, event.position_ms)
        job, position_ms = on_air.job, on_air.position(event.position_ms)
        if event.media:
            job.failed = True
            job.step_failed(position_ms)
        else:
            job.keep_position(position_ms)
            job.retry_ms = min(max(2 * job.retry_ms, DEVICE_RETRY_MS), DEVICE_RETRY_MS_MAX)
            job.retry_ticks = self._now_ms + job.retry_ms
            if on_air.alert is not None:
                on_air.alert.due_ticks = job.retry_ticks
        self._take_back(on_air)

    def _on_stopped(self, event: "Stopped") -> None:
        why = self._air().why
        outcome = FAILED if why == "overrun" else INTERRUPTED
        on_air = self._close(outcome, why, event.position_ms)
        on_air.job.keep_position(on_air.position(event.position_ms))
        if why in ("overrun", "mourning"):
            on_air.job.part_done()
        self._take_back(on_air)

    # Deciding.

    def _settle(self) -> None:
        """Do whatever is due: occurrences, endings, the next start, a stop, the volume."""
        if self.state == CLOSED:
            self._deadline_ms = None
        else:
            wall_ms = self.clock.wall_ms(self._now_ms)
            if wall_ms is not None and self.programme.bundles:
                # Without a programme nothing is accounted for: it is only not here yet.
                self._take_due(wall_ms)
            playing = None if self.on_air is None else self.on_air.alert
            self._out.extend(self.alerts.expire(self.clock, self._now_ms, playing))
            if self.state == IDLE:
                self._start_next(wall_ms)
            elif self.state == STOPPING:
                self._insist(self._air())
            else:
                self._supervise(self._air(), wall_ms)
            self._deadline_ms = self._next_deadline(wall_ms)
        if self._changed or self.alerts.changed:
            self._changed = self.alerts.changed = False
            self._out.append(Remember(self.memory()))

    def _take_due(self, wall_ms: int) -> None:
        """Let what is due wait in the queue, and give up what is too late."""
        known = self.queue.keys()
        rank = RANK_EMERGENCY
        if self.on_air is not None:
            known.add(self.on_air.job.key)
            rank = self.on_air.job.rank()
        due, missed = self._feed.take(self.programme, wall_ms, self._lead_ms, known)
        for entry in missed:
            self._give_up(self._job_of(entry), "late")
        for entry in due:
            self._wait(self._job_of(entry))
        for job in self.queue.take_late(wall_ms, self._now_ms, rank):
            self._give_up(job, "late")

    def _start_next(self, wall_ms: int | None) -> None:
        while self.state == IDLE:
            entry = self.alerts.best(self.programme, self.clock, self._now_ms)
            if entry is not None:
                self._start_alert(entry, wall_ms)
                continue
            if self.alerts.due_within(self.clock, self._now_ms, REPEAT_NEAR_MS) or wall_ms is None:
                return
            if self._held:
                return
            job = self.queue.best(self.programme, self._now_ms)
            if job is None:
                return
            self.queue.jobs.remove(job)
            self._start_job(job, wall_ms)

    def _supervise(self, on_air: OnAir, wall_ms: int | None) -> None:
        """Stop what must not go on, or keep its volume right."""
        why = self._why_stop(on_air, wall_ms)
        if why:
            short = why in (EMERGENCY, PRIORITY, "cancelled", "superseded", "microphone")
            self._stop(on_air, why, FADE_SHORT_MS if short else FADE_MS)
            return
        at_ms = wall_ms
        if wall_ms is not None and on_air.at_ms is not None:
            at_ms = max(wall_ms, on_air.at_ms)
        volume_percent = self.programme.volume_percent(on_air.legal_class, at_ms)
        if volume_percent != on_air.volume_percent:
            on_air.volume_percent = volume_percent
            self._out.append(SetVolume(on_air.number, volume_percent))

    def _why_stop(self, on_air: OnAir, wall_ms: int | None) -> str:
        """Return why what is on air must stop, or an empty text."""
        entry = self.alerts.best(self.programme, self.clock, self._now_ms)
        rank = on_air.job.rank()
        if entry is not None and alert_rank(entry) < rank:
            return EMERGENCY
        if self._now_ms >= on_air.stuck_ticks:
            return "overrun"
        if on_air.alert is not None:
            if not self.alerts.has(on_air.alert):
                return on_air.alert.run.state
            known_quiet = wall_ms is not None and self.programme.is_quiet(EMERGENCY, wall_ms)
            return "quiet" if known_quiet else ""
        if on_air.recalled:
            return "recalled"
        if self._held:
            return "microphone"
        if on_air.stepped or (wall_ms is None and self.state == STARTING):
            return "clock"
        if wall_ms is None:
            return ""
        if self._is_quiet(on_air.legal_class, max(wall_ms, on_air.at_ms or 0)):
            return "quiet"
        if not on_air.part.solemn and self.programme.mourns(max(wall_ms, on_air.at_ms or 0)):
            return "mourning"
        waiting = self.queue.impatient(wall_ms, self._now_ms, rank)
        if waiting is not None:
            waiting.be_patient(wall_ms, self._now_ms, PATIENCE_MS)
            return PRIORITY
        return ""

    def _insist(self, on_air: OnAir) -> None:
        """Repeat a Stop that nobody answers."""
        if self._now_ms >= on_air.stop_ticks:
            self._stop(on_air, on_air.why, 0)

    def _next_deadline(self, wall_ms: int | None) -> int | None:
        """Return the tick of the next thing that happens by itself."""
        moments = [self.alerts.next_ticks(self.clock, self._now_ms)]
        on_air = self.on_air
        if on_air is not None:
            moments.append(on_air.stop_ticks if self.state == STOPPING else on_air.stuck_ticks)
        if wall_ms is not None:
            walls = [self._feed.next_ms(self._lead_ms)]
            if on_air is not None or self.alerts.entries:
                for since_ms in (wall_ms, wall_ms + FADE_MS):
                    edge_ms = self.programme.next_edge_ms(since_ms)
                    walls.extend((edge_ms, edge_ms - FADE_MS))
            for job in self.queue.jobs:
                moments.append(job.retry_ticks)
                if job.limit_ticks is not None:
                    moments.append(job.limit_ticks + 1)
                elif job.limit_ms is not None:
                    walls.append(job.limit_ms + 1)
            moments.extend([self.clock.ticks_ms(wall) for wall in walls if wall is not None])
        later = [moment for moment in moments if moment is not None and moment > self._now_ms]
        return min(later) if later else None


# Which trigger fits which state; a missing entry is the error.
TABLE = {
    (IDLE, "tick"): Playout._on_tick,
    (IDLE, "clock"): Playout._on_clock,
    (IDLE, "programme"): Playout._on_programme,
    (IDLE, "alerts"): Playout._on_alerts,
    (IDLE, "settings"): Playout._on_settings,
    (IDLE, "policy"): Playout._on_policy,
    (IDLE, "relays"): Playout._on_relays,
    (IDLE, "blob"): Playout._on_blob,
    (IDLE, "hold"): Playout._on_hold,
    (IDLE, "halt"): Playout._on_halt,
    (STARTING, "tick"): Playout._on_tick,
    (STARTING, "clock"): Playout._on_clock,
    (STARTING, "programme"): Playout._on_programme,
    (STARTING, "alerts"): Playout._on_alerts,
    (STARTING, "settings"): Playout._on_settings,
    (STARTING, "policy"): Playout._on_policy,
    (STARTING, "relays"): Playout._on_relays,
    (STARTING, "blob"): Playout._on_blob,
    (STARTING, "hold"): Playout._on_hold,
    (STARTING, "halt"): Playout._on_halt,
    (STARTING, "started"): Playout._on_started,
    (STARTING, "finished"): Playout._on_finished,
    (STARTING, "failed"): Playout._on_failed,
    (PLAYING, "tick"): Playout._on_tick,
    (PLAYING, "clock"): Playout._on_clock,
    (PLAYING, "programme"): Playout._on_programme,
    (PLAYING, "alerts"): Playout._on_alerts,
    (PLAYING, "settings"): Playout._on_settings,
    (PLAYING, "policy"): Playout._on_policy,
    (PLAYING, "relays"): Playout._on_relays,
    (PLAYING, "blob"): Playout._on_blob,
    (PLAYING, "hold"): Playout._on_hold,
    (PLAYING, "halt"): Playout._on_halt,
    (PLAYING, "finished"): Playout._on_finished,
    (PLAYING, "failed"): Playout._on_failed,
    (STOPPING, "tick"): Playout._on_tick,
    (STOPPING, "clock"): Playout._on_clock,
    (STOPPING, "programme"): Playout._on_programme,
    (STOPPING, "alerts"): Playout._on_alerts,
    (STOPPING, "settings"): Playout._on_settings,
    (STOPPING, "policy"): Playout._on_policy,
    (STOPPING, "relays"): Playout._on_relays,
    (STOPPING, "blob"): Playout._on_blob,
    (STOPPING, "hold"): Playout._on_hold,
    (STOPPING, "halt"): Playout._on_halt,
    (STOPPING, "started"): Playout._on_started,
    (STOPPING, "finished"): Playout._on_finished,
    (STOPPING, "failed"): Playout._on_failed,
    (STOPPING, "stopped"): Playout._on_stopped,
}
