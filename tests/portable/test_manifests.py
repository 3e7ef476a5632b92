"""Bundles and alerts: read, refused by name, written back to equal bytes."""

from protocols import alert, bundle, canonical
from protocols.errors import RemoteFault
from protocols.targets import Place
from tests.portable import manifests
from tests.portable.refusals import HOLE, check, refusal

# The samples of every manifest, and this module's own code, stand beside what a board would hold.
HEAP_KB = 176


def _refused(value):
    try:
        bundle.from_dict(value)
    except RemoteFault as fault:
        return fault.message
    return "accepted"


def test_a_bundle_is_read():
    found = bundle.read(canonical.encode(manifests.bundle()), manifests.COMMUNE)
    assert found.unit == manifests.COMMUNE
    assert found.ancestors == (manifests.PROVINCE,)
    assert found.items["notice"].legal_class == "priority"
    assert found.items["news"].duration_ms() == 600000
    assert found.rules[0].times_s == (19800,)
    assert found.rules[0].weekdays == (1, 2, 3, 4, 5, 6, 7)
    assert found.rules[0].duration_ms == 600000
    assert found.policy.quiet == ((77400, 18000),)
    assert found.policy.emergency_ceiling_percent == 100
    assert found.fallback == ("music",)
    assert found.pages[0].renditions[0].profile == "board-192x64x1"


def test_what_is_read_is_written_back():
    for make, read, build in (
        (manifests.bundle, bundle.read, bundle.build),
        (lambda: manifests.alerts([_repeating()]), alert.read, alert.build),
    ):
        first = read(canonical.encode(make()))
        data = build(make())
        assert read(data) == first
        assert canonical.encode(first.to_dict()) == data


def test_a_bundle_with_everything_is_written_back():
    value = manifests.bundle()
    value["items"][0]["solemn"] = True
    value["rules"][0].update(
        {
            "weekdays": [7, 1],
            "from": "2026-01-01",
            "until": "2026-12-31",
            "dates": ["2026-02-17"],
            "except": ["2026-02-18"],
            "targets": {"hamlets": ["h1"], "groups": ["g"], "kinds": ["speaker"], "units": ["u"]},
            "late_max_s": 60,
            "times": ["17:00", "05:30:15"],
        }
    )
    value["policy"].update(
        {
            "mourning": [["2026-05-01", "2026-05-02"]],
            "drill_intro": "notice",
            "relays": ["vov1"],
            "inputs": [{"input": "fm", "khz": 95000, "windows": [["05:00", "05:30"]]}],
            "tie_break": [manifests.PROVINCE],
        }
    )
    found = bundle.from_dict(value)
    assert found.rules[0].times_s == (19815, 61200)
    assert found.rules[0].weekdays == (1, 7)
    assert found.policy.inputs[0].windows == ((18000, 19800),)
    assert bundle.read(bundle.build(value)) == found
    again = found.to_dict()
    assert again["rules"][0]["times"] == ["05:30:15", "17:00"]


def test_unknown_fields_are_left_alone():
    value = manifests.bundle()
    value["later"] = {"x": [1]}
    value["items"][0]["later"] = "x"
    assert bundle.from_dict(value) == bundle.from_dict(manifests.bundle())


def test_a_bundle_is_refused_by_the_name_of_the_field():
    twice = [manifests.item("news", 1), manifests.item("news", 2)]
    check(
        manifests.bundle,
        bundle.read,
        (
            (("format",), "chieng-bundle/2", "bundle.format: is none"),
            (("format",), HOLE, "bundle.format: is missing"),
            (("version",), 0, "bundle.version: is out of its range"),
            (("version",), True, "bundle.version: is not an integer"),
            (("unit",), "k7f2", "bundle.unit: is no unit id"),
            (("unit",), "03/k7.f2", "bundle.unit: is no unit id"),
            (("unit",), 3, "bundle.unit: is no unit id"),
            (("ancestors",), ["01.prov", "01.prov"], "bundle.ancestors[1]: stands twice"),
            (("ancestors",), [manifests.COMMUNE], "bundle.ancestors[0]: stands twice"),
            (("ancestors",), ["01.prov"] * 9, "bundle.ancestors: has 9 entries"),
            (("valid_until_s",), 1, "bundle.valid_until_s: is out of its range"),
            (("utc_offset_min",), 841, "bundle.utc_offset_min: is out of its range"),
            (("items",), {}, "bundle.items: is not a list"),
            (("items",), twice, "bundle.items[1].id: stands twice"),
            (("items", 1, "id"), "a/b", "bundle.items[1].id: is not an id"),
            (("items", 1, "id"), ".a", "bundle.items[1].id: is not an id"),
            (("items", 1, "title"), "", "bundle.items[1].title: is 0 bytes long"),
            (("items", 1, "title"), "ă" * 251, "bundle.items[1].title: is 502 bytes long"),
            (("items", 1, "title"), "a\x7fb", "bundle.items[1].title: holds a control"),
            (("items", 1, "title"), 7, "bundle.items[1].title: is not a text"),
            (("items", 1, "class"), "emergency", "bundle.items[1].class: is none of its words"),
            (("items", 0, "solemn"), 1, "bundle.items[0].solemn: is not true or false"),
        ),
    )


