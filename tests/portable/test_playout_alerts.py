"""Emergencies in the play-out session: repeat, expiry, age, update, cancel, drills, authority."""

from protocols import bundle as bundles
from protocols.play_values import BlobArrived, PolicySet
from protocols.targets import Place
from tests.portable import manifests
from tests.portable.manifests import at_ms
from tests.portable.play_shell import Shell, local


def _alert(name, clock, number=20, seconds=30, **changes):
    value = manifests.alert(name, number, at_ms(clock) // 1000, seconds)
    value.update(changes)
    return value


def _at(clock, bundle=None, *above):
    shell = Shell(clock)
    shell.programme(bundle or manifests.bundle(), *above)
    return shell


def _starts(shell):
    return [(fact.item, local(fact.started_ms)) for fact in shell.of_kind("played")]


def test_a_storm_repeats_with_its_gap_until_its_end():
    storm = _alert("storm", "07:00")
    storm["repeat"] = {"gap_s": 570, "until_s": at_ms("07:35") // 1000}
    shell = _at("07:00")
    shell.alerts(manifests.alerts([storm]))
    shell.run_to("09:00")
    assert _starts(shell) == [
        ("storm", "07:00:00"),
        ("storm", "07:10:00"),
        ("storm", "07:20:00"),
        ("storm", "07:30:00"),
    ]
    assert [fact.occurrence for fact in shell.of_kind("played")][-1] == "alert/4"
    assert shell.session.memory()["alerts"][0][1] == "finished"


def test_the_programme_goes_on_in_the_gaps():
    storm = _alert("storm", "05:29:50")
    storm["repeat"] = {"gap_s": 210, "until_s": at_ms("05:36") // 1000}
    shell = _at("05:29:50")
    shell.alerts(manifests.alerts([storm]))
    shell.run_to("07:00")
    assert [entry[:4] for entry in shell.heard()] == [
        ("storm", "05:29:50", 0, 30),
        ("news", "05:30:20", 0, 210),
        ("storm", "05:33:50", 0, 30),
        ("news", "05:34:20", 210, 600),
    ]


def test_nothing_lower_starts_just_before_a_repeat():
    storm = _alert("storm", "05:29:50")
    storm["repeat"] = {"gap_s": 15, "until_s": at_ms("05:31") // 1000}
    shell = _at("05:29:50")
    shell.alerts(manifests.alerts([storm]))
    shell.run_to("07:00")
    assert _starts(shell) == [
        ("storm", "05:29:50"),
        ("storm", "05:30:35"),
        ("news", "05:31:05"),
    ]


def test_an_alert_that_is_too_old_or_expired_is_recorded_and_not_played():
    old = _alert("old", "05:00", maximum_age_s=600)
    gone = _alert("gone", "05:00", expires_s=at_ms("05:05") // 1000)
    shell = _at("05:20")
    shell.alerts(manifests.alerts([old, gone]))
    shell.run_to("05:25")
    assert shell.heard() == []
    assert sorted(shell.skipped()) == [("gone", "expired"), ("old", "too_old")]
    assert shell.of_kind("skipped")[0].legal_class == "emergency"


def test_a_cancel_stops_what_plays_and_is_remembered():
    flood = _alert("flood", "06:30", seconds=300)
    clear = _alert("clear", "06:31", kind="cancel", references=["flood"], renditions=[])
    shell = _at("06:30")
    shell.alerts(manifests.alerts([flood]))
    shell.run_to("06:31")
    shell.alerts(manifests.alerts([flood, clear], version=2))
    shell.run_to("06:40")
    assert shell.heard() == [("flood", "06:30:00", 0, 60, "interrupted")]
    assert shell.of_kind("played")[0].reason == "cancelled"
    later = shell.power_cut(1000)
    later.alerts(manifests.alerts([flood]), live=True)
    later.set_clock(later.wall_ms)
    later.run_ms(600000)
    assert later.heard() == [] and later.skipped() == []


def test_a_cancel_that_comes_first_is_remembered():
    flood = _alert("flood", "06:30")
    clear = _alert("clear", "06:31", kind="cancel", references=["flood"])
    shell = _at("06:32")
    shell.alerts(manifests.alerts([clear]))
    shell.alerts(manifests.alerts([flood]))
    shell.run_to("06:40")
    assert shell.heard() == []


def test_an_update_replaces_what_plays():
    flood = _alert("flood", "06:30", seconds=300)
    worse = _alert("worse", "06:31", 21, kind="update", references=["flood"])
    shell = _at("06:30")
    shell.alerts(manifests.alerts([flood]))
    shell.run_to("06:31")
    shell.alerts(manifests.alerts([flood, worse], version=2))
    shell.run_to("06:50")
    assert shell.heard() == [
        ("flood", "06:30:00", 0, 60, "interrupted"),
        ("worse", "06:31:00", 0, 30, "complete"),
    ]


def test_an_alert_taken_from_the_list_is_withdrawn():
    flood = _alert("flood", "06:30", seconds=300)
    shell = _at("06:30")
    shell.alerts(manifests.alerts([flood]))
    shell.run_to("06:31")
    shell.alerts(manifests.alerts([], version=2))
    shell.run_to("06:50")
    assert shell.of_kind("played")[0].reason == "withdrawn"
    assert shell.heard() == [("flood", "06:30:00", 0, 60, "interrupted")]


def test_a_commune_cannot_end_the_provinces_alert():
    flood = _alert("flood", "06:30", seconds=300)
    above = manifests.alerts([flood], manifests.PROVINCE)
    clear = _alert("clear", "06:31", kind="cancel", references=["flood"])
    same_id = _alert("flood", "06:31", 22)
    shell = _at("06:30")
    shell.alerts(manifests.alerts([clear]), above)
    shell.run_to("06:31")
    shell.alerts(manifests.alerts([clear, same_id]), above)
    shell.run_to("06:50")
    assert shell.heard() == [("flood", "06:30:00", 0, 300, "complete")]
    assert shell.of_kind("played")[0].unit == manifests.PROVINCE


def test_the_province_can_end_the_communes_alert():
    flood = _alert("flood", "06:30", seconds=300)
    clear = _alert("clear", "06:31", kind="cancel", references=["flood"])
    shell = _at("06:30")
    own = manifests.alerts([flood])
    shell.alerts(own, manifests.alerts([], manifests.PROVINCE))
    shell.run_to("06:31")
    shell.alerts(own, manifests.alerts([clear], manifests.PROVINCE))
    shell.run_to("06:50")
    assert shell.heard() == [("flood", "06:30:00", 0, 60, "interrupted")]


def test_a_drill_is_announced_first_and_marked():
    value = manifests.bundle()
    value["policy"]["drill_intro"] = "notice"
    drill = _alert("drill", "08:00", drill=True)
    drill["repeat"] = {"gap_s": 60, "until_s": at_ms("08:04") // 1000}
    shell = _at("08:00", value)
    shell.alerts(manifests.alerts([drill]))
    shell.run_to("08:30")
    assert _starts(shell) == [
        ("notice", "08:00:00"),
        ("drill", "08:02:00"),
        ("notice", "08:03:30"),
        ("drill", "08:05:30"),
    ]
    assert [fact.drill for fact in shell.of_kind("played")] == [True] * 4
    assert shell.of_kind("play")[0].volume_percent == 100


def test_a_drill_whose_announcement_is_missing_does_not_play():
    value = manifests.bundle()
    value["policy"]["drill_intro"] = "notice"
    drill = _alert("drill", "08:00", drill=True, maximum_age_s=600)
    shell = _at("08:00", value)
    shell.broken[manifests.digest(2)] = (True, "blob.missing")
    shell.alerts(manifests.alerts([drill]))
    shell.run_to("08:30")
    assert {entry[0] for entry in shell.heard()} == {"notice"}
    assert shell.skipped() == [("drill", "drill_intro")]


def test_a_real_emergency_interrupts_a_drill():
    drill = _alert("drill", "08:00", 21, 300, drill=True)
    flood = _alert("flood", "08:01")
    shell = _at("08:00")
    shell.alerts(manifests.alerts([drill]))
    shell.run_to("08:01")
    shell.alerts(manifests.alerts([drill, flood], version=2))
    shell.run_to("08:30")
    assert shell.heard() == [
        ("drill", "08:00:00", 0, 60, "interrupted"),
        ("flood", "08:01:00", 0, 30, "complete"),
        ("drill", "08:01:30", 60, 300, "complete"),
    ]


def test_a_drill_cannot_end_a_real_alert():
    flood = _alert("flood", "08:00", seconds=120)
    clear = _alert("clear", "08:00", kind="cancel", references=["flood"], drill=True)
    shell = _at("08:00")
    shell.alerts(manifests.alerts([flood, clear]))
    shell.run_to("08:30")
    assert shell.heard() == [("flood", "08:00:00", 0, 120, "complete")]


def test_two_emergencies_take_turns():
    first = _alert("first", "08:00", 21)
    first["repeat"] = {"gap_s": 0, "until_s": at_ms("08:01:30") // 1000}
    second = _alert("second", "08:00", 22)
    shell = _at("08:00")
    shell.alerts(manifests.alerts([second, first]))
    shell.run_to("08:30")
    assert [entry[0] for entry in shell.heard()] == ["first", "second", "first"]


def test_an_alert_waits_for_its_sound():
    shell = _at("08:00")
    shell.broken[manifests.digest(20)] = (True, "blob.missing")
    shell.alerts(manifests.alerts([_alert("flood", "08:00")]))
    shell.run_to("08:00:30")
    assert [entry[4] for entry in shell.heard()] == ["failed"]
    shell.submit(BlobArrived(manifests.digest(99)))
    assert len(shell.heard()) == 1
    shell.broken.clear()
    shell.submit(BlobArrived(manifests.digest(20)))
    shell.run_to("08:02")
    assert shell.heard()[1] == ("flood", "08:00:30", 0, 30, "complete")


def test_an_alert_tries_its_next_rendition():
    two = [manifests.rendition(20, 30), manifests.rendition(21, 30, "pcm16")]
    shell = _at("08:00")
    shell.broken[manifests.digest(20)] = (True, "blob.broken")
    shell.alerts(manifests.alerts([_alert("flood", "08:00", renditions=two)]))
    shell.run_to("08:02")
    assert [entry[4] for entry in shell.heard()] == ["failed", "complete"]
    assert shell.of_kind("played")[1].sha256 == manifests.digest(21)


def test_an_alert_that_this_node_cannot_play_is_recorded():
    silent = _alert("flood", "08:00", renditions=[manifests.rendition(20, 30, "mp3")])
    shell = _at("08:00")
    shell.alerts(manifests.alerts([silent]))
    shell.run_to("08:02")
    assert shell.skipped() == [("flood", "no_rendition")] and shell.heard() == []


def test_an_alert_for_others_is_left_alone():
    shell = _at("08:00")
    shell.alerts(manifests.alerts([_alert("flood", "08:00", targets={"hamlets": ["h9"]})]))
    shell.run_to("08:02")
    assert shell.log == []


def test_a_cancel_for_another_hamlet_ends_nothing_here():
    flood = _alert("flood", "08:00", seconds=120)
    clear = _alert("clear", "08:01", kind="cancel", references=["flood"])
    clear["targets"] = {"hamlets": ["h9"]}
    shell = _at("08:00")
    shell.alerts(manifests.alerts([flood, clear]))
    shell.run_to("08:30")
    assert shell.heard() == [("flood", "08:00:00", 0, 120, "complete")]


def test_the_same_alert_from_two_units_plays_once():
    flood = _alert("flood", "08:00")
    shell = _at("08:00")
    shell.alerts(manifests.alerts([flood]), manifests.alerts([flood], manifests.PROVINCE))
    shell.run_to("09:00")
    assert len(shell.heard()) == 1


def test_a_device_that_fails_is_tried_again_at_the_position():
    shell = _at("08:00")
    shell.fail_after_ms[manifests.digest(20)] = (12000, False, "audio.lost")
    shell.alerts(manifests.alerts([_alert("flood", "08:00")]))
    shell.run_to("08:05")
    assert shell.heard() == [
        ("flood", "08:00:00", 0, 12, "failed"),
        ("flood", "08:00:22", 12, 30, "complete"),
    ]


def test_an_alert_before_any_bundle_plays_under_the_default_policy():
    shell = Shell("02:00")
    shell.alerts(manifests.alerts([_alert("flood", "02:00")]))
    shell.run_to("02:05")
    assert shell.heard() == [("flood", "02:00:00", 0, 30, "complete")]


def test_a_board_without_sound_says_so_once():
    place = Place(manifests.COMMUNE, "h1", (), "board", ("board-192x64x1",))
    shell = Shell("08:00", place=place)
    shell.alerts(manifests.alerts([_alert("flood", "08:00")]))
    shell.alerts(manifests.alerts([_alert("flood", "08:00")]), live=False)
    shell.run_to("08:05")
    assert shell.skipped() == [("flood", "no_rendition")]


def test_an_emergency_stops_at_quiet_hours_only_where_the_policy_says_so():
    value = manifests.bundle()
    value["policy"]["emergency_in_quiet"] = False
    shell = _at("21:29", value)
    shell.alerts(manifests.alerts([_alert("flood", "21:29", seconds=120)]))
    shell.run_to("23:00")
    assert shell.heard() == [("flood", "21:29:00", 0, 60, "interrupted")]
    assert shell.of_kind("played")[0].reason == "quiet"
    shell = _at("21:29")
    shell.alerts(manifests.alerts([_alert("flood", "21:29", seconds=120)]))
    shell.run_to("23:00")
    assert shell.heard() == [("flood", "21:29:00", 0, 120, "complete")]


def test_a_clock_set_back_does_not_lengthen_an_alert():
    storm = _alert("storm", "08:00", expires_s=at_ms("09:00") // 1000)
    storm["repeat"] = {"gap_s": 570, "until_s": at_ms("09:00") // 1000}
    shell = _at("08:00")
    shell.alerts(manifests.alerts([storm]))
    shell.run_to("08:45")
    shell.set_clock(at_ms("06:00"))
    shell.run_ms(6 * 3600000)
    assert len([entry for entry in shell.heard() if entry[0] == "storm"]) == 6
    waiting = _alert("later", "08:00", expires_s=at_ms("09:00") // 1000)
    shell = _at("08:00")
    shell.broken[manifests.digest(20)] = (True, "blob.missing")
    shell.alerts(manifests.alerts([waiting]))
    shell.run_to("08:45")
    shell.set_clock(at_ms("06:00"))
    shell.run_ms(20 * 60000)
    assert shell.skipped()[-1] == ("later", "failed")


def test_a_withdrawn_alert_that_returns_is_not_heard_twice():
    flood = _alert("flood", "08:00", seconds=60)
    shell = _at("08:00")
    shell.alerts(manifests.alerts([flood]))
    shell.run_to("08:00:30")
    shell.alerts(manifests.alerts([], version=2))
    assert shell.heard() == [("flood", "08:00:00", 0, 30, "interrupted")]
    assert shell.skipped() == []
    shell.alerts(manifests.alerts([flood], version=3))
    shell.run_to("08:05")
    assert shell.heard()[1:] == [("flood", "08:00:30", 0, 60, "complete")]
    storm = _alert("storm", "08:05")
    storm["repeat"] = {"gap_s": 600, "until_s": at_ms("09:00") // 1000}
    shell.alerts(manifests.alerts([storm], version=4))
    shell.run_to("08:06")
    shell.alerts(manifests.alerts([], version=5))
    storm.pop("repeat")
    shell.alerts(manifests.alerts([storm], version=6))
    shell.run_to("08:30")
    assert len([entry for entry in shell.heard() if entry[0] == "storm"]) == 1


def test_an_alert_keeps_to_the_policy_of_the_bundle_that_waits_for_its_media():
    value = manifests.bundle()
    value["policy"].update(emergency_ceiling_percent=70, quiet=[["22:00", "23:00"]])
    value["policy"]["emergency_in_quiet"] = False
    shell = Shell("21:59")
    shell.submit(PolicySet(bundles.from_dict(value)))
    storm = _alert("storm", "21:59")
    storm["repeat"] = {"gap_s": 600, "until_s": at_ms("23:30") // 1000}
    shell.alerts(manifests.alerts([storm]))
    shell.run_to("23:10")
    assert _starts(shell) == [("storm", "21:59:00"), ("storm", "23:00:00")]
    assert {fact.volume_percent for fact in shell.of_kind("played")} == {70}
    # Nothing else of it counts: no slot was promised yet.
    assert shell.of_kind("skipped") == [] and shell.session.programme.bundles == ()
    # In force, or without one: the usual rules.
    shell.programme(manifests.bundle())
    assert shell.session.programme.policy.volume("emergency", 0) == 70
    shell.submit(PolicySet(None))
    assert shell.session.programme.policy.volume("emergency", 0) == 100
