"""The province's pages in Chromium: a refusal corrected and sent again, an offer taken."""

import json

from hub import bulletins
from tests.browser.test_accounts import furnish
from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import config, founded, passphrases, services

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")


async def open_page(chromium, scheme, width):
    size = {"width": width, "height": 844}
    context = await chromium.new_context(viewport=size, locale="vi-VN", color_scheme=scheme)
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    return context, page, complaints


async def test_lag_gaps_and_doubts_are_told_and_a_refusal_is_corrected_by_keyboard(
    address, chromium, services
):
    await furnish(services)
    context, page, complaints = await open_page(chromium, "light", 1280)
    await page.goto(address)
    assert await page.is_visible("text=Tỉnh Gia Lai đang chậm 60 phút")
    await page.click("nav a:text-is('Tỉnh')")
    assert await page.inner_text("dl.tiles div:has(dt:text-is('chậm (phút)')) dd") == "60"
    assert await page.is_visible("section[aria-labelledby=gaps] td:has-text('Chưa liên lạc lại')")
    await page.click("summary:has-text('Cần xác nhận')")
    assert await page.is_visible("text=Mã lệnh điều khiển: chỉ biết 0 là âm lượng")
    (dead,) = await services.ledger.read(lambda s: s.find("outbox", {"state": "dead"}))
    await page.focus("details.account summary")
    await page.keyboard.press("Enter")
    body = json.loads(await page.input_value("textarea[name=body]"))
    await page.fill("textarea[name=body]", json.dumps({**body, "hamlet": "Làng Kon"}))
    await shoot(page, "hub-mirror-desktop-light")
    await page.focus("details.account button")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Thiếu mã địa bàn", state="detached")
    row = await services.ledger.read(lambda s: s.get("outbox", "tinh", dead["number"]))
    assert row["state"] == "waiting" and json.loads(row["body_json"])["hamlet"] == "Làng Kon"
    assert complaints == []
    await context.close()


async def test_an_officer_takes_an_offer_on_a_phone(address, chromium, services):
    await furnish(services)
    context, page, complaints = await open_page(chromium, "dark", 390)
    await page.goto(f"{address}/offers")
    assert await page.is_visible("blockquote:has-text('Bà con chú ý.')")
    await shoot(page, "hub-offers-phone-dark")
    await page.click("summary:has-text('Chọn giờ khác')")
    await page.fill("[name=day]", "2030-01-01")
    await page.fill("[name=time]", "05:30")
    assert await overflow(page) == 0
    await page.click("button:has-text('Phát một lần')")
    await page.wait_for_selector("h1:has-text('Tiêm phòng')")
    (link,) = await services.ledger.read(lambda s: s.find("supply_bulletins", {"peer": "tinh"}))
    row = await services.ledger.read(lambda s: bulletins.current(s, link["bulletin"]))
    assert row["timing"] == {"mode": "once", "date": "2030-01-01", "time": "05:30"}
    await page.wait_for_selector("text=Chờ duyệt", timeout=60_000)
    await page.goto(f"{address}/offers")
    assert await page.is_visible("section[aria-labelledby=answered] tr:has-text('Đã nhận')")
    await page.click("button:has-text('Đã đọc và ghi nhận')")
    await page.wait_for_selector("text=Không có tin nào chờ trả lời")
    await shoot(page, "hub-offers-answered-phone-dark")
    assert complaints == []
    await context.close()
