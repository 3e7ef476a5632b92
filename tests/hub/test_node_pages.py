"""The fleet page: states by each node's own schedule, filters, search, pages, kept filters."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import fleet, ingest, node_list, standing
from hub.roles import AUTHOR, Grant
from protocols import records
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_pages import pages, record

__all__ = ("pages",)

HOUR_MS = 3600_000


def add(store, node, name, unit=COMMUNE, hamlet=None, kind="speaker"):
    board = "192x64x1" if kind == "board" else None
    form = fleet.NodeForm(node, unit, name, kind, node.encode().ljust(32, b"-"), hamlet, (), board)
    fleet.add_node(store, form, "test", 1)


def status(**body):
    return {"versions": [], "report_s": 900, **body}


@pytest.fixture
async def filled(services):
    """Give a hub with one node in every state; returns its time."""
    now_ms = services.config.now_ms()

    def fill(store):
        add(store, "cum-1", "Cụm nhà rông", hamlet="lang-kon")
        add(store, "cum-2", "Cụm ngã ba Đồng Đò", hamlet="thon-2")
        for number in (3, 4, 5, 6):
            add(store, f"cum-{number}", f"Cụm {number}")
        add(store, "bang-t", "Bảng tỉnh", PROVINCE, kind="board")
        said = {"item": "x.1", "title": "Bản tin sáng", "class": "normal", "left_ms": 60_000}
        record(store, "cum-1", "on-air", said, now_ms, "health")
        record(store, "cum-2", "status", status(), now_ms, "health")
        record(store, "cum-3", "status", status(), now_ms - HOUR_MS, "health")
        record(store, "cum-4", "status", status(report_s=60), now_ms - HOUR_MS, "health")
        low = status(sim_bytes=1000, sim_expected_bytes=1001)
        record(store, "cum-5", "status", low, now_ms, "health")
        fault = {"code": "amplifier.silent", "message": "0 W"}
        record(store, "cum-5", "fault", fault, now_ms, "plays")

    await services.ledger.write(fill)
    return now_ms


def names(text):
    return re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]*)', text)


async def test_tiles_are_filters_and_every_filter_stands_in_the_address(pages, filled):
    expected = {
        "playing": ["Cụm nhà rông"],
        "idle": ["Cụm 5", "Cụm ngã ba Đồng Đò"],
        "late": ["Cụm 3"],
        "offline": ["Cụm 4"],
        "never": ["Bảng tỉnh", "Cụm 6"],
        "fault": ["Cụm 5"],
        "budget": ["Cụm 5"],
        "clock": [],
    }
    _, text = await pages("GET", "/nodes")
    assert len(names(text)) == 7
    for state, found in expected.items():
        assert f'href="/nodes?state={state}"><span>{len(found)}</span>' in text, state
        _, filtered = await pages("GET", f"/nodes?state={state}")
        assert names(filtered) == found, state
    for query, found in (
        ("q=dong+do", ["Cụm ngã ba Đồng Đò"]),
        ("q=Đồng", ["Cụm ngã ba Đồng Đò"]),
        ("q=kon+chieng", ["Cụm nhà rông"]),
        ("q=cum-6", ["Cụm 6"]),
        ("q=100%25", []),
        (f"unit={PROVINCE}&kind=board", ["Bảng tỉnh"]),
        (f"unit={PROVINCE}&state=offline&q=4", ["Cụm 4"]),
        ("unit=03.none", []),
    ):
        response, text = await pages("GET", f"/nodes?{query}")
        assert response.status == 200 and names(text) == found, query
    for broken in ("state=x", "after=%00", "after=W10", "after=" + "A" * 900, "unit=%22"):
        response, text = await pages("GET", f"/nodes?{broken}")
        assert response.status == 200 and len(names(text)) == 7, broken
    response, _ = await pages("GET", "/parts/nodes?state=late")
    known = {"If-None-Match": response.headers["ETag"]}
    response, _ = await pages("GET", "/parts/nodes?state=late", headers=known)
    assert response.status == 304


async def test_a_silence_is_judged_by_what_the_node_said_of_its_next_word(services, filled):
    def states(later_ms):
        def ask(store):
            rows = store.find("nodes", {"unit": COMMUNE}, order=["node"], join="node_status")
            return [standing.state(row, filled + later_ms) for row in rows]

        return services.ledger.read(ask)

    slot = status(report_s=86400, next_start_ms=filled + HOUR_MS)
    rare = status(report_s=86400)

    def told(store):
        for node, body in (("cum-5", rare), ("cum-6", slot)):
            entry = records.Chain(node, "health", "cd" * 8).build(filled, "hub", 5, "status", body)
            batch = records.read_batch(
                records.build_batch(node, "health", "cd" * 8, 0, [entry.data])
            )
            ingest.accept(store, batch, ingest.Contact("n", filled // 1000, filled))

    await services.ledger.write(told)
    assert (await states(0))[4:] == ["idle", "idle"]
    assert (await states(HOUR_MS + standing.SLOT_LATE_MS))[4:] == ["idle", "late"]
    assert (await states(HOUR_MS + standing.SLOT_OFFLINE_MS))[4:] == ["idle", "offline"]
    assert (await states(49 * HOUR_MS))[4:] == ["late", "offline"]
    assert (await states(97 * HOUR_MS))[4:] == ["offline", "offline"]


async def test_pages_follow_one_another_without_a_gap(pages, services):
    def fill(store):
        for number in range(2 * node_list.PAGE + 3):
            add(store, f"cum-{number}", f"Cụm {number % 7}")

    await services.ledger.write(fill)
    seen, address = [], "/nodes?kind=speaker"
    while address:
        _, text = await pages("GET", address)
        seen += re.findall(r'href="/nodes/([a-z0-9-]+)"', text) or names(text)
        following = re.search(r'href="(/nodes\?[^"]+)" rel="next"', text)
        address = following and following.group(1).replace("&amp;", "&")
    assert len(seen) == 2 * node_list.PAGE + 3


async def test_filters_are_kept_by_name_for_one_account(pages, services):
    for name in ("Loa im", "Loa im", "Tất cả"):
        sent = {"name": name, "query": "state=fault&q=kon&after=zzz&x=1"}
        response, text = await pages("POST", "/nodes/filters", data=sent)
        assert str(response.url).endswith("/nodes?state=fault&q=kon")
    assert text.count('href="/nodes?state=fault&amp;q=kon">') == 2
    other = await signed_in(services, "khac", [Grant(AUTHOR, COMMUNE)])
    _, text = await pages("GET", "/nodes", cookies=other)
    assert "Loa im" not in text
    response, text = await pages("POST", "/nodes/filters/remove", data={"name": "Loa im"})
    assert "Loa im" not in text and "Tất cả" in text
    for number in range(node_list.SAVED_MAX - 1):
        await pages("POST", "/nodes/filters", data={"name": f"n{number}", "query": ""})
    response, text = await pages("POST", "/nodes/filters", data={"name": "mới", "query": ""})
    assert response.status == 400 and "quá nhiều bộ lọc" in text


@given(st.text(max_size=80), st.tuples(st.text(), st.text(), st.text()))
def test_an_address_says_a_question_wholly(text, last):
    asked = node_list.read({"q": text, "state": "late", "unit": COMMUNE, "kind": "board"})
    row = dict(zip(("unit", "name", "node"), last, strict=True))
    query = dict(re.findall(r"(\w+)=([^&]*)", asked.next_query(row)))
    again = node_list.read({"after": query["after"].replace("%3D", "=")})
    packed = json.dumps(last, ensure_ascii=False)
    fits = len(query["after"]) <= node_list.AFTER_MAX
    assert again.after == (last if fits else None), packed


async def test_a_node_s_page_says_all_of_it(pages, services, filled):
    at_ms = filled

    def tell(store):
        node = "cum-2"
        low = {"free_bytes": 5_000_000, "sim_bytes": 10**9, "sim_expected_bytes": 2 * 10**9}
        low |= {"spent_bytes": 9 * 10**8, "sim_lasts_days": 3}
        play = {"item": "x.1", "title": "Tin trưa", "class": "normal", "unit": COMMUNE}
        play |= {
            "started_ms": at_ms - 9000,
            "ended_ms": at_ms,
            "outcome": "complete",
            "resumed": False,
        }
        _tell(store, node, "plays", [("play", {**play, "evidence": {"grade": 3}})], at_ms)
        health = [("boot", {}), ("status", low), ("modem", {"signal_dbm": -91, "sim": "ready"})]
        health.append(("senses", {"mains": 0, "supply_millivolts": 12_400}))
        _tell(store, node, "health", health, at_ms)

    await services.ledger.write(tell)
    _, text = await pages("GET", "/nodes/cum-2")
    for said in ("Tin trưa", "5,0 MB", "-91 dBm", "mất điện lưới", "12,4 V", "còn dùng được 3 ngày",
                 "24 giờ tới", "Đã phát: đo được công suất ra loa"):  # fmt: skip
        assert said in text, said
    assert text.count('<rect class="heard"') == 1
    response, _ = await pages("GET", "/nodes/none")
    assert response.status == 404


async def test_a_node_is_asked_for_what_the_hub_s_own_key_may_ask(pages, services, filled):
    for kind in ("self-test", "upload-log"):
        response, text = await pages("POST", "/nodes/cum-2/orders", data={"kind": kind})
        assert response.status == 200
    assert text.count("đã gửi, chờ cụm loa") == 2
    narrow = {"kind": "settings", "volume": "40", "quiet": "12:00-13:30, 20:00–21:00"}
    _, text = await pages("POST", "/nodes/cum-2/orders", data=narrow)
    assert 'value="40"' in text and 'value="12:00-13:30, 20:00-21:00"' in text
    for wrong, said in (
        ({"kind": "self-test"}, "đang có sẵn yêu cầu"),
        ({"kind": "decommission"}, "Không có yêu cầu này"),
        ({**narrow, "volume": "140"}, "không phải số phần trăm"),
        ({**narrow, "quiet": "25:00-26:00"}, "Giờ yên lặng ghi chưa đúng"),
    ):
        response, text = await pages("POST", "/nodes/cum-2/orders", data=wrong)
        assert response.status >= 400 and said in text, wrong
    rows = await services.ledger.read(lambda s: s.find("orders", {"kind": "upload-log"}))
    name = rows[0]["name"]

    def send_log(store):
        body = {"order": name, "part": 0, "lines": ["05:30 boot", "05:31 sync"]}
        done = {"order": name, "state": "done"}
        _tell(store, "cum-2", "health", [("log", body), ("order", done)], filled, "ef" * 8)

    await services.ledger.write(send_log)
    _, text = await pages("GET", f"/nodes/cum-2/orders/{name}/log")
    assert "05:31 sync" in text
    (test,) = await services.ledger.read(lambda s: s.find("orders", {"kind": "self-test"}))
    _, text = await pages("POST", f"/nodes/cum-2/orders/{test['name']}/withdraw")
    rows = await services.ledger.read(lambda s: s.find("orders", {"state": "withdrawn"}))
    assert [row["name"] for row in rows] == [test["name"]]


def _tell(store, node, chain, told, at_ms, epoch="cd" * 8):
    built, link = [], records.Chain(node, chain, epoch)
    for kind, body in told:
        entry = link.build(at_ms, "hub", 5, kind, body)
        link.advance(entry)
        built.append(entry.data)
    batch = records.read_batch(records.build_batch(node, chain, epoch, 0, built))
    ingest.accept(store, batch, ingest.Contact(chain + epoch, at_ms // 1000, at_ms))
