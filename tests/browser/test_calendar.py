"""The calendar in Chromium: a bulletin is dragged to another day, or sent there by keys alone."""

from axe_playwright_python.async_playwright import Axe

from hub import frame, mourning
from tests.browser.test_accounts import TAGS
from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services
from tests.hub.test_campaigns import publish
from tests.hub.test_frame import BODY, day_after, put_in_force
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


async def test_its_views_are_fit_for_every_reader(address, chromium, services, passphrases):
    await publish(services, passphrases, B1)
    await publish(services, passphrases, "b" + "2" * 12, hamlets=["thon-2"])
    await put_in_force(services, passphrases, BODY)
    body = mourning.read("Quốc tang", day_after(services, 2), day_after(services, 3))
    await put_in_force(services, passphrases, body, kind=frame.MOURNING)
    found = []
    for width, scheme in ((390, "dark"), (1280, "light")):
        context = await chromium.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme
        )
        page = await context.new_page()
        for view in ("week", "month", "places"):
            await page.goto(f"{address}/calendar?unit={COMMUNE}&view={view}&lang=vi")
            for summary in await page.locator("section summary").all():
                await summary.click()
            assert await overflow(page) == 0, (view, width)
            for wide in await page.locator(".wide").all():
                beyond = await wide.evaluate("one => one.scrollWidth - one.clientWidth")
                assert beyond <= 0, "days of the week beyond the edge"
            await shoot(page, f"hub-calendar-{view}-{width}")
            results = await Axe().run(page, options={"runOnly": list(TAGS)})
            for one in results.response["violations"]:
                where = [node["target"] for node in one["nodes"]][:3]
                found.append((view, width, one["id"], where))
        await context.close()
    assert found == []
