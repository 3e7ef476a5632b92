"""The as-run record play by play: filters in the address, page by page, and as a file."""

import csv
import io
import re

from hypothesis import given
from hypothesis import strategies as st

from hub import bulletins, play_list, programme
from hub.roles import OBSERVER, Grant
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_bulletin_list import draft, name
from tests.hub.test_node_pages import add
from tests.hub.test_pages import pages
from tests.hub.test_reports import DAY, NOON, play

__all__ = ("pages",)


def titles(text):
    return re.findall(r'<th scope="row">([^<]*?) ?<span class="chip', text)


def fill(store):
    """Keep plays of two nodes: today at noon, and one a day before and after."""
    add(store, "loa-1", "Cụm 1")
    add(store, "bang-t", "Bảng tỉnh", PROVINCE, kind="board")
    bulletins.create(store, name(1), draft("Tin", "Chữ."), "test", 1)
    item = programme.item_id(bulletins.current(store, name(1)))
    for number, (at_ms, changes) in enumerate((
        (NOON - 12 * 3600_000 - 1, {"title": "Hôm trước"}),
        (NOON, {"title": "=Tin trưa", "item": item}),
        (NOON + 1, {"title": "Ngắt", "outcome": "cut"}),
        (NOON + DAY, {"title": "Hỏng", "outcome": "failed", "unit": PROVINCE}),
        (NOON + DAY, {"title": "Trang", "node": "bang-t", "grade": 2}),
    )):  # fmt: skip
        store.add("plays", play(number, at_ms, epoch="ab", **changes))


CASES = [
    ("", ["Hỏng", "Trang", "Ngắt", "=Tin trưa", "Hôm trước"]),
    ("from=2026-01-01&to=2026-01-01", ["Ngắt", "=Tin trưa"]),
    ("to=2025-12-31", ["Hôm trước"]),
    ("from=2026-01-02", ["Hỏng", "Trang"]),
    ("node=bang-t", ["Trang"]),
    ("node=none", []),
    ("unit=" + COMMUNE, ["Hỏng", "Ngắt", "=Tin trưa", "Hôm trước"]),
    ("unit=" + PROVINCE + "&ended=whole", ["Trang", "=Tin trưa", "Hôm trước"]),
    ("ended=early", ["Ngắt"]),
    ("ended=failed", ["Hỏng"]),
    ("bulletin=" + name(1), ["=Tin trưa"]),
    ("bulletin=" + name(2), []),
]


async def test_plays_are_found_by_what_the_address_asks_for(pages, services):
    _, text = await pages("GET", "/reports/plays")
    assert "Chưa phát bản tin nào" in text
    await services.ledger.write(fill)
    for query, found in CASES:
        response, text = await pages("GET", f"/reports/plays?{query}")
        assert response.status == 200 and titles(text) == found, query
        assert ("không có lượt phát nào khớp" in text) == (not found)
        response, body = await pages("GET", f"/reports/plays.csv?{query}")
        rows = list(csv.reader(io.StringIO(body.lstrip("\ufeff"))))
        assert [row[2].lstrip("'") for row in rows[1:]] == found, query
    for broken in ("from=x", "node=%22", "bulletin=x", "ended=x", "after=1.2", "unit=x"):
        _, text = await pages("GET", f"/reports/plays?{broken}")
        assert len(titles(text)) == 5, broken
    _, body = await pages("GET", "/reports/plays.csv?to=2026-01-01&from=2026-01-01&lang=vi")
    first = list(csv.reader(io.StringIO(body)))[2]
    assert first[:3] == ["2026-01-01 12:00:00", "2026-01-01 12:01:00", "'=Tin trưa"]
    assert first[4:8] == ["Cụm 1", "loa-1", "Xã Ia Thử", "60"]
    for page in ("/", "/nodes/loa-1", "/reports?from=2026-01-01"):
        assert "/reports/plays" in (await pages("GET", page))[1], page


async def test_a_reader_sees_what_his_own_nodes_played(pages, services):
    await services.ledger.write(fill)
    mine = await signed_in(services, "xa", [Grant(OBSERVER, COMMUNE)])
    _, text = await pages("GET", "/reports/plays", cookies=mine)
    assert titles(text) == ["Hỏng", "Ngắt", "=Tin trưa", "Hôm trước"]
    _, text = await pages("GET", "/reports/plays?node=bang-t", cookies=mine)
    assert titles(text) == [] and "Bảng tỉnh" not in text
    _, body = await pages("GET", f"/reports/plays.csv?unit={PROVINCE}", cookies=mine)
    assert "Trang" not in body and "Hỏng" in body


async def test_pages_and_parts_follow_one_another_without_a_gap(pages, services, monkeypatch):
    count = 2 * play_list.PAGE + 3

    def many(store):
        add(store, "loa-1", "Cụm 1")
        for number in range(count):
            row = play(number, NOON + number // 7, epoch="ab", title=f"Tin {number}")
            store.add("plays", row)

    await services.ledger.write(many)
    seen, address = [], "/reports/plays?node=loa-1"
    while address:
        _, text = await pages("GET", address)
        seen += titles(text)
        following = re.search(r'href="(/reports/plays\?[^"]+)" rel="next"', text)
        address = following and following.group(1).replace("&amp;", "&")
    wanted = [f"Tin {number}" for number in reversed(range(count))]
    assert seen == wanted
    monkeypatch.setattr(play_list, "FILE_PAGE", 50)
    _, body = await pages("GET", "/reports/plays.csv")
    rows = list(csv.reader(io.StringIO(body.lstrip("\ufeff"))))
    assert [row[2] for row in rows[1:]] == wanted


@given(st.integers(0, 10**15 - 1), st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True))
def test_an_address_says_a_question_wholly(at_ms, node):
    row = {"started_ms": at_ms, "node": node, "epoch": "ab" * 8, "sequence": 7}
    asked = play_list.read({"from": "2025-01-31", "ended": "early", "node": node})
    query = dict(re.findall("([^=&]+)=([^&]*)", asked.next_query(row)))
    assert play_list.read(query) == asked._replace(after=(at_ms, node, "ab" * 8, 7))
