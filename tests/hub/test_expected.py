"""What people at the page look for and must find: again, undo, another language, the next step."""

import asyncio
import re
from datetime import timedelta

from hub import bulletins, timing
from hub.roles import APPROVER, AUTHOR, OBSERVER, Grant
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_node_pages import add
from tests.hub.test_pages import FIELDS, pages, write

__all__ = ("pages",)


def switch(text):
    (found,) = re.findall(r'<a class="lang" href="([^"]+)"', text)
    return found.replace("&amp;", "&")


async def test_another_language_keeps_what_was_asked_for(pages):
    _, text = await pages("GET", "/bulletins?q=b%C3%A3o+13&state=ready")
    assert switch(text) == "/bulletins?q=b%C3%A3o+13&state=ready&lang=en"
    _, text = await pages("GET", switch(text))
    assert 'value="bão 13"' in text and '<html lang="en">' in text
    assert switch(text) == "/bulletins?q=b%C3%A3o+13&state=ready&lang=vi"
    _, text = await pages("GET", "/approvals?lang=vi")
    assert switch(text) == "/approvals?lang=en"
    _, text = await pages("POST", "/bulletins", data={"title": ""})
    assert switch(text) == "/?lang=en", "what was sent cannot be asked for again"


async def test_a_bulletin_is_used_again_at_another_time(pages, services):
    today = timing.local_time(services.now_s(), 420).date()
    later = (today + timedelta(days=3)).isoformat()
    when = {"when": "once", "once_date": later, "once_time": "17:15", "board_text": "Họp tối nay"}
    path, _ = await write(pages, title="Họp thôn", hamlet=f"{COMMUNE}/thon-2", **when)
    name = path.rpartition("/")[2]
    await pages("POST", f"{path}/withdraw")
    _, text = await pages("GET", path)
    assert f'href="/bulletins/new?from={name}"' in text
    _, text = await pages("GET", f"/bulletins/new?from={name}")
    assert 'value="Họp thôn"' in text and "Mưa lớn từ 17h30." in text and "Họp tối nay" in text
    assert f'value="{COMMUNE}/thon-2" checked' in text and "17:15" not in text
    assert 'action="/bulletins"' in text and 'name="version" value=""' in text
    assert (await pages("GET", "/bulletins/new?from=none"))[0].status == 400
    # One whose unit is not the reader's own is shown, to be said by another unit.
    await signed_in(services, "tinh", [Grant(OBSERVER, COMMUNE)])
    mine = await signed_in(services, "tinh", [Grant(AUTHOR, PROVINCE)])
    _, text = await pages("GET", f"/bulletins/new?from={name}", cookies=mine)
    assert 'value="Họp thôn"' in text
    other = await signed_in(services, "la", [])
    assert (await pages("GET", f"/bulletins/new?from={name}", cookies=other))[0].status == 403


async def test_a_day_of_the_calendar_leads_to_a_bulletin_for_it(pages, services):
    today = timing.local_time(services.now_s(), 420).date()
    day = (today + timedelta(days=2)).isoformat()
    _, text = await pages("GET", f"/calendar?unit={PROVINCE}&view=week")
    link = f"/bulletins/new?unit={PROVINCE}&day={day}"
    assert link in text.replace("&amp;", "&")
    _, text = await pages("GET", link)
    assert f'name="once_date" value="{day}"' in text
    assert f'<option value="{PROVINCE}" selected>' in text
    assert re.search(r'name="when" value="once" checked', text)
    response, text = await pages("GET", "/bulletins/new?unit=%22&day=x")
    assert response.status == 200 and re.search(r'name="when" value="now" checked', text)


