"""Accounts are found among thousands, opened again, and their doings read in the log."""

import re

from hub import account_list, accounts, roles
from hub.roles import Grant
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_pages import pages

__all__ = ("pages",)


def names(text):
    return re.findall(r'<th scope="row"><a href="/accounts/[^"]+">([^<]*)', text)


def fill(store):
    for account, name, role, unit in (
        ("an.nguyen", "Nguyễn Văn Ân", roles.AUTHOR, COMMUNE),
        ("binh.tran", "Trần Đình Bình", roles.APPROVER, PROVINCE),
        ("chi.dinh", "Đinh Chí", roles.AUTHOR, COMMUNE),
    ):
        accounts.add(store, account, name, "test", 1)
        accounts.grant(store, account, Grant(role, unit), "test", 1)


async def test_accounts_are_found_by_name_unit_and_state(pages, services):
    await services.ledger.write(fill)
    for query, found in (
        ("q=an+van", ["Nguyễn Văn Ân"]),
        ("q=dinh", ["Đinh Chí", "Trần Đình Bình"]),
        ("q=AN.NGUYEN", ["Nguyễn Văn Ân"]),
        ("q=khong+co", []),
        (f"unit={PROVINCE}", ["Trần Đình Bình"]),
        (f"unit={COMMUNE}&q=chi", ["Đinh Chí"]),
        ("state=closed", []),
    ):
        response, text = await pages("GET", f"/accounts?{query}")
        assert response.status == 200 and names(text) == found, query
        assert ("Không có tài khoản nào khớp" in text) == (not found)
    for broken in ("q=%00", "after=none", "state=x", "unit=%00"):
        assert len(names((await pages("GET", f"/accounts?{broken}"))[1])) == 4, broken


async def test_an_account_closed_by_mistake_is_opened_again(pages, services):
    await services.ledger.write(fill)
    await pages("POST", "/accounts/an.nguyen/close")
    _, text = await pages("GET", "/accounts")
    assert "Nguyễn Văn Ân" not in text
    _, text = await pages("GET", "/accounts?state=closed")
    assert names(text) == ["Nguyễn Văn Ân"]
    _, text = await pages("GET", "/accounts/an.nguyen")
    assert "đã đóng" in text and "/grants" not in text
    _, text = await pages("POST", "/accounts/an.nguyen/reopen")
    (code,) = re.findall(r'<code class="key">([^<]+)', text)
    assert await services.ledger.read(lambda s: accounts.by_code(s, code, services.now_s()))
    held = await services.ledger.read(lambda s: accounts.grants(s, "an.nguyen"))
    assert held == (Grant(roles.AUTHOR, COMMUNE),)
    response, text = await pages("POST", "/accounts/an.nguyen/reopen")
    assert response.status == 400 and "account.unknown" in text
    assert (await pages("GET", "/accounts/khong-co"))[0].status == 404
    # Who gives roles in the commune alone sees nobody of the province, closed or not.
    chief = await signed_in(services, "quan-xa", [Grant(roles.ADMINISTRATOR, COMMUNE)])
    _, text = await pages("GET", "/accounts", cookies=chief)
    assert names(text) == ["Đinh Chí", "Nguyễn Văn Ân", "Tài khoản quan-xa"]
    assert (await pages("GET", "/accounts/binh.tran", cookies=chief))[0].status == 403
    for verb in ("close", "reopen", "code"):
        response, _ = await pages("POST", f"/accounts/binh.tran/{verb}", cookies=chief)
        assert response.status == 403


async def test_hundreds_of_accounts_stand_page_by_page(pages, services):
    count = 2 * account_list.PAGE + 7

    def many(store):
        for number in range(count):
            accounts.add(store, f"nguoi-{number}", f"Người {number % 9}", "test", 1)
            given = Grant(roles.AUTHOR, COMMUNE if number % 2 else PROVINCE)
            accounts.grant(store, f"nguoi-{number}", given, "test", 1)

    await services.ledger.write(many)
    seen, address = [], "/accounts?q=nguoi"
    while address:
        _, text = await pages("GET", address)
        seen += re.findall(r'<th scope="row"><a href="/accounts/([^"]+)"', text)
        following = re.search(r'href="(/accounts\?[^"]+)" rel="next"', text)
        address = following and following.group(1).replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == count


async def test_the_log_answers_who_did_what_of_what(pages, services):
    await services.ledger.write(fill)
    _, text = await pages("GET", "/audit?subject=chi.dinh")
    assert set(re.findall("<code>([^<]+)</code></td>", text)) == {
        "account.add", "account.code", "account.grant"}  # fmt: skip
    _, text = await pages("GET", "/audit?action=account.grant&who=test&subject=an.nguyen")
    assert text.count("<code>account.grant</code></td>") == 1
    _, text = await pages("GET", "/audit?who=khong-ai")
    assert "Không có mục nào ghi đúng như vậy" in text and 'value="khong-ai"' in text
    _, text = await pages("GET", "/audit?who=%00&before=x&check=1")
    assert "account.add" in text
