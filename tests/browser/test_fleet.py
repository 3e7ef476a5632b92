"""The fleet in Chromium: tiles that filter, search, and keeping a filter, all by keyboard."""

from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import config, founded, passphrases, services
from tests.hub.test_node_pages import filled

__all__ = (
    "address",
    "chromium",
    "config",
    "filled",
    "founded",
    "passphrases",
    "served_pages",
    "services",
)


async def press_until(page, selector, key="Tab", most=60):
    """Press a key until an element has the focus."""
    for _ in range(most):
        if await page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        await page.keyboard.press(key)
    raise AssertionError(f"{selector} is not reached by keyboard")


async def test_the_fleet_is_filtered_by_keyboard(services, filled, address, chromium):
    context = await chromium.new_context(viewport={"width": 390, "height": 844}, locale="vi-VN")
    page = await context.new_page()
    await page.goto(address)
    await press_until(page, "a[href='/nodes']")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:has-text('Điểm phát')")
    await shoot(page, "fleet-phone")
    await press_until(page, ".states a[href$='state=fault']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**state=fault")
    assert await page.locator("tbody tr").count() == 1
    assert await page.get_attribute("[aria-current=true]", "href") == "/nodes?"
    await page.click("details.kept summary")
    await press_until(page, "#keep")
    await page.keyboard.type("Có lỗi")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("details.kept a:has-text('Có lỗi')")
    await page.click(".states a[aria-current]")
    await page.fill("#q", "dong do")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=dong*")
    assert "Đồng Đò" in await page.inner_text("tbody")
    await page.click("details.kept a")
    await page.wait_for_url("**state=fault")
    assert await overflow(page) == 0
    await context.close()


async def test_a_technician_asks_a_node_for_a_self_test(services, filled, address, chromium):
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="vi-VN")
    page = await context.new_page()
    await page.goto(address + "/nodes/cum-5")
    assert "Tăng âm không nhận lệnh" in await page.inner_text("main")
    await press_until(page, "details.ask summary")
    await page.keyboard.press("Enter")
    await press_until(page, "details.ask button")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#orders ~ table >> text=đã gửi")
    await shoot(page, "node-desktop")
    assert await overflow(page) == 0
    await context.close()
