"""A dated tree brought as a file: read with limits, shown before, done whole, never undone."""

import json
import re
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import assets, audit, fleet, unit_files, unit_plan
from hub.roles import Grant
from hub.unit_files import Wrong
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_fleet import OTHER, node, plant_hamlet
from tests.hub.test_fleet import PROVINCE as TOP
from tests.hub.test_pages import pages

__all__ = ("pages",)

HEAD = "unit,valid_from,valid_to,parent,name,kind,code_system,code,successor\n"
MERGER = (
    HEAD
    + f"{OTHER},2025-07-01,2026-03-01,{TOP},Xã Hai,commune,,,{COMMUNE}\n"
    + f"{COMMUNE},2026-03-01,,{TOP},Xã Một Hai,commune,,,\n"
)


def bring(store, text):
    wanted = unit_plan.plan(store, unit_files.read(text.encode()))
    unit_plan.apply(store, wanted, "test", 9)
    return wanted


async def test_the_example_is_a_province_as_the_law_names_it(ledger):
    """Resolution 1664/NQ-UBTVQH15: 110 communes and 25 wards since the summer of 2025."""
    text = (Path(assets.__file__).parent / "static" / "units-gia-lai.csv").read_text("utf-8")
    wanted = await ledger.write(lambda s: bring(s, text))
    assert wanted.counts() == {"added": 136, "same": 0}
    units = await ledger.read(lambda s: fleet.standing_on(s, "2025-07-01"))
    brought = [row for row in units.values() if row["code_system"] == "gso-2025"]
    kinds = Counter(row["kind"] for row in brought)
    assert kinds == {"province": 1, "commune": 110, "ward": 25}
    assert len({row["code"] for row in brought}) == len({row["name"] for row in brought}) == 136
    assert len(fleet.subtree(units, "gl.tinh")) == 136


async def test_a_merger_is_an_import_and_bringing_it_again_changes_nothing(ledger):
    await ledger.write(plant_hamlet)
    form = node(unit=OTHER, hamlet=None)
    await ledger.write(lambda s: fleet.add_node(s, form, "test", 5))
    wanted = await ledger.write(lambda s: bring(s, MERGER))
    assert wanted.counts() == {"ended": 1, "closed": 1, "renamed": 1, "same": 0}
    (left,) = wanted.leaving
    assert (left.unit, left.successor, left.nodes) == (OTHER, COMMUNE, 1)
    assert left.successor_name == "Xã Một Hai"
    again = await ledger.write(lambda s: bring(s, MERGER))
    assert again.counts() == {"same": 2}
    names = [
        (await ledger.read(lambda s, d=day: fleet.units_on(s, d)))[COMMUNE]["name"]
        for day in ("2026-02-28", "2026-03-01")
    ]
    assert names == ["Xã Một", "Xã Một Hai"]
    units = await ledger.read(lambda s: fleet.standing_on(s, "2026-03-01"))
    assert fleet.subtree(units, COMMUNE) == [COMMUNE, OTHER]
    assert await ledger.read(lambda s: fleet.above(s, OTHER, "2026-03-01")) == [TOP]
    assert await ledger.read(lambda s: fleet.above(s, COMMUNE, "2026-03-01")) == [TOP]
    back = HEAD + f"{OTHER},2026-05-01,,{TOP},Xã Hai,commune,,,\n"
    wanted = await ledger.write(lambda s: bring(s, back))
    assert wanted.counts() == {"returned": 1, "same": 0}
    units = await ledger.read(lambda s: fleet.standing_on(s, "2026-05-01"))
    assert fleet.subtree(units, COMMUNE) == [COMMUNE] and units[OTHER]["parent"] == TOP
    assert await ledger.read(audit.first_broken) is None