async def test_the_first_page_says_what_waits_for_whom(pages, services):
    path, _ = await write(pages)
    approver = await signed_in(services, "lanh-dao", [Grant(APPROVER, COMMUNE)])
    author = await signed_in(services, "can-bo", [Grant(AUTHOR, COMMUNE)])
    _, text = await pages("GET", "/", cookies=approver)
    assert "Bản tin đang chờ bạn ký: 1" in text and "trả lại, cần sửa" not in text
    _, text = await pages("GET", "/", cookies=author)
    assert "chờ bạn ký" not in text
    sent = {"version": "1", "comment": "Ghi rõ giờ"}
    await pages("POST", f"{path}/return", data=sent, cookies=approver)
    _, text = await pages("GET", "/", cookies=author)
    assert "trả lại, cần sửa: 1" in text and 'href="/bulletins?state=returned"' in text
    _, text = await pages("GET", "/", cookies=approver)
    assert "chờ bạn ký" not in text and "cần sửa" not in text


async def test_an_alert_that_nobody_needs_any_more_is_withdrawn_where_it_stands(pages, services):
    path, _ = await write(pages, **{"class": "emergency"})
    name = path.rpartition("/")[2]
    _, text = await pages("GET", f"/emergency/{name}")
    assert f'action="/bulletins/{name}/withdraw"' in text
    await pages("POST", f"/bulletins/{name}/withdraw")
    row = await services.ledger.read(lambda s: bulletins.current(s, name))
    assert row["state"] == bulletins.WITHDRAWN
    _, text = await pages("GET", "/emergency")
    assert f"/emergency/{name}" not in text


async def test_a_unit_leads_to_all_that_is_its_own(pages):
    _, text = await pages("GET", f"/units/{COMMUNE}")
    for page in ("bulletins", "calendar", "frame", "reports", "nodes"):
        assert f'href="/{page}?unit={COMMUNE}"' in text
        assert (await pages("GET", f"/{page}?unit={COMMUNE}"))[0].status == 200


async def test_a_draft_that_was_discarded_is_taken_back(pages, services):
    draft = "d0123456789ab"
    for bulletin, form in (("", "/bulletins/new"), ("b0123456789ab", "")):
        sent = {"title": "Dở dang", "text": "Chữ.", "bulletin": bulletin}
        if not form:
            path, _ = await write(pages)
            sent["bulletin"], form = path.rpartition("/")[2], path + "/edit"
            draft = "d0123456789ac"
        await pages("POST", f"/drafts/{draft}", data=sent)
        response, text = await pages("POST", f"/drafts/{draft}/drop")
        assert response.url.path == form and "Đã bỏ: Dở dang" in text
        response, text = await pages("POST", f"/drafts/{draft}/drop", data={"verb": "back"})
        assert response.url.path == form and 'value="Dở dang"' in text and "Đã bỏ:" not in text
    other = await signed_in(services, "khac", [Grant(AUTHOR, COMMUNE)])
    back = {"verb": "back"}
    response, _ = await pages("POST", f"/drafts/{draft}/drop", data=back, cookies=other)
    assert response.status == 400
    await pages("POST", f"/drafts/{draft}/drop", cookies=await signed_in(services))
    _, text = await pages("GET", f"/bulletins/new?dropped={draft}", cookies=other)
    assert "Dở dang" not in text


async def test_a_hamlet_added_by_mistake_goes_and_a_used_one_stays(pages, services):
    await pages("POST", f"/units/{COMMUNE}/hamlets", data={"hamlet": "thon-9", "name": "Thôn Sai"})
    asked = {"hamlet": "thon-9", "language": ["bdq"]}
    await pages("POST", f"/units/{COMMUNE}/languages", data=asked)
    gone = {"verb": "remove", "hamlet": "thon-9"}
    _, text = await pages("POST", f"/units/{COMMUNE}/hamlets", data=gone)
    assert "Thôn Sai" not in text and "thon-9" not in text
    assert await services.ledger.read(lambda s: s.get("language_orders", COMMUNE, "thon-9")) is None
    response, text = await pages("POST", f"/units/{COMMUNE}/hamlets", data=gone)
    assert response.status == 400
    await write(pages, hamlet=f"{COMMUNE}/lang-kon")
    await services.ledger.write(lambda s: add(s, "cum-2", "Cụm", hamlet="thon-2"))
    for hamlet in ("lang-kon", "thon-2"):
        used = {"verb": "remove", "hamlet": hamlet}
        response, text = await pages("POST", f"/units/{COMMUNE}/hamlets", data=used)
        assert response.status == 400 and "không xóa được" in text, hamlet
    assert "Làng Kon Chiêng" in text and "Thôn 2" in text


