"""The contract every store adapter keeps."""

import pytest

from hub.store import Above, Conflict, Holds, UpTo
from protocols.errors import Fault

HAMLETS = [
    {"unit": "03.k7f2", "hamlet": "lang-2", "name": "Làng Hai"},
    {"unit": "03.k7f2", "hamlet": "lang-1", "name": "Làng Một"},
    {"unit": "03.m4x9", "hamlet": "lang-1", "name": "Làng Khác"},
]


def fill(store):
    store.add_many("hamlets", HAMLETS)


async def test_a_row_is_found_by_its_whole_key(ledger):
    await ledger.write(fill)
    row = await ledger.read(lambda store: store.get("hamlets", "03.k7f2", "lang-1"))
    # What was not said is empty.
    assert row == {"people": None, "latitude_e6": None, "longitude_e6": None, **HAMLETS[1]}
    assert await ledger.read(lambda store: store.get("hamlets", "03.k7f2", "x")) is None
    with pytest.raises(ValueError, match="2 columns"):
        await ledger.read(lambda store: store.get("hamlets", "03.k7f2"))


async def test_a_second_row_of_one_key_is_a_conflict_and_changes_nothing(ledger):
    await ledger.write(fill)

    def clash(store):
        store.add("hamlets", {"unit": "03.k7f2", "hamlet": "lang-9", "name": "Mới"})
        store.add("hamlets", HAMLETS[0])

    with pytest.raises(Conflict):
        await ledger.write(clash)
    assert await ledger.read(lambda store: store.count("hamlets")) == 3


async def test_a_unique_column_is_a_conflict(ledger):
    node = {
        "node": "n1",
        "unit": "03.k7f2",
        "hamlet": None,
        "kind": "speaker",
        "name": "Cụm 1",
        "groups_json": "[]",
        "public_key": "00",
        "state": "enrolled",
        "registered_s": 1,
    }
    await ledger.write(lambda store: store.add("nodes", node))
    with pytest.raises(Conflict):
        await ledger.write(lambda store: store.add("nodes", dict(node, node="n2")))


async def test_find_filters_orders_and_pages(ledger):
    await ledger.write(fill)

    def names(**asked):
        return ledger.read(lambda s: [row["name"] for row in s.find("hamlets", **asked)])

    assert await names(where={"unit": "03.k7f2"}) == ["Làng Một", "Làng Hai"]
    assert await names(where={"hamlet": ["lang-1"]}) == ["Làng Một", "Làng Khác"]
    assert await names(descending=True, limit=1) == ["Làng Khác"]
    assert await names(after=["03.k7f2", "lang-1"]) == ["Làng Hai", "Làng Khác"]
    assert await names(after=["03.k7f2", "lang-2"], descending=True) == ["Làng Một"]
    by_hamlet = await names(order=["hamlet"], after=["lang-1", "03.k7f2"])
    assert by_hamlet == ["Làng Khác", "Làng Hai"]
    assert await ledger.read(lambda s: s.count("hamlets", {"unit": "03.m4x9"})) == 1


async def test_a_list_of_any_length_means_any_of_it(ledger):
    rows = [{"unit": "03.z", "hamlet": f"h{n}", "name": f"Làng {n}"} for n in range(40)]
    await ledger.write(lambda store: store.add_many("hamlets", rows))
    for length in (0, 1, 2, 3, 5, 8, 9, 33):
        wanted = [f"h{n}" for n in range(length)] + ["nowhere"] * bool(length)
        found = await ledger.read(lambda s, w=wanted: s.find("hamlets", {"hamlet": w}))
        assert len(found) == length


async def test_rows_of_one_call_have_the_same_columns(ledger):
    rows = [HAMLETS[0], dict(HAMLETS[1], people=7)]
    with pytest.raises(ValueError, match="columns"):
        await ledger.write(lambda store: store.add_many("hamlets", rows))
    with pytest.raises(ValueError, match="column"):
        await ledger.write(lambda store: store.add("hamlets", dict(HAMLETS[0], colour="red")))
    assert await ledger.read(lambda s: s.count("hamlets")) == 0


async def test_each_gives_every_row_once_whatever_the_page(ledger):
    await ledger.write(fill)
    for asked in ({}, {"order": ["name"]}, {"where": {"unit": "03.k7f2"}}, {"order": ["hamlet"]}):
        whole = await ledger.read(lambda s, a=asked: s.find("hamlets", **a))
        assert whole
        for page in (1, 2, 3, 4):
            paged = await ledger.read(lambda s, a=asked, p=page: [*s.each("hamlets", **a, page=p)])
            assert paged == whole, (asked, page)


async def test_null_is_found_and_sorts_first(ledger):
    day = {"kind": "commune", "parent": None, "code": None, "code_system": None}
    day = dict(day, successor=None, valid_from="2025-07-01")
    rows = [
        dict(day, unit="03.a", name="A", valid_to="2026-01-01"),
        dict(day, unit="03.b", name="B", valid_to=None),
    ]
    await ledger.write(lambda store: store.add_many("units", rows))
    live = await ledger.read(lambda store: store.find("units", {"valid_to": None}))
    assert [row["name"] for row in live] == ["B"]
    ordered = await ledger.read(lambda store: store.find("units", order=["valid_to"]))
    assert [row["name"] for row in ordered] == ["B", "A"]


