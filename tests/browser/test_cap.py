"""A CAP file on a telephone: brought, read, confirmed with a signature, and on air."""

from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.cap_files import build, geocode, info
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services
from tests.hub.test_publishing import manifest

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")


async def test_a_cap_file_from_the_telephone_to_the_air(
    address, chromium, services, passphrases, tmp_path
):
    now_s = services.now_s()
    path = tmp_path / "lu-quet.xml"
    place = geocode("chieng-hamlet", f"{COMMUNE}/lang-kon")
    path.write_bytes(
        build(now_s, info(now_s, "en", headline="Flash flood"), info(now_s, area=place))
    )
    size = {"width": 390, "height": 844}
    context = await chromium.new_context(viewport=size, locale="vi-VN", color_scheme="light")
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    await page.goto(address + "/emergency")
    await page.click("text=Cảnh báo của cơ quan khác")
    await page.set_input_files("[name=file]", path)
    await page.click("button:has-text('Đọc tệp')")
    await page.wait_for_selector("h1:has-text('Cảnh báo lũ quét')")
    assert await page.is_visible("text=Làng Kon Chiêng") and await overflow(page) == 0
    await shoot(page, "hub-cap-message-phone-light")
    await page.click("a.red")
    await page.wait_for_selector("[data-reach]:has-text('0 trên 1')")
    assert await page.input_value("[name=title]") == "Cảnh báo lũ quét"
    assert await page.is_checked("text=Làng Kon Chiêng") and await overflow(page) == 0
    await shoot(page, "hub-cap-emergency-phone-light")
    await page.click("button.red")
    await page.wait_for_selector("[name=confirm]")
    await page.fill("[name=confirm]", "Xã Ia Thử")
    await page.select_option("[name=approver]", "xa-1")
    await page.fill("[name=passphrase]", passphrases["xa-1"])
    await page.keyboard.press("Enter")
    await page.wait_for_selector("td:has-text('chưa liên lạc lại')")
    (one,) = manifest(services, kind="alerts").alerts
    assert (one.expires_s, one.targets.hamlets) == (now_s + 7200, ("lang-kon",))
    await page.goto(address + "/cap")
    assert await page.is_visible("text=Đã dùng để soạn")
    await page.set_viewport_size({"width": 1280, "height": 900})
    await shoot(page, "hub-cap-desktop-light")
    assert complaints == [], complaints
    await context.close()
