"""What a node will play in a window, found by running the node's own session in virtual time.

The player is ideal: every file is there and every item sounds exactly as long as it is. The hub's
calendar shows the result; the same session decides on the pole.
"""

from protocols.alert import Alerts
from protocols.errors import LocalFault
from protocols.limits import ALERT_LIFE_S_MAX, PREVIEW_STEPS_MAX
from protocols.play_memory import PlayMemory
from protocols.play_values import (
    AlertsSet,
    ClockSet,
    Finished,
    ProgrammeSet,
    RelaysSet,
    SettingsSet,
    Started,
    Stopped,
)
from protocols.playout import Playout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.bundle import Bundle
    from protocols.play_values import Play
    from protocols.relays import Relay
    from protocols.settings import Settings
    from protocols.targets import Place

# Begin this much earlier: what runs into the window, or was put off into it, is found. (An item
# lasts four hours at most.)
WARM_UP_MS = 5 * 3600 * 1000


class _Player:
    """Play ideally in virtual time."""

    def __init__(self, session: Playout, base_ms: int):
        self.session = session
        self.base_ms = base_ms
        self.facts: list[object] = []
        self._play: Play | None = None
        self._start_ms = 0

    def drain(self, now_ms: int) -> None:
        """Carry out every command, and keep the facts."""
        while True:
            event = self.session.next_event()
            if event is None:
                return
            kind = event.kind  # type: ignore[attr-defined]
            if kind == "play":
                self._play = event  # type: ignore[assignment]
                at_ms = event.at_ms  # type: ignore[attr-defined]
                self._start_ms = now_ms if at_ms is None else at_ms - self.base_ms
                self.session.submit(Started(event.play), now_ms)  # type: ignore[attr-defined]
            elif kind == "stop" and self._play is not None:
                play, self._play = self._play, None
                position_ms = play.position_ms + max(0, now_ms - self._start_ms)
                self.session.submit(Stopped(play.play, position_ms), now_ms)
            elif kind in ("played", "skipped"):
                self.facts.append(event)

    def end_ms(self) -> int | None:
        """Return the tick at which what plays ends, or None."""
        if self._play is None:
            return None
        return self._start_ms + int(self._play.duration_ms - self._play.position_ms)

    def finish(self, now_ms: int) -> None:
        """Report the end of what plays."""
        if self._play is not None:
            play, self._play = self._play, None
            self.session.submit(Finished(play.play, play.duration_ms), now_ms)


def what_will_play(
    place: "Place",
    bundles: "tuple[Bundle, ...]",
    manifests: "tuple[Alerts, ...]",
    settings: "Settings | None",
    from_ms: int,
    until_ms: int,
    steps_max: int = PREVIEW_STEPS_MAX,
    relays: "dict[str, Relay] | None" = None,
) -> list[object]:
    """Return the `Played` and `Skipped` facts of a window [from_ms, until_ms), in order.

    Bundles and manifests stand nearest first; `relays` is what is recorded, by source. Raises
    `LocalFault("preview.long")` when the window holds more than `steps_max` changes.
    """
    base_ms = _base_ms(manifests, from_ms)
    memory = PlayMemory()
    memory.seen_ms = memory.floor_ms = max(0, base_ms - 1)
    session = Playout(place, memory.export(None), 0)
    player = _Player(session, base_ms)
    session.submit(ClockSet(base_ms, "hub", 0), 0)
    session.submit(SettingsSet(settings), 0)
    session.submit(RelaysSet(relays or {}), 0)
    session.submit(ProgrammeSet(bundles), 0)
    sent = _sent_ms(manifests)
    now_ms = 0
    for _ in range(steps_max):
        if sent and sent[0] <= base_ms + now_ms:
            while sent and sent[0] <= base_ms + now_ms:
                sent.pop(0)
            session.submit(AlertsSet(_sent_by(manifests, base_ms + now_ms), True), now_ms)
        player.drain(now_ms)
        moments = [m for m in (player.end_ms(), session.deadline_ms()) if m is not None]
        moments.extend([sent_ms - base_ms for sent_ms in sent[:1]])
        if not moments or min(moments) > until_ms - base_ms:
            return [fact for fact in player.facts if _when(fact) > from_ms]
        ends_now = player.end_ms() == min(moments)
        now_ms = max(now_ms, min(moments))
        if ends_now:
            player.finish(now_ms)
        else:
            session.tick(now_ms)
    raise LocalFault("preview.long", "too much happens in the window", "Ask for fewer days.")


def _base_ms(manifests: "tuple[Alerts, ...]", from_ms: int) -> int:
    """Return where to begin: with the warm-up, or with an alert that may still repeat."""
    base_ms = from_ms - WARM_UP_MS
    for manifest in manifests:
        for alert in manifest.alerts:
            if alert.expires_s * 1000 > from_ms:
                base_ms = min(base_ms, alert.sent_s * 1000)
    return max(0, base_ms, from_ms - ALERT_LIFE_S_MAX * 1000)


def _sent_ms(manifests: "tuple[Alerts, ...]") -> list[int]:
    """Return the times at which alerts were or will be sent, in order."""
    found = set()
    for manifest in manifests:
        for alert in manifest.alerts:
            found.add(alert.sent_s * 1000)
    return sorted(found)


def _sent_by(manifests: "tuple[Alerts, ...]", wall_ms: int) -> "tuple[Alerts, ...]":
    """Return the manifests with what was sent up to a time."""
    found = []
    for one in manifests:
        sent = [alert for alert in one.alerts if alert.sent_s * 1000 <= wall_ms]
        found.append(Alerts(one.version, one.unit, one.issued_s, tuple(sent)))
    return tuple(found)


def _when(fact: "object") -> int:
    if fact.kind == "played":  # type: ignore[attr-defined]
        return int(fact.ended_ms)  # type: ignore[attr-defined]
    return int(fact.scheduled_ms)  # type: ignore[attr-defined]
