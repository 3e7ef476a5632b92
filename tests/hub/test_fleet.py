"""Units as a dated tree, hamlets, nodes, and the audit log they write."""

import pytest

from hub import audit, fleet
from protocols.errors import RemoteFault

PROVINCE, COMMUNE, OTHER = "03.aaaa", "03.k7f2", "03.m4x9"


def unit(name, unit_id, day="2025-07-01", parent=None, kind="commune"):
    return {"unit": unit_id, "valid_from": day, "name": name, "kind": kind, "parent": parent}


def plant(store):
    fleet.add_unit(store, unit("Tỉnh", PROVINCE, kind="province"), "admin", 1)
    fleet.add_unit(store, unit("Xã Một", COMMUNE, parent=PROVINCE), "admin", 2)
    fleet.add_unit(store, unit("Xã Hai", OTHER, parent=PROVINCE), "admin", 3)


async def test_the_tree_has_ancestors_and_subtrees(ledger):
    await ledger.write(plant)
    units = await ledger.read(lambda s: fleet.units_on(s, "2026-01-01"))
    assert fleet.ancestors(units, COMMUNE) == [PROVINCE]
    assert fleet.subtree(units, PROVINCE) == [PROVINCE, COMMUNE, OTHER]
    assert fleet.subtree(units, COMMUNE) == [COMMUNE]
    assert await ledger.read(lambda s: fleet.units_on(s, "2020-01-01")) == {}


async def test_a_new_name_is_a_new_row_and_the_old_day_keeps_the_old_name(ledger):
    await ledger.write(plant)
    renamed = unit("Xã Mới", COMMUNE, "2026-03-01", PROVINCE)
    await ledger.write(lambda s: fleet.add_unit(s, renamed, "admin", 4))

    def name(day):
        return ledger.read(lambda s: fleet.units_on(s, day)[COMMUNE]["name"])

    assert await name("2026-02-28") == "Xã Một"
    assert await name("2026-03-01") == "Xã Mới"


async def test_a_merger_ends_one_unit_and_names_its_successor(ledger):
    await ledger.write(plant)
    await ledger.write(lambda s: fleet.end_unit(s, OTHER, "2026-03-01", COMMUNE, "admin", 4))
    assert OTHER not in await ledger.read(lambda s: fleet.units_on(s, "2026-03-01"))
    row = await ledger.read(lambda s: s.get("units", OTHER, "2025-07-01"))
    assert (row["valid_to"], row["successor"]) == ("2026-03-01", COMMUNE)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (unit("X", "k7f2"), "fleet.unit_id"),
        (unit("X", "03.zz", "hôm nay"), "fleet.day"),
        (unit(" ", "03.zz"), "fleet.name"),
        (unit("X", "03.zz", parent="03.none"), "fleet.parent"),
        (unit("X", COMMUNE, "2025-07-01"), "fleet.day"),
        (unit("X", PROVINCE, "2026-01-01", parent=COMMUNE), "fleet.parent"),
    ],
)
async def test_what_would_break_the_tree_is_refused_and_nothing_changes(ledger, row, code):
    await ledger.write(plant)
    before = await ledger.read(lambda s: (s.find("units"), s.find("audit")))
    with pytest.raises(RemoteFault) as caught:
        await ledger.write(lambda s: fleet.add_unit(s, row, "admin", 9))
    assert caught.value.code == code
    assert await ledger.read(lambda s: (s.find("units"), s.find("audit"))) == before


def node(**changes):
    fields = {"node": "loa-1", "unit": COMMUNE, "name": "Cụm 1", "kind": "speaker"}
    fields.update(public_key=b"k" * 32, hamlet="lang-1")
    fields.update(changes)
    return fleet.NodeForm(**fields)


def plant_hamlet(store):
    plant(store)
    fleet.add_hamlet(store, COMMUNE, "lang-1", "Làng Kon", "admin", 4)


async def test_nodes_are_registered_once_and_boards_have_sizes(ledger):
    await ledger.write(plant_hamlet)
    board = node(node="bang-1", kind="board", board="192x64x1", public_key=b"b" * 32)
    for form in (node(), board):
        await ledger.write(lambda s, f=form: fleet.add_node(s, f, "admin", 5))
    profiles = await ledger.read(lambda s: fleet.board_profiles(s, [COMMUNE]))
    assert profiles == ["192x64x1"]
    with pytest.raises(RemoteFault) as caught:
        await ledger.write(lambda s: fleet.add_node(s, node(node="loa-2"), "admin", 6))
    assert caught.value.code == "fleet.node_id"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"node": "../x"}, "fleet.node_id"),
        ({"unit": "03.none"}, "fleet.unit_id"),
        ({"hamlet": "none"}, "fleet.hamlet_id"),
        ({"kind": "phone"}, "fleet.kind"),
        ({"kind": "board"}, "fleet.board"),
        ({"board": "192x64x1"}, "fleet.board"),
        ({"public_key": b"short"}, "fleet.key"),
        ({"groups": ["A B"]}, "fleet.groups"),
    ],
)
async def test_a_wrong_node_form_is_refused(ledger, changes, code):
    await ledger.write(plant_hamlet)
    with pytest.raises(RemoteFault) as caught:
        await ledger.write(lambda s: fleet.add_node(s, node(**changes), "admin", 5))
    assert caught.value.code == code
    assert caught.value.remedy


async def test_every_change_is_audited_and_a_forged_entry_is_found(ledger):
    await ledger.write(plant_hamlet)
    assert await ledger.read(audit.first_broken) is None
    actions = await ledger.read(lambda s: [row["action"] for row in s.find("audit")])
    assert actions == ["unit.add"] * 3 + ["hamlet.add"]
    forged = await ledger.read(lambda s: dict(s.get("audit", 4), sequence=5, who="nobody"))
    await ledger.write(lambda s: s.add("audit", forged))
    assert await ledger.read(audit.first_broken) == 5
