"""The play-out session on a day like any other: slots, classes, interruption, resumption."""

from protocols.play_values import Halt
from tests.portable import manifests
from tests.portable.manifests import at_ms
from tests.portable.play_shell import Shell


def _programme(rules, items=None, unit=manifests.COMMUNE, **changes):
    value = manifests.bundle(unit, [] if unit == manifests.PROVINCE else None)
    value["pages"] = []
    if items is not None:
        value["items"] = items + [manifests.item("music", 3, 180)]
    value["rules"] = rules
    value.update(changes)
    return value


def _flood(clock, name="flood", number=20, **changes):
    value = manifests.alert(name, number, at_ms(clock) // 1000)
    value.update(changes)
    return manifests.alerts([value])


def _at(clock, *values):
    shell = Shell(clock)
    shell.programme(*values)
    return shell


def test_a_day_plays_as_planned():
    shell = _at("04:00", manifests.bundle())
    shell.run_to("23:59")
    assert shell.heard() == [
        ("news", "05:30:00", 0, 600, "complete"),
        ("notice", "11:00:00", 0, 120, "complete"),
    ]
    assert shell.skipped() == []
    first = shell.of_kind("play")[0]
    assert first.at_ms == at_ms("05:30") and first.volume_percent == 60
    fact = shell.of_kind("played")[0]
    assert fact.occurrence == "morning/2026-11-06/05:30" and fact.scheduled_ms == at_ms("05:30")
    assert fact.ended_ms == at_ms("05:40") and fact.version == 1 and not fact.resumed


def test_the_play_is_given_out_before_its_time():
    shell = _at("05:29", manifests.bundle())
    shell.run_to("05:29:56")
    assert shell.of_kind("play") == []
    shell.run_to("05:29:57")
    assert shell.of_kind("play")[0].at_ms == at_ms("05:30")
    assert shell.session.state == "starting"


def test_items_of_a_rule_follow_one_another():
    items = [manifests.item("a", 1, 60), manifests.item("b", 2, 30)]
    shell = _at("05:00", _programme([manifests.rule("r", ["a", "b", "a"], ["05:30"])], items))
    shell.run_to("06:00")
    assert shell.heard() == [
        ("a", "05:30:00", 0, 60, "complete"),
        ("b", "05:31:00", 0, 30, "complete"),
        ("a", "05:31:30", 0, 60, "complete"),
    ]


def test_an_emergency_interrupts_at_once_and_the_news_resumes_once():
    shell = _at("05:00", manifests.bundle())
    shell.run_to("05:35")
    shell.alerts(_flood("05:35"))
    kinds = [event.kind for _, event in shell.log[-5:]]
    assert "stop" in kinds and shell.of_kind("stop")[0].fade_ms == 10
    shell.run_to("06:00")
    assert shell.heard() == [
        ("news", "05:30:00", 0, 300, "interrupted"),
        ("flood", "05:35:00", 0, 30, "complete"),
        ("news", "05:35:30", 300, 600, "complete"),
    ]
    facts = shell.of_kind("played")
    assert facts[0].reason == "emergency" and facts[2].resumed and not facts[1].resumed
    assert facts[1].volume_percent == 100 and facts[1].legal_class == "emergency"
    assert facts[1].occurrence == "alert/1"


def test_an_emergency_interrupts_what_is_about_to_start():
    shell = _at("05:29", manifests.bundle())
    shell.run_to("05:29:58")
    shell.alerts(_flood("05:29"))
    shell.run_to("06:00")
    assert [entry[:4] for entry in shell.heard()] == [
        ("news", None, 0, 0),
        ("flood", "05:29:58", 0, 30),
        ("news", "05:30:28", 0, 600),
    ]


def test_a_lower_item_waits_while_a_higher_one_plays():
    shell = _at("05:29", manifests.bundle())
    shell.alerts(_flood("05:29", renditions=[manifests.rendition(20, 300)]))
    shell.run_to("06:00")
    assert shell.heard() == [
        ("flood", "05:29:00", 0, 300, "complete"),
        ("news", "05:34:00", 0, 600, "complete"),
    ]


def test_priority_goes_before_normal_when_they_coincide():
    items = [manifests.item("n", 1, 60), manifests.item("p", 2, 60, "priority")]
    rules = [manifests.rule("a", ["n"], ["05:30"]), manifests.rule("b", ["p"], ["05:30"])]
    shell = _at("05:00", _programme(rules, items))
    shell.run_to("06:00")
    assert [entry[:2] for entry in shell.heard()] == [("p", "05:30:00"), ("n", "05:31:00")]


def test_priority_waits_for_the_running_item_and_goes_before_the_next():
    items = [manifests.item("n", 1, 600), manifests.item("p", 2, 60, "priority")]
    rules = [manifests.rule("a", ["n", "n"], ["05:30"]), manifests.rule("b", ["p"], ["05:32"])]
    shell = _at("05:00", _programme(rules, items))
    shell.run_to("06:30")
    assert [entry[:2] for entry in shell.heard()] == [
        ("n", "05:30:00"),
        ("p", "05:40:00"),
        ("n", "05:41:00"),
    ]


def test_priority_interrupts_rather_than_come_too_late():
    items = [manifests.item("n", 1, 3600), manifests.item("p", 2, 60, "priority")]
    rules = [manifests.rule("a", ["n"], ["06:00"]), manifests.rule("b", ["p"], ["06:10"])]
    shell = _at("05:00", _programme(rules, items))
    shell.run_to("08:00")
    heard = shell.heard()
    assert heard[0] == ("n", "06:00:00", 0, 2400, "interrupted")
    assert heard[1][:2] == ("p", "06:40:00") and shell.of_kind("played")[0].reason == "priority"
    assert heard[2] == ("n", "06:41:00", 2400, 3600, "complete")


def _two_units(tie_break):
    above = [manifests.item("p", 6, 60, "priority"), manifests.item("n", 7, 60)]
    rules = [manifests.rule("u", ["p"], ["05:30"]), manifests.rule("v", ["n"], ["05:30"])]
    province = _programme(rules, above, manifests.PROVINCE)
    own = [manifests.item("c", 1, 60, "priority")]
    commune = _programme([manifests.rule("u", ["c"], ["05:30"])], own)
    commune["policy"]["tie_break"] = tie_break
    shell = _at("05:00", commune, province)
    shell.run_to("06:00")
    return [(fact.item, fact.unit) for fact in shell.of_kind("played")]


def test_the_commune_decides_which_priority_goes_first():
    own, above = ("c", manifests.COMMUNE), ("p", manifests.PROVINCE)
    assert _two_units([]) == [own, above]
    assert _two_units([manifests.PROVINCE]) == [above, own]
    assert _two_units([manifests.COMMUNE, manifests.PROVINCE]) == [own, above]


def test_normal_items_from_above_wait_in_the_library():
    assert ("n", manifests.PROVINCE) not in _two_units([])


def test_quiet_hours_end_what_plays_and_start_nothing():
    items = [manifests.item("n", 1, 1200), manifests.item("p", 2, 60, "priority")]
    rules = [
        manifests.rule("late", ["n", "n"], ["21:20"]),
        manifests.rule("night", ["p"], ["22:00"]),
        manifests.rule("dawn", ["n"], ["04:30"]),
        manifests.rule("five", ["p"], ["05:00"]),
    ]
    shell = _at("20:00", _programme(rules, items))
    shell.run_to("06:00", 1)
    assert shell.heard() == [
        ("n", "21:20:00", 0, 598, "interrupted"),
        ("p", "05:00:00", 0, 60, "complete"),
    ]
    assert shell.of_kind("played")[0].reason == "quiet"
    assert shell.skipped() == [("n", "quiet"), ("p", "quiet"), ("n", "quiet")]
    assert shell.of_kind("stop")[0].fade_ms == 2000


def test_emergencies_sound_at_night_unless_the_policy_forbids():
    shell = _at("01:00", manifests.bundle())
    shell.alerts(_flood("01:00"))
    shell.run_to("04:00")
    assert shell.heard() == [("flood", "01:00:00", 0, 30, "complete")]
    value = manifests.bundle()
    value["policy"]["emergency_in_quiet"] = False
    shell = _at("04:50", value)
    shell.alerts(_flood("04:50"))
    shell.run_to("05:10")
    assert shell.heard() == [("flood", "05:00:00", 0, 30, "complete")]


def test_the_ceiling_changes_while_an_item_plays():
    items = [manifests.item("n", 1, 1200)]
    shell = _at("05:00", _programme([manifests.rule("r", ["n"], ["05:50"])], items))
    shell.run_to("07:00")
    assert shell.of_kind("play")[0].volume_percent == 60
    assert [event.volume_percent for event in shell.of_kind("volume")] == [80]
    assert [wall for wall, event in shell.log if event.kind == "volume"] == [at_ms("06:00")]


def test_an_emergency_keeps_to_the_ceiling_when_the_policy_says_nothing():
    value = manifests.bundle()
    del value["policy"]["emergency_ceiling_percent"]
    shell = _at("05:10", value)
    shell.alerts(_flood("05:10"))
    assert shell.of_kind("play")[0].volume_percent == 60


def test_mourning_leaves_only_what_is_solemn():
    items = [manifests.item("song", 1, 60), manifests.item("dirge", 2, 60)]
    items[1]["solemn"] = True
    value = _programme([manifests.rule("r", ["song", "dirge"], ["05:30"])], items)
    above = _programme([], [], manifests.PROVINCE, fallback=[])
    above["policy"]["mourning"] = [["2026-11-06", "2026-11-06"]]
    shell = _at("05:00", value, above)
    shell.run_to("05:00", 1)
    assert [entry[0] for entry in shell.heard()] == ["dirge"]
    assert shell.skipped() == [("song", "mourning")]
    shell.run_to("06:00", 1)
    assert [entry[0] for entry in shell.heard()] == ["dirge", "song", "dirge"]


def test_what_plays_into_a_day_of_mourning_stops():
    items = [manifests.item("song", 1, 600)]
    value = _programme([manifests.rule("r", ["song"], ["23:55"])], items)
    value["policy"].update({"quiet": [], "mourning": [["2026-11-07", "2026-11-07"]]})
    shell = _at("23:00", value)
    shell.run_to("01:00", 1)
    assert shell.heard() == [("song", "23:55:00", 0, 300, "interrupted")]


def test_an_item_that_crosses_midnight_is_not_cut():
    items = [manifests.item("song", 1, 600)]
    value = _programme([manifests.rule("r", ["song"], ["23:55"])], items)
    value["policy"]["quiet"] = []
    shell = _at("23:00", value)
    shell.run_to("01:00", 1)
    assert shell.heard() == [("song", "23:55:00", 0, 600, "complete")]


def test_a_recalled_item_stops_and_a_changed_rule_does_not_stop_it():
    value = manifests.bundle()
    shell = _at("05:29", value)
    shell.run_to("05:32")
    value["rules"] = value["rules"][1:]
    shell.programme(value)
    shell.run_to("05:33")
    assert shell.session.state == "playing"
    value["items"] = value["items"][1:]
    shell.programme(value)
    shell.run_to("06:00")
    assert shell.heard() == [("news", "05:30:00", 0, 180, "interrupted")]
    assert shell.of_kind("played")[0].reason == "recalled"


def test_a_waiting_item_that_is_recalled_does_not_play():
    shell = _at("05:29", manifests.bundle())
    shell.alerts(_flood("05:29", renditions=[manifests.rendition(20, 300)]))
    shell.run_to("05:31")
    value = manifests.bundle()
    value["rules"] = value["rules"][1:]
    shell.programme(value)
    shell.run_to("06:00")
    assert [entry[0] for entry in shell.heard()] == ["flood"]
    assert shell.skipped() == [("news", "recalled")]


def test_a_slot_before_the_bundle_was_issued_was_never_promised():
    value = manifests.bundle()
    value["issued_s"] = at_ms("05:35") // 1000
    shell = _at("05:40", value)
    shell.run_to("10:00")
    assert shell.heard() == [] and shell.skipped() == []


def test_a_slot_of_this_moment_plays_when_the_bundle_arrives():
    value = _programme([manifests.rule("now", ["news"], ["07:15:20"])])
    value["issued_s"] = at_ms("07:15:15") // 1000
    shell = Shell("07:16")
    shell.programme(value)
    shell.run_to("07:30")
    assert shell.heard() == [("news", "07:16:00", 0, 600, "complete")]


def test_a_bundle_out_of_its_validity_plays_nothing():
    value = manifests.bundle()
    value["valid_until_s"] = at_ms("05:00") // 1000
    shell = _at("04:00", value)
    shell.run_to("12:00")
    assert shell.heard() == []


def test_halting_stops_and_closes():
    shell = _at("05:29", manifests.bundle())
    shell.run_to("05:31")
    shell.submit(Halt("restart"))
    assert shell.session.is_closed() and shell.session.deadline_ms() is None
    assert shell.heard() == [("news", "05:30:00", 0, 60, "interrupted")]
    again = Shell("05:32", shell.stored)
    again.programme(manifests.bundle())
    again.run_to("06:00")
    assert again.heard() == [("news", "05:32:00", 60, 600, "complete")]
    assert again.of_kind("played")[0].resumed


def test_a_begun_sequence_is_not_torn_apart_by_the_tie_break():
    above = _programme([], [manifests.item("p", 6, 60, "priority")], manifests.PROVINCE)
    above["rules"] = [manifests.rule("u", ["p"], ["05:30:30"])]
    own = [manifests.item("c", 1, 60, "priority")]
    commune = _programme([manifests.rule("u", ["c", "c"], ["05:30"])], own)
    commune["policy"]["tie_break"] = [manifests.PROVINCE]
    shell = _at("05:00", commune, above)
    shell.run_to("06:00")
    assert [entry[0] for entry in shell.heard()] == ["c", "c", "p"]
