"""The alerts of this place from arrival to end: due, repeating, blocked, ended, remembered."""

from protocols import alert_merge, media
from protocols.items import EMERGENCY
from protocols.limits import ALERT_LIFE_S_MAX, JSON_INTEGER_MAX
from protocols.play_job import RANK_DRILL, RANK_EMERGENCY, Job, Part
from protocols.play_values import Skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.alert import Alerts
    from protocols.alert_merge import Standing
    from protocols.programme import Programme
    from protocols.wall_clock import WallClock

OPEN = "open"
FINISHED = "finished"
# While nobody knows the time an alert may be old; two hours of powered time cover the warning it
# carried, and no loudspeaker shouts all day over a dead clock battery.
UNKNOWN_CLOCK_BUDGET_MS = 2 * 3600 * 1000
# An alert whose sound is not here yet is tried again after a minute, then at twice the pause up to
# an hour, and at once when its blob arrives: every try is a record.
RETRY_MS = 60000
RETRY_MS_MAX = 3600000
# Runs remembered; the oldest to expire are forgotten first (their expiry refuses them anyway).
RUNS_MAX = 256


class Run:
    """What is remembered of one alert across restarts."""

    def __init__(self, state: str, plays: int, budget_ms: int, expires_s: int):
        self.state = state
        self.plays = plays
        self.budget_ms = budget_ms
        self.expires_s = expires_s


class OpenAlert:
    """One alert that stands here."""

    def __init__(self, standing: "Standing", run: Run, trusted: bool, now_ms: int):
        self.standing = standing
        self.run = run
        # Newly received from a live carrier, or still open before the restart.
        self.trusted = trusted
        self.since_ticks = now_ms
        self.due_ticks = now_ms
        self.job: Job | None = None
        self.trouble = ""
        self.retry_ms = RETRY_MS

    def order(self) -> tuple[bool, int, int, str]:
        """Return the sort key: real before drills, fewest plays, earliest sent."""
        alert = self.standing.alert
        return alert.drill, self.run.plays, alert.sent_s, self.standing.key