def test_rules_and_policy_are_refused_by_the_name_of_the_field():
    check(
        manifests.bundle,
        bundle.read,
        (
            (("rules", 0, "items"), ["gone"], "bundle.rules[0].items[0]: names no item"),
            (("rules", 0, "items"), [], "bundle.rules[0].items: has 0 entries"),
            (("rules", 1, "id"), "morning", "bundle.rules[1].id: stands twice"),
            (("rules", 0, "times"), [], "bundle.rules[0].times: is empty"),
            (("rules", 0, "times"), ["5:30"], "bundle.rules[0].times[0]: is no time of day"),
            (("rules", 0, "times"), ["24:00"], "bundle.rules[0].times[0]: is no time of day"),
            (("rules", 0, "times"), ["05:30:00"], "bundle.rules[0].times[0]: is no time of day"),
            (("rules", 0, "times"), ["05:30", "05:30"], "bundle.rules[0].times[1]: stands twice"),
            (("rules", 0, "weekdays"), [0], "bundle.rules[0].weekdays[0]: is out of its range"),
            (("rules", 0, "from"), "2026-02-29", "bundle.rules[0].from: is no date"),
            (("rules", 0, "from"), "2101-01-01", "bundle.rules[0].from: is no date"),
            (("rules", 0, "dates"), ["26-02-01"], "bundle.rules[0].dates[0]: is no date"),
            (("rules", 0, "late_max_s"), 5, "bundle.rules[0].late_max_s: is out of its range"),
            (("rules", 0, "targets"), {"hamlets": "h"}, "bundle.rules[0].targets.hamlets: is not"),
            (("pages", 0, "until_s"), 1, "bundle.pages[0].until_s: is out of its range"),
            (("policy",), HOLE, "bundle.policy: is missing"),
            (("policy", "quiet"), [["21:30"]], "bundle.policy.quiet[0]: has 1 entries"),
            (("policy", "ceilings"), [["05:00", "06:00", 101]], "bundle.policy.ceilings[0][2]: is"),
            (("policy", "drill_intro"), "gone", "bundle.policy.drill_intro: names no item"),
            (("policy", "mourning"), [["2026-01-02", "2026-01-01"]], "bundle.policy.mourning[0]"),
            (("fallback",), ["gone"], "bundle.fallback[0]: names no item"),
        ),
    )


def test_a_rendition_is_refused_by_the_name_of_the_field():
    at = ("items", 0, "renditions")
    name = "bundle.items[0].renditions"
    check(
        manifests.bundle,
        bundle.read,
        (
            (at, [manifests.rendition(1)] * 2, name + "[1].profile: stands twice"),
            (at + (0, "sha256"), "A" * 64, name + "[0].sha256: is no SHA-256"),
            (at + (0, "sha256"), "a" * 63, name + "[0].sha256: is no SHA-256"),
            (at + (0, "length"), 0, name + "[0].length: is out of its range"),
            (at + (0, "duration_ms"), HOLE, name + "[0].duration_ms: is missing"),
            (at + (0, "profile"), "a b", name + "[0].profile: is not an id"),
        ),
    )


