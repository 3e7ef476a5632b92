"""Writing in Chromium: a draft saves itself, a recording that is cut on its way goes on."""

import asyncio
import json

from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import config, founded, passphrases, services

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
