"""A shell for the play-out session in tests: virtual time, and a player that can break."""

from protocols import alert, bundle
from protocols.play_values import (
    AlertsSet,
    ClockSet,
    Failed,
    Finished,
    ProgrammeSet,
    Started,
    Stopped,
)
from protocols.playout import Playout
from protocols.targets import Place
from tests.portable import manifests

PLACE = Place(manifests.COMMUNE, "h1", ("g1",), "speaker", ("opus", "pcm16"))


class Shell:
    """Drive one session; `log` holds (wall time, command or fact) in order."""

    def __init__(self, clock="04:00", memory=None, place=PLACE, trust="network", day=0):
        self.session = Playout(place, memory, 3000)
        self.now_ms = 5000
        self.wall_ms = manifests.at_ms(clock, day)
        self.log = []
        self.playing = None
        self.start_ms = 0
        self.stored = memory
        # What breaks: SHA-256 to (media, code); and a device that fails everything.
        self.broken = {}
        self.fail_after_ms = {}
        self.slow_stop = False
        if trust != "unknown":
            self.submit(ClockSet(self.wall_ms, trust, 0))

    def submit(self, event):
        self.session.submit(event, self.now_ms)
        self.drain()

    def programme(self, *values):
        self.submit(ProgrammeSet(tuple([bundle.from_dict(value) for value in values])))

    def alerts(self, *values, live=True):
        self.submit(AlertsSet(tuple([alert.from_dict(value) for value in values]), live))

    def set_clock(self, wall_ms, trust="hub", floor_ms=0):
        self.wall_ms = wall_ms
        self.submit(ClockSet(wall_ms, trust, floor_ms))

    def drain(self):
        """Carry out commands like a player."""
        while True:
            event = self.session.next_event()
            if event is None:
                return
            if event.kind == "remember":
                self.stored = event.value
                continue
            self.log.append((self.wall_ms, event))
            if event.kind == "play":
                assert self.playing is None, "two plays at once"
                self._begin(event)
            elif event.kind == "stop":
                assert self.playing is not None and self.playing.play == event.play
                if not self.slow_stop:
                    self.answer_stop()

    def _begin(self, play):
        self.playing = play
        wait_ms = 0 if play.at_ms is None else max(0, play.at_ms - self.wall_ms)
        self.start_ms = self.now_ms + wait_ms
        if play.sha256 in self.broken:
            media, code = self.broken[play.sha256]
            self.playing = None
            self.session.submit(Failed(play.play, play.position_ms, media, code), self.now_ms)
        elif wait_ms == 0:
            self.session.submit(Started(play.play), self.now_ms)

    def position_ms(self):
        return self.playing.position_ms + max(0, self.now_ms - self.start_ms)

    def answer_stop(self):
        play, position_ms = self.playing, self.position_ms()
        self.playing = None
        self.session.submit(Stopped(play.play, position_ms), self.now_ms)
        self.drain()

    def _next(self):
        """Return (tick, what happens): the player's next doing or the session's deadline."""
        moments = []
        deadline_ms = self.session.deadline_ms()
        if deadline_ms is not None:
            moments.append((deadline_ms, "tick"))
        play = self.playing
        if play is not None:
            if self.session.state == "starting":
                moments.append((self.start_ms, "start"))
            elif self.session.state == "playing":
                end_ms = self.start_ms + play.duration_ms - play.position_ms
                if play.sha256 in self.fail_after_ms:
                    end_ms = self.start_ms + self.fail_after_ms[play.sha256][0]
                moments.append((end_ms, "end"))
        return min(moments) if moments else (None, "")

    def run_ms(self, span_ms):
        """Let time pass."""
        end_ms = self.now_ms + span_ms
        for _ in range(20000):
            moment, what = self._next()
            if moment is None or moment > end_ms:
                break
            self._to(moment)
            self._do(what)
        else:
            raise AssertionError("the session never rests")
        self._to(end_ms)
        self.session.tick(self.now_ms)
        self.drain()

    def _to(self, moment):
        moment = max(moment, self.now_ms)
        self.wall_ms += moment - self.now_ms
        self.now_ms = moment

    def _do(self, what):
        play = self.playing
        if what == "tick":
            self.session.tick(self.now_ms)
        elif what == "start":
            self.session.submit(Started(play.play), self.now_ms)
        else:
            position_ms = self.position_ms()
            self.playing = None
            if play.sha256 in self.fail_after_ms:
                _, media, code = self.fail_after_ms.pop(play.sha256)
                self.session.submit(Failed(play.play, position_ms, media, code), self.now_ms)
            else:
                self.session.submit(Finished(play.play, position_ms), self.now_ms)
        self.drain()

    def run_to(self, clock, day=0):
        """Let time pass until a local time of the test's day."""
        self.run_ms(manifests.at_ms(clock, day) - self.wall_ms)

    def power_cut(self, dark_ms):
        """Return the shell after a power cut of so long: only what was stored is left."""
        later = Shell("00:00", self.stored, self.session.programme.place, "unknown")
        later.wall_ms = self.wall_ms + dark_ms
        return later

    def of_kind(self, kind):
        """Return the logged commands or facts of one kind."""
        return [event for _, event in self.log if event.kind == kind]

    def heard(self):
        """Return (item, wall clock of the start, from s, until s, outcome) of every play."""
        found = []
        for fact in self.of_kind("played"):
            start = None if fact.started_ms is None else local(fact.started_ms)
            span = (fact.from_ms // 1000, fact.until_ms // 1000)
            found.append((fact.item, start, span[0], span[1], fact.outcome))
        return found

    def skipped(self):
        """Return (item, reason) of everything skipped."""
        return [(fact.item, fact.reason) for fact in self.of_kind("skipped")]


def local(wall_ms):
    """Return HH:MM:SS in Viet Nam."""
    second = (wall_ms - manifests.MIDNIGHT_MS) // 1000 % 86400
    return "%02d:%02d:%02d" % (second // 3600, second // 60 % 60, second % 60)
