"""An alert raised on a telephone with the keyboard alone, published, and its all-clear."""

from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services
from tests.hub.test_publishing import manifest

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")


async def tab_to(page, selector):
    """Press Tab until an element has the focus."""
    for _ in range(80):
        if await page.evaluate("one => document.activeElement.matches(one)", selector):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no way to {selector} by keyboard")


async def test_an_alert_by_keyboard_on_a_telephone(address, chromium, services, passphrases):
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="vi-VN", color_scheme="light"
    )
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    await page.goto(address + "/emergency?template=flood")
    await page.select_option("[name=unit]", COMMUNE)
    await page.wait_for_selector("[data-reach]:has-text('0 trên 3')")
    await page.check("text=Làng Kon Chiêng")
    await page.wait_for_selector("[data-reach]:has-text('0 trên 1')")
    assert await overflow(page) == 0
    await shoot(page, "hub-emergency-phone-light")
    await tab_to(page, "button.red")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[name=confirm]")
    assert await overflow(page) == 0
    await tab_to(page, "[name=confirm]")
    await page.keyboard.type("xa ia thu")
    await page.select_option("[name=approver]", "xa-1")
    await tab_to(page, "[name=passphrase]")
    await page.keyboard.type(passphrases["xa-1"])
    await shoot(page, "hub-alert-confirm-phone-light")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("td:has-text('chưa liên lạc lại')")
    assert len(manifest(services, kind="alerts").alerts) == 1
    assert await overflow(page) == 0
    await page.set_viewport_size({"width": 1280, "height": 900})
    await shoot(page, "hub-alert-desktop-light")
    await page.click("summary:has-text('Báo yên')")
    await page.select_option("[name=approver]", "xa-1")
    await page.fill("[name=passphrase]", passphrases["xa-1"])
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Đã gỡ")
    assert complaints == [], complaints
    await context.close()
