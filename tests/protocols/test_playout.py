"""The play-out session under anything: random programmes, alerts, clocks, faults and power cuts."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocols import canonical
from protocols.play_values import SettingsSet
from protocols.settings import settings_from_dict
from tests.portable import manifests
from tests.portable.manifests import at_ms, digest
from tests.portable.play_shell import Shell

ITEMS = {"a": (1, 60), "b": (2, 600), "c": (3, 1800), "p": (4, 90), "q": (5, 900), "f": (6, 120)}
TIMES = ["04:50", "05:00", "05:10", "05:28", "05:30", "05:45", "06:00", "06:20", "06:40", "21:15"]
FAULTS = [(True, "blob.missing"), (True, "media.broken"), (False, "audio.lost")]
# What ends with these is not taken up again.
GIVEN_UP = ("quiet", "recalled", "mourning", "cancelled", "superseded", "withdrawn")
BROKEN = st.tuples(st.integers(1, 22), st.sampled_from(FAULTS))


@st.composite
def programmes(draw):
    value = manifests.bundle()
    value["issued_s"] = manifests.MIDNIGHT_S - 30 * 86400
    value["valid_from_s"] = value["issued_s"]
    value["pages"] = []
    value["items"] = [
        manifests.item(name, number, seconds, "priority" if name in "pq" else "normal")
        for name, (number, seconds) in ITEMS.items()
    ]
    value["rules"] = [
        manifests.rule(
            f"r{index}",
            draw(st.lists(st.sampled_from(sorted(ITEMS)), min_size=1, max_size=3)),
            draw(st.lists(st.sampled_from(TIMES), min_size=3, max_size=8, unique=True)),
        )
        for index in range(draw(st.integers(1, 4)))
    ]
    value["fallback"] = draw(st.sampled_from([[], ["f"]]))
    value["policy"]["emergency_in_quiet"] = draw(st.booleans())
    if draw(st.booleans()):
        del value["policy"]["emergency_ceiling_percent"]
    return value


class Day(RuleBasedStateMachine):
    """Live through days with a node, and check what it did after every step."""

    def __init__(self):
        super().__init__()
        self.shell = None
        self.trust = "network"
        self.bundle = None
        self.narrow = None
        self.alerts = []
        self.sent = 0
        self.checked = 0
        self.commands = {}
        self.answered = set()
        self.resume_at = {}
        self.complete = {}
        self.changed = False

    @initialize(
        value=programmes(), clock=st.sampled_from(["04:45", "05:05", "05:29", "06:01", "21:10"])
    )
    def boot(self, value, clock):
        self.shell = Shell(clock)
        self.set_programme(value)
        self.changed = False

    @rule(value=programmes())
    def set_programme(self, value):
        self.bundle = value
        self.changed = True
        self.shell.programme(value)
        self.check()

    @rule(minutes=st.sampled_from([0, 0, 1, 3, 7, 20, 61, 1441]), rest=st.integers(0, 59999))
    def time_passes(self, minutes, rest):
        self.shell.run_ms(minutes * 60000 + rest)
        self.check()

    @rule(gap=st.sampled_from([None, 0, 15, 600]), drill=st.booleans(), live=st.booleans())
    def alert_arrives(self, gap, drill, live):
        self.sent += 1
        value = manifests.alert(f"x{self.sent}", 20, self.shell.wall_ms // 1000, 45)
        value["drill"] = drill
        if gap is not None:
            value["repeat"] = {"gap_s": gap, "until_s": value["sent_s"] + 240}
        self.alerts.append(value)
        self.tell_alerts(live)

    @precondition(lambda self: self.alerts)
    @rule(kind=st.sampled_from(["update", "cancel"]))
    def alert_ends(self, kind):
        self.sent += 1
        value = manifests.alert(f"x{self.sent}", 21, self.shell.wall_ms // 1000, 30)
        value.update(kind=kind, references=[self.alerts[-1]["id"]])
        self.alerts.append(value)
        self.tell_alerts(True)

    def tell_alerts(self, live):
        del self.alerts[:-8]
        self.shell.alerts(manifests.alerts(self.alerts), live=live)
        self.check()

    @rule(minutes=st.integers(0, 12), rest=st.integers(0, 59999))
    def minutes_pass(self, minutes, rest):
        self.shell.run_ms(minutes * 60000 + rest)
        self.check()

    @rule(quiet=st.sampled_from([[], [], [["05:35", "05:50"]]]))
    def settings_arrive(self, quiet):
        value = manifests.settings()
        value.update(volume_percent=35, quiet=quiet)
        self.narrow = value
        self.shell.submit(SettingsSet(settings_from_dict(value)))
        self.check()

    @rule(step=st.sampled_from([-86400, -3600, -5, 0, 5, 3600, 40000]))
    def clock_steps(self, step):
        self.trust = "hub"
        self.shell.set_clock(self.shell.wall_ms + step * 1000, "hub")
        self.check()

    @rule(minutes=st.integers(0, 90))
    def clock_is_lost(self, minutes):
        self.trust = "unknown"
        self.shell.set_clock(self.shell.wall_ms, "unknown")
        self.check()
        self.minutes_pass(minutes, 0)
        if minutes % 2:
            self.clock_steps(0)

    @rule(broken=BROKEN)
    def a_file_breaks(self, broken):
        self.shell.broken[digest(broken[0])] = broken[1]

    @rule(number=st.integers(1, 22), after=st.integers(1, 50000))
    def a_file_breaks_in_the_middle(self, number, after):
        self.shell.fail_after_ms[digest(number)] = (after, True, "media.broken")

    @precondition(lambda self: self.shell.broken)
    @rule()
    def all_is_mended(self):
        self.shell.broken.clear()

    @rule(dark_ms=st.sampled_from([1000, 600000, 90000000]), known=st.booleans())
    def power_cut(self, dark_ms, known):
        self.shell = self.shell.power_cut(dark_ms)
        assert len(canonical.encode(self.shell.stored or {})) < 64 * 1024
        self.trust = "unknown"
        self.checked = 0
        self.commands, self.answered = {}, set()
        for name in [name for name in self.resume_at if name[1].startswith("alert")]:
            # An alert is short: after a restart it is heard from its beginning.
            self.resume_at.pop(name)
        if self.narrow:
            self.shell.submit(SettingsSet(settings_from_dict(self.narrow)))
        self.shell.programme(self.bundle)
        self.shell.alerts(manifests.alerts(self.alerts), live=False)
        if known:
            self.clock_steps(0)
        self.check()

    # What must hold of everything that came out.

    def check(self):
        if self.trust == "unknown":
            self.check_unknown()
        for wall_ms, event in self.shell.log[self.checked :]:
            getattr(self, "check_" + event.kind)(wall_ms, event)
        self.checked = len(self.shell.log)

    def check_unknown(self):
        for _, event in self.shell.log[self.checked :]:
            if event.kind == "play":
                # Before the clock was lost this very step may have started something.
                assert event.legal_class == "emergency" or event.play in self.commands

    def check_play(self, wall_ms, play):
        assert play.play not in self.commands
        assert set(self.commands) == self.answered, "the last play was not recorded"
        self.commands[play.play] = play
        start_ms = play.at_ms or wall_ms
        assert start_ms >= wall_ms
        assert 0 <= play.position_ms <= play.duration_ms
        if self.trust != "unknown":
            self.check_hour(play, start_ms, play.volume_percent)

    def check_hour(self, play, wall_ms, volume_percent):
        second = (wall_ms // 1000 + 7 * 3600) % 86400
        quiet = not 5 * 3600 <= second < 21.5 * 3600
        ceiling = 60 if 5 * 3600 <= second < 6 * 3600 else 80
        ceiling = 100 if quiet else ceiling
        policy = self.bundle["policy"]
        if play.legal_class == "emergency":
            assert policy["emergency_in_quiet"] or not quiet
            ceiling = policy.get("emergency_ceiling_percent", ceiling)
        else:
            assert not quiet
            if self.narrow:
                ceiling = min(35, ceiling)
                narrow = self.narrow["quiet"] and 335 * 60 <= second < 350 * 60
                assert not narrow, "the settings keep this time quiet"
        assert volume_percent <= ceiling

    def check_volume(self, wall_ms, event):
        assert event.play in self.commands and event.play not in self.answered

    def check_stop(self, wall_ms, event):
        assert event.play in self.commands and event.play not in self.answered

    def check_played(self, wall_ms, fact):
        assert fact.play in self.commands and fact.play not in self.answered
        self.answered.add(fact.play)
        play = self.commands[fact.play]
        assert fact.from_ms == play.position_ms <= fact.until_ms <= play.duration_ms
        assert fact.outcome in ("complete", "interrupted", "failed")
        if fact.outcome == "complete":
            assert fact.until_ms == play.duration_ms
        name = (fact.unit, fact.occurrence, fact.item)
        assert fact.resumed == (fact.from_ms > 0)
        cut_at = self.resume_at.pop(name, 0)
        assert cut_at == fact.from_ms or self.changed, "did not resume where it was cut"
        goes_on = fact.outcome == "interrupted" or fact.reason == "audio.lost"
        waits = fact.reason == "quiet" and fact.legal_class == "emergency"
        if goes_on and (waits or fact.reason not in GIVEN_UP):
            self.resume_at[name] = fact.until_ms
        if fact.outcome == "complete":
            self.complete[name] = self.complete.get(name, 0) + 1
            times = 1 if fact.occurrence.startswith("alert") else self.times(fact)
            assert self.complete[name] <= times, "heard more often than planned"

    def times(self, fact):
        """Return how often an item stands in its rule; anything goes once the programme changed."""
        for entry in self.bundle["rules"]:
            if fact.occurrence.startswith(entry["id"] + "/") and not self.changed:
                return max(entry["items"].count(fact.item), 1)
        return 99

    def check_skipped(self, wall_ms, fact):
        assert fact.reason

    @invariant()
    def one_play_at_a_time(self):
        if self.shell is not None:
            session = self.shell.session
            assert (session.on_air is None) == (session.state in ("idle", "closed"))
            assert len(self.commands) - len(self.answered) == (session.on_air is not None)
            assert len(session.queue.jobs) <= 64

    @invariant()
    def quiet_hours_hold_while_playing(self):
        if self.shell is None or self.trust == "unknown":
            return
        on_air = self.shell.session.on_air
        if on_air is not None and self.shell.session.state == "playing":
            self.check_hour(self.commands[on_air.number], self.shell.wall_ms, on_air.volume_percent)

    @invariant()
    def the_session_comes_to_rest(self):
        if self.shell is not None:
            deadline_ms = self.shell.session.deadline_ms()
            assert deadline_ms is None or deadline_ms > self.shell.now_ms

    @invariant()
    def nothing_waits_while_the_air_is_free(self):
        session = self.shell.session if self.shell else None
        if session is None or session.state != "idle" or self.trust == "unknown":
            return
        waiting = [job for job in session.queue.jobs if job.retry_ticks <= self.shell.now_ms]
        assert not waiting or session.alerts.due_within(session.clock, self.shell.now_ms, 20000)


Day.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, report_multiple_bugs=False
)
TestDay = Day.TestCase


def test_ninety_days_offline_play_every_slot_at_its_hour():
    shell = Shell("04:00")
    shell.programme(manifests.bundle())
    shell.run_to("04:00", 90)
    heard = shell.heard()
    assert len(heard) == 180
    assert shell.skipped() == []
    assert {entry[1] for entry in heard} == {"05:30:00", "11:00:00"}
    assert len(shell.session.memory()["done"]) <= 96


def test_the_memory_is_canonical_and_small():
    shell = Shell("04:00")
    shell.programme(manifests.bundle())
    shell.alerts(manifests.alerts([manifests.alert("x", 20, at_ms("04:00") // 1000)]))
    shell.run_to("04:00", 60)
    assert len(canonical.encode(shell.stored)) < 8 * 1024


def test_the_memory_of_alerts_is_bounded():
    shell = Shell("08:00")
    for batch in range(6):
        many = []
        for number in range(64):
            value = manifests.alert(f"a{batch}-{number}", 20, at_ms("08:00") // 1000)
            value["maximum_age_s"] = 1
            many.append(value)
        shell.run_ms(2000)
        shell.alerts(manifests.alerts(many))
        shell.run_ms(2000)
    assert shell.heard() == []
    assert len(shell.session.memory()["alerts"]) <= 256


def test_too_many_waiting_slots_give_up_the_last():
    value = manifests.bundle()
    value["rules"] = []
    for number in range(70):
        value["rules"].append(manifests.rule("r%02d" % number, ["music"], ["05:30"]))
    shell = Shell("05:29")
    shell.programme(value)
    shell.run_to("05:30")
    assert len(shell.session.queue.jobs) <= 64
    assert ("music", "crowded") in shell.skipped()
