"""The page of subscriptions: who may set what for which unit, a test at once, sending again."""

import re

import pytest

from hub import roles
from hub.notify import dispatches, subscriptions
from hub.notify.dispatches import Undelivered
from hub.notify.sender import Sender
from hub.roles import Grant
from tests.hub.conftest import COMMUNE, PROVINCE, serving, signed_in
from tests.hub.test_accounts import web
from tests.hub.test_notify import begin, box, rows, set_up, subscribe
from tests.hub.test_notify_webhook import received
from tests.hub.test_pages import pages

__all__ = ("box", "pages", "web")

FIELDS = {"whose": "own", "way": "mail", "unit": COMMUNE, "target": "toi@tinh.test",
          "kind": ["urgent", "silence"], "language": "vi", "quiet_from": "21:00",
          "quiet_to": "06:00", "breaks": "1", "group_min": "15"}  # fmt: skip


async def active(services):
    return await services.ledger.read(lambda s: s.find("subscriptions", {"state": "active"}))


async def test_a_person_subscribes_tries_it_changes_it_and_ends_it(pages, services, box):
    _, text = await pages("GET", "/notices/sending")
    assert "chưa có máy chủ thư" in text and "Chưa gửi cho ai" in text
    assert 'value="webhook" checked' in text and 'value="unit" checked' in text
    response, text = await pages("POST", "/notices/sending", data=FIELDS)
    assert response.status == 400 and "chieng-hub mail set" in text and "toi@tinh.test" in text
    await set_up(services, box)
    response, text = await pages("POST", "/notices/sending", data={**FIELDS, "target": "tôi@x"})
    assert response.status == 400 and "không phải địa chỉ thư điện tử" in text
    response, text = await pages("POST", "/notices/sending", data=FIELDS)
    (row,) = await active(services)
    assert response.status == 200 and "Chưa gửi gì" in text and row["account"] == "thu-nghiem"
    path = "/notices/sending/" + row["subscription"]
    _, text = await pages("POST", path + "/test")
    assert "Đã nhận thư thử" in text and "Taken as 1" in text and len(box.letters) == 1
    _, text = await pages("POST", path + "/test")
    assert "Vừa mới gửi thử xong" in text and len(box.letters) == 1
    changed = {**FIELDS, "target": "khong-co@tinh.test", "group_min": "30"}
    response, text = await pages("POST", path, data=changed)
    assert "gom trong 30 phút" in text
    await services.ledger.write(
        lambda s: s.change("subscriptions", (row["subscription"],), {"tested_s": 0})
    )
    _, text = await pages("POST", path + "/test")
    assert "Máy chủ thư từ chối thư" in text and "550 5.1.1" in text
    response, text = await pages("POST", path + "/end")
    assert "Chưa gửi cho ai" in text and await active(services) == []


async def test_a_letter_given_up_says_why_and_is_sent_again_by_a_press(pages, services, box):
    await set_up(services, box)
    name = await subscribe(services, target="khong-co@tinh.test", kinds=["fault"])
    await begin(services, "cum-1")
    await Sender(services).look()
    _, text = await pages("GET", "/notices/sending")
    assert "550 5.1.1 No such mailbox" in text and "Đã ngừng gửi" in text
    (row,) = await rows(services)
    await services.ledger.write(
        lambda s: s.change("subscriptions", (name,), {"target": "truc@tinh.test"})
    )
    action = re.search(r'action="(/notices/dispatches/[^"]+)"', text)[1]
    response, text = await pages("POST", action)
    assert response.status == 200 and "Đang gửi" in text
    await Sender(services).look()
    _, text = await pages("GET", "/notices/sending")
    assert "Gửi lần cuối" in text and row["dispatch"] in box.letters[0][2].decode()
    response, _ = await pages("POST", action)
    assert response.status == 400
    now_ms = services.config.now_ms()
    await services.ledger.write(
        lambda s: s.add("dispatches", dispatches.made(name, {"lines": [], "more": 0}, now_ms))
    )
    waits = Undelivered("notify.link", "đứt\r\nmạng")
    (row,) = await rows(services, state="waiting")
    await services.ledger.write(
        lambda s: dispatches.failed(s, row["dispatch"], waits, now_ms, lambda: 0.5)
    )
    _, text = await pages("GET", "/notices/sending")
    assert "sau 1 lần" in text and "đứt mạng" in text


async def test_a_webhook_shows_its_secret_once(pages, services):
    app, _ = await received(services, lambda: None)
    async with serving(app) as served:
        target = f"http://127.0.0.1:{served.port}/nhan"
        hook = {**FIELDS, "whose": "unit", "way": "webhook", "target": target}
        response, text = await pages("POST", "/notices/sending", data=hook)
        assert response.status == 400 and "mạng" in text
        response, text = await pages("POST", "/notices/sending", data={**hook, "private_ok": "1"})
        secret = re.search(r'class="key">([^<]+)<', text)[1]
        (row,) = await active(services)
        kept = subscriptions.folder(services) / row["subscription"]
        assert kept.read_text() == secret and kept.stat().st_mode & 0o777 == 0o600
        _, text = await pages("GET", "/notices/sending")
        assert secret not in text
        mine = {**hook, "whose": "own", "private_ok": "1"}
        response, text = await pages("POST", "/notices/sending", data=mine)
        assert response.status == 400 and "Webhook thuộc về đơn vị" in text


@pytest.mark.parametrize("role", roles.ROLES)
async def test_each_role_sets_what_is_its_own(services, web, box, role):
    await set_up(services, box)
    shared = await subscribe(services, unit=COMMUNE)
    above = await subscribe(services, unit=PROVINCE)
    theirs = await subscribe(services, unit=COMMUNE, account=await other(services))
    browser = web(await signed_in(services, "nguoi-thu", [Grant(role, COMMUNE)]))
    runs = roles.ADMINISTER in roles.PERMISSIONS[role]

    async def ask(path, **changes):
        async with browser.post(path, data={**FIELDS, **changes}, allow_redirects=False) as found:
            return found.status

    new = "/notices/sending"
    assert await ask(new) == 303
    assert await ask(new, unit=PROVINCE) == 403
    assert await ask(new, unit="*") == 403
    assert await ask(new, whose="unit") == (303 if runs else 403)
    assert await ask(new, whose="unit", unit=PROVINCE) == 403
    # An address inside the province's network is for who runs the whole hub.
    inside = {"way": "webhook", "target": "http://10.0.0.1/", "private_ok": "1"}
    assert await ask(new, whose="unit", **inside) == 403
    for name, may in ((shared, runs), (above, False), (theirs, False), ("s" + "0" * 12, False)):
        for path, done in (("", 303), ("/test", 200), ("/end", 303)):
            assert await ask(f"{new}/{name}{path}") == (done if may else 403), (name, path)
    assert await ask("/notices/dispatches/" + "0" * 32 + "/again") == 403
    async with browser.get(new) as found:
        text = await found.text()
    assert text.count("<article") == (2 if runs else 1)


async def other(services):
    await signed_in(services, "nguoi-khac", [Grant(roles.OBSERVER, COMMUNE)])
    return "nguoi-khac"
