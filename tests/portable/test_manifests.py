"""Bundles, alerts, settings and orders: read, refused by name, written back to equal bytes."""

from protocols import alert, bundle, canonical, mandates, settings
from protocols.errors import RemoteFault
from protocols.targets import Place
from tests.portable import manifests

# The samples of every manifest, and this module's own code, stand beside what a board would hold.
HEAP_KB = 176

_HOLE = "a field to take away"


def _refusal(read, value):
    try:
        read(canonical.encode(value))
    except RemoteFault as fault:
        assert fault.remedy
        return fault.code + " " + fault.message
    return "accepted"


def _refused(value):
    try:
        bundle.from_dict(value)
    except RemoteFault as fault:
        return fault.message
    return "accepted"


def _change(value, path, new):
    """Set or remove what stands at a path of keys and indexes."""
    for step in path[:-1]:
        value = value[step]
    if new is _HOLE:
        del value[path[-1]]
    else:
        value[path[-1]] = new


def _known_orders():
    value = manifests.orders()
    value["orders"].pop()
    return value


def _check(make, read, cases):
    for path, new, expected in cases:
        value = make()
        _change(value, path, new)
        found = _refusal(read, value)
        assert found.startswith("format.field " + expected), (path, new, found)


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
        (manifests.settings, settings.read_settings, settings.build_settings),
        (_known_orders, settings.read_orders, settings.build_orders),
        (manifests.mandates, mandates.read, mandates.build),
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
    _check(
        manifests.bundle,
        bundle.read,
        (
            (("format",), "chieng-bundle/2", "bundle.format: is none"),
            (("format",), _HOLE, "bundle.format: is missing"),
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
    _check(
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
            (("policy",), _HOLE, "bundle.policy: is missing"),
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
    _check(
        manifests.bundle,
        bundle.read,
        (
            (at, [manifests.rendition(1)] * 2, name + "[1].profile: stands twice"),
            (at + (0, "sha256"), "A" * 64, name + "[0].sha256: is no SHA-256"),
            (at + (0, "sha256"), "a" * 63, name + "[0].sha256: is no SHA-256"),
            (at + (0, "length"), 0, name + "[0].length: is out of its range"),
            (at + (0, "duration_ms"), _HOLE, name + "[0].duration_ms: is missing"),
            (at + (0, "profile"), "a b", name + "[0].profile: is not an id"),
        ),
    )


def test_a_rule_longer_than_a_day_is_refused():
    value = manifests.bundle()
    value["items"][0]["renditions"][0]["duration_ms"] = 4 * 3600 * 1000
    value["rules"][0]["items"] = ["news"] * 7
    assert "bundle.rules[0].items: plays longer than a day" in _refusal(bundle.read, value)


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
    _check(
        lambda: manifests.alerts([_repeating()]),
        alert.read,
        (
            (("format",), "chieng-bundle/1", "alert.format: is none"),
            (at + ("kind",), "all-clear", name + "kind: is none of its words"),
            (at + ("kind",), "cancel", name + "references: is empty"),
            (at + ("references",), ["other"], name + "references: stands in a first alert"),
            (at + ("references",), ["flood"], name + "references: names the alert itself"),
            (at + ("expires_s",), manifests.MIDNIGHT_S, name + "expires_s: is out of its range"),
            (at + ("expires_s",), _HOLE, name + "expires_s: is missing"),
            (at + ("expires_s",), 4133980799, name + "expires_s: is out of its range"),
            (at + ("repeat", "until_s"), 4133980799, name + "repeat.until_s: is out of its"),
            (at + ("repeat", "gap_s"), -1, name + "repeat.gap_s: is out of its range"),
            (at + ("pages", 0, "class"), "normal", name + "pages[0].class: is none"),
            (at + ("drill",), "no", name + "drill: is not true or false"),
            (("alerts",), [_repeating(), _repeating()], "alert.alerts[1].id: stands twice"),
        ),
    )


def test_settings_and_orders_are_refused_by_the_name_of_the_field():
    _check(
        manifests.settings,
        settings.read_settings,
        (
            (("volume_percent",), 101, "settings.volume_percent: is out of its range"),
            (("sequence",), 0, "settings.sequence: is out of its range"),
            (("node",), "a/b", "settings.node: is not an id"),
        ),
    )
    _check(
        manifests.orders,
        settings.read_orders,
        (
            (("orders", 3, "version"), 0, "orders.orders[3].version: is out of its range"),
            (("orders", 0, "kind"), "a shell", "orders.orders[0].kind: is not an id"),
            (("orders", 0, "id"), "", "orders.orders[0].id: is not an id"),
        ),
    )


def test_what_the_online_key_may_not_say_is_refused_as_widening():
    for make, read in (
        (manifests.settings, settings.read_settings),
        (manifests.orders, settings.read_orders),
    ):
        for field in ("hubs", "move", "decommission", "hamlet", "emergency_ceiling_percent"):
            value = make()
            value[field] = "anything"
            assert _refusal(read, value).startswith("settings.widening "), field


def test_a_hub_signs_no_order_that_its_nodes_do_not_know():
    value = manifests.orders()
    assert settings.orders_from_dict(value).orders[4].kind == "sing"
    try:
        settings.build_orders(value)
        raise AssertionError("built")
    except RemoteFault as fault:
        assert fault.message.startswith("orders.kind")


def test_mandates_are_refused_by_the_name_of_the_field():
    _check(
        manifests.mandates,
        mandates.read,
        (
            (("unit",), "nowhere", "mandates.unit: is no unit id"),
            (("nodes", 0, "sequence"), 8, "mandates.nodes[0].sequence: is out of its range"),
            (("nodes", 0, "hubs"), [], "mandates.nodes[0].hubs"),
            (("nodes", 0, "hubs", 0), "ftp://hub", "mandates.nodes[0].hubs: an address"),
            (("nodes", 0, "hubs", 0), "http://a b", "mandates.nodes[0].hubs: an address"),
            (("nodes", 1, "move"), "x", "mandates.nodes[1].move: is no unit id"),
            (("nodes", 1, "node"), "node-1", "mandates.nodes[1].node: stands twice"),
            (("nodes", 2, "decommission"), 1, "mandates.nodes[2].decommission: is not true"),
            (("nodes", 0, "hamlet"), "a b", "mandates.nodes[0].hamlet: is not an id"),
        ),
    )
    found = mandates.from_dict(manifests.mandates())
    assert found.nodes["node-1"].hubs == ("https://hub.example", "http://10.0.0.1:8080")
    assert found.nodes["node-1"].move is None and not found.nodes["node-1"].decommission
    assert found.nodes["node-2"].hamlet == "" and found.nodes["node-2"].groups is None


def test_settings_only_narrow():
    policy = bundle.from_dict(manifests.bundle()).policy
    narrow = settings.narrow(policy, settings.settings_from_dict(manifests.settings()))
    noon = 12 * 3600
    assert policy.volume("normal", noon) == 80 and narrow.volume("normal", noon) == 70
    assert not policy.is_quiet("priority", noon) and narrow.is_quiet("priority", noon)
    assert not narrow.is_quiet("emergency", noon) and narrow.volume("emergency", noon) == 100
    early = 5 * 3600
    assert narrow.volume("normal", early) == 60
    assert narrow.is_quiet("normal", early - 1) and not narrow.is_quiet("normal", early)
    assert settings.narrow(policy, None) is policy


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