def test_a_rule_longer_than_a_day_is_refused():
    value = manifests.bundle()
    value["items"][0]["renditions"][0]["duration_ms"] = 4 * 3600 * 1000
    value["rules"][0]["items"] = ["news"] * 7
    assert "bundle.rules[0].items: plays longer than a day" in refusal(bundle.read, value)


def test_too_many_times_in_all_are_refused():
    value = manifests.bundle()
    times = ["%02d:%02d" % (hour, minute) for hour in range(24) for minute in (0, 30)]
    value["rules"] = [manifests.rule("r%d" % number, ["news"], times) for number in range(22)]
    assert "bundle.rules[21].times: goes beyond" in _refused(value)


def test_another_units_manifest_is_refused():
    data = canonical.encode(manifests.bundle())
    try:
        bundle.read(data, manifests.PROVINCE)
        raise AssertionError("accepted")
    except RemoteFault as fault:
        assert fault.message.startswith("bundle.unit: is another unit's")


def _repeating():
    value = manifests.alert("flood", 20, manifests.MIDNIGHT_S)
    value["repeat"] = {"gap_s": 600, "until_s": manifests.MIDNIGHT_S + 3600}
    value["pages"] = [manifests.page("flood", 21, "emergency")]
    value["pages"][0]["until_s"] = manifests.MIDNIGHT_S + 3600
    return value


def test_alerts_are_read():
    found = alert.read(canonical.encode(manifests.alerts([_repeating()])), manifests.COMMUNE)
    first = found.alerts[0]
    assert first.repeat == (600, manifests.MIDNIGHT_S + 3600)
    assert first.pages[0].legal_class == "emergency"
    assert first.kind == "alert" and first.drill is False


def test_alerts_are_refused_by_the_name_of_the_field():
    at = ("alerts", 0)
    name = "alert.alerts[0]."
    check(
        lambda: manifests.alerts([_repeating()]),
        alert.read,
        (
            (("format",), "chieng-bundle/1", "alert.format: is none"),
            (at + ("kind",), "all-clear", name + "kind: is none of its words"),
            (at + ("kind",), "cancel", name + "references: is empty"),
            (at + ("references",), ["other"], name + "references: stands in a first alert"),
            (at + ("references",), ["flood"], name + "references: names the alert itself"),
            (at + ("expires_s",), manifests.MIDNIGHT_S, name + "expires_s: is out of its range"),
            (at + ("expires_s",), HOLE, name + "expires_s: is missing"),
            (at + ("expires_s",), 4133980799, name + "expires_s: is out of its range"),
            (at + ("repeat", "until_s"), 4133980799, name + "repeat.until_s: is out of its"),
            (at + ("repeat", "gap_s"), -1, name + "repeat.gap_s: is out of its range"),
            (at + ("pages", 0, "class"), "normal", name + "pages[0].class: is none"),
            (at + ("drill",), "no", name + "drill: is not true or false"),
            (("alerts",), [_repeating(), _repeating()], "alert.alerts[1].id: stands twice"),
        ),
    )


def test_what_a_node_needs_comes_in_the_order_of_playing():
    value = manifests.bundle()
    value["items"][0]["renditions"].insert(0, manifests.rendition(4, 600, "pcm16"))
    found = bundle.from_dict(value)
    start, end = manifests.MIDNIGHT_MS, manifests.MIDNIGHT_MS + manifests.DAY_MS
    place = Place(manifests.COMMUNE, "h1", (), "speaker", ("opus", "pcm16"))
    needs = bundle.blobs_needed(found, place, start, end)
    assert [need.sha256 for need in needs] == [manifests.digest(n) for n in (3, 1, 2)]
    assert [need.at_ms for need in needs[1:]] == [
        manifests.at_ms("05:30"),
        manifests.at_ms("11:00"),
    ]
    small = Place(manifests.COMMUNE, "h1", (), "speaker", ("pcm16",))
    assert [n.sha256 for n in bundle.blobs_needed(found, small, start, end)] == [
        manifests.digest(4)
    ]
    board = Place(manifests.COMMUNE, "h1", (), "board", ("board-192x64x1",))
    assert [n.sha256 for n in bundle.blobs_needed(found, board, start, end)] == [
        manifests.digest(10)
    ]
    assert bundle.blobs_needed(found, place, manifests.at_ms("05:35"), end)[1].sha256 == (
        manifests.digest(1)
    )
