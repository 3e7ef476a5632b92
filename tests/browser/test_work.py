"""Days at work in Chromium: orders for many, reports, a bulletin between two people, a visit."""

import asyncio
import csv
import io
import json
import signal

import numpy as np
import openpyxl
import pytest_asyncio

from hub import bulk, bulletins, fleet, programme
from hub.roles import Grant
from protocols import enrolment, paper, wav
from tests.browser.test_pages import SignedIn, address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services, signed_in
from tests.hub.enrolling import NewNode
from tests.hub.test_notify import begin, mailing, set_up
from tests.hub.test_pages import record
from tools.demo_process import Program, command

__all__ = (
    "address",
    "chromium",
    "config",
    "founded",
    "passphrases",
    "served_pages",
    "services",
)

PHONE = {"width": 390, "height": 844}


async def opened(chromium, services, account, *roles, viewport=None):
    """Open a page of the browser for an account of its own with some roles on the commune."""
    cookies = await signed_in(services, account, [Grant(role, COMMUNE) for role in roles])
    other = SignedIn(chromium.browser, chromium.address, next(iter(cookies.values())))
    context = await other.new_context(viewport=viewport or PHONE, locale="vi-VN")
    return await context.new_page()


async def test_many_nodes_are_asked_and_each_has_its_answer(address, chromium, services):
    page = await opened(chromium, services, "tho-may", "technician")
    await page.goto(address + "/nodes")
    await page.click("a[href^='/bulk/new']")
    await page.check("[name=kind][value=self-test]")
    await page.uncheck("[name=node][value=loa-2]")
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/bulk/bulk-*")
    assert await page.locator("tbody tr:has-text('chưa hỏi tới')").count() == 2
    while await bulk.advance(services):
        pass
    await page.wait_for_selector("tbody tr:has-text('đã gửi')", timeout=10_000)
    order = (await services.ledger.read(lambda s: s.find("orders", {"node": "loa-1"})))[0]
    now_ms = services.config.now_ms()
    done = {"order": order["name"], "state": "done", "tone": "played"}
    await services.ledger.write(lambda s: record(s, "loa-1", "order", done, now_ms, "health"))
    await page.wait_for_selector(
        "tbody tr:has-text('Cụm nhà rông') >> text=đã xong", timeout=10_000
    )
    assert await overflow(page) == 0
    await shoot(page, "bulk-phone")
    await page.goto(address + "/bulk/new")
    await page.check("[name=kind][value=upload-log]")
    await page.click("main button[type=submit]")
    await page.click("text=Dừng: không hỏi thêm cụm nào")
    await page.wait_for_selector("text=Đã dừng trước khi đến lượt")
    assert await page.locator("tbody tr:has-text('Đã dừng')").count() == 3
    assert await bulk.advance(services) is False
    assert await page.locator("text=Dừng: không hỏi").count() == 0


async def test_a_report_goes_home_as_csv_and_workbook(address, chromium, services):
    now_ms = services.config.now_ms()
    await services.ledger.write(lambda s: s.change("nodes", ("loa-1",), {"name": "=Cụm nhà rông"}))
    play = {"item": "x.1", "title": "Bản tin sáng", "class": "normal", "unit": COMMUNE,
            "started_ms": now_ms - 9000, "ended_ms": now_ms, "outcome": "complete",
            "resumed": False, "evidence": {"grade": 3, "milliwatts": 12000}}  # fmt: skip
    await services.ledger.write(lambda s: record(s, "loa-1", "play", play, now_ms))
    page = await opened(chromium, services, "giam-sat", "observer")
    await page.goto(address + "/reports")
    await page.select_option("#by", "node")
    await page.click("form:has(#by) [type=submit]")
    await page.wait_for_selector("th:has-text('Cụm nhà rông')")
    files = {}
    for end in ("csv", "xlsx"):
        async with page.expect_download() as waiting:
            await page.click(f"a[href^='/reports.{end}']")
        download = await waiting.value
        assert download.suggested_filename.endswith("." + end)
        files[end] = (await download.path()).read_bytes()
    assert files["csv"].startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(files["csv"].decode("utf-8-sig"))))
    sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"])).active
    cells = [[str(cell.value) for cell in row if cell.value is not None] for row in sheet.rows]
    for table in (rows, cells):
        text = "\n".join("|".join(row) for row in table)
        assert "Cụm nhà rông" in text, text
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert not any(cell.data_type == "f" for row in sheet.rows for cell in row)