@pytest.mark.parametrize(
    ("rows", "code", "line", "field"),
    [
        ("", "rows", 0, ""),
        ("x,2026-01-01,,,X,commune,,,", "id", 2, "unit"),
        ("03.zz,2026-02-30,,,X,commune,,,", "day", 2, "valid_from"),
        ("03.zz,2026-01-02,2026-01-01,,X,commune,,,", "day", 2, "valid_to"),
        ("03.zz,2026-01-01,,,,commune,,,", "name", 2, "name"),
        ("03.zz,2026-01-01,,,X,commune,,123,", "code", 2, "code"),
        ("03.zz,2026-01-01,,,X,commune,,,03.yy", "successor", 2, "successor"),
        ("03.zz,2026-01-01,,03.yy,X,commune,,,", "parent", 2, "parent"),
        ("03.zz,2026-01-01,2026-02-01,,X,commune,,,03.yy", "successor", 2, "successor"),
        (f"{COMMUNE},2025-07-01,,{TOP},Khác,commune,,,", "history", 2, "name"),
        (f"{COMMUNE},2024-07-01,2026-01-01,{TOP},X,commune,,,", "overlap", 2, "valid_from"),
        (f"{TOP},2026-01-01,,{COMMUNE},X,province,,,", "parent", 2, "parent"),
        (f"{TOP},2025-07-01,2026-01-01,,Tỉnh,province,,,", "parent", 2, "parent"),
        ("03.zz,2026-01-01,,,X,commune,,,\n03.zz,2026-01-01,,,Y,commune,,,", "twice", 3,
         "valid_from"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_line_and_column_and_nothing_changes(
    ledger, rows, code, line, field
):
    await ledger.write(plant_hamlet)
    before = await ledger.read(lambda s: (s.find("units"), s.find("audit")))
    with pytest.raises(Wrong) as caught:
        await ledger.write(lambda s: bring(s, HEAD + rows))
    assert (caught.value.code, caught.value.line) == (f"units.{code}", line)
    assert caught.value.field == field
    assert await ledger.read(lambda s: (s.find("units"), s.find("audit"))) == before


async def test_hamlets_have_people_and_points_and_nodes_are_found_by_a_new_name(ledger):
    await ledger.write(plant_hamlet)
    await ledger.write(lambda s: fleet.add_node(s, node(), "test", 5))
    rows = [{"unit": COMMUNE, "hamlet": "lang-1", "name": "Làng Đỏ", "people": 412,
             "latitude": 13.5, "longitude": "108.000001"}]  # fmt: skip
    wanted = await ledger.write(lambda s: bring(s, json.dumps({"hamlets": rows})))
    assert wanted.counts() == {"hamlet_renamed": 1, "same": 0}
    row = await ledger.read(lambda s: s.get("hamlets", COMMUNE, "lang-1"))
    assert (row["people"], row["latitude_e6"], row["longitude_e6"]) == (412, 13500000, 108000001)
    assert "lang do" in (await ledger.read(lambda s: s.get("nodes", "loa-1")))["search"]


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(
    lambda rows: (HEAD + rows).encode(errors="replace"))))  # fmt: skip
def test_any_bytes_are_rows_or_a_fault(data):
    try:
        found = unit_files.read(data)
    except RemoteFault as fault:
        assert fault.code.startswith("units.")
    else:
        assert found.units or found.hamlets


def upload(text):
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("upload", text.encode(), filename="don-vi.csv", content_type="text/csv")
    return form


def hidden(text):
    return dict(re.findall(r'type="hidden" name="(file|digest)" value="([0-9a-f]+)"', text))


async def test_a_file_is_shown_confirmed_and_the_successor_shows_what_was_left(pages, services):
    other = "03.m4x9"
    rows = HEAD + f"{other},2025-07-01,,{PROVINCE},Xã Đắk Thử,commune,,,\n"
    _, text = await pages("POST", "/units/import", data=upload(rows))
    assert "Xã Đắk Thử" in text
    units = await services.ledger.read(lambda s: s.find("units", {"unit": other}))
    assert units == []
    await pages("POST", "/units/import", data=hidden(text))
    form = fleet.NodeForm("loa-9", other, "Cụm chợ", "speaker", b"9" * 32)
    await services.ledger.write(lambda s: fleet.add_node(s, form, "test", 1))
    rows = HEAD + f"{other},2025-07-01,2025-08-01,{PROVINCE},Xã Đắk Thử,commune,,,{COMMUNE}\n"
    _, text = await pages("POST", "/units/import", data=upload(rows))
    confirmed = hidden(text)
    assert "Cụm loa: 1" in text
    more = fleet.NodeForm("loa-8", other, "Cụm rẫy", "speaker", b"8" * 32)
    await services.ledger.write(lambda s: fleet.add_node(s, more, "test", 1))
    response, text = await pages("POST", "/units/import", data=confirmed)
    assert response.status == 400 and "Cụm loa: 2" in text and hidden(text) != confirmed
    await pages("POST", "/units/import", data=hidden(text))
    mine = await signed_in(services, "xa", [Grant("observer", COMMUNE)])
    _, text = await pages("GET", f"/nodes?unit={COMMUNE}", cookies=mine)
    assert "Cụm chợ" in text
    response, text = await pages("GET", "/nodes/loa-9", cookies=mine)
    assert response.status == 200
    _, text = await pages("GET", "/units?q=dak%20thu")
    assert "Xã Đắk Thử" in text and "Xã Ia Thử" not in text
    _, text = await pages("GET", f"/units/{COMMUNE}")
    assert f'href="/units/{other}"' in text
    response, _ = await pages("POST", "/units/import", data=upload(rows), cookies=mine)
    assert response.status == 403
    response, text = await pages("POST", "/units/import", data=upload(HEAD + "x,,,,,,,,"))
    assert response.status == 400 and "Dòng 2, cột unit" in text


async def test_a_hamlet_is_added_and_changed_on_its_units_page(pages, services):
    sent = {"hamlet": "thon-3", "name": "Thôn 3", "people": "120", "latitude": "", "longitude": ""}
    _, text = await pages("POST", f"/units/{COMMUNE}/hamlets", data=sent)
    assert "Thôn 3" in text
    await pages("POST", f"/units/{COMMUNE}/hamlets", data={**sent, "people": "130"})
    row = await services.ledger.read(lambda s: s.get("hamlets", COMMUNE, "thon-3"))
    assert row["people"] == 130
    wrong = {**sent, "people": "nhiều"}
    response, text = await pages("POST", f"/units/{COMMUNE}/hamlets", data=wrong)
    assert response.status == 400 and 'value="nhiều"' in text
