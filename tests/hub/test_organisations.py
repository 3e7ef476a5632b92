"""Organisations: authors in their own name alone, and a report of who supplied what, or nothing."""

import aiohttp
import pytest

from hub import accounts, bulletins, organisations, reports, roles
from hub.roles import Grant
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in, unit_row
from tests.hub.test_accounts import web
from tests.hub.test_pages import multipart, pages, write

__all__ = ("pages", "web")
HEALTH, OTHER = "tram-y-te", "nong-nghiep"


@pytest.fixture
async def health(services):
    """Let a commune have two organisations; give the cookies of the first one's author."""

    def add(store):
        organisations.add(store, "Trạm y tế", COMMUNE, "test", 1, HEALTH)
        organisations.add(store, "Tổ nông nghiệp", COMMUNE, "test", 1, OTHER)

    await services.ledger.write(add)
    return await signed_in(services, "y-ta", [Grant(roles.AUTHOR, roles.SUPPLIER + HEALTH)])


async def send(browser, path, method="POST", **changes):
    data = None if method == "GET" else multipart(**changes)
    async with browser.request(method, path, data=data) as response:
        return response.status, response.url.path, await response.text()


async def test_an_author_of_an_organisation_writes_in_its_name_alone(
    services, web, pages, health, passphrases
):
    browser = web(health)
    _, _, text = await send(browser, "/bulletins/new", "GET")
    assert "Trạm y tế" in text and "nông nghiệp" not in text and "Chính đơn vị" not in text
    assert "/emergency" not in text and "/offers" not in text
    for supplier in ("", OTHER):
        assert (await send(browser, "/bulletins", supplier=supplier))[0] == 403
    assert (await send(browser, "/bulletins", supplier=HEALTH, unit=PROVINCE))[0] in (400, 403)
    status, path, text = await send(browser, "/bulletins", supplier=HEALTH)
    assert status == 200 and "Nguồn cung cấp" in text and "Trạm y tế" in text
    assert "Trạm y tế" in (await pages("GET", "/approvals"))[1] + text
    # What others wrote is seen, not changed; what is nobody's right stays so.
    foreign, _ = await write(pages)
    assert (await send(browser, foreign, "GET"))[0] == 200
    for address in (foreign, foreign + "/withdraw"):
        assert (await send(browser, address, supplier=HEALTH))[0] == 403, address
    for address in ("/offers/accept", "/frame/slots", "/emergency", "/words"):
        assert (await send(browser, address))[0] == 403, address
    assert (await send(browser, path + "/withdraw"))[0] == 200
    row = await services.ledger.read(lambda s: bulletins.current(s, path.rsplit("/", 1)[1]))
    assert row["state"] == bulletins.WITHDRAWN and row["supplier"] == HEALTH


async def test_an_author_of_the_unit_may_name_any_of_its_organisations(pages, services, health):
    path, _ = await write(pages, wait=False, supplier=OTHER)
    _, text = await pages("GET", path + "/edit")
    assert f'value="{OTHER}" data-home="{COMMUNE}" selected' in text
    for wrong, said in (("none", "Không còn tổ chức"), (HEALTH, "thuộc đơn vị khác")):
        unit = COMMUNE if wrong == "none" else PROVINCE
        sent = multipart(supplier=wrong, unit=unit)
        response, text = await pages("POST", "/bulletins", data=sent)
        assert response.status == 400 and said in text
    await services.ledger.write(lambda s: organisations.close(s, OTHER, "test", 2))
    response, _ = await pages("POST", path, data=multipart(supplier=OTHER, title="Vẫn của họ"))
    assert response.status == 200, "a bulletin keeps an organisation that was closed"
    sent = multipart(supplier=OTHER)
    assert (await pages("POST", "/bulletins", data=sent))[0].status == 400


async def test_closing_ends_the_authors_grants(services, web, health):
    browser = web(health)
    assert (await send(browser, "/bulletins/new", "GET"))[0] == 200
    await services.ledger.write(lambda s: organisations.close(s, HEALTH, "test", 2))
    assert (await send(browser, "/bulletins/new", "GET"))[0] == 403
    held = await services.ledger.read(lambda s: accounts.grants(s, "y-ta"))
    assert held == ()