async def test_a_published_bulletin_says_how_far_it_is(pages, services, passphrases):
    today = timing.local_time(services.now_s(), 420).date()
    later = (today + timedelta(days=3)).isoformat()
    when = {"when": "once", "once_date": later, "once_time": "17:15"}
    path, _ = await write(pages, **when)
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    _, text = await pages("POST", f"{path}/approve", data=signature)
    assert "chưa đến lúc phát" in text
    name, start_s = path.rpartition("/")[2], timing.moment_s(later, "17:15", 420)
    for late_s, said, found in ((3600, "đang trong đợt", "published"), (2 * 86400, "xong", "over")):
        late_ms = (start_s + late_s) * 1000
        object.__setattr__(services.config, "now_ms", lambda at_ms=late_ms: at_ms)
        cookies = await signed_in(services)
        _, text = await pages("GET", f"/parts{path}", cookies=cookies)
        assert said in text
        for state in ("published", "over"):
            _, text = await pages("GET", f"/bulletins?state={state}", cookies=cookies)
            assert (f"/bulletins/{name}" in text) == (state == found)


async def test_who_signs_sees_why_it_was_returned(pages):
    path, _ = await write(pages)
    await pages("POST", f"{path}/return", data={"version": "1", "comment": "Ghi rõ giờ họp"})
    response, text = await pages("POST", path, data={**FIELDS, "version": "1", "text": "19h00."})
    assert response.status == 200
    for _ in range(200):
        response, _ = await pages("GET", "/parts" + path)
        if response.headers["X-State"] == bulletins.READY:
            break
        await asyncio.sleep(0.05)
    _, text = await pages("GET", path)
    assert "Bản tin từng được trả lại" in text and "Ghi rõ giờ họp" in text


async def test_an_organisation_closed_by_mistake_stands_again(pages, services):
    await pages("POST", "/organisations", data={"name": "Trạm y tế", "unit": COMMUNE})
    rows = await services.ledger.read(lambda s: s.find("organisations"))
    where = f"/organisations/{rows[0]['organisation']}"
    _, text = await pages("POST", where, data={"verb": "close"})
    assert "Đã đóng (1)" in text and "Chưa có tổ chức nào" not in text.split("Đã đóng")[1]
    _, text = await pages("POST", where, data={"verb": "reopen"})
    assert '<th scope="row">Trạm y tế' in text and "Đã đóng" not in text
    assert (await pages("POST", where, data={"verb": "reopen"}))[0].status == 400
    await pages("POST", where, data={"verb": "close"})
    await pages("POST", "/organisations", data={"name": "TRẠM Y TẾ", "unit": COMMUNE})
    response, text = await pages("POST", where, data={"verb": "reopen"})
    assert response.status == 400 and "organisation.taken" in text


async def test_the_year_s_report_keeps_its_unit(pages):
    _, text = await pages("GET", f"/reports?unit={COMMUNE}")
    assert f'href="/reports/year?unit={COMMUNE}"' in text
    _, text = await pages("GET", f"/reports/year?unit={COMMUNE}&year=2025")
    assert "Xã Ia Thử</small></h1>" in text and f"year=2024&amp;unit={COMMUNE}" in text
    _, text = await pages("GET", "/reports/year?year=2025")
    assert 'href="/reports/year?year=2024"' in text
