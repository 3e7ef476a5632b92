"""What will play: the node's own session in virtual time, and the pages of a board."""

from protocols import alert, alert_merge, board_pages, bundle, preview
from protocols.errors import LocalFault
from protocols.programme import Programme
from protocols.settings import settings_from_dict
from protocols.targets import Place
from tests.portable import manifests
from tests.portable.manifests import at_ms
from tests.portable.play_shell import PLACE, local

BOARD = Place(manifests.COMMUNE, "h1", (), "board", ("board-192x64x1",))


def _preview(values, first, last, alerts=(), settings=None, last_day=0):
    bundles = tuple([bundle.from_dict(value) for value in values])
    manifests_read = tuple([alert.from_dict(value) for value in alerts])
    facts = preview.what_will_play(
        PLACE, bundles, manifests_read, settings, at_ms(first), at_ms(last, last_day)
    )
    found = []
    for fact in facts:
        if fact.kind == "played":
            found.append((fact.item, local(fact.started_ms), fact.outcome))
        else:
            found.append((fact.item, local(fact.scheduled_ms), fact.reason))
    return found


def test_a_day_is_foreseen():
    assert _preview([manifests.bundle()], "00:00", "23:59") == [
        ("news", "05:30:00", "complete"),
        ("notice", "11:00:00", "complete"),
    ]


def test_two_weeks_are_foreseen():
    assert len(_preview([manifests.bundle()], "00:00", "00:00", last_day=14)) == 28


def test_conflicts_quiet_hours_and_settings_show():
    value = manifests.bundle()
    value["rules"].append(manifests.rule("same", ["music"], ["05:35"]))
    value["rules"].append(manifests.rule("night", ["music"], ["04:30"]))
    narrow = settings_from_dict(manifests.settings())
    value["rules"].append(manifests.rule("lunch", ["music"], ["12:30"]))
    assert _preview([value], "00:00", "23:59", settings=narrow) == [
        ("music", "04:30:00", "quiet"),
        ("news", "05:30:00", "complete"),
        ("music", "05:40:00", "complete"),
        ("notice", "11:00:00", "complete"),
        ("music", "12:30:00", "quiet"),
    ]


def test_what_runs_into_the_window_is_found():
    assert _preview([manifests.bundle()], "05:35", "06:00") == [("news", "05:30:00", "complete")]
    assert _preview([manifests.bundle()], "05:40", "06:00") == []


def test_alerts_are_foreseen_from_the_time_they_are_sent():
    storm = manifests.alert("storm", 20, at_ms("05:35") // 1000)
    storm["repeat"] = {"gap_s": 3570, "until_s": at_ms("08:00") // 1000}
    sent = [manifests.alerts([storm])]
    assert _preview([manifests.bundle()], "05:00", "07:00", sent) == [
        ("news", "05:30:00", "interrupted"),
        ("storm", "05:35:00", "complete"),
        ("news", "05:35:30", "complete"),
        ("storm", "06:35:00", "complete"),
    ]
    assert _preview([manifests.bundle()], "07:00", "09:00", sent) == [
        ("storm", "07:35:00", "complete"),
    ]


def test_too_much_in_a_window_is_refused():
    bundles = (bundle.from_dict(manifests.bundle()),)
    try:
        preview.what_will_play(PLACE, bundles, (), None, at_ms("00:00"), at_ms("23:59"), 10)
        raise AssertionError("accepted")
    except LocalFault as fault:
        assert fault.code == "preview.long"


def _pages(*names):
    value = manifests.bundle()
    value["pages"] = []
    for index, name in enumerate(names):
        page = manifests.page(name, 30 + index)
        if name.startswith("p"):
            page["class"] = "priority"
        value["pages"].append(page)
    return value


def _show(value, clock, standing=()):
    programme = Programme(BOARD, (bundle.from_dict(value),))
    wall_ms = None if clock is None else at_ms(clock)
    shown = board_pages.show(programme, list(standing), wall_ms, 0)
    return None if shown is None else (shown.page.id, shown.until_ms)


def test_pages_take_turns_priority_first():
    value = _pages("n1", "p1", "n2")
    found = []
    wall = "06:00:00"
    for _ in range(4):
        name, until_ms = _show(value, wall)
        found.append((name, local(until_ms)))
        wall = local(until_ms)
    assert found == [
        ("p1", "06:00:10"),
        ("n1", "06:00:20"),
        ("n2", "06:00:30"),
        ("p1", "06:00:40"),
    ]


def test_a_board_is_dark_in_quiet_hours_and_without_pages_or_time():
    assert _show(_pages("n1"), "22:00") is None
    assert _show(_pages(), "12:00") is None
    assert _show(_pages("n1"), None) is None
    value = _pages("n1")
    value["pages"][0]["targets"] = {"hamlets": ["h9"]}
    assert _show(value, "12:00") is None
    value = _pages("n1")
    value["pages"][0]["from_s"] = at_ms("12:00:05") // 1000
    assert _show(value, "12:00") is None
    programme = Programme(BOARD, (bundle.from_dict(value),))
    assert board_pages.next_look_ms(programme, at_ms("12:00")) == at_ms("12:00:05")
    value["pages"][0]["until_s"] = at_ms("12:00:09") // 1000
    assert _show(value, "12:00:06") == ("n1", at_ms("12:00:09"))


def _standing(clock, *entries):
    read = alert.from_dict(manifests.alerts(list(entries)))
    return alert_merge.standing((read,), BOARD)


def _flood():
    value = manifests.alert("flood", 20, at_ms("06:00") // 1000)
    value["pages"] = [manifests.page("river", 40, "emergency")]
    value["pages"][0].update({"from_s": value["sent_s"], "until_s": value["expires_s"]})
    return value


def test_an_emergency_is_shown_alone_at_night_and_without_time():
    standing = _standing("06:00", _flood())
    for clock in ("06:00:00", "06:00:10", "11:59"):
        assert _show(_pages("n1"), clock, standing)[0] == "river"
    assert _show(_pages("n1"), None, standing)[0] == "river"
    assert _show(_pages("n1"), "12:01", standing)[0] == "n1"
    value = _pages("n1")
    value["policy"]["quiet"] = [["06:00", "07:00"]]
    assert _show(value, "06:30", standing)[0] == "river"
    value["policy"]["emergency_in_quiet"] = False
    assert _show(value, "06:30", standing) is None


def test_a_cancelled_emergency_is_not_shown():
    clear = manifests.alert("clear", 21, at_ms("06:05") // 1000)
    clear.update({"kind": "cancel", "references": ["flood"]})
    assert _standing("06:00", _flood(), clear) == []