class OpenAlerts:
    """Keep the alerts of a place."""

    def __init__(self, runs: dict[str, Run]):
        self.runs = runs
        self.entries: dict[str, OpenAlert] = {}
        self.changed = False
        # The one that was on air when an earlier session died.
        self.cut_key = ""
        self._known_before = {key for key in runs if runs[key].state == OPEN}
        self._accounted_ticks: int | None = None

    def update(
        self, manifests: "tuple[Alerts, ...]", programme: "Programme", live: bool, now_ms: int
    ) -> list[Skipped]:
        """Take over all manifests (nearest first); returns what will not be heard of them."""
        facts = []
        ended = alert_merge.endings(manifests, programme.place)
        for ending in ended:
            entry = self.entries.get(ending.key)
            if entry is not None and (entry.standing.alert.drill or not ending.drill):
                facts.extend(self._end(entry, ending.reason))
            elif entry is None and not ending.drill and self._state(ending.key) in ("", OPEN):
                self._note(ending.key, ending.reason, ending.expires_s + ALERT_LIFE_S_MAX)
        standing = alert_merge.standing(manifests, programme.place)
        present = {found.key for found in standing}
        for key in sorted(self.entries):
            if key not in present:
                facts.extend(self._end(self.entries[key], "withdrawn"))
        for found in standing:
            if found.key in self.entries:
                self.entries[found.key].standing = found
            elif self._state(found.key) in ("", OPEN, "withdrawn"):
                facts.extend(self._open(found, programme, live, now_ms))
        return facts

    def _open(
        self, found: "Standing", programme: "Programme", live: bool, now_ms: int
    ) -> list[Skipped]:
        run = self.runs.get(found.key)
        trusted = found.key in self._known_before or (live and run is None)
        if run is None:
            run = Run(OPEN, 0, 0, found.alert.expires_s)
            self.runs[found.key] = run
            self.changed = True
        if run.plays > 0 and found.alert.repeat is None:
            return []
        run.state = OPEN
        run.expires_s = found.alert.expires_s
        entry = OpenAlert(found, run, trusted, now_ms)
        self.entries[found.key] = entry
        if not media.ladder(found.alert.renditions, programme.place.profiles):
            return self._end(entry, "no_rendition")
        return []

    def _state(self, key: str) -> str:
        return self.runs[key].state if key in self.runs else ""

    def _note(self, key: str, state: str, expires_s: int) -> None:
        """Remember the end of an alert that never was here."""
        plays = self.runs[key].plays if key in self.runs else 0
        self.runs[key] = Run(state, plays, 0, min(expires_s, JSON_INTEGER_MAX))
        self.changed = True

    def _end(self, entry: OpenAlert, reason: str) -> list[Skipped]:
        """End an alert; a fact is due when nothing of it was ever heard."""
        heard = entry.run.plays > 0 or (entry.job is not None and entry.job.begun)
        heard = heard or entry.standing.key == self.cut_key
        entry.run.state = FINISHED if heard and reason == "expired" else reason
        self.changed = True
        self.entries.pop(entry.standing.key)
        if heard or reason == FINISHED:
            return []
        found = entry.standing
        alert = found.alert
        return [
            Skipped(
                alert.id,
                alert.title,
                EMERGENCY,
                alert.drill,
                found.unit,
                found.version,
                "alert",
                alert.sent_s * 1000,
                entry.trouble if entry.trouble and reason in ("expired", "too_old") else reason,
            )
        ]

    def expire(self, clock: "WallClock", now_ms: int, playing: OpenAlert | None) -> list[Skipped]:
        """End what is over; what plays now is left to its end. Call before every decision."""
        wall_ms = clock.wall_ms(now_ms)
        past_ms = clock.floor_ms if wall_ms is None else max(wall_ms, clock.floor_ms)
        self._account(now_ms, wall_ms)
        facts = []
        for key in sorted(self.entries):
            entry = self.entries[key]
            reason = _over(entry, past_ms, wall_ms, now_ms)
            if reason and entry is not playing:
                facts.extend(self._end(entry, reason))
        self._forget(past_ms)
        return facts

    def _account(self, now_ms: int, wall_ms: int | None) -> None:
        """Count powered time under an unknown clock against each alert's budget."""
        for key in self.entries:
            entry = self.entries[key]
            if wall_ms is not None:
                entry.trusted = True
            elif self._accounted_ticks is not None and _budget_left_ms(entry) > 0:
                entry.run.budget_ms += now_ms - self._accounted_ticks
                self.changed = self.changed or _budget_left_ms(entry) <= 0
        self._accounted_ticks = now_ms

    def _forget(self, past_ms: int) -> None:
        if len(self.runs) <= RUNS_MAX:
            return
        gone = [key for key in self.runs if key not in self.entries]
        gone.sort(key=lambda key: (self.runs[key].expires_s, key))
        for key in gone[: len(self.runs) - RUNS_MAX]:
            self.runs.pop(key)

    def best(self, programme: "Programme", clock: "WallClock", now_ms: int) -> OpenAlert | None:
        """Return the alert that should play now, or None."""
        wall_ms = clock.wall_ms(now_ms)
        if programme.is_quiet(EMERGENCY, wall_ms):
            return None
        first = None
        for key in self.entries:
            entry = self.entries[key]
            if entry.due_ticks <= now_ms and _may(entry, wall_ms):
                if first is None or entry.order() < first.order():
                    first = entry
        return first

    def next_ticks(self, clock: "WallClock", now_ms: int) -> int | None:
        """Return the tick of the next change of any alert, or None."""
        wall_known = clock.wall_ms(now_ms) is not None
        soonest = None
        for key in self.entries:
            entry = self.entries[key]
            alert = entry.standing.alert
            life_ms = (alert.expires_s - alert.sent_s) * 1000
            moments = [entry.due_ticks, entry.since_ticks + life_ms]
            if wall_known:
                moments.append(clock.ticks_ms(alert.expires_s * 1000))
                moments.append(clock.ticks_ms((alert.sent_s + alert.maximum_age_s) * 1000) + 1)
                if alert.repeat is not None:
                    moments.append(clock.ticks_ms(alert.repeat.until_s * 1000))
            else:
                moments.append(now_ms + _budget_left_ms(entry))
            for moment in moments:
                if moment > now_ms and (soonest is None or moment < soonest):
                    soonest = moment
        return soonest

    def due_within(self, clock: "WallClock", now_ms: int, span_ms: int) -> bool:
        """Tell whether a repeat comes so soon that nothing else should start before it."""
        wall_ms = clock.wall_ms(now_ms)
        for key in self.entries:
            entry = self.entries[key]
            coming = now_ms < entry.due_ticks <= now_ms + span_ms
            if coming and not entry.trouble and _may(entry, wall_ms):
                return True
        return False

    def has(self, entry: OpenAlert) -> bool:
        """Tell whether an alert is still open."""
        return self.entries.get(entry.standing.key) is entry

    def job_of(self, entry: OpenAlert, programme: "Programme") -> Job:
        """Return the job of an alert's next run: a drill is announced before it is heard."""
        found = entry.standing
        alert = found.alert
        profiles = programme.place.profiles
        parts = []
        intro = programme.drill_intro() if alert.drill else None
        if intro is not None:
            steps = media.ladder(intro.item.renditions, profiles)
            parts.append(Part(intro.item.id, intro.item.title, EMERGENCY, True, steps, ""))
        steps = media.ladder(alert.renditions, profiles)
        parts.append(Part(alert.id, alert.title, EMERGENCY, True, steps, ""))
        occurrence = "alert/" + str(entry.run.plays + 1)
        sent_ms = alert.sent_s * 1000
        job = Job(found.key, found.unit, found.version, occurrence, sent_ms, None, parts)
        job.is_alert = True
        job.drill = alert.drill
        return job

    def played(self, entry: OpenAlert, now_ms: int) -> list[Skipped]:
        """Count a complete run; the alert repeats after its gap or is finished."""
        entry.run.plays += 1
        entry.job = None
        entry.trouble = ""
        self.changed = True
        repeat = entry.standing.alert.repeat
        if repeat is None:
            return self._end(entry, FINISHED)
        entry.due_ticks = now_ms + repeat.gap_s * 1000
        return []

    def blocked(self, entry: OpenAlert, trouble: str, now_ms: int) -> None:
        """Put off an alert that could not be played."""
        entry.job = None
        entry.trouble = trouble
        entry.due_ticks = now_ms + entry.retry_ms
        entry.retry_ms = min(2 * entry.retry_ms, RETRY_MS_MAX)

    def blob_arrived(self, sha256: str, now_ms: int) -> None:
        """Try what waited for this blob again."""
        for key in self.entries:
            entry = self.entries[key]
            hashes = [step.sha256 for step in entry.standing.alert.renditions]
            if entry.trouble == "drill_intro" or (entry.trouble and sha256 in hashes):
                entry.due_ticks = now_ms
                entry.retry_ms = RETRY_MS


