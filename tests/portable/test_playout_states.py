"""Every pair of state and trigger of the play-out session: listed ones move, others raise."""

from protocols.errors import LocalFault
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
from protocols.playout import TABLE
from tests.portable import manifests
from tests.portable.manifests import at_ms
from tests.portable.play_shell import Shell


def _flood(clock):
    return manifests.alerts([manifests.alert("flood", 20, at_ms(clock) // 1000)])


def _in_state(state):
    """Return a shell whose session is in a state."""
    shell = Shell("05:00")
    shell.programme(manifests.bundle())
    if state in ("starting", "playing", "stopping"):
        shell.run_to("05:29:58")
    if state in ("playing", "stopping"):
        shell.run_to("05:31")
    if state == "stopping":
        shell.slow_stop = True
        shell.alerts(_flood("05:31"))
    if state == "closed":
        shell.submit(Halt("restart"))
    assert shell.session.state == state
    return shell


def _trigger(shell, trigger):
    """Submit one event of a kind that fits the play on air."""
    session = shell.session
    number = session.on_air.number if session.on_air else 1
    events = {
        "clock": ClockSet(shell.wall_ms, "hub", 0),
        "programme": ProgrammeSet(session.programme.bundles),
        "alerts": AlertsSet((), False),
        "settings": SettingsSet(None),
        "policy": PolicySet(None),
        "relays": RelaysSet({}),
        "blob": BlobArrived(manifests.digest(1)),
        "hold": Hold(True),
        "halt": Halt("restart"),
        "started": Started(number),
        "finished": Finished(number, 60000),
        "failed": Failed(number, 60000, True, "media.broken"),
        "stopped": Stopped(number, 60000),
    }
    if trigger == "tick":
        session.tick(shell.now_ms)
    else:
        session.submit(events[trigger], shell.now_ms)


# Where each trigger leads from each state. A file that fails before it sounded leads to the start
# of the fallback; in `stopping` an alert waits, so the end of the play starts it.
STAYS = ("tick", "clock", "programme", "alerts", "settings", "policy", "relays", "blob")
MOVES = {
    "idle": {"hold": "idle", "halt": "closed"},
    "starting": {
        "hold": "stopping",
        "halt": "stopping",
        "started": "playing",
        "finished": "idle",
        "failed": "starting",
    },
    "playing": {"hold": "stopping", "halt": "stopping", "finished": "idle", "failed": "idle"},
    "stopping": {
        "hold": "stopping",
        "halt": "stopping",
        "started": "stopping",
        "finished": "starting",
        "failed": "starting",
        "stopped": "starting",
    },
    "closed": {},
}


def _after(state, trigger):
    """Return the state a trigger leads to, or None when it does not fit."""
    if trigger in STAYS and state != "closed":
        return state
    return MOVES[state].get(trigger)


def test_every_state_takes_its_triggers_and_refuses_all_others():
    triggers = STAYS + ("hold", "halt", "started", "finished", "failed", "stopped")
    taken = set()
    for state in sorted(MOVES):
        for trigger in triggers:
            shell = _in_state(state)
            session = shell.session
            before = (session.state, session.memory(), session.deadline_ms())
            try:
                _trigger(shell, trigger)
                refused = ""
            except LocalFault as fault:
                refused = fault.code
            expected = _after(state, trigger)
            if expected is None:
                assert refused == "playout.state", (state, trigger)
                assert before == (session.state, session.memory(), session.deadline_ms())
                assert session.next_event() is None
            else:
                taken.add((state, trigger))
                assert (refused, session.state) == ("", expected), (state, trigger)
    assert taken == set(TABLE)


def test_answers_to_another_play_and_ticks_running_back_are_refused():
    shell = _in_state("playing")
    for event, now_ms, code in (
        (Finished(99, 0), shell.now_ms, "playout.play"),
        (Finished(1, 0), shell.now_ms - 1, "playout.time"),
    ):
        try:
            shell.session.submit(event, now_ms)
            raise AssertionError("accepted")
        except LocalFault as fault:
            assert fault.code == code
    assert shell.session.state == "playing"


def test_a_stop_that_nobody_answers_is_repeated():
    shell = _in_state("stopping")
    shell.run_ms(25000)
    assert [event.fade_ms for event in shell.of_kind("stop")] == [10, 0, 0]
    shell.answer_stop()
    shell.run_ms(40000)
    assert [entry[0] for entry in shell.heard()] == ["news", "flood"]


def test_the_microphone_holds_the_programme_and_not_an_alert():
    shell = _in_state("playing")
    shell.submit(Hold(True))
    shell.run_ms(60000)
    assert shell.session.state == "idle"
    assert [stop.fade_ms for stop in shell.of_kind("stop")] == [10]
    shell.alerts(_flood("05:32"))
    shell.run_ms(60000)
    shell.submit(Hold(False))
    shell.run_to("06:00")
    heard = [(entry[0], entry[2], entry[3]) for entry in shell.heard()]
    assert heard == [("news", 0, 60), ("flood", 0, 30), ("news", 60, 600)]
