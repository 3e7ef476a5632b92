"""Writing in Chromium: a draft saves itself, a recording that is cut on its way goes on."""

import asyncio
import base64
import json

from axe_playwright_python.async_playwright import Axe

from hub import bulletins
from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services
from tests.hub.test_pictures import SVG, drawn

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")


async def recording(folder):
    path = folder / "thu-am.wav"
    command = "ffmpeg -v error -f lavfi -i sine=300:d=30 -af tremolo=f=2:d=0.9 -ar 48000"
    process = await asyncio.create_subprocess_exec(*command.split(), str(path))
    assert await process.wait() == 0
    return path


async def test_a_cut_upload_resumes_and_a_draft_waits(address, chromium, services, tmp_path):
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="vi-VN", color_scheme="light"
    )
    page = await context.new_page()
    await page.goto(address + "/bulletins/new")
    await page.fill("[name=title]", "Giao lưu văn nghệ")
    await page.fill("[name=text]", "Họp thôn lúc 17h30 tại UBND xã.")
    await page.wait_for_selector("[data-saved]:has-text('Đã lưu nháp')", timeout=20_000)
    await page.click("text=Giọng đọc sẽ đọc thế nào")
    await page.wait_for_selector("mark:has-text('mười bảy giờ ba mươi phút')")
    await page.click("[data-correct]")
    assert "ban nhân dân xã" in await page.input_value("[name=reading]")
    await page.fill("[name=reading]", "")

    # The link is cut after two pieces and comes back.
    pieces = []

    async def cut(route):
        if route.request.method == "PATCH":
            pieces.append(int(route.request.headers["upload-offset"]))
            if len(pieces) in (3, 4):
                await route.abort()
                return
        await route.continue_()

    await page.route("**/uploads/**", cut)
    await page.set_input_files("#audio", await recording(tmp_path))
    await page.wait_for_selector("[data-report] svg", timeout=60_000)
    assert pieces[2] == pieces[3] == pieces[4] > 0, "it went on where it was cut"
    assert pieces[-1] > pieces[4] and not await page.is_visible("progress")
    assert await page.is_visible("[name=cut_from]")
    await page.evaluate("document.querySelector('[data-preview]').currentTime = 1.5")
    await page.click("[data-set=cut_from]")
    assert await page.input_value("[name=cut_from]") == "1,5"
    assert await overflow(page) == 0
    await shoot(page, "hub-editor-phone-light")
    await page.wait_for_timeout(3500)

    # Another day: the draft is there, with its recording.
    await page.goto(address + "/bulletins/new")
    await page.click("text=Giao lưu văn nghệ")
    assert len(await page.input_value("[name=upload]")) == 64
    await page.click("[type=submit]")
    await page.wait_for_selector("text=Nghe thử", timeout=60_000)
    rows = await services.ledger.read(lambda s: s.find("bulletin_versions"))
    assert json.loads(rows[0]["making_json"])["cut_ms"] == [1500, None]
    await context.close()


async def test_a_recording_taken_out_leaves_the_hub_and_one_it_forgot_begins_anew(
    address, chromium, services, tmp_path
):
    async def states():
        rows = await services.ledger.read(lambda s: s.find("uploads", order=["created_s"]))
        return sorted(row["state"] for row in rows)

    context = await chromium.new_context(locale="vi-VN")
    page = await context.new_page()
    await page.goto(address + "/bulletins/new")
    path = await recording(tmp_path)
    await page.set_input_files("#audio", path)
    await page.wait_for_selector("[data-report] svg", timeout=60_000)
    assert await states() == ["done"]
    async with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        await page.click("[data-remove]")
    assert await states() == ["dropped"]

    # As if left half sent so long ago that the hub has dropped it.
    name = (await services.ledger.read(lambda s: s.find("uploads")))[0]["upload"]
    file = {"url": f"/uploads/{name}", "name": path.name, "size": path.stat().st_size}
    await page.evaluate("left => localStorage.setItem('chieng.upload', left)", json.dumps(file))
    await page.set_input_files("#audio", path)
    await page.wait_for_selector("[data-report] svg", timeout=60_000)
    assert await states() == ["done", "dropped"]
    await context.close()


DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type: "image/png" }));
  const told = { dataTransfer: files, bubbles: true, cancelable: true };
  document.querySelector("[data-pictures]").dispatchEvent(new DragEvent("drop", told));
}"""


async def test_pictures_are_dropped_put_in_order_and_seen_as_boards_show_them(
    address, chromium, services
):
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="vi-VN", color_scheme="light"
    )
    page = await context.new_page()
    await page.goto(address + "/bulletins/new")
    await page.select_option("#unit", COMMUNE)
    await page.fill("[name=title]", "Hội làng")
    cuts = []

    async def cut(route):
        if route.request.method == "PATCH" and not cuts:
            cuts.append(1)
            await route.abort()
            return
        await route.continue_()

    await page.route("**/uploads/**", cut)
    cards = page.locator("[data-list] > li")
    files = [{"name": f"{one}.png", "mimeType": "image/png", "buffer": drawn(size=size)}
             for one, size in (("mot", (90, 60)), ("hai", (60, 90)))]  # fmt: skip
    await page.set_input_files("#picture-file", files)
    await cards.nth(1).locator("[data-boards] img").wait_for(timeout=60_000)
    assert cuts, "the link was cut and the picture came all the same"
    shown = cards.nth(0).locator("[data-boards] img")
    assert await shown.evaluate("one => [one.width, one.height]") == [192, 64], "its true size"
    await page.evaluate(DROP, ["ve.svg", base64.b64encode(SVG).decode()])
    await page.wait_for_selector("[data-pictures] [data-said]:has-text('SVG')", timeout=30_000)
    for number, words in enumerate(("Áp phích", "Bản đồ")):
        await cards.nth(number).locator("[name=picture_alt]").fill(words)
    await page.focus("[data-list] > li:nth-child(2) [data-up]")
    await page.keyboard.press("Enter")
    assert await cards.nth(0).locator("[name=picture_alt]").input_value() == "Bản đồ"
    await page.check("[name=pictures_only]")
    assert await overflow(page) == 0
    results = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})
    assert [one["id"] for one in results.response["violations"]] == []
    await shoot(page, "hub-pictures-phone-light")
    await page.wait_for_selector("[data-saved]:has-text('Đã lưu nháp')", timeout=20_000)
    await page.click("[type=submit]")
    await page.wait_for_selector("figure img[alt='Áp phích']", timeout=60_000)
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert [one["alt"] for one in row["pictures"]] == ["Bản đồ", "Áp phích"]
    assert [len(size["frames"]) for size in row["frames"]] == [2]
    await context.close()


async def test_languages_stand_side_by_side_and_below_each_other_on_a_telephone(
    address, chromium, services, tmp_path
):
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 900}, locale="vi-VN", color_scheme="light"
    )
    page = await context.new_page()
    await page.goto(address + "/bulletins/new")
    await page.select_option("#unit", COMMUNE)
    await page.fill("[name=title]", "Tiêm phòng")
    await page.fill("[name=text]", "Mời bà con đưa trẻ đi tiêm.")
    await page.click("summary:has-text('Bằng các tiếng khác')")
    assert await page.inner_text("[data-own=text]") == "Mời bà con đưa trẻ đi tiêm."
    assert not await page.is_visible("[data-tongue=vi-VN]"), "no variant of itself"
    places = (
        "all => all.filter(one => one.offsetParent).map(one => [one.offsetLeft, one.offsetTop])"
    )
    wide = await page.eval_on_selector_all(".columns > *", places)
    assert len(wide) == 5 and len({top for _, top in wide}) <= 2 and len({x for x, _ in wide}) >= 4
    await page.fill("#text-bdq", "Krao bơngai tơm pơlei.")
    await page.set_input_files("#audio-bdq", await recording(tmp_path))
    await page.wait_for_selector("[data-tongue=bdq] [data-report] svg", timeout=60_000)
    assert len(await page.input_value("[name=upload-bdq]")) == 64
    assert await page.input_value("[name=upload]") == ""
    results = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})
    assert [one["id"] for one in results.response["violations"]] == []
    await shoot(page, "hub-languages-desk-light")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await overflow(page) == 0
    narrow = await page.eval_on_selector_all(".columns > *", places)
    assert len({x for x, _ in narrow}) == 1
    await page.click("[type=submit]")
    await page.wait_for_selector("h3:has-text('Ba Na: Tiêm phòng')", timeout=60_000)
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert [one["language"] for one in row["variants"]] == ["bdq"]
    await context.close()