def _may(entry: OpenAlert, wall_ms: int | None) -> bool:
    """Tell whether an alert may play with what is known of the time."""
    return wall_ms is not None or (entry.trusted and _budget_left_ms(entry) > 0)


def _budget_left_ms(entry: OpenAlert) -> int:
    """Return how long an alert may still be heard while nobody knows the time."""
    alert = entry.standing.alert
    life_ms = int(alert.expires_s - alert.sent_s) * 1000
    return min(UNKNOWN_CLOCK_BUDGET_MS, life_ms) - entry.run.budget_ms


def _over(entry: OpenAlert, past_ms: int, wall_ms: int | None, now_ms: int) -> str:
    """Return why an alert is over, or an empty text."""
    alert = entry.standing.alert
    # Ticks count as well: a clock set back must not lengthen an alert's life.
    spent_ms = now_ms - entry.since_ticks
    if past_ms >= alert.expires_s * 1000 or spent_ms >= (alert.expires_s - alert.sent_s) * 1000:
        return "expired"
    untouched = entry.run.plays == 0 and (entry.job is None or not entry.job.heard)
    if wall_ms is not None and untouched:
        if wall_ms - alert.sent_s * 1000 > alert.maximum_age_s * 1000:
            return "too_old"
    if entry.run.plays > 0 and entry.job is None and alert.repeat is not None:
        life_ms = (alert.repeat.until_s - alert.sent_s) * 1000
        if past_ms >= alert.repeat.until_s * 1000 or spent_ms >= life_ms:
            return FINISHED
    return ""


def alert_rank(entry: OpenAlert) -> int:
    """Return how high an alert goes (`RANK_…`)."""
    return RANK_DRILL if entry.standing.alert.drill else RANK_EMERGENCY