async def test_a_registrar_adds_renames_closes_and_brings_a_list(services, web, pages, health):
    registrar = web(await signed_in(services, "dang-ky", [Grant(roles.REGISTRAR, COMMUNE)]))

    async def post(path, **data):
        async with registrar.post(path, data=data) as response:
            return response.status, await response.text()

    status, text = await post("/organisations", name="Công an xã", unit=COMMUNE)
    assert status == 200 and "Công an xã" in text
    assert (await post("/organisations", name="cong an xa", unit=COMMUNE))[0] == 400
    assert (await post("/organisations", name="Sở Y tế", unit=PROVINCE))[0] == 403
    status, text = await post(f"/organisations/{OTHER}", name="Tổ khuyến nông")
    assert status == 200 and "Tổ khuyến nông" in text
    listed = f"organisation,name,unit\n{OTHER},Tổ nông vụ,{COMMUNE}\nthue,Thuế,{COMMUNE}\n"
    for text, said, status in (
        (listed, "Đã thêm: 1, đổi tên: 1", 200),
        ("organisation,name\nx,y\n", "Không đọc được", 400),
        (f"organisation,name,unit\nso,Sở,{PROVINCE}\n", "", 403),
        (f"organisation,name,unit\nCÓ DẤU,Sở,{COMMUNE}\n", "mã ngắn", 400),
    ):
        sent = aiohttp.FormData()
        sent.add_field("file", text.encode(), filename="list.csv", content_type="text/csv")
        async with registrar.post("/organisations", data=sent) as response:
            assert response.status == status and said in await response.text(), text
    move = {"name": "Trạm y tế", "unit": PROVINCE}
    assert (await post(f"/organisations/{HEALTH}", **move))[0] == 403, "not his unit"
    response, _ = await pages("POST", f"/organisations/{HEALTH}", data=move)
    row = await services.ledger.read(lambda s: s.get("organisations", HEALTH))
    assert response.status == 200 and row["unit"] == PROVINCE
    await pages("POST", f"/organisations/{HEALTH}", data={**move, "unit": COMMUNE})
    assert (await post(f"/organisations/{HEALTH}", verb="close"))[0] == 200
    _, text = await pages("GET", "/organisations")
    assert '<th scope="row">Trạm y tế' not in text and "Thuế" in text and "Tổ nông vụ" in text


async def test_an_administrator_grants_author_and_nothing_else(pages, services, health):
    unit = roles.SUPPLIER + OTHER
    fields = {"account": "khuyen-nong", "name": "Khuyến nông", "role": "approver", "unit": unit}
    response, text = await pages("POST", "/accounts", data=fields)
    assert response.status == 400 and "chỉ có người soạn" in text
    response, text = await pages("POST", "/accounts", data={**fields, "role": "author"})
    assert response.status == 200 and "Tổ nông nghiệp (Xã Ia Thử)" in text
    held = await services.ledger.read(lambda s: accounts.grants(s, "khuyen-nong"))
    assert held == (Grant(roles.AUTHOR, unit),)
    with pytest.raises(RemoteFault):
        await services.ledger.write(
            lambda s: accounts.grant(s, "khuyen-nong", Grant(roles.AUTHOR, "@none"), "test", 1)
        )


async def test_the_report_names_who_supplied_and_who_did_not(pages, services, health, passphrases):
    path, _ = await write(pages, supplier=HEALTH, title="Tiêm chủng tháng này")
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    await write(pages, wait=False)
    _, text = await pages("GET", "/reports/supplied")
    assert "1 trên 2 tổ chức chưa cung cấp" in text and "Tiêm chủng tháng này" in text
    assert "không qua tổ chức nào: 1" in text
    _, text = await pages("GET", f"/reports/supplied.csv?unit={COMMUNE}")
    assert "Trạm y tế,Xã Ia Thử,1,1,Tiêm chủng tháng này" in text
    assert "Tổ nông nghiệp,Xã Ia Thử,0,0," in text
    response, _ = await pages("GET", "/reports/supplied?unit=99.none")
    assert response.status == 403
    assert (await pages("GET", "/reports/supplied?from=x"))[0].status == 400
    before = reports.period("2020-01-01", "2020-01-31", services.now_s(), 420)
    units = {COMMUNE: unit_row(COMMUNE, "Xã")}
    lines, others = await services.ledger.read(
        lambda s: organisations.supplied(s, units, [COMMUNE], before)
    )
    assert [line.written for line in lines] == [0, 0] and others == 0
