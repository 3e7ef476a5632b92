"""Notices: noted with the fact, gathered, and read by each account for itself."""

from hub import alert_notices, ingest, notices
from hub.mirror import watch
from hub.roles import Grant
from protocols import records
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_emergency_pages import add_nodes, newest, prepare, signed
from tests.hub.test_node_pages import add, status
from tests.hub.test_pages import pages, record

__all__ = ("pages",)


async def test_what_begins_is_told_once_by_unit_until_it_is_read(pages, services):
    now_ms = services.config.now_ms()
    fault = {"code": "amplifier.silent", "message": "0 W"}

    def fill(store):
        for number in range(1, 4):
            add(store, f"cum-{number}", f"Cụm {number}")
            record(store, f"cum-{number}", "fault", fault, now_ms, "health")
        add(store, "tinh-1", "Cụm tỉnh", PROVINCE)
        record(store, "tinh-1", "status", status(report_s=60), now_ms - 3_600_000, "health")
        watch.look(store, now_ms)
        watch.look(store, now_ms)

    await services.ledger.write(fill)
    _, text = await pages("GET", "/parts/unread")
    assert ">4<" in text
    own = await signed_in(services, "cua-xa", [Grant("observer", COMMUNE)])
    _, text = await pages("GET", "/parts/unread", cookies=own)
    assert ">3<" in text
    _, text = await pages("GET", "/notices", cookies=own)
    assert text.count("Tăng âm không nhận lệnh") == 1 and "mất liên lạc" not in text
    _, text = await pages("GET", "/notices")
    assert text.count("Điểm phát mất liên lạc") == 1
    await pages("POST", "/notices/read", data={"newest": "999999"}, cookies=own)
    _, text = await pages("GET", "/parts/unread", cookies=own)
    assert "chip" not in text
    _, text = await pages("GET", "/notices", cookies=own)
    assert "notice bad" not in text and "Tăng âm" in text
    _, text = await pages("GET", "/parts/unread")
    assert ">4<" in text
    await services.ledger.write(lambda s: record(s, "tinh-1", "fault", fault, now_ms, "plays"))
    _, text = await pages("GET", "/parts/unread", cookies=own)
    assert "chip" not in text
    rows = await services.ledger.read(lambda s: s.find("notices", {"node": "tinh-1"}))
    told = [(row["code"], row["kind"], row["is_over"]) for row in rows]
    silent = (notices.SILENT, "silence")
    assert told == [(*silent, 0), ("amplifier.silent", "fault", 0), (*silent, 1)]


async def test_what_flaps_is_counted_and_its_end_is_told(services):
    now_ms = services.config.now_ms()
    on, off = {"code": "modem.weak", "message": "x"}, {"code": "modem.weak", "state": "cleared"}

    def fill(store):
        add(store, "cum-1", "Cụm 1")
        chain = records.Chain("cum-1", "health", "ab" * 8)
        lines = []
        for number in range(6):
            entry = chain.build(now_ms + number, "hub", 5, "fault", off if number % 2 else on)
            chain.advance(entry)
            lines.append(entry.data)
        data = records.build_batch("cum-1", "health", "ab" * 8, 0, lines)
        ingest.accept(store, records.read_batch(data), ingest.Contact("n", 1, now_ms))
        # What began a day ago is another matter, and what nobody was told of ends in silence.
        notices.note(store, "cum-1", "modem.weak", now_ms, now_ms + notices.FLAP_MS)
        notices.over(store, "cum-1", "modem.network", now_ms, now_ms)
        return [(row["is_over"], row["repeats"]) for row in store.find("notices")]

    found = await services.ledger.write(fill)
    assert found == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 0)]


async def test_an_emergency_that_does_not_sound_is_told_by_node_and_taken_back(
    pages, services, passphrases
):
    now_ms = services.config.now_ms()
    await add_nodes(services, now_ms)
    path = await prepare(pages, services)
    await pages("POST", path + "/sign", data=signed(passphrases))
    row = await newest(services)
    early_ms = now_ms + (alert_notices.UNHEARD_S - 60) * 1000
    late_ms = now_ms + (alert_notices.UNHEARD_S + 60) * 1000

    def wait(store):
        watch.look(store, early_ms)
        assert notices.newest(store) == 0
        watch.look(store, late_ms)
        watch.look(store, late_ms)
        air = {"air_title": row["title"], "air_class": "emergency", "air_ms": late_ms}
        store.change("node_status", ("loa-1",), {"contact_ms": late_ms, **air})
        store.change("node_status", ("loa-1",), {"offline_ms": late_ms + 1, "late_ms": late_ms})
        watch.look(store, late_ms + 2)
        watch.look(store, late_ms + 3)
        return [(one["node"], one["code"], one["kind"], one["is_over"]) for one in
                store.find("notices")]  # fmt: skip

    unheard = (notices.UNHEARD, notices.URGENT)
    assert await services.ledger.write(wait) == [
        ("loa-1", *unheard, 0), ("loa-2", *unheard, 0), ("loa-1", *unheard, 1),
        ("loa-1", notices.SILENT, notices.URGENT, 0),
    ]  # fmt: skip
    _, text = await pages("GET", "/notices")
    assert "Bản tin khẩn cấp chưa phát ở đây" in text


async def test_the_oldest_go(services, monkeypatch):
    monkeypatch.setattr(notices, "KEPT_MAX", 3)

    def fill(store):
        add(store, "cum-1", "Cụm 1")
        for number in range(6):
            notices.note(store, "cum-1", "amplifier.silent", number, number)
        return [row["sequence"] for row in store.find("notices")]

    assert await services.ledger.write(fill) == [4, 5, 6]
