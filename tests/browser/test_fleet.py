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


async def test_map_and_list_say_the_same_without_any_other_server(
    services, filled, address, chromium
):
    def place(store):
        for number in range(1, 6):
            at = {"latitude_e6": 13_900_000 + number * 7000, "longitude_e6": 108_000_000}
            at["longitude_e6"] += number * number * 3000
            store.change("nodes", (f"cum-{number}",), at)

    await services.ledger.write(place)
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="vi-VN")
    page = await context.new_page()
    asked, complaints = [], []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    await page.goto(address + "/map")
    await page.wait_for_selector(".map .spot")
    assert await page.locator(".map path.outline").count() == 1
    for state, count in (("fault", 1), ("playing", 1), ("offline", 1), ("late", 1), ("idle", 1)):
        assert await page.locator(f".map .spot.{state}").count() == count, state
        assert await page.locator(f"li[data-state={state}]").count() == count, state
    await press_until(page, "li[data-state=fault] a")
    await page.wait_for_selector(".leaflet-tooltip:has-text('Cụm 5')")
    await shoot(page, "map-desktop")
    await page.locator(".map .spot.fault").click()
    await page.wait_for_url("**/nodes/cum-5")
    assert {one.startswith(address) for one in asked} == {True} and complaints == []
    await context.close()
