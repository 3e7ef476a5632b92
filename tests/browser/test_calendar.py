"""The calendar in Chromium: a bulletin is dragged to another day, or sent there by keys alone."""

from tests.browser.test_pages import address, chromium, served_pages, shoot
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services
from tests.hub.test_campaigns import publish
from tests.hub.test_frame import day_after
from tests.hub.test_moves import B1

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")


async def test_a_bulletin_is_dragged_or_moved_by_keys(address, chromium, services, passphrases):
    await publish(services, passphrases, B1)
    context = await chromium.new_context(viewport={"width": 1280, "height": 2400})
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    calendar = f"{address}/calendar?unit={COMMUNE}&view=week&lang=vi"
    await page.goto(calendar)
    row = page.locator(f"section[data-day='{day_after(services, 3)}'] tr[draggable]")
    target = page.locator(f"section[data-day='{day_after(services, 5)}']")
    await row.drag_to(target)
    await page.wait_for_selector("h1:has-text('Đổi giờ phát')")
    year, month, day = day_after(services, 5).split("-")
    assert f"{day}/{month}/{year} 06:00" in await page.inner_text(".facts")

    await page.goto(calendar)
    section = page.locator(f"section[data-day='{day_after(services, 2)}']")
    await section.locator("summary").focus()
    await page.keyboard.press("Enter")
    await section.locator("[name=to_time]").fill("09:15")
    await shoot(page, "hub-calendar-move")
    await section.locator("[name=to_time]").press("Enter")
    await page.wait_for_selector("h1:has-text('Đổi giờ phát')")
    assert "09:15" in await page.inner_text(".facts")
    assert complaints == []
    await context.close()
