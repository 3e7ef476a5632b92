"""The contract every store adapter keeps."""

import pytest

from hub.store import Conflict
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
    assert row == HAMLETS[1]
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


async def test_change_touches_one_row_and_says_whether_it_stands(ledger):
    await ledger.write(fill)
    key = ("03.k7f2", "lang-1")
    assert await ledger.write(lambda s: s.change("hamlets", key, {"name": "Làng Mới"}))
    assert not await ledger.write(lambda s: s.change("hamlets", ("x", "y"), {"name": "?"}))
    rows = await ledger.read(lambda s: [row["name"] for row in s.find("hamlets")])
    assert rows == ["Làng Mới", "Làng Hai", "Làng Khác"]


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
