"""The page of all bulletins: words without diacritics, filters in the address, page by page."""

import re
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from hub import bulletin_list, bulletins, folding, topics
from hub.database import Database
from hub.roles import OBSERVER, Grant
from tests.hub import postgres
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in, unit_row
from tests.hub.test_pages import pages

__all__ = ("pages",)

DAY_S = 86400
START_S = 1_764_000_000


def draft(title, text, unit=COMMUNE, **changes):
    legal_class = changes.pop("legal_class", "normal")
    return bulletins.Draft(
        unit, title, "vi-VN", legal_class, text, "", "vi-VN", None, [], {"mode": "now"}, **changes
    )


def name(number):
    return f"b{number:012}"


def fill(store):
    """Keep a few bulletins, a day apart."""
    topics.take(store, {"y-te": "Y tế", "thue": "Thuế"}, "1", "2025-01-01", 1)
    other = {"language": "bdq", "title": "Tơdrong pơgang", "text": "Pơgang kơ de haioh."}
    other.update(upload=None, cut_ms=None)
    for number, one in enumerate((
        draft("Tiêm chủng đợt 2", "Trạm y tế mời các cháu đến tiêm.", topic="y-te"),
        draft("Họp thôn", "Bàn việc làm đường Đồng Đò.", legal_class="priority"),
        draft("Thuế đất", "Nộp 100% trước ngày 5/12.", PROVINCE, topic="thue"),
        draft("Phòng bệnh", "Rửa tay.", variants=[other], topic="y-te"),
    )):  # fmt: skip
        bulletins.create(store, name(number), one, "test", START_S + number * DAY_S)
    for number, until_s in ((1, 2**40), (2, START_S)):
        changes = {"state": bulletins.PUBLISHED, "until_s": until_s}
        store.change("bulletins", (name(number),), changes)


def titles(text):
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)', text)


CASES = [
    ("", ["Phòng bệnh", "Thuế đất", "Họp thôn", "Tiêm chủng đợt 2"]),
    ("q=tiem+chung", ["Tiêm chủng đợt 2"]),
    ("q=TIÊM", ["Tiêm chủng đợt 2"]),
    ("q=dong+do.", ["Họp thôn"]),
    ("q=do+thon", ["Họp thôn"]),
    ("q=100%25", ["Thuế đất"]),
    ("q=5/12", ["Thuế đất"]),
    ("q=haioh", ["Phòng bệnh"]),
    ("q=b000000000002", ["Thuế đất"]),
    ("q=khong+co", []),
    ("state=published", ["Họp thôn"]),
    ("state=published&class=normal", []),
    ("state=over", ["Thuế đất"]),
    ("class=priority", ["Họp thôn"]),
    ("topic=y-te", ["Phòng bệnh", "Tiêm chủng đợt 2"]),
    ("topic=y-te&q=chau", ["Tiêm chủng đợt 2"]),
    ("unit=" + COMMUNE, ["Phòng bệnh", "Họp thôn", "Tiêm chủng đợt 2"]),
    ("unit=" + PROVINCE, ["Phòng bệnh", "Thuế đất", "Họp thôn", "Tiêm chủng đợt 2"]),
    # Noon of the first day is 24 November 2025, 23:00 in Viet Nam.
    ("from=2025-11-25&to=2025-11-26", ["Thuế đất", "Họp thôn"]),
    ("to=2025-11-24", ["Tiêm chủng đợt 2"]),
    ("from=2025-11-27", ["Phòng bệnh"]),
]


async def test_bulletins_are_found_by_words_and_filters_in_the_address(pages, services):
    _, text = await pages("GET", "/bulletins")
    assert "Chưa có bản tin nào" in text and 'href="/bulletins/new"' in text
    await services.ledger.write(fill)
    for query, found in CASES:
        response, text = await pages("GET", f"/bulletins?{query}")
        assert response.status == 200 and titles(text) == found, query
        assert ("Không có bản tin nào khớp" in text) == (not found)
        assert ("Xem mọi bản tin" in text) == bool(query)
    for broken in ("state=x", "class=x", "after=1", "unit=%22", "from=2025-13-01", "to=0001-01-01",
                   "q=%00", "q=...", "topic=%00", "after=999999999999.b" + "f" * 12):  # fmt: skip
        response, text = await pages("GET", f"/bulletins?{broken}")
        assert response.status == 200 and len(titles(text)) == 4, broken
    _, text = await pages("GET", "/bulletins?topic=cu&q=a%22b")
    assert '<option value="cu" selected>' in text and 'value="a&#34;b"' in text
    _, text = await pages("GET", "/")
    assert text.count('href="/bulletins"') == 2


async def test_a_reader_finds_what_his_grants_cover(pages, services):
    await services.ledger.write(fill)
    mine = await signed_in(services, "xa", [Grant(OBSERVER, COMMUNE)])
    for query in ("", "?unit=" + PROVINCE):
        _, text = await pages("GET", "/bulletins" + query, cookies=mine)
        assert titles(text) == ["Phòng bệnh", "Họp thôn", "Tiêm chủng đợt 2"]


async def test_pages_follow_one_another_without_a_gap(pages, services):
    count = 2 * bulletin_list.PAGE + 3

    def many(store):
        for number in range(count):
            bulletins.create(store, name(number), draft(f"Tin {number}", "Chữ."), "x", number // 7)

    await services.ledger.write(many)
    seen, address = [], "/bulletins?q=tin"
    while address:
        _, text = await pages("GET", address)
        seen += titles(text)
        following = re.search(r'href="(/bulletins\?[^"]+)" rel="next"', text)
        address = following and following.group(1).replace("&amp;", "&")
    assert seen == [f"Tin {number}" for number in reversed(range(count))]


def test_postgresql_finds_the_same():
    database, clock = Database(postgres.emptied()), bulletin_list.Clock(2**32, 420)
    units = {unit: unit_row(unit, unit) for unit in (PROVINCE, COMMUNE)}
    units[COMMUNE]["parent"] = PROVINCE
    empty = {"valid_to": None, "code_system": None, "code": None, "successor": None}
    try:
        database.submit(
            lambda s: s.add_many("units", [{**row, **empty} for row in units.values()])
        ).result()
        database.submit(fill).result()
        for query, found in CASES:
            asked = bulletin_list.read(dict(re.findall("([^=&]+)=([^&]*)", query)))
            asked = asked._replace(text=asked.text.replace("+", " ").replace("%25", "%"))
            shown = database.read_now(
                lambda s, one=asked: bulletin_list.page(s, one, clock, units, None)
            )
            assert [row["title"] for row in shown["bulletins"]] == found, query
    finally:
        database.close()


@given(st.text(alphabet="aàđĐ b.,(\n", max_size=40), st.text(alphabet="aàđ.b", max_size=6))
def test_a_word_is_found_where_it_stands(text, word):
    looked_for = folding.words(word)
    whole, kept = folding.fold(text), " ".join(folding.words(text))
    assert all((one in whole) == (one in kept) for one in looked_for if one == folding.fold(word))


@given(st.text(max_size=80), st.sampled_from(bulletins.STATES), st.integers(0, 10**12 - 1))
def test_an_address_says_a_question_wholly(text, state, changed_s):
    asked = bulletin_list.read({"q": text, "state": state, "unit": COMMUNE, "from": "2025-01-31"})
    row = {"changed_s": changed_s, "bulletin": name(1)}
    assert bulletin_list.read(dict(parse_qsl(asked.next_query(row)))) == asked._replace(
        after=(changed_s, name(1))
    )
