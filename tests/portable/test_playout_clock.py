"""The play-out session under clocks and power: lateness, misses, unknown time, steps, restarts."""

from protocols.errors import RemoteFault
from protocols.play_memory import PlayMemory
from protocols.playout import Playout
from tests.portable import manifests
from tests.portable.manifests import at_ms
from tests.portable.play_shell import PLACE, Shell


def _flood(clock, **changes):
    value = manifests.alert("flood", 20, at_ms(clock) // 1000)
    value.update(changes)
    return manifests.alerts([value])


def _at(clock, *values):
    shell = Shell(clock)
    shell.programme(*values)
    return shell


def test_a_slot_starts_up_to_its_limit_late():
    for clock, played in (("05:59:59", True), ("06:00:01", False)):
        shell = _at(clock, manifests.bundle())
        shell.run_to("06:30")
        assert (len(shell.heard()) == 1) == played, clock


def test_a_rule_has_its_own_limit():
    value = manifests.bundle()
    value["rules"][0]["late_max_s"] = 60
    shell = _at("05:32", value)
    shell.run_to("06:30")
    assert shell.heard() == []


def test_what_was_missed_in_the_dark_is_recorded_once():
    shell = _at("04:00", manifests.bundle())
    shell.run_to("12:00")
    later = shell.power_cut(2 * manifests.DAY_MS - 3600000)
    later.programme(manifests.bundle())
    later.run_ms(60000)
    assert later.skipped() == []
    later.set_clock(later.wall_ms)
    assert later.wall_ms // 1000 == at_ms("11:01", 2) // 1000
    later.run_to("12:00", 2)
    missed = [(fact.occurrence, fact.reason) for fact in later.of_kind("skipped")]
    assert missed == [
        ("morning/2026-11-07/05:30", "late"),
        ("noon/2026-11-07/11:00", "late"),
        ("morning/2026-11-08/05:30", "late"),
    ]
    assert later.heard() == [("notice", "11:01:00", 0, 120, "complete")]
    again = later.power_cut(60000)
    again.programme(manifests.bundle())
    again.set_clock(again.wall_ms)
    again.run_to("14:00", 2)
    assert again.skipped() == [] and again.heard() == []


def test_a_long_dark_time_is_looked_up_two_days_back():
    shell = _at("04:00", manifests.bundle())
    shell.run_to("12:00")
    later = shell.power_cut(30 * manifests.DAY_MS)
    later.programme(manifests.bundle())
    later.set_clock(later.wall_ms)
    assert len(later.of_kind("skipped")) == 4


def test_what_played_is_not_repeated_after_a_power_cut():
    shell = _at("05:00", manifests.bundle())
    shell.run_to("05:41")
    later = shell.power_cut(60000)
    later.programme(manifests.bundle())
    later.set_clock(later.wall_ms)
    later.run_to("06:30")
    assert later.heard() == [] and later.skipped() == []


def test_what_a_power_cut_ended_starts_again_in_time():
    shell = _at("05:00", manifests.bundle())
    shell.run_to("05:35")
    later = shell.power_cut(5 * 60000)
    later.programme(manifests.bundle())
    later.set_clock(later.wall_ms)
    later.run_to("06:30")
    assert later.heard() == [("news", "05:40:00", 0, 600, "complete")]


def test_a_power_cut_goes_on_with_the_item_that_was_next():
    value = manifests.bundle()
    value["rules"][0]["items"] = ["music", "news"]
    shell = _at("05:00", value)
    shell.run_to("05:35")
    later = shell.power_cut(60000)
    later.programme(value)
    later.set_clock(later.wall_ms)
    later.run_to("06:30")
    assert later.heard() == [("news", "05:36:00", 0, 600, "complete")]


def test_what_an_alert_interrupted_before_a_power_cut_resumes():
    shell = _at("05:00", manifests.bundle())
    shell.run_to("05:35")
    shell.alerts(_flood("05:35"))
    later = shell.power_cut(60000)
    later.programme(manifests.bundle())
    later.alerts(_flood("05:35"), live=False)
    later.set_clock(later.wall_ms)
    later.run_to("06:30")
    assert [entry[0] for entry in later.heard()] == ["flood", "news"]
    assert later.heard()[1] == ("news", "05:36:30", 300, 600, "complete")


def test_with_an_unknown_clock_nothing_scheduled_starts():
    shell = Shell("05:00", trust="unknown")
    shell.programme(manifests.bundle())
    shell.run_to("12:00")
    assert shell.log == []
    shell.set_clock(shell.wall_ms, "rtc")
    shell.run_to("05:00", 1)
    assert shell.heard() == []
    shell.run_to("06:00", 1)
    assert shell.heard() == [("news", "05:30:00", 0, 600, "complete")]


def test_a_clock_that_becomes_unknown_lets_the_item_end_and_starts_no_other():
    value = manifests.bundle()
    value["rules"][0]["items"] = ["news", "music"]
    shell = _at("05:00", value)
    shell.run_to("05:31")
    shell.set_clock(shell.wall_ms, "unknown")
    shell.run_to("06:30")
    assert [entry[0] for entry in shell.heard()] == ["news"]


def test_a_clock_lost_just_before_a_start_takes_the_start_back():
    shell = _at("05:29", manifests.bundle())
    shell.run_to("05:29:58")
    shell.set_clock(shell.wall_ms, "unknown")
    shell.run_to("05:33")
    assert shell.heard() == [("news", None, 0, 0, "interrupted")]
    shell.set_clock(shell.wall_ms, "hub")
    shell.run_to("06:00")
    assert shell.heard()[1:] == [("news", "05:33:00", 0, 600, "complete")]


def test_a_live_alert_plays_with_an_unknown_clock_within_its_budget():
    value = _flood("05:00", repeat={"gap_s": 600, "until_s": at_ms("10:00") // 1000})
    shell = Shell("05:00", trust="unknown")
    shell.alerts(value)
    shell.run_ms(6 * 3600000)
    # A run of 30 s and a gap of 600 s, for two hours.
    assert len(shell.heard()) == 12
    assert shell.heard()[0] == ("flood", None, 0, 30, "complete")


def test_a_stored_alert_waits_for_the_time_unless_it_was_open_before():
    value = _flood("05:00", repeat={"gap_s": 600, "until_s": at_ms("10:00") // 1000})
    shell = Shell("05:00", trust="unknown")
    shell.alerts(value, live=False)
    shell.run_ms(3600000)
    assert shell.heard() == []
    shell.set_clock(shell.wall_ms)
    shell.run_ms(60000)
    assert len(shell.heard()) == 1
    later = shell.power_cut(60000)
    later.alerts(value, live=False)
    later.run_ms(30000)
    assert len(later.heard()) == 1


def test_the_budget_is_not_renewed_by_power_cuts():
    value = _flood("05:00", repeat={"gap_s": 600, "until_s": at_ms("22:00") // 1000})
    value["alerts"][0]["expires_s"] = at_ms("23:00") // 1000
    shell = Shell("05:00", trust="unknown")
    shell.alerts(value)
    heard = []
    for _ in range(9):
        shell.run_ms(30 * 60000)
        heard.append(len(shell.heard()))
        shell = shell.power_cut(1000)
        shell.alerts(value, live=False)
    # Time since the last thing remembered is not counted, so it takes a little over two hours.
    assert heard == [3, 3, 3, 3, 3, 2, 0, 0, 0], heard


def test_a_time_that_has_surely_passed_ends_an_alert():
    shell = Shell("05:00", trust="unknown")
    shell.set_clock(None, "unknown", at_ms("13:00"))
    shell.wall_ms = at_ms("05:00")
    shell.alerts(_flood("05:00"))
    shell.run_ms(60000)
    assert shell.heard() == [] and shell.skipped() == [("flood", "expired")]


def test_a_finished_alert_does_not_play_again_after_a_power_cut():
    shell = Shell("05:00")
    shell.alerts(_flood("05:00"))
    shell.run_ms(60000)
    assert len(shell.heard()) == 1
    later = shell.power_cut(1000)
    later.alerts(_flood("05:00"), live=True)
    later.run_ms(600000)
    assert later.heard() == []


def test_an_emergency_waits_in_a_quiet_that_might_be():
    value = manifests.bundle()
    value["policy"]["emergency_in_quiet"] = False
    shell = Shell("12:00", trust="unknown")
    shell.programme(value)
    shell.alerts(_flood("12:00"))
    shell.run_ms(60000)
    assert shell.heard() == []
    shell.set_clock(shell.wall_ms)
    shell.run_ms(60000)
    assert len(shell.heard()) == 1


def test_a_clock_set_forward_plays_what_is_due_and_records_what_is_late():
    shell = _at("04:00", manifests.bundle())
    shell.set_clock(at_ms("11:10"))
    shell.run_to("12:00")
    assert shell.heard() == [("notice", "11:10:00", 0, 120, "complete")]
    assert shell.skipped() == [("news", "late")]


def test_a_clock_set_back_repeats_nothing_and_forgets_false_misses():
    shell = _at("05:00", manifests.bundle())
    shell.run_to("05:45")
    shell.set_clock(at_ms("05:20"))
    shell.run_to("10:00")
    assert len(shell.heard()) == 1
    shell.set_clock(at_ms("13:00"))
    assert shell.skipped() == [("notice", "late")]
    shell.set_clock(at_ms("10:01"))
    shell.run_to("12:00")
    assert [entry[0] for entry in shell.heard()] == ["news", "notice"]


def test_a_clock_set_back_by_a_year_and_forward_again():
    shell = _at("05:00", manifests.bundle())
    shell.run_to("05:45")
    shell.set_clock(at_ms("05:46") - 365 * manifests.DAY_MS)
    shell.run_ms(3600000)
    shell.set_clock(at_ms("06:46"))
    shell.run_to("12:00")
    assert [entry[0] for entry in shell.heard()] == ["news", "notice"]


def test_a_step_just_before_the_start_begins_anew():
    shell = _at("05:29", manifests.bundle())
    shell.run_to("05:29:58")
    shell.set_clock(at_ms("05:20"))
    shell.run_to("06:00")
    assert shell.heard() == [
        ("news", None, 0, 0, "interrupted"),
        ("news", "05:30:00", 0, 600, "complete"),
    ]
    assert shell.of_kind("played")[0].reason == "clock"


def test_small_corrections_change_nothing():
    shell = _at("05:00", manifests.bundle())
    for minute in range(29):
        shell.run_to("05:%02d" % (minute + 1))
        shell.set_clock(shell.wall_ms + (400 if minute % 2 else -400))
    shell.run_to("06:00")
    assert len(shell.heard()) == 1
    assert shell.of_kind("play")[0].at_ms == at_ms("05:30")


def test_a_broken_memory_is_refused():
    value = Playout(PLACE).memory()
    for change in (
        {"format": "x"},
        {"seen_ms": -1},
        {"done": [["k", 1]]},
        {"begun": [["k", 0, 99, "i", 0]]},
        {"alerts": [["k", "odd", 0, 0, 0]]},
    ):
        broken = dict(value)
        broken.update(change)
        try:
            Playout(PLACE, broken)
            raise AssertionError(change)
        except RemoteFault as fault:
            assert fault.code == "format.field"


def test_what_waits_when_the_clock_is_set_back_waits_for_its_time_again():
    shell = _at("05:29", manifests.bundle())
    shell.alerts(_flood("05:29", renditions=[manifests.rendition(20, 300)]))
    shell.run_to("05:31")
    shell.set_clock(at_ms("04:59:30"))
    shell.run_to("06:00")
    assert [entry[:2] for entry in shell.heard()] == [("flood", "05:29:00"), ("news", "05:30:00")]


def test_a_false_future_is_forgotten_when_the_clock_is_set_back():
    memory = PlayMemory()
    start_ms = at_ms("05:30")
    for day in range(200):
        memory.add_done("u/r/%d" % day, start_ms + day * manifests.DAY_MS, True)
    assert memory.floor_ms > start_ms and memory.is_done("u/other", start_ms)
    memory.step_back(start_ms - 1)
    assert not memory.is_done("u/other", start_ms)


def test_what_was_interrupted_goes_on_at_once_when_the_clock_is_set_back():
    shell = _at("05:29", manifests.bundle())
    shell.run_to("05:35")
    shell.alerts(_flood("05:35", renditions=[manifests.rendition(20, 300)]))
    shell.run_to("05:36")
    shell.set_clock(at_ms("05:06"))
    shell.run_to("06:00")
    assert shell.heard()[1:] == [
        ("flood", "05:35:00", 0, 300, "complete"),
        ("news", "05:10:00", 300, 600, "complete"),
    ]


def test_what_had_begun_is_remembered_within_bounds():
    memory = PlayMemory()
    for number in range(40):
        memory.add_begun("u/r%02d/d/t" % number, number, 0, "i", 5)
    assert sorted(memory.begun) == ["u/r%02d/d/t" % number for number in range(24, 40)]
