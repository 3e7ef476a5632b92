"""Line inputs: off by default, in their windows by signed bundles, and the emergency key."""

from protocols import bundle, canonical
from protocols.line_sources import NOTHING, LineSources, Wanted, open_windows
from protocols.programme import Programme
from protocols.targets import Place
from tests.portable import manifests
from tests.portable.manifests import at_ms

FM = {"input": "fm", "khz": 99100, "windows": [["06:00", "06:30"], ["17:00", "17:30"]]}
OPEN = {"fm": 99100, "mic": 0}
PLACE = Place(manifests.COMMUNE, "h1", (), "speaker", ("opus",))


def _programme(unit=manifests.COMMUNE, inputs=(FM,), **fields):
    value = manifests.bundle(unit, [])
    value["policy"]["inputs"] = list(inputs)
    value["policy"].update(fields.pop("policy", {}))
    value.update(fields)
    return Programme(PLACE, (bundle.read(canonical.encode(value)),))


def test_a_window_opens_what_the_own_unit_listed():
    programme = _programme()
    opened = [
        clock
        for clock in ("05:59:59", "06:00", "06:29:59", "06:30", "17:10", "23:00")
        if open_windows(programme, OPEN, at_ms(clock)) == ["fm"]
    ]
    assert opened == ["06:00", "06:29:59", "17:10"]


def test_nothing_is_open_by_default():
    now_ms = at_ms("06:10")
    assert open_windows(_programme(inputs=()), OPEN, now_ms) == []
    assert open_windows(Programme(PLACE), OPEN, now_ms) == []
    assert open_windows(_programme(), OPEN, None) == []
    assert open_windows(_programme(), {"fm": 99200}, now_ms) == []
    assert open_windows(_programme(), {"tuner": 99100}, now_ms) == []
    assert open_windows(_programme(unit=manifests.PROVINCE), OPEN, now_ms) == []
    late = _programme(valid_until_s=at_ms("06:05") // 1000)
    assert open_windows(late, OPEN, now_ms) == []
    assert open_windows(late, OPEN, at_ms("06:04")) == ["fm"]
    night = dict(FM, windows=[["21:00", "22:00"]])
    assert open_windows(_programme(inputs=(night,)), OPEN, at_ms("21:10")) == ["fm"]
    assert open_windows(_programme(inputs=(night,)), OPEN, at_ms("21:40")) == []
    mourning = {"mourning": [["2026-11-06", "2026-11-07"]]}
    assert open_windows(_programme(policy=mourning), OPEN, now_ms) == []


def test_the_programme_goes_before_a_window():
    desk = LineSources("mic", 60000)
    assert desk.look(0, 0, "", ["fm", "vov"]) == Wanted("fm", "window", False)
    assert desk.look(0, 0, "item", ["fm"]) == NOTHING
    assert desk.look(0, 0, "alert", ["fm"]) == NOTHING
    assert desk.look(0, 0, "", []) == NOTHING


def test_the_key_opens_the_microphone_for_a_bounded_time():
    desk = LineSources("mic", 60000)
    assert desk.look(1000, 1, "item", ["fm"]) == Wanted("", "key", True)
    assert desk.look(2000, 1, "", ["fm"]) == Wanted("mic", "key", True)
    assert desk.look(60999, 1, "", []) == Wanted("mic", "key", True)
    assert desk.look(61000, 1, "", []) == NOTHING
    # A jammed key does not open it again; one let go and pressed does.
    assert desk.look(200000, 1, "", []) == NOTHING
    assert desk.look(200250, 0, "", []) == NOTHING
    assert desk.look(200500, 1, "", []) == Wanted("mic", "key", True)
    assert desk.look(200750, 1, "alert", []) == Wanted("", "key", True)


def test_without_a_key_nothing_opens():
    assert LineSources("", 60000).look(0, 1, "", []) == NOTHING
