"""CAP on the pages: from a file to a signed alert with its sender's end, and what is refused."""

import hashlib
import json

import aiohttp

from hub import bulletins
from hub.cap import intake, senders
from protocols import alert
from protocols.hub_limits import CAP_BYTES_MAX
from tests.hub.cap_files import SENDER, build, geocode, info, named
from tests.hub.conftest import COMMUNE, PROVINCE
from tests.hub.test_emergency_pages import FIELDS, newest, prepare, signed
from tests.hub.test_pages import pages
from tests.hub.test_publishing import manifest

__all__ = ("pages",)

HERE = geocode("chieng-unit", COMMUNE)


async def bring(pages, data):
    """Send a file by the page; return the message's path and the page's text."""
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("file", data, filename="a.xml", content_type="application/xml")
    response, text = await pages("POST", "/cap", data=form)
    return response.url.path, text


async def test_a_file_becomes_an_alert_that_ends_with_its_message(pages, services, passphrases):
    now_s = services.now_s()
    path, text = await bring(pages, build(now_s, info(now_s, "en", headline="Flood"),
                                          info(now_s, area=HERE), status="Exercise"))  # fmt: skip
    assert "Chưa tin cậy" in text and "Diễn tập" in text and "Flood" in text
    _, text = await pages("GET", "/")
    assert "Có cảnh báo CAP chờ quyết định" in text
    name = path.rsplit("/", 1)[1]
    _, text = await pages("GET", f"/emergency?cap={name}&unit={COMMUNE}")
    assert "Nước suối lên nhanh." in text and f'value="{name}"' in text
    # Whatever the form says, it stays a drill and ends in time.
    sent = await prepare(pages, services, cap=name, hours="24", title="Lũ quét")
    await pages("POST", sent + "/sign", data=signed(passphrases))
    (one,) = manifest(services, kind="alerts").alerts
    assert (one.drill, one.expires_s, one.title) == (True, now_s + 7200, "Lũ quét")
    _, text = await pages("GET", path)
    assert "Đã dùng để soạn" in text and sent in text


async def test_a_file_that_is_brought_is_no_medium_and_has_its_bound(pages, services):
    now_s = services.now_s()
    data = build(now_s, info(now_s))
    await bring(pages, data)
    assert not services.blobs.has(hashlib.sha256(data).hexdigest())
    _, text = await bring(pages, b" " * (CAP_BYTES_MAX + 1))
    assert "<code>cap.size</code>" in text
    _, text = await bring(pages, b"")
    assert "<code>cap.none</code>" in text


async def test_update_and_cancel_lead_to_what_is_on_air(pages, services, passphrases):
    now_s = services.now_s()
    path, _ = await bring(pages, build(now_s, info(now_s, area=HERE)))
    first = await prepare(pages, services, cap=path.rsplit("/", 1)[1])
    await pages("POST", first + "/sign", data=signed(passphrases))
    later = build(now_s, info(now_s, area=HERE), identifier="KTTV-2", kind="Update",
                  references=[named(now_s)])  # fmt: skip
    path, text = await bring(pages, later)
    assert first in text and "Bản đính chính cho cùng đơn vị" in text
    second = await prepare(pages, services, cap=path.rsplit("/", 1)[1])
    await pages("POST", second + "/sign", data=signed(passphrases))
    (one,) = manifest(services, kind="alerts").alerts
    assert (one.kind, one.references) == (alert.UPDATE, (first.rsplit("/", 1)[1] + ".1",))
    end = build(now_s, identifier="KTTV-3", kind="Cancel", references=[named(now_s, "KTTV-2")])
    _, text = await bring(pages, end)
    assert second in text and "Hãy báo yên" in text


async def test_what_its_sender_cancelled_is_not_signed_any_more(pages, services, passphrases):
    now_s = services.now_s()
    path, _ = await bring(pages, build(now_s, info(now_s, area=HERE)))
    name = path.rsplit("/", 1)[1]
    response, _ = await pages("POST", "/emergency", data={**FIELDS, "cap": name})
    sent = response.url.path
    # Its sound is still being made when the cancel comes.
    await bring(pages, build(now_s, identifier="e", kind="Cancel", references=[named(now_s)]))
    row = await newest(services)
    await services.production.make(row["bulletin"], 1)
    response, text = await pages("POST", sent + "/sign", data=signed(passphrases))
    assert response.status in (400, 409), text
    assert manifest(services, kind="alerts") is None
    response, _ = await pages("POST", "/emergency", data={**FIELDS, "cap": name})
    assert response.status == 409
    response, _ = await pages("POST", "/emergency", data={**FIELDS, "cap": "c" + "0" * 16})
    assert response.status == 404


async def test_a_moderate_one_waits_in_the_next_programme_and_others_are_put_aside(pages, services):
    now_s = services.now_s()
    given = build(now_s, info(now_s, hours=30, severity="Moderate", area=HERE))
    path, text = await bring(pages, given)
    assert "Soạn bản tin cho buổi phát tới" in text and "/emergency?cap" not in text
    response, _ = await pages("POST", path + "/draft", data={"unit": COMMUNE})
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert response.url.path == "/bulletins/" + row["bulletin"]
    assert (row["class"], row["timing"]["mode"]) == ("priority", "once")
    english = build(now_s, info(now_s, "en", hours=30, severity="Minor"), identifier="2")
    path, text = await bring(pages, english)
    response, _ = await pages("POST", path + "/draft", data={"unit": COMMUNE})
    assert response.status == 400 and "tự chọn đơn vị" in text
    response, text = await pages("POST", path + "/dismiss")
    assert response.url.path == "/cap" and "Đã gác lại" in text
    response, _ = await pages("POST", path + "/dismiss")
    assert response.status == 409


async def test_a_broken_file_is_told_with_its_element_and_senders_are_listed(pages, services):
    _, text = await bring(pages, build(1, info(1)).replace(b"Immediate", b"Now"))
    assert "không đúng chuẩn CAP 1.2" in text and "alert/info[1]/urgency" in text
    _, text = await bring(pages, b"")
    assert "Chưa chọn tệp" in text
    response, text = await pages("POST", "/cap/senders", data={"sender": "a b"})
    assert response.status == 400
    response, text = await pages(
        "POST", "/cap/senders", data={"sender": SENDER, "name": "Khí tượng", "source": ""}
    )
    assert response.status == 200 and "Khí tượng" in text
    now_s = services.now_s()
    _, text = await bring(pages, build(now_s, info(now_s)))
    assert "nhưng tệp do người đưa vào" in text
    response, text = await pages("POST", "/cap/senders/close", data={"sender": SENDER})
    assert "Chưa có nơi gửi nào" in text
    assert await services.ledger.read(lambda s: senders.trust(s, SENDER, "page", None)) == 0


async def test_another_unit_s_message_is_not_shown(services):
    row = {"places_json": json.dumps([{"unit": PROVINCE, "hamlets": []}])}
    row["places"] = intake.places(row)
    assert not intake.is_for(row, {COMMUNE}) and intake.is_for(row, {PROVINCE})
