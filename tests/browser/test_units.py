"""A registrar merges two communes on the page: bring the file, read the preview, confirm."""

from hub import fleet
from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.conftest import COMMUNE, PROVINCE, config, founded, passphrases, services, unit_row

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")

OTHER = "03.m4x9"
MERGER = f"""unit,valid_from,valid_to,parent,name,kind,successor
{OTHER},2025-07-01,2025-09-01,{PROVINCE},Xã Đắk Thử,commune,{COMMUNE}
{COMMUNE},2025-09-01,,{PROVINCE},Xã Ia Đắk,commune,
"""


async def test_two_communes_are_merged_and_the_node_stands_under_the_successor(
    address, chromium, services
):
    def plant(store):
        fleet.add_unit(store, unit_row(OTHER, "Xã Đắk Thử", parent=PROVINCE), "test", 1)
        form = fleet.NodeForm("loa-9", OTHER, "Cụm chợ cũ", "speaker", b"9" * 32)
        fleet.add_node(store, form, "test", 1)

    await services.ledger.write(plant)
    size = {"width": 390, "height": 844}
    context = await chromium.new_context(viewport=size, locale="vi-VN", color_scheme="light")
    page = await context.new_page()
    await page.goto(address + "/units")
    await page.click("text=Nhập tệp")
    file = {"name": "sap-nhap.csv", "mimeType": "text/csv", "buffer": MERGER.encode()}
    await page.set_input_files("[name=upload]", file)
    await page.click("button:has-text('Xem sẽ thay đổi gì')")
    assert await page.is_visible("text=Xã Đắk Thử kết thúc ngày 2025-09-01 → Xã Ia Đắk")
    assert await page.is_visible("text=Cụm loa: 1")
    assert await overflow(page) == 0
    await shoot(page, "hub-units-merger-phone-light")
    await page.focus("button:has-text('Cho hiệu lực')")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Tệp đã có hiệu lực")
    await page.goto(address + "/units?q=dak thu")
    await page.click("text=Xã Đắk Thử")
    await page.click("table >> text=Xã Ia Đắk")
    assert await page.inner_text("h1") == "Xã Ia Đắk"
    await page.set_viewport_size({"width": 1280, "height": 844})
    await shoot(page, "hub-unit-desktop-light")
    await page.click("dd >> text=4")
    await page.wait_for_selector("text=Cụm chợ cũ")
    await context.close()
