"""Notices: noted with the fact, gathered, and read by each account for itself."""

from hub import notices
from hub.mirror import watch
from hub.roles import Grant
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
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
    assert await services.ledger.read(notices.newest) == 5


async def test_the_oldest_go(services, monkeypatch):
    monkeypatch.setattr(notices, "KEPT_MAX", 3)

    def fill(store):
        add(store, "cum-1", "Cụm 1")
        for number in range(6):
            notices.note(store, "cum-1", "amplifier.silent", number)
        return [row["sequence"] for row in store.find("notices")]

    assert await services.ledger.write(fill) == [4, 5, 6]
