"""What becomes of CAP messages: classes, drills, places, trust, and messages about messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import bulletins, fleet
from hub.cap import areas, decision, geometry, intake, reader, senders
from hub.cap.message import Area, Circle
from hub.store_memory import MemoryLedger
from protocols.errors import RemoteFault
from tests.hub.cap_files import SENDER, build, geocode, info, named, polygon
from tests.hub.test_publishing import EMERGENCY, draft

NOW_S = 1764300000
LIST = "DVHC"


UNITS = (
    ("00.prov", "Tỉnh", "52", None),
    ("03.a", "Xã A", "111", "00.prov"),
    ("03.b", "Xã B", "222", "00.prov"),
    ("03.old", "Xã cũ", "333", "00.prov"),
)


def add_unit(store, unit, day, name, code, parent):
    row = {"unit": unit, "valid_from": day, "name": name, "kind": "x", "parent": parent}
    fleet.add_unit(store, {**row, "code_system": LIST, "code": code}, "test", 1)


@pytest.fixture
async def store():
    """Give a store with a province, two communes, and one that was merged into another."""

    def fill(store):
        for unit, name, code, parent in UNITS:
            add_unit(store, unit, "2000-01-01", name, code, parent)
        fleet.end_unit(store, "03.old", "2025-07-01", "03.a", "test", 1)
        # Since the merger, the old commune's number is another's.
        add_unit(store, "03.b", "2025-07-01", "Xã B", "333", "00.prov")
        for one in ("lang-1", "lang-2"):
            fleet.add_hamlet(store, "03.a", one, one, "test", 1)
        return store

    return await MemoryLedger().write(fill)


def take(store, data, way="feed", source="kttv", now_s=NOW_S):
    given_ = reader.read(data)
    found = areas.find(store, given_, "2025-11-28", "2025-11-28")
    return intake.receive(store, given_, data, found, intake.Arrival(way, source, "test", now_s))[0]


def listed(store):
    senders.add_source(store, "kttv", "feed", "KTTV", "https://kttv.example/cap", "test", 1)
    senders.list_sender(store, SENDER, "Khí tượng", "kttv", "test", 1)


def now_state(store, row):
    return store.get("cap_messages", row["message"])["state"]


@pytest.mark.parametrize(
    ("words", "legal_class"),
    [
        ({}, "emergency"),
        ({"urgency": "Expected", "severity": "Extreme", "certainty": "Likely"}, "emergency"),
        ({"urgency": "Future"}, "normal"),
        ({"certainty": "Possible"}, "normal"),
        ({"severity": "Moderate"}, "priority"),
        ({"severity": "Minor"}, "normal"),
        ({"severity": "Unknown"}, "normal"),
    ],
)
def test_the_class_follows_urgency_severity_and_certainty(words, legal_class):
    assert decision.legal_class(reader.read(build(NOW_S, info(NOW_S, **words)))) == legal_class
    both = build(NOW_S, info(NOW_S, severity="Minor"), info(NOW_S, "en", **words))
    assert decision.legal_class(reader.read(both)) == legal_class


@pytest.mark.parametrize(
    ("words", "hours", "state", "drill"),
    [
        ({}, 2, "waiting", False),
        ({"status": "Exercise"}, 2, "waiting", True),
        ({"status": "Test"}, 2, "waiting", True),
        ({"status": "System"}, 2, "ignored", False),
        ({"status": "Draft"}, 2, "ignored", False),
        ({"kind": "Ack"}, 2, "ignored", False),
        ({"kind": "Error"}, 2, "ignored", False),
        ({"scope": "Private", "extra": "<addresses>a@b</addresses>"}, 2, "ignored", False),
        ({"scope": "Restricted", "extra": "<restriction>r</restriction>"}, 2, "ignored", False),
        ({}, 0, "expired", False),
    ],
)
def test_a_message_s_own_words_decide_first(words, hours, state, drill):
    found = decision.decide(reader.read(build(NOW_S, info(NOW_S, hours=hours), **words)), NOW_S)
    assert (found.state, found.drill) == (state, drill)


def test_without_an_end_it_holds_for_a_day_and_a_far_date_is_refused():
    open_end = reader.read(build(NOW_S, info(NOW_S, hours=None)))
    assert decision.decide(open_end, NOW_S).ends_s == NOW_S + 86400
    assert decision.decide(open_end, NOW_S + 86400).state == "expired"
    assert decision.decide(open_end, NOW_S - 3601).state == "refused"


@pytest.mark.parametrize(
    ("system", "code", "units"),
    [
        (LIST, "111", ["03.a"]),
        (LIST.lower(), "333", ["03.b"]),
        (LIST + "@2024-01-01", "333", ["03.a"]),
        (LIST, "222", ["03.b"]),
        (LIST + "@2024-01-01", "222", ["03.b"]),
        ("chieng-unit", "03.old", ["03.a"]),
        (LIST, "999", []),
        ("SAME", "111", []),
        (LIST + "@soon", "111", ["03.a"]),
    ],
)
def test_codes_of_dated_lists_name_the_units_of_today(store, system, code, units):
    given_ = reader.read(build(NOW_S, info(NOW_S, area=geocode(system, code))))
    found = areas.find(store, given_, "2025-11-28", "2025-11-28")
    assert [one.unit for one in found.places] == units and found.is_said
    row = take(store, build(NOW_S, info(NOW_S, area=geocode(system, code))))
    assert row["state"] == ("waiting" if units else "elsewhere")


def test_a_unit_inside_an_alarmed_one_is_not_named_twice(store):
    parts = [info(NOW_S, area=geocode(LIST, "52")), info(NOW_S, area=geocode(LIST, "111"))]
    found = areas.find(store, reader.read(build(NOW_S, *parts)), "2025-11-28", "2025-11-28")
    assert found.places == (areas.Place("00.prov"),)
    nowhere = areas.find(store, reader.read(build(NOW_S, info(NOW_S))), "2025-11-28", "2025-11-28")
    assert nowhere == areas.Found((), False)


def node(unit, hamlet, latitude, longitude):
    return {"unit": unit, "hamlet": hamlet, "latitude_e6": latitude, "longitude_e6": longitude}


def test_shapes_reach_hamlets_and_whole_units():
    given_ = reader.read(
        build(NOW_S, info(NOW_S, area=polygon("13,108 14,108 14,109 13,109 13,108")))
    )
    shaped = list(given_.infos[0].areas)
    inside, outside = (13_500_000, 108_500_000), (15_000_000, 108_500_000)
    nodes = [
        node("03.a", "lang-1", *inside), node("03.a", "lang-2", *outside),
        node("03.b", "thon-1", *inside), node("03.b", "thon-2", None, None),
        node("03.c", None, *inside), node("03.c", "thon-9", *outside),
        node("03.d", "thon-1", *outside),
    ]  # fmt: skip
    assert areas.by_shape(nodes, shaped) == {"03.a": {"lang-1"}, "03.b": set(), "03.c": set()}


SQUARE = ((0, 0), (10, 0), (10, 10), (0, 10), (0, 0))
NOTCH = ((0, 0), (10, 0), (10, 10), (5, 2), (0, 10), (0, 0))


def inside(point, polygon):
    return geometry.holds(geometry.shape(polygon), point)


def test_points_in_polygons_and_circles():
    assert inside((5, 5), SQUARE) and not inside((11, 5), SQUARE)
    for corner in SQUARE:
        assert inside(corner, SQUARE)
    assert inside((10, 5), SQUARE) and inside((5, 10), SQUARE)
    assert inside((5, 1), NOTCH) and not inside((5, 5), NOTCH)
    across = ((0, 179_000_000), (10, 179_000_000), (10, -179_000_000), (0, 179_000_000))
    assert inside((5, 179_500_000), across) and not inside((5, 0), across)
    wide = ((0, 0), (10, -170_000_000), (20, 0), (10, 170_000_000), (0, 0))
    assert inside((10, 100_000_000), wide) and inside((10, -100_000_000), wide)
    # From Pleiku to Quy Nhon, 134 km as the crow flies.
    pleiku, quy_nhon = (13_983_300, 108_000_000), (13_770_000, 109_223_000)
    assert 130_000 < geometry.distance_m(pleiku, quy_nhon) < 136_000
    assert geometry.within(quy_nhon, Circle(pleiku, 140_000))
    far = geometry.Cover([Area("", (SQUARE,), (Circle(pleiku, 100_000),), ())])
    assert not far.has(quy_nhon) and far.has(pleiku) and far.has((5, 5))


@given(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), st.permutations(range(4)),
       st.integers(-30, 30))  # fmt: skip
def test_a_box_is_what_its_bounds_say_wherever_it_starts(point, order, move):
    box = [(move, 0), (move + 20, 0), (move + 20, 25), (move, 25)]
    ring = box[order[0] :] + box[: order[0]]
    ring = ring if order[1] % 2 else ring[::-1]
    expected = move <= point[0] <= move + 20 and 0 <= point[1] <= 25
    assert inside(point, [*ring, ring[0]]) == expected


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=12),
       st.tuples(st.integers(-10, 10), st.integers(-10, 10)))  # fmt: skip
def test_bands_of_latitude_change_no_answer(ring, point):
    """Every edge in one band answers the same as edges in many: the scale alone differs."""
    closed = [*ring, ring[0]]
    scaled = [(y * 1_000_003, x * 1_000_003) for y, x in closed]
    assert inside(point, closed) == inside((point[0] * 1_000_003, point[1] * 1_000_003), scaled)


def test_a_message_is_kept_once_and_trust_is_the_way_it_came(store):
    data = build(NOW_S, info(NOW_S, area=geocode(LIST, "111")))
    first = take(store, data)
    assert (first["trust"], first["state"]) == (senders.UNLISTED, "waiting")
    assert take(store, data)["received_s"] == first["received_s"]
    assert store.count("cap_messages") == 1
    listed(store)
    spoilt = build(NOW_S, info(NOW_S, headline="Giả", area=geocode(LIST, "111")))
    assert take(store, spoilt, way="push", source="other")["title"] != "Giả"
    assert take(store, data)["trust"] == senders.OWN_WAY
    assert take(store, spoilt, way="page", source=None)["title"] == "Cảnh báo lũ quét"
    other = build(NOW_S, info(NOW_S), identifier="x")
    assert take(store, other, way="page", source=None)["trust"] == senders.LISTED
    senders.close_sender(store, SENDER, "test", 1)
    assert take(store, build(NOW_S, info(NOW_S), identifier="y"))["trust"] == senders.UNLISTED


def test_an_untrusted_copy_that_came_first_gives_way(store):
    listed(store)
    spoilt = build(NOW_S, info(NOW_S, headline="Giả"))
    assert take(store, spoilt, way="push", source="other")["title"] == "Giả"
    assert take(store, build(NOW_S, info(NOW_S)))["title"] == "Cảnh báo lũ quét"


def broadcast(store, row, name, state=bulletins.PUBLISHED):
    """Make a bulletin of a message, as far as a state."""
    bulletins.create(store, name, draft(unit="03.a", **EMERGENCY), "test", NOW_S)
    made = {"renditions": [], "frames": [], "spoken": "x"}
    bulletins.made(store, name, 1, made, NOW_S)
    if state == bulletins.PUBLISHED:
        bulletins.move(store, name, "approve", NOW_S)
        bulletins.move(store, name, "publish", NOW_S)
    intake.use(store, intake.open_message(store, row["message"], NOW_S), "03.a", name, NOW_S)


def cancel(identifier="KTTV-2", kind="Cancel", target="KTTV-1", **words):
    parts = () if kind == "Cancel" else (info(NOW_S),)
    return build(NOW_S, *parts, identifier=identifier, kind=kind,
                 references=[named(NOW_S, target)], **words)  # fmt: skip


def test_a_cancel_ends_what_waits_and_withdraws_what_nobody_signed(store):
    listed(store)
    first, second = (take(store, build(NOW_S, info(NOW_S), identifier=one)) for one in "ab")
    broadcast(store, second, "b2", bulletins.READY)
    for one in "ab":
        assert take(store, cancel("c" + one, target=one))["state"] == "done"
    assert now_state(store, first) == now_state(store, second) == "cancelled"
    assert bulletins.current(store, "b2")["state"] == bulletins.WITHDRAWN
    with pytest.raises(RemoteFault, match="cancelled"):
        intake.open_message(store, first["message"], NOW_S)


def test_a_cancel_of_what_is_on_air_waits_for_a_person(store):
    listed(store)
    row = take(store, build(NOW_S, info(NOW_S)))
    broadcast(store, row, "b1")
    later = take(store, cancel())
    assert (later["state"], now_state(store, row)) == ("waiting", "cancelled")
    assert [one["bulletin"] for one in intake.on_air(store, later["message"])] == ["b1"]


def test_a_cancel_or_update_that_comes_first_counts_as_well(store):
    listed(store)
    take(store, cancel())
    assert take(store, build(NOW_S, info(NOW_S)))["state"] == "cancelled"
    take(store, cancel("u2", "Update", "u1"))
    assert take(store, build(NOW_S, info(NOW_S), identifier="u1"))["state"] == "replaced"


def test_an_update_of_an_update_finds_what_is_on_air(store):
    listed(store)
    row = take(store, build(NOW_S, info(NOW_S)))
    broadcast(store, row, "b1")
    second = take(store, cancel("KTTV-2", "Update", "KTTV-1"))
    third = take(store, cancel("KTTV-3", "Update", "KTTV-2"))
    assert (now_state(store, second), now_state(store, third)) == ("replaced", "waiting")
    assert [one["bulletin"] for one in intake.on_air(store, third["message"])] == ["b1"]


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ({"sender": "ai@do.example"}, "feed"),
        ({"status": "Exercise"}, "feed"),
        ({}, "page"),
        ({"status": "Draft"}, "feed"),
    ],
)
def test_a_cancel_by_less_than_the_sender_changes_nothing(store, words, way):
    listed(store)
    row = take(store, build(NOW_S, info(NOW_S)))
    later = take(store, cancel(**words), way=way)
    assert now_state(store, row) == "waiting" and later["state"] in ("waiting", "ignored")
    assert take(store, build(NOW_S, info(NOW_S), identifier="new"))["state"] == "waiting"


def test_a_message_is_put_aside_once_and_ended_ones_are_not_used(store):
    row = take(store, build(NOW_S, info(NOW_S)))
    with pytest.raises(RemoteFault) as caught:
        intake.open_message(store, row["message"], NOW_S + 7200)
    assert caught.value.code == "cap.over"
    intake.dismiss(store, row["message"], "test", NOW_S)
    with pytest.raises(RemoteFault):
        intake.dismiss(store, row["message"], "test", NOW_S)
    assert json.loads(row["places_json"]) == []


@pytest.mark.parametrize("url", ["http://a.example/x", "ftp://a", "", "https://", "http://[", "x"])
def test_a_feed_that_others_could_write_into_is_refused(store, url):
    with pytest.raises(RemoteFault):
        senders.add_source(store, "a", "feed", "", url, "test", 1)
    assert senders.add_source(store, "b", "feed", "", "http://127.0.0.1:1/x", "test", 1) is None
    token = senders.add_source(store, "c", "push", "", None, "test", 1)
    assert senders.of_token(store, token)["source"] == "c"
    senders.close_source(store, "c", "test", 1)
    assert senders.of_token(store, token) is None
