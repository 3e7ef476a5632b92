"""Recordings fill the slots that an approver marked for them, and nothing else."""

from protocols import bundle, canonical, relays
from protocols.errors import RemoteFault
from protocols.play_values import RelaysSet
from tests.portable import manifests, recordings
from tests.portable.manifests import MIDNIGHT_MS, MIDNIGHT_S, at_ms, digest
from tests.portable.play_shell import PLACE, Shell, local

ITEM = "relay.vov1.e1"
YESTERDAY_S = MIDNIGHT_S - 12 * 3600


def _read(*made, **fields):
    value = recordings.relay(list(made))
    value.update(fields)
    return relays.read(canonical.encode(value), "vov1")


def _refusal(call):
    try:
        call()
    except RemoteFault as fault:
        assert fault.remedy
        return fault.message
    return "accepted"


def _shell(value, *made, **fields):
    shell = Shell("05:00")
    shell.submit(RelaysSet({"vov1": _read(*made, **fields)}))
    shell.programme(value)
    return shell


def test_the_newest_recording_fills_its_slot_at_its_time():
    old, new = recordings.recording(20, YESTERDAY_S), recordings.recording(21, YESTERDAY_S + 60)
    shell = _shell(recordings.bundle(), new, old)
    shell.run_to("05:32")
    (play,) = shell.of_kind("play")
    assert (play.item, play.title, play.sha256) == (ITEM, "Thời sự 21", digest(21))
    assert (play.legal_class, play.at_ms, play.volume_percent) == ("normal", at_ms("05:30"), 60)
    (fact,) = shell.of_kind("played")
    assert (fact.item, fact.sha256, fact.outcome) == (ITEM, digest(21), "complete")
    shell.run_to("05:32", 1)
    assert shell.skipped() == [(ITEM, "relay_old")], "once, then the slot is silent"