async def test_texts_are_ordered_and_paged_by_their_bytes_whatever_the_language(ledger):
    names = [
        "b",
        "B",
        "a",
        "Đ",
        "đ",
        "z",
        "Z",
        "ă",
        "ắ",
        "_",
        "lang-1",
        "lang 1",
        "Lang-2",
        "\U0001f514",
    ]
    rows = [{"unit": "03.z", "hamlet": name, "name": name} for name in names]
    await ledger.write(lambda store: store.add_many("hamlets", rows))
    for order in ((), ("name",)):
        found = await ledger.read(lambda s, o=order: [*s.each("hamlets", order=o, page=3)])
        assert [row["name"] for row in found] == sorted(names)
    found = await ledger.read(lambda s: s.find("hamlets", order=["name"], descending=True))
    assert [row["name"] for row in found] == sorted(names, reverse=True)


async def test_numbers_and_bytes_come_back_as_they_went(ledger):
    key = {"node": "n1", "chain": "plays", "epoch": "00", "sequence": 2**53}
    row = {**key, "hash": "ab", "kind": "play", "received_ms": 1, "record": bytes(range(256))}
    await ledger.write(lambda store: store.add("records", row))
    assert await ledger.read(lambda s: s.get("records", *key.values())) == row


async def test_change_touches_one_row_and_says_whether_it_stands(ledger):
    await ledger.write(fill)
    key = ("03.k7f2", "lang-1")
    assert await ledger.write(lambda s: s.change("hamlets", key, {"name": "Làng Mới"}))
    assert not await ledger.write(lambda s: s.change("hamlets", ("x", "y"), {"name": "?"}))
    rows = await ledger.read(lambda s: [row["name"] for row in s.find("hamlets")])
    assert rows == ["Làng Mới", "Làng Hai", "Làng Khác"]
    whole = dict(HAMLETS[1], name="Làng Một")
    assert await ledger.write(lambda s: s.change("hamlets", key, whole)), "its own key may stand"
    assert (await ledger.read(lambda s: s.get("hamlets", *key)))["name"] == "Làng Một"


async def test_an_exception_undoes_the_whole_decision(ledger):
    await ledger.write(fill)

    def half(store):
        store.change("hamlets", ("03.k7f2", "lang-1"), {"name": "Sai"})
        store.add("hamlets", {"unit": "03.z", "hamlet": "a", "name": "Z"})
        raise KeyError("half way")

    with pytest.raises(KeyError):
        await ledger.write(half)
    rows = await ledger.read(lambda s: [row["name"] for row in s.find("hamlets")])
    assert rows == ["Làng Một", "Làng Hai", "Làng Khác"]


async def test_a_missing_column_is_refused(ledger):
    with pytest.raises((ValueError, Fault)):
        await ledger.write(lambda s: s.add("hamlets", {"unit": "03.k7f2", "hamlet": "x"}))


def _nodes(store):
    base = {"hamlet": None, "kind": "speaker", "groups_json": "[]", "state": "enrolled"}
    for number, (unit, name) in enumerate((("03.a", "mot"), ("03.a", "hai 50%"), ("03.b", "ba"))):
        row = {"node": f"n{number}", "unit": unit, "name": name, "public_key": str(number)}
        store.add("nodes", {**base, **row, "registered_s": number})
    for number, late_ms in ((0, 10), (1, None)):
        row = {"node": f"n{number}", "nonces_json": "[]", "late_ms": late_ms, "air_ms": number}
        store.add("node_status", {**row, "playing_until_ms": 0, "open_faults": 0, "budget_low": 0})


async def test_ranges_and_parts_of_texts_are_found_and_nothing_empty(ledger):
    await ledger.write(_nodes)

    def names(**where):
        return ledger.read(lambda s: [row["node"] for row in s.find("nodes", where)])

    assert await names(registered_s=Above(0)) == ["n1", "n2"]
    assert await names(registered_s=UpTo(1), unit="03.a") == ["n0", "n1"]
    assert await names(name=Holds(("50%",))) == ["n1"]
    assert await names(name=Holds(("A",))) == ["n1", "n2"]
    assert await names(name=Holds(("a", "h"))) == ["n1"]
    assert await names(name=Holds(("_",))) == [], "no wild card"
    assert await names(hamlet=Holds(("a",))) == []


async def test_a_joined_table_adds_its_columns_or_nothing(ledger):
    await ledger.write(_nodes)

    def found(**asked):
        return ledger.read(lambda s: s.find("nodes", join="node_status", **asked))

    rows = await found(order=["unit", "name"])
    assert [(row["node"], row["late_ms"]) for row in rows] == [
        ("n1", None),
        ("n0", 10),
        ("n2", None),
    ]
    assert rows[2]["node"] == "n2" and rows[2]["nonces_json"] is None
    assert [row["node"] for row in await found(where={"node_status.late_ms": UpTo(10)})] == ["n0"]
    assert [row["node"] for row in await found(where={"node_status.nonces_json": None})] == ["n2"]
    rows = await found(order=["unit"], after=["03.a", "n0"], limit=1)
    assert [row["node"] for row in rows] == ["n1"]


async def test_a_tally_counts_every_test_in_one_pass(ledger):
    await ledger.write(_nodes)
    tests = {"all": {}, "late": {"node_status.late_ms": UpTo(10)}, "b": {"name": Holds(("ba",))}}
    ask = {"by": "unit", "join": "node_status"}
    found = await ledger.read(lambda s: s.tally("nodes", tests, {"kind": "speaker"}, **ask))
    assert found == {"03.a": {"all": 2, "late": 1, "b": 0}, "03.b": {"all": 1, "late": 0, "b": 1}}
    assert await ledger.read(lambda s: s.tally("nodes", tests, {"kind": "board"}, **ask)) == {}
    assert await ledger.read(lambda s: s.count("nodes", distinct="unit")) == 2
