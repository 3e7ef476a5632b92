"""Missing and broken files, failing devices, settings: the ladder down to the fallback."""

from protocols.play_values import SettingsSet
from protocols.settings import settings_from_dict
from tests.portable import manifests
from tests.portable.manifests import at_ms, digest
from tests.portable.play_shell import Shell

MISSING = (True, "blob.missing")


def _programme(items=("news",)):
    value = manifests.bundle()
    value["pages"] = []
    value["items"].append(manifests.item("extra", 5, 60))
    value["rules"] = [manifests.rule("r", list(items), ["05:30"])]
    return value


def _at(clock, value):
    shell = Shell(clock)
    shell.programme(value)
    return shell


def _outcomes(shell):
    return [(fact.item, fact.outcome, fact.reason) for fact in shell.of_kind("played")]


def test_the_next_rendition_takes_over():
    value = _programme()
    value["items"][0]["renditions"].append(manifests.rendition(6, 600, "pcm16"))
    shell = _at("05:00", value)
    shell.broken[digest(1)] = MISSING
    shell.run_to("06:30")
    assert _outcomes(shell) == [("news", "failed", "blob.missing"), ("news", "complete", "")]
    played = shell.of_kind("played")
    assert played[1].sha256 == digest(6) and played[1].started_ms == at_ms("05:30")


def test_a_file_that_breaks_in_the_middle_goes_on_with_the_next_rendition():
    value = _programme()
    value["items"][0]["renditions"].append(manifests.rendition(6, 600, "pcm16"))
    shell = _at("05:00", value)
    shell.fail_after_ms[digest(1)] = (60000, True, "media.broken")
    shell.run_to("06:30")
    assert shell.heard() == [
        ("news", "05:30:00", 0, 60, "failed"),
        ("news", "05:31:00", 60, 600, "complete"),
    ]


def test_the_next_item_takes_over_and_no_fallback_plays():
    shell = _at("05:00", _programme(("news", "extra")))
    shell.broken[digest(1)] = MISSING
    shell.run_to("06:30")
    assert _outcomes(shell) == [("news", "failed", "blob.missing"), ("extra", "complete", "")]
    assert shell.heard()[1][1] == "05:30:00"


def test_the_fallback_fills_a_slot_of_which_nothing_plays():
    value = _programme(("news", "extra"))
    value["fallback"] = ["notice", "music"]
    shell = _at("05:00", value)
    for number in (1, 5, 2):
        shell.broken[digest(number)] = MISSING
    shell.run_to("06:30")
    assert _outcomes(shell) == [
        ("news", "failed", "blob.missing"),
        ("extra", "failed", "blob.missing"),
        ("notice", "failed", "blob.missing"),
        ("music", "complete", "fallback"),
    ]
    assert shell.of_kind("played")[3].occurrence == "r/2026-11-06/05:30"
    assert shell.skipped() == []


def test_a_slot_that_nothing_fills_is_recorded():
    shell = _at("05:00", _programme())
    for number in (1, 3):
        shell.broken[digest(number)] = MISSING
    shell.run_to("06:30")
    assert _outcomes(shell) == [
        ("news", "failed", "blob.missing"),
        ("music", "failed", "blob.missing"),
    ]
    assert shell.skipped() == [("news", "failed")]
    assert shell.session.queue.jobs == []


def test_without_a_fallback_a_failed_slot_is_recorded():
    value = _programme()
    value["fallback"] = []
    shell = _at("05:00", value)
    shell.broken[digest(1)] = MISSING
    shell.run_to("06:30")
    assert shell.skipped() == [("news", "failed")]


def test_an_item_this_node_has_no_rendition_for():
    value = _programme()
    value["items"][0]["renditions"] = [manifests.rendition(1, 600, "mp3")]
    shell = _at("05:00", value)
    shell.run_to("06:30")
    assert _outcomes(shell) == [("music", "complete", "fallback")]
    assert shell.skipped() == [("news", "no_rendition")]


def test_the_ancestors_fallback_comes_after_the_own():
    above = manifests.bundle(manifests.PROVINCE, [])
    above["items"] = [manifests.item("hymn", 9, 60)]
    above["rules"], above["pages"], above["fallback"] = [], [], ["hymn"]
    shell = Shell("05:00")
    shell.programme(_programme(), above)
    for number in (1, 3):
        shell.broken[digest(number)] = MISSING
    shell.run_to("06:30")
    assert _outcomes(shell)[-1] == ("hymn", "complete", "fallback")


def test_a_lost_device_is_tried_again_until_the_limit():
    value = _programme()
    value["rules"][0]["late_max_s"] = 60
    shell = _at("05:00", value)
    shell.broken[digest(1)] = (False, "audio.lost")
    shell.run_to("06:30")
    outcomes = _outcomes(shell)
    assert set(outcomes) == {("news", "failed", "audio.lost")} and len(outcomes) == 3
    assert shell.skipped() == [("news", "late")]


def test_a_device_that_comes_back_goes_on_at_the_position():
    shell = _at("05:00", _programme())
    shell.fail_after_ms[digest(1)] = (300000, False, "audio.lost")
    shell.run_to("06:30")
    assert shell.heard() == [
        ("news", "05:30:00", 0, 300, "failed"),
        ("news", "05:35:10", 300, 600, "complete"),
    ]


def test_an_item_that_never_ends_is_stopped():
    shell = _at("05:00", _programme(("extra", "news")))
    shell.fail_after_ms[digest(5)] = (10**9, True, "never")
    shell.run_to("06:30")
    assert shell.heard()[0] == ("extra", "05:30:00", 0, 60, "failed")
    assert shell.of_kind("played")[0].reason == "overrun"
    assert shell.heard()[1][:2] == ("news", "05:31:30")


def test_settings_narrow_what_plays_at_once():
    shell = _at("05:00", _programme())
    shell.run_to("05:31")
    narrow = manifests.settings()
    narrow["volume_percent"] = 40
    narrow["quiet"] = [["05:33", "06:00"]]
    shell.submit(SettingsSet(settings_from_dict(narrow)))
    assert [event.volume_percent for event in shell.of_kind("volume")] == [40]
    shell.run_to("07:00")
    assert shell.heard() == [("news", "05:30:00", 0, 178, "interrupted")]
    shell.alerts(manifests.alerts([manifests.alert("flood", 20, at_ms("07:00") // 1000)]))
    assert shell.of_kind("play")[-1].volume_percent == 100


def test_settings_never_narrow_an_emergency():
    value = _programme()
    del value["policy"]["emergency_ceiling_percent"]
    shell = _at("07:00", value)
    narrow = manifests.settings()
    narrow["volume_percent"] = 10
    narrow["quiet"] = [["00:00", "00:00"]]
    shell.submit(SettingsSet(settings_from_dict(narrow)))
    shell.alerts(manifests.alerts([manifests.alert("flood", 20, at_ms("07:00") // 1000)]))
    assert shell.of_kind("play")[0].volume_percent == 80
