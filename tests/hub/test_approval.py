"""What waits for a signature: a day signed at once, a bulletin returned and submitted again."""

from hub import audit, bulletins
from tests.hub.test_pages import FIELDS, multipart, pages
from tests.hub.test_publishing import draft, manifest, state, write

__all__ = ("pages",)

NAMES = ["b" + digit * 12 for digit in "123"]


def signature(passphrases, chosen, approver="xa-1"):
    return {"approver": approver, "passphrase": passphrases[approver], "bulletin": chosen}


async def test_a_day_is_signed_with_one_passphrase(pages, services, passphrases):
    for name in NAMES:
        await write(services, name, title="Tin " + name)
    _, text = await pages("GET", "/approvals")
    assert all("Ký: Tin " + name in text for name in NAMES)
    chosen = [NAMES[0] + ".1", NAMES[1] + ".1"]
    response, text = await pages("POST", "/approvals", data=signature(passphrases, chosen))
    assert response.status == 200 and text.count("đã phát hành") == 2
    assert sorted(manifest(services).items) == chosen
    assert (await state(services, NAMES[2]))["state"] == bulletins.READY
    assert "Ký: Tin " + NAMES[0] not in text


async def test_each_refusal_is_told_and_the_rest_is_signed(pages, services, passphrases):
    for name in NAMES[:2]:
        await write(services, name)
    await write(services, NAMES[2], legal_class="emergency",
                timing={"mode": "alert", "hours": 1, "gap_min": 0, "drill": False})  # fmt: skip
    chosen = [NAMES[0] + ".7", NAMES[1] + ".1", NAMES[2] + ".1", "bx.1"]
    response, text = await pages("POST", "/approvals", data=signature(passphrases, chosen))
    assert response.status == 200 and text.count("đã phát hành") == 1
    assert list(manifest(services).items) == [NAMES[1] + ".1"]
    assert manifest(services, kind="alerts") is None
    response, text = await pages("POST", "/approvals", data=signature(passphrases, []))
    assert response.status == 400 and "Chưa chọn bản tin" in text
    wrong = {**signature(passphrases, [NAMES[0] + ".1"]), "passphrase": passphrases["xa-2"]}
    response, text = await pages("POST", "/approvals", data=wrong)
    assert response.status == 422
    other = signature(passphrases, [NAMES[0] + ".1"], "tinh-1")
    response, text = await pages("POST", "/approvals", data=other)
    assert response.status == 200 and "đã phát hành" not in text
    assert (await state(services, NAMES[0]))["state"] == bulletins.READY


async def test_a_bulletin_is_returned_with_a_comment_and_submitted_again(pages, services):
    name = NAMES[0]
    await write(services, name)
    path = "/bulletins/" + name
    for sent in ({"comment": "Sửa", "version": "2"}, {"comment": " ", "version": "1"}):
        response, _ = await pages("POST", path + "/return", data=sent)
        assert response.status >= 400
        assert (await state(services, name))["state"] == bulletins.READY
    sent = {"comment": "Sửa lại giờ <b>họp</b>", "version": "1"}
    response, text = await pages("POST", path + "/return", data=sent)
    assert response.status == 200 and "Sửa lại giờ &lt;b&gt;họp" in text
    response, text = await pages("POST", path + "/approve", data={"approver": "xa-1"})
    assert (await state(services, name))["state"] == bulletins.RETURNED
    response, _ = await pages("POST", path, data=multipart(**FIELDS))
    found = await state(services, name)
    assert found["version"] == 2 and found["state"] in (bulletins.MAKING, bulletins.READY)
    rows = await services.ledger.read(lambda s: s.find("audit", {"action": "bulletin.return"}))
    assert [row["who"] for row in rows] == ["thu-nghiem"]
    assert await services.ledger.read(audit.first_broken) is None


async def test_nobody_signs_what_he_was_not_shown(pages, services, passphrases):
    when = {"mode": "alert", "hours": 1, "gap_min": 0, "drill": False}
    alarm = {"legal_class": "emergency", "timing": when}
    sent = {"approver": "xa-1", "passphrase": passphrases["xa-1"], "confirm": "Xã Ia Thử"}
    for name, page, action, changes in (
        (NAMES[0], "bulletins", "approve", {}),
        (NAMES[1], "emergency", "sign", alarm),
    ):
        row, now_s = await write(services, name, **changes), services.now_s()
        made = {"renditions": row["renditions"], "frames": [], "spoken": "y"}

        def change(store, name=name, changes=changes, made=made, now_s=now_s):
            new = draft(text="Sửa sau khi nghe.", **changes)
            bulletins.edit(store, name, new, "author", now_s)
            bulletins.made(store, name, 2, made, now_s)

        await services.ledger.write(change)
        path = f"/{page}/{name}"
        response, text = await pages("POST", f"{path}/{action}", data={**sent, "version": "1"})
        assert response.status == 400 and "bản tin đã chuyển sang" in text
        assert (await state(services, name))["state"] == bulletins.READY
        assert '<input type="hidden" name="version" value="2">' in text
        await pages("POST", f"{path}/{action}", data={**sent, "version": "2"})
        assert (await state(services, name))["state"] == bulletins.PUBLISHED


async def test_a_template_fills_the_form(pages):
    _, text = await pages("GET", "/bulletins/new?template=vaccination")
    assert "mang theo sổ tiêm chủng" in text
    _, text = await pages("GET", "/bulletins/new?template=flood")
    assert "Nước lũ" not in text