def test_why_nothing_fills_a_slot_is_recorded_and_the_fallback_plays():
    late = recordings.recording(21, at_ms("05:31") // 1000)
    long_one = recordings.recording(22, YESTERDAY_S, 601)
    for made, refused, reason in (
        ((), [], "relay_missing"),
        ((late,), [], "relay_missing"),
        ((recordings.recording(23, MIDNIGHT_S - 86400),), [], "relay_old"),
        ((long_one,), [], "relay_long"),
        ((recordings.recording(23, YESTERDAY_S), long_one), [], "relay_long"),
        ((recordings.recording(23, YESTERDAY_S),), [manifests.COMMUNE], "relay_off"),
    ):
        value = recordings.bundle()
        value["fallback"] = ["music"]
        shell = _shell(value, *made, refused=refused)
        shell.run_to("05:40")
        assert shell.skipped() == [(ITEM, reason)], reason
        assert [(f.item, f.reason) for f in shell.of_kind("played")] == [("music", "fallback")]


def test_a_stand_in_that_was_signed_plays_where_nothing_was_recorded():
    value = recordings.bundle()
    value["items"][-1]["renditions"] = [manifests.rendition(30, 30)]
    shell = _shell(value)
    shell.run_to("05:40")
    assert [fact.sha256 for fact in shell.of_kind("played")] == [digest(30)]


def test_a_recording_that_is_not_here_leaves_the_slot_to_the_fallback():
    shell = _shell(recordings.bundle(), recordings.recording(21, YESTERDAY_S))
    shell.broken[digest(21)] = (True, "blob.missing")
    shell.run_to("05:40")
    assert [(f.outcome, f.reason) for f in shell.of_kind("played")] == [("failed", "blob.missing")]
    assert shell.skipped() == [(ITEM, "failed")]


def test_what_plays_goes_on_when_a_newer_one_comes_and_ends_when_it_is_switched_off():
    first = recordings.recording(21, YESTERDAY_S, 300)
    shell = _shell(recordings.bundle(), first)
    shell.run_to("05:31")
    newer = recordings.recording(22, YESTERDAY_S + 60, 300)
    shell.submit(RelaysSet({"vov1": _read(first, newer, version=2)}))
    shell.run_to("05:32")
    assert len(shell.of_kind("play")) == 1
    shell.submit(RelaysSet({"vov1": _read(first, refused=[manifests.COMMUNE], version=3)}))
    (fact,) = shell.of_kind("played")
    assert (fact.outcome, fact.reason, fact.until_ms) == ("interrupted", "recalled", 120000)


def test_a_recording_that_sounds_longer_than_it_says_is_stopped_soon():
    for quiet, end, reason in (
        (["22:00", "05:00"], "05:40:30", "overrun"),
        (["05:34", "05:35"], "05:33:58", "quiet"),
    ):
        value = recordings.bundle()
        value["policy"]["quiet"] = [quiet]
        shell = _shell(value, recordings.recording(21, YESTERDAY_S, 600))
        shell.fail_after_ms[digest(21)] = (10**9, True, "never")
        shell.run_to("06:00")
        (fact,) = shell.of_kind("played")
        assert (local(fact.ended_ms), fact.reason) == (end, reason)


def test_quiet_hours_and_what_is_higher_go_first():
    value = recordings.bundle(clock="04:30")
    shell = Shell("04:00")
    shell.submit(RelaysSet({"vov1": _read(recordings.recording(21, YESTERDAY_S))}))
    shell.programme(value)
    shell.run_to("05:10")
    assert shell.skipped() == [(ITEM, "quiet")]


def test_a_unit_above_fills_nothing_here():
    above = recordings.bundle()
    above.update(unit=manifests.PROVINCE, ancestors=[])
    own = manifests.bundle()
    own.update(rules=[], pages=[], fallback=[])
    shell = Shell("05:00")
    shell.submit(RelaysSet({"vov1": _read(recordings.recording(21, YESTERDAY_S))}))
    shell.programme(own, above)
    shell.run_to("06:00")
    assert shell.log == []


def test_a_manifest_beyond_its_bounds_is_refused():
    for change, complaint in (
        ({"class": "priority"}, "relay.recordings[0].class: "),
        ({"class": "emergency"}, "relay.recordings[0].class: "),
        ({"until_s": YESTERDAY_S}, "relay.recordings[0].until_s: "),
        ({"until_s": YESTERDAY_S + 40 * 86400}, "relay.recordings[0].until_s: "),
        ({"title": ""}, "relay.recordings[0].title: "),
    ):
        one = recordings.recording(21, YESTERDAY_S)
        one.update(change)
        assert _refusal(lambda: _read(one)).startswith(complaint), change  # noqa: B023
    for change in ({"length": 0}, {"length": 60000 * 32 + 70000}, {"duration_ms": 0}):
        one = recordings.recording(21, YESTERDAY_S)
        one["renditions"][0].update(change)
        found = _refusal(lambda: _read(one))  # noqa: B023
        assert found.startswith("relay.recordings[0].renditions"), change
    assert _refusal(lambda: _read(source="vov2")).startswith("relay.source: is another")
    five = [recordings.recording(n, YESTERDAY_S) for n in range(5)]
    assert _refusal(lambda: _read(*five)).startswith("relay.recordings: ")


def test_a_bundle_marks_only_normal_items_of_sources_that_its_policy_lists():
    assert bundle.from_dict(bundle.from_dict(recordings.bundle()).to_dict()).items[ITEM].relay
    for field, new, complaint in (
        ("class", "priority", "bundle.items[3].class: "),
        ("id", "relay.vov2.e1", "bundle.items[3].id: does not name the source"),
        ("relay", {"source": "vov1", "duration_max_ms": 1}, "bundle.items[3].relay.age_max_s: "),
    ):
        value = recordings.bundle()
        value["items"][-1][field] = new
        assert _refusal(lambda: bundle.from_dict(value)).startswith(complaint)  # noqa: B023
    value = recordings.bundle()
    value["policy"]["relays"] = ["vov2"]
    assert "bundle.policy.relays: " in _refusal(lambda: bundle.from_dict(value))


def test_what_fills_the_next_fortnight_is_wanted():
    old = recordings.recording(20, YESTERDAY_S)
    tomorrow = recordings.recording(21, at_ms("06:00") // 1000)
    spare = recordings.recording(22, YESTERDAY_S - 60)
    found = bundle.from_dict(recordings.bundle())
    held = {"vov1": _read(old, tomorrow, spare)}
    window = (MIDNIGHT_MS, MIDNIGHT_MS + 14 * 86400000)
    wanted = relays.blobs_needed(found, held, PLACE, window[0], window[1])
    assert [(one.at_ms, one.sha256) for one in wanted] == [
        (at_ms("05:30"), digest(20)),
        (at_ms("05:30", 1), digest(21)),
    ]
    assert relays.blobs_needed(found, {}, PLACE, window[0], window[1]) == []
    assert len(relays.blobs_named(held, PLACE)) == 3
    assert bundle.blobs_needed(found, PLACE, window[0], window[1]) == []