@pytest_asyncio.fixture(loop_scope="session")
async def sounding(address, services, tmp_path):
    """Run a real node process of the commune, at any hour; give its recording of what is heard."""
    path, air = tmp_path / "node.json", tmp_path / "air.wav"
    root = services.config.repository / "metadata" / "1.root.json"
    content = {"node": "loa-9", "unit": COMMUNE, "kind": "speaker", "hub": [address],
               "data": str(tmp_path / "node"), "root": str(root), "poll_s": 1, "status_s": 1,
               "audio": {"kind": "wav", "path": str(air)}}  # fmt: skip
    path.write_text(json.dumps(content))
    words = ("edge.main", "identity", "--config", str(path))
    key = bytes.fromhex(await asyncio.to_thread(command, *words))
    form = fleet.NodeForm("loa-9", COMMUNE, "Cụm thật", "speaker", key)
    always = {**programme.DEFAULT_POLICY, "quiet": [], "ceilings": [["00:00", "23:59", 100]]}

    def add(store):
        fleet.add_node(store, form, "test", 1)
        store.add("unit_policies", {"unit": COMMUNE, "policy_json": json.dumps(always)})

    await services.ledger.write(add)
    node = Program("node", tmp_path / "node.log", "edge.main", "run", "--config", str(path))
    yield air
    await asyncio.to_thread(node.stop, signal.SIGKILL)


async def heard_at(services, bulletin):
    """Wait until a real node has told a play of a bulletin; return its row."""
    async with asyncio.timeout(60):
        while True:
            for row in await services.ledger.read(lambda s: s.find("plays", {"node": "loa-9"})):
                if row["item"].startswith(bulletin):
                    return row
            await asyncio.sleep(0.2)


