"""Reports: every play counts once, under its day and name; files that spreadsheets open."""

import csv
import io
from datetime import date

import pytest
from openpyxl import load_workbook

from hub import fleet, overview, progress, reached, reports
from hub.store import ROWS_MAX
from hub.store_memory import MemoryStore
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE, unit_row
from tests.hub.test_pages import pages

__all__ = ("pages",)

OFFSET = 420
NOON = 1_767_243_600_000  # 2026-01-01 12:00 at UTC+7
DAY = 86_400_000


def play(number, at_ms, **changes):
    row = {"node": "loa-1", "epoch": "e", "sequence": number, "unit": COMMUNE, "item": "b1.1",
           "title": "Tin", "class": "normal", "scheduled_ms": None, "started_ms": at_ms,
           "ended_ms": at_ms + 60_000, "outcome": "complete", "resumed": 0, "grade": 3,
           "milliwatts": None}  # fmt: skip
    return {**row, **changes}


@pytest.fixture
def store():
    opened = MemoryStore()
    old = unit_row(COMMUNE, "Xã Cũ", parent=PROVINCE) | {"valid_from": "2020-01-01"}
    new = unit_row(COMMUNE, "Xã Mới", parent=PROVINCE) | {"valid_from": "2026-01-02"}
    rest = {"valid_to": None, "code_system": None, "code": None, "successor": None}
    opened.add("units", {**rest, **old, "valid_to": "2026-01-02"})
    opened.add("units", {**rest, **new})
    opened.add("hamlets", {"unit": COMMUNE, "hamlet": "thon-1", "name": "Thôn 1"})
    opened.add("hamlets", {"unit": COMMUNE, "hamlet": "thon-2", "name": "Thôn 2"})
    form = fleet.NodeForm("loa-1", COMMUNE, "Cụm 1", "speaker", b"1" * 32, "thon-1")
    fleet.add_node(opened, form, "test", NOON // 1000)
    for number, (at_ms, changes) in enumerate((
        (NOON - 12 * 3600_000 - 1, {}),  # the last millisecond of the day before
        (NOON, {}),
        (NOON + 1, {"grade": 1}),
        (NOON + DAY, {"outcome": "interrupted", "class": "priority"}),
        (NOON + DAY, {"outcome": "failed", "unit": PROVINCE, "item": "b2.1"}),
    )):  # fmt: skip
        opened.add("plays", play(number, at_ms, **changes))
    return opened


def january(first="2026-01-01", last="2026-01-31"):
    return reports.period(first, last, NOON // 1000, OFFSET)


def test_plays_are_counted_once_under_the_name_of_their_day(store):
    lines, total = reports.lines(store, [COMMUNE], january(), "unit", OFFSET)
    assert total == reports.Sums(3, 2, 1, 0, 180_000)
    assert [(line.label, line.sums.plays) for line in lines] == [("Xã Mới", 3)]
    lines, total = reports.lines(store, [COMMUNE, PROVINCE], january(), "day", OFFSET)
    assert [(line.label, line.sums.plays) for line in lines] == [
        ("2026-01-01", 2),
        ("2026-01-02", 2),
    ]
    assert total.failed == 1 and total.proven == 2
    for by in reports.BY:
        lines, again = reports.lines(store, [COMMUNE, PROVINCE], january(), by, OFFSET)
        assert again == total and sum(line.sums.plays for line in lines) == total.plays
    assert reports.lines(store, [], january(), "unit", OFFSET)[1] == reports.Sums()


def test_a_board_proves_by_reading_back_and_is_not_on_air(store):
    form = fleet.NodeForm("bang-1", COMMUNE, "Bảng", "board", b"b" * 32, board="192x64x1")
    fleet.add_node(store, form, "test", 1)
    for number, grade in ((10, 2), (11, 1)):
        store.add("plays", play(number, NOON, node="bang-1", grade=grade))
    lines, _ = reports.lines(store, [COMMUNE], january(), "node", OFFSET)
    assert [line.sums for line in lines if line.key == "bang-1"] == [reports.Sums(2, 1, 0, 0, 0)]


def test_people_are_reached_where_a_loudspeaker_was_heard(store):
    store.change("hamlets", (COMMUNE, "thon-1"), {"people": 400})
    units = fleet.units_on(store, "2026-01-31")
    found = reached.count(store, units, [COMMUNE], january())
    assert [(one.name, one.people, one.heard) for one in found.hamlets] == [
        ("Thôn 1", 400, 2),
        ("Thôn 2", None, 0),
    ]
    assert (found.people, found.people_reached, found.without_figure) == (400, 400, 1)
    early = reached.count(store, units, [COMMUNE], january("2025-12-01", "2025-12-30"))
    assert early.people_reached == 0


def test_many_plays_are_read_page_by_page_and_too_many_refused(store, monkeypatch):
    monkeypatch.setattr(reports, "_PAGE", 2)
    assert reports.lines(store, [COMMUNE], january(), "day", OFFSET)[1].plays == 3
    monkeypatch.setattr(reports, "PLAYS_MAX", 2)
    with pytest.raises(RemoteFault, match="too many plays"):
        reports.lines(store, [COMMUNE], january(), "day", OFFSET)


def test_a_period_is_whole_days_and_bounded():
    month = reports.period("", "", NOON // 1000, OFFSET)
    assert (month.first, month.last) == (date(2026, 1, 1), date(2026, 1, 1))
    assert month.to_ms - month.from_ms == DAY and month.from_ms == NOON - 12 * 3600_000
    for first, last in (("x", ""), ("2026-02-01", "2026-01-01"), ("2020-01-01", "2026-01-01")):
        with pytest.raises(RemoteFault):
            reports.period(first, last, NOON // 1000, OFFSET)


def heard(store, node, at_ms=NOON):
    """Note that a node was in contact."""
    store.add("node_status", {"node": node, "nonces_json": "[]", "contact_ms": at_ms})


def test_a_node_never_in_contact_is_not_available(store):
    units = fleet.units_on(store, "2026-01-03")
    found = reports.availability(store, units, [COMMUNE], january(), NOON + 4 * DAY)
    assert found == [reports.Availability(COMMUNE, "Xã Mới", 1, 0)]


def test_silence_is_not_availability(store):
    heard(store, "loa-1")
    gap = {"node": "loa-1", "why": "silent", "from_ms": NOON, "to_ms": NOON + DAY, "state": "open"}
    store.add("gaps", {**gap, "changed_ms": 0})
    units = fleet.units_on(store, "2026-01-03")
    found = reports.availability(store, units, [COMMUNE], january(), NOON + 4 * DAY)
    assert found == [reports.Availability(COMMUNE, "Xã Mới", 1, 750)]


def test_targets_are_counted_from_the_registry(store):
    units = fleet.units_on(store, "2026-01-03")
    found = progress.count(store, units, [COMMUNE])
    assert found.communes[0].missing == ("Thôn 2",)
    assert (found.reached_percent, found.board_percent) == (0, 0)
    for form in (
        fleet.NodeForm("loa-2", COMMUNE, "Cụm 2", "speaker", b"2" * 32, "thon-2"),
        fleet.NodeForm("bang-1", COMMUNE, "Bảng", "board", b"b" * 32, board="192x64x1"),
    ):
        fleet.add_node(store, form, "test", 1)
    found = progress.count(store, units, [COMMUNE])
    assert (found.reached_percent, found.board_percent) == (100, 100)


def test_no_silence_is_left_out_however_much_there_was(store):
    heard(store, "loa-1")
    gap = {"why": "silent", "from_ms": NOON, "to_ms": NOON + DAY, "state": "lost", "changed_ms": 0}
    others = [f"a-{number}" for number in range(ROWS_MAX)]
    store.add_many("gaps", [{**gap, "node": node} for node in (*others, "loa-1")])
    units = fleet.units_on(store, "2026-01-03")
    found = reports.availability(store, units, [COMMUNE], january(), NOON + 4 * DAY)
    assert found[0].known_permille == 750


def test_whoever_was_heard_last_counts_however_many_were_before(store):
    more = [play(n, NOON + n, node="loa-0", item="b3.1") for n in range(10, ROWS_MAX + 10)]
    store.add_many("plays", [*more, play(9, NOON + DAY, item="b3.1")])
    row = {"bulletin": "b3", "version": 1, "unit": COMMUNE, "hamlets": [], "text": "Chữ."}
    row.update(timing={"mode": "now"}, frames=[], pictures=[], variants=[], upload_sha256="")
    assert overview.reach(store, row)["reach_heard"] == 1


async def test_the_page_and_its_files_say_the_same(pages, services):
    now_ms = services.config.now_ms()
    form = fleet.NodeForm("loa-1", COMMUNE, "=HYPERLINK(1)", "speaker", b"1" * 32, "thon-2")

    def fill(store):
        fleet.add_node(store, form, "test", 1)
        store.add("plays", play(1, now_ms))

    await services.ledger.write(fill)
    response, text = await pages("GET", "/reports?by=node")
    assert response.status == 200 and "=HYPERLINK(1)" in text and "100 %" in text
    response, text = await pages("GET", "/reports.csv?by=node")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0][:3] == ["Theo điểm phát", "Lượt phát", "Có bằng chứng"]
    assert rows[1][:3] == ["'=HYPERLINK(1)", "1", "1"] and rows[2][0] == "Tổng cộng"
    _, body = await pages("GET", "/reports.xlsx?by=node")
    sheet = load_workbook(io.BytesIO(body)).active
    assert sheet["A2"].value == "=HYPERLINK(1)" and sheet["A2"].data_type == "s"
    assert sheet["B2"].value == 1
    response, text = await pages("GET", "/reports?from=2026-02-02&to=2026-01-01")
    assert response.status == 400 and "Khoảng ngày" in text
    for path in ("/reports/year", "/reports/year?year=2024", "/progress"):
        response, text = await pages("GET", path)
        assert response.status == 200 and "Xã Ia Thử" in text
    response, _ = await pages("GET", "/reports?unit=03.none")
    assert response.status == 403
