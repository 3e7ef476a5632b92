"""The page in Debian's Chromium: one bulletin from empty form to published, on phone and desktop.

Screenshots go to `artefacts/`; that the diacritics are real letters is asked of the browser itself:
which fonts it drew the text with, and whether any letter looks like the box for a missing one.
"""

import asyncio
import base64
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Error as PlaywrightError

from hub import fleet
from hub.app import create_app
from hub.ending import end
from hub.serving import Listener
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services, signed_in

__all__ = ("config", "founded", "passphrases", "services")

ROOT = Path(__file__).parents[2]
TITLE = "Tin bão số 13: gió giật mạnh, sơ tán khẩn trương"
LETTERS = "ăâđêôơưàảãạằẳẵặầẩẫậẻẽẹềểễệỉĩịỏõọồổỗộờởỡợủũụừửữựỳỷỹỵĐẶỄỢỮƀŏŭô̆ơ̆"
IS_BOX = """(letters) => {
  const draw = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const context = canvas.getContext("2d");
    context.font = "40px " + getComputedStyle(document.body).fontFamily;
    context.fillText(text, 8, 48);
    return canvas.toDataURL();
  };
  const box = draw("\\u{10fffe}");
  return [...new Intl.Segmenter("vi").segment(letters)].filter((one) => draw(one.segment) === box);
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def served_pages(services):
    """Serve the pages of a hub that has two nodes and a board; give address and session."""
    board = fleet.NodeForm("bang-1", COMMUNE, "Bảng", "board", b"b" * 32, board="192x64x1")
    for form in (
        board,
        fleet.NodeForm("loa-1", COMMUNE, "Cụm nhà rông", "speaker", b"1" * 32, "lang-kon"),
        fleet.NodeForm("loa-2", COMMUNE, "Cụm ngã ba", "speaker", b"2" * 32, "thon-2"),
    ):
        await services.ledger.write(lambda s, f=form: fleet.add_node(s, f, "test", 1))
    served = Listener(create_app(services))
    await served.start("127.0.0.1", 0)
    work = asyncio.create_task(services.production.run())
    cookies = await signed_in(services)
    token = next(iter(cookies.values()))
    yield f"http://127.0.0.1:{served.port}", token
    async with asyncio.timeout(60):
        await end([work])
        await served.close()


@pytest.fixture
def address(served_pages):
    """Give the pages' address."""
    return served_pages[0]


class SignedIn:
    """Open browser contexts that hold the session's cookie."""

    def __init__(self, browser, address, token):
        self.browser, self.address = browser, address
        self._cookie = {"name": "chieng", "value": token, "url": address}

    async def new_context(self, **options):
        context = await self.browser.new_context(**options)
        await context.add_cookies([self._cookie])
        return context


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(browser, served_pages):
    """Give the browser, signed in; leave no page open."""
    yield SignedIn(browser, *served_pages)
    for context in browser.contexts:
        await context.close()


async def shoot(page, name):
    folder = ROOT / "artefacts"
    folder.mkdir(exist_ok=True)
    session = await page.context.new_cdp_session(page)
    size = (await session.send("Page.getLayoutMetrics"))["cssContentSize"]
    # As `page.screenshot` does, but deflated less.
    how = {"captureBeyondViewport": True, "optimizeForSpeed": True, "clip": {**size, "scale": 1}}
    taken = await session.send("Page.captureScreenshot", how)
    await session.detach()
    path = folder / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(taken["data"]))


async def overflow(page):
    return await page.evaluate("document.documentElement.scrollWidth - innerWidth")


async def fonts_of(page, selector):
    """Return the fonts that Chromium really drew an element with."""
    session = await page.context.new_cdp_session(page)
    await session.send("DOM.enable")
    await session.send("CSS.enable")
    for left in range(5, -1, -1):
        # The page brings itself up to date: the element may be replaced while one looks.
        document = await session.send("DOM.getDocument")
        query = {"nodeId": document["root"]["nodeId"], "selector": selector}
        node = await session.send("DOM.querySelector", query)
        try:
            found = await session.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})
            break
        except PlaywrightError:
            if not left:
                raise
    return {font["familyName"] for font in found["fonts"]}


async def test_an_officer_publishes_on_a_phone(address, chromium, passphrases):
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="vi-VN", color_scheme="dark"
    )
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.on("response", lambda one: complaints.append(one.url) if one.status >= 400 else None)
    await page.goto(address)
    await shoot(page, "hub-empty-phone-dark")
    await page.click("text=Soạn bản tin đầu tiên")
    await page.fill("[name=title]", TITLE)
    await page.check("[name=class][value=priority]")
    await page.fill(
        "[name=text]", "Tâm bão cách bờ 120 km vào lúc 17h30. Bà con khẩn trương sơ tán."
    )
    await page.check("text=Làng Kon Chiêng")
    assert not await page.is_visible("[name=hours]")
    assert not await page.is_visible("[name=once_date]")
    await page.check("[name=class][value=emergency]")
    assert await page.is_visible("[name=hours]") and not await page.is_visible("[name=when]")
    await page.check("[name=class][value=priority]")
    await shoot(page, "hub-form-phone-dark")
    assert await overflow(page) == 0
    await page.keyboard.press("Tab")
    await page.click("[type=submit]")
    await page.wait_for_selector("audio", timeout=30_000)
    length = await page.evaluate(
        "async () => { const a = document.querySelector('audio'); if (!(a.duration > 0)) "
        "await new Promise((done) => a.addEventListener('loadedmetadata', done)); "
        "return a.duration; }"
    )
    assert length > 2
    await page.select_option("[name=approver]", "xa-1")
    await page.fill("[name=passphrase]", passphrases["xa-1"])
    await page.press("[name=passphrase]", "Enter")
    await page.wait_for_selector("text=Đã phát hành")
    await shoot(page, "hub-published-phone-dark")
    assert await overflow(page) == 0
    assert complaints == []
    await context.close()


async def test_vietnamese_is_drawn_with_real_letters(address, chromium):
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="vi-VN")
    page = await context.new_page()
    await page.goto(address)
    await shoot(page, "hub-overview-desktop")
    assert await page.inner_text("h1") == "Tổng quan"
    assert await page.get_attribute("html", "lang") == "vi"
    assert "Đơn vị và điểm phát" in await page.inner_text("main")
    assert await overflow(page) == 0
    for selector in ("h1", "main", "#units", ".tiles li"):
        fonts = await fonts_of(page, selector)
        assert fonts <= {"Noto Sans"}, (selector, fonts)
    assert await page.evaluate(IS_BOX, LETTERS) == []
    boxed = await page.evaluate(IS_BOX, "\U0010fffd")
    assert len(boxed) == 1, "the check for boxes must see one"
    await context.close()


async def test_the_page_follows_by_itself_and_says_when_the_hub_is_gone(
    address, chromium, services
):
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="vi-VN")
    page = await context.new_page()
    await page.goto(address)
    assert await page.inner_text(".tiles li:has-text('chưa kết nối') span") == "3"
    form = fleet.NodeForm("loa-3", COMMUNE, "Cụm mới", "speaker", b"3" * 32)
    await services.ledger.write(lambda s: fleet.add_node(s, form, "test", 1))
    await page.wait_for_selector("text=Cụm mới", timeout=10_000)
    await context.set_offline(True)
    await page.wait_for_selector("text=Máy chủ không trả lời", timeout=10_000)
    await context.close()