async def test_a_bulletin_goes_from_author_to_approver_and_back_and_on_air(
    address, chromium, services, passphrases, sounding
):
    author = await opened(chromium, services, "viet-tin", "author")
    leader = await opened(chromium, services, "lanh-dao", "approver")
    await author.goto(address + "/bulletins/new")
    await author.fill("[name=title]", "Lịch tiêm phòng")
    await author.fill("[name=text]", "Sáng mai tiêm ở trạm y tế.")
    await author.click("form[action='/bulletins'] [type=submit]")
    await author.wait_for_selector("audio", timeout=30_000)
    path = "/bulletins/" + author.url.split("/bulletins/")[1].split("?")[0]
    assert await author.locator("[name=passphrase]").count() == 0, "an author does not sign"
    await leader.goto(address + "/approvals")
    heard = await leader.evaluate(
        "async () => { const a = document.querySelector('audio'); a.preload = 'metadata'; a.load();"
        " await new Promise((done) => a.addEventListener('loadedmetadata', done));"
        " return a.duration; }"
    )
    assert heard > 1
    await shoot(leader, "approvals-phone")
    await leader.click("text=Lịch tiêm phòng")
    await leader.click("summary:has-text('Trả lại')")
    await leader.fill("[name=comment]", "Ghi rõ mấy giờ.")
    await leader.click("form[action$='/return'] button")
    await leader.wait_for_selector("text=Ghi rõ mấy giờ.")
    await author.goto(address + path)
    assert "Ghi rõ mấy giờ." in await author.inner_text("main")
    await author.click(f"a[href='{path}/edit']")
    await author.fill("[name=text]", "7 giờ sáng mai tiêm ở trạm y tế.")
    await author.click(f"form[action='{path}'] [type=submit]")
    await author.wait_for_selector("audio", timeout=30_000)
    await leader.goto(address + "/approvals")
    assert await overflow(leader) == 0
    await leader.check("[name=bulletin]")
    await leader.select_option("[name=approver]", "xa-1")
    await leader.fill("[name=passphrase]", passphrases["xa-1"])
    await leader.press("[name=passphrase]", "Enter")
    await leader.wait_for_selector("[role=status]:has-text('đã phát hành')")
    row = (await services.ledger.read(lambda s: bulletins.newest(s, 1)))[0]
    assert (row["state"], row["version"]) == ("published", 2)
    play = await heard_at(services, row["bulletin"])
    assert (play["outcome"], play["title"]) == ("complete", "Lịch tiêm phòng")
    data = sounding.read_bytes()
    sound = data[wav.read_head(data).data_offset :]
    samples = np.frombuffer(sound[: len(sound) // 2 * 2], "<i2").astype(int)
    assert np.abs(samples).max() > 2000, "the loudspeaker was silent"
    await author.goto(address + path)
    assert "Cụm thật" in await author.inner_text("main")
    await shoot(author, "bulletin-heard-phone")


async def test_a_registrar_lets_somebody_sign_and_takes_it_again(
    address, chromium, services, passphrases
):
    page = await opened(chromium, services, "giu-so", "registrar")
    await page.goto(f"{address}/units/{COMMUNE}")
    await page.click("text=Thêm hoặc bớt người ký")
    await page.fill("#name", "Bà Phó chủ tịch")
    await page.fill("#approver", "xa-3")
    await page.fill("#registrar-comes", passphrases["registrar-1"])
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h2:has-text('Phiếu của Bà Phó chủ tịch')")
    assert len(await page.inner_text("code.key")) > 15 and await overflow(page) == 0
    await shoot(page, "approvers-phone")
    await page.select_option("#who", "xa-3")
    await page.fill("#registrar-leaves", passphrases["registrar-1"])
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Đã thôi ký: Bà Phó chủ tịch")


@pytest_asyncio.fixture(loop_scope="session")
async def box(tmp_path):
    """Give the box of a mail server."""
    async with mailing(tmp_path) as found:
        yield found


async def test_somebody_is_told_by_mail_and_tries_it_at_once(address, chromium, services, box):
    await set_up(services, box)
    await begin(services, "loa-1")
    page = await opened(chromium, services, "truc-dem", "observer")
    await page.goto(address + "/notices")
    await page.click("text=Qua thư điện tử và webhook")
    await page.fill("#target-new", "truc@tinh.test")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("article >> text=truc@tinh.test")
    await page.click("text=Gửi thử ngay")
    await page.wait_for_selector("text=Đã nhận thư thử")
    assert len(box.letters) == 1 and await overflow(page) == 0
    await shoot(page, "sending-phone")


async def test_a_technician_takes_a_ticket_along_and_brings_a_node_home(
    address, chromium, services
):
    office = await opened(chromium, services, "quan-tri", "administrator")
    await office.goto(address + "/installations")
    await office.fill("#count", "2")
    await office.click("text=Cấp phiếu")
    await office.wait_for_selector("img.qr")
    worker = await opened(chromium, services, "tho-may", "technician")
    await worker.goto(address + "/installations")
    await worker.click("#tickets ~ table a")
    async with worker.expect_download() as waiting:
        await worker.click("text=Tải tệp")
    leave = paper.read((await (await waiting.value).path()).read_bytes(), enrolment.TICKET)
    await worker.click("text=← Lắp đặt")
    async with worker.expect_download() as waiting:
        await worker.click("text=Tải bộ dữ liệu cho kỹ thuật viên")
    assert (await (await waiting.value).path()).stat().st_size > 500
    node = NewNode(b"tren-cot")
    brought = {"name": "nghiem-thu.json", "mimeType": "application/json"}
    await worker.set_input_files("#files", {**brought, "buffer": node.enrolment(leave).encode()})
    await worker.click("text=Nộp cho trung tâm")
    await worker.wait_for_selector(f"#brought ~ table >> text={node.id}")
    assert await overflow(worker) == 0
    await shoot(worker, "installations-phone")
    await worker.click("#enrolments ~ table a")
    await worker.wait_for_selector("h1:has-text('Biên bản nghiệm thu')")
    assert "Làng Kon Chiêng" in await worker.inner_text("main")
    await office.goto(f"{address}/nodes/{node.id}")
    await office.click("summary:has-text('Thu hồi')")
    await office.fill("#repeat", node.id)
    await office.keyboard.press("Enter")
    await office.wait_for_selector("text=đã thu hồi")
