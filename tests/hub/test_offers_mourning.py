"""Days of mourning that the province asks for: offered to each unit, in force by a signature."""

import json
from datetime import date, timedelta

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import frame, timing
from hub.mirror import directive, mourned, offers
from hub.roles import APPROVER, Grant
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, signed_in
from tests.hub.test_frame import bundle_of
from tests.hub.test_mirror_supply import HERE
from tests.hub.test_offers import OTHER, OWN, key, officer, province, receipts

__all__ = ("officer", "province")


def day(services, days):
    """Return the province's day, so many days from now."""
    return timing.local_time(services.now_s() + days * 86400, 420).date().isoformat()


def asked(services, first=2, last=3, **changes):
    """Return the fields of a directive that asks for days of mourning."""
    days = {"Ten": "Quốc tang", "TuNgay": day(services, first), "DenNgay": day(services, last)}
    return {"TieuDe": "Để Quốc tang", "DanhSachDiaBan": HERE, "QuocTang": {**days, **changes}}


@pytest.fixture
async def leader(services, officer):
    """Give `await leader(method, path, data)`, an approver of the commune."""
    cookies = await signed_in(services, "lanh-dao", [Grant(APPROVER, COMMUNE)])
    options = {"headers": OWN, "cookie_jar": aiohttp.CookieJar(unsafe=True), "cookies": cookies}
    async with aiohttp.ClientSession(officer.base, **options) as session:

        async def ask(method, path, **data):
            async with session.request(method, path, data=data or None) as response:
                return response.url.path, response.status, await response.text()

        yield ask


async def mourning_of(services):
    """Return the days of mourning that nodes of the commune read in its signed bundle."""
    bundle, first = await bundle_of(services), date(1970, 1, 1)
    held = [] if bundle is None else bundle.policy.mourning
    return [[(first + timedelta(number)).isoformat() for number in span] for span in held]


async def state_of(services, province, name):
    """Return the states of a supply and of the commune's offer, after another look."""
    await province.puller.step()
    offer = await services.ledger.read(lambda s: s.get("offers", "tinh", name, COMMUNE))
    return (await province.supply(name))["state"], offer["state"]


async def test_an_approver_looks_at_what_the_days_would_do_and_signs_them(
    province, services, officer, leader, passphrases
):
    # A rule that takes all from this sender takes no mourning.
    rule = {**key("q"), "topic": "", "times": ["05:45"], "weekdays": list(range(1, 8))}
    await services.ledger.write(lambda s: offers.lay_down(s, rule, "can-bo", services.now_s()))
    province.send("q", "chi-dao", **asked(services))
    assert await state_of(services, province, "q") == ("offered", "open")
    assert await services.ledger.read(lambda s: s.find("frame_changes")) == []
    _, text = await officer("GET", "/offers")
    assert "Quốc tang" in text and "Chưa có gì thay đổi cho đến khi người duyệt" in text
    assert "/offers/mourning" not in text
    assert (await officer("POST", "/offers/mourning", **key("q")))[0] == 403
    _, _, text = await leader("GET", "/offers")
    assert "Xem trước tác động rồi ký" in text and "không phát ca nhạc, giải trí" in text
    path, status, text = await leader("POST", "/offers/mourning", **key("q"))
    assert status == 200 and path.startswith("/frame/changes/k") and "Quốc tang" in text
    assert await mourning_of(services) == [], "nothing holds before the signature"
    assert await state_of(services, province, "q") == ("taken", "taken")
    again = await leader("POST", "/offers/mourning", **key("q"))
    assert again[1] == 400
    sent = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    _, status, text = await leader("POST", f"{path}/sign", **sent)
    assert status == 200 and "đang áp dụng" in text
    assert await mourning_of(services) == [[day(services, 2), day(services, 3)]]
    assert await state_of(services, province, "q") == ("done", "taken")
    told = await receipts(services, "q")
    assert told == [("offered", None), ("taken", COMMUNE), ("done", None)]
    _, text = await officer("GET", "/offers")
    assert path in text, "the answered request leads to what came of it"


async def test_what_is_withdrawn_may_be_taken_again_and_what_is_declined_may_not(
    province, services, officer, leader
):
    province.send("q", "chi-dao", **asked(services))
    await province.puller.step()
    path, _, _ = await leader("POST", "/offers/mourning", **key("q"))
    assert (await officer("POST", f"{path}/withdraw"))[0] == 200
    assert await state_of(services, province, "q") == ("taken", "open")
    path, status, _ = await leader("POST", "/offers/mourning", **key("q"))
    assert status == 200
    answer = {**key("q"), "reason": "Đã có kế hoạch riêng"}
    assert (await officer("POST", "/offers/decline", **answer))[0] == 200
    assert (await state_of(services, province, "q"))[1] == "declined"
    change = await services.ledger.read(lambda s: frame.get(s, path.rpartition("/")[2]))
    assert change["state"] == frame.WITHDRAWN
    assert (await leader("POST", "/offers/mourning", **key("q")))[1] == 400
    assert await mourning_of(services) == []


async def test_a_cancel_takes_back_what_nobody_signed_and_asks_for_the_end_of_what_holds(
    province, services, officer, leader, passphrases
):
    for name in ("q", "r"):
        province.send(name, "chi-dao", **asked(services))
    await province.puller.step()
    paths = [(await leader("POST", "/offers/mourning", **key(name)))[0] for name in ("q", "r")]
    sent = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    assert (await leader("POST", f"{paths[1]}/sign", **sent))[1] == 200
    province.send("cq", "huy", HuyChiThi="q")
    province.send("cr", "huy", HuyChiThi="r")
    await province.puller.step()
    assert (await province.supply("q"))["state"] == "cancelled"
    change = await services.ledger.read(lambda s: frame.get(s, paths[0].rpartition("/")[2]))
    assert change["state"] == frame.WITHDRAWN
    # A signature is taken back by a signature alone.
    assert (await province.supply("cr"))["state"] == "waiting"
    assert await mourning_of(services) != []
    _, text = await officer("GET", "/offers")
    assert "Ngày tang đang có hiệu lực tại đây" in text and f"/frame?unit={COMMUNE}#" in text
    signed = await services.ledger.read(lambda s: frame.get(s, paths[1].rpartition("/")[2]))
    status, _ = await officer("POST", f"/frame/entries/{signed['entry']}/end")
    assert status == 200
    (end,) = await services.ledger.read(lambda s: frame.waiting(s, [COMMUNE]))
    assert (await leader("POST", f"/frame/changes/{end['change']}/sign", **sent))[1] == 200
    await province.puller.step()
    assert (await province.supply("cr"))["state"] == "done"
    assert (await province.supply("r"))["state"] == "cancelled"
    assert await mourning_of(services) == []


async def test_what_is_cancelled_is_taken_nowhere_while_it_still_holds_elsewhere(
    province, services, leader, passphrases
):
    whole = asked(services)
    del whole["DanhSachDiaBan"]
    province.send("q", "chi-dao", **whole)
    await province.puller.step()
    path, _, _ = await leader("POST", "/offers/mourning", **key("q"))
    sent = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    assert (await leader("POST", f"{path}/sign", **sent))[1] == 200
    now_s, other = services.now_s(), ("tinh", "q", OTHER)
    change = await services.ledger.write(lambda s: offers.mourn(s, other, "ai", now_s))
    province.send("cq", "huy", HuyChiThi="q")
    for _ in range(3):
        await province.puller.step()
    assert (await province.supply("cq"))["state"] == "waiting"
    assert (await services.ledger.read(lambda s: frame.get(s, change)))["state"] == frame.WITHDRAWN
    held = await services.ledger.read(lambda s: s.find("offers", {"supply": "q", "state": "open"}))
    assert held == []
    with pytest.raises(RemoteFault):
        await services.ledger.write(lambda s: offers.mourn(s, other, "ai", now_s))


async def test_what_is_no_mourning_is_refused_and_told(province, services):
    for name, wrong, code in (
        ("a", asked(services, -3, -2), "supply.expired"),
        ("b", asked(services, 3, 2), "timing.days"),
        ("c", asked(services, 2, 60), "mourning.days"),
        ("d", asked(services, Ten="Đ" * 61), "mourning.name"),
    ):
        province.send(name, "chi-dao", **wrong)
        await province.puller.step()
        row = await province.supply(name)
        assert row["state"] == "refused" and row["reason"].startswith(code), row["reason"]
    assert await services.ledger.read(lambda s: s.count("offers")) == 0
    # Said to nobody by name, it is said to every unit; its title says who is mourned.
    whole = asked(services)
    del whole["DanhSachDiaBan"], whole["QuocTang"]["Ten"]
    province.send("all", "chi-dao", **whole)
    await province.puller.step()
    rows = await services.ledger.read(lambda s: s.find("offers", {"supply": "all"}))
    assert {COMMUNE, OTHER} < {row["unit"] for row in rows}
    assert (await province.supply("all"))["title"] == "Để Quốc tang"


async def test_days_that_passed_while_nobody_answered_are_not_asked_for(province, services, leader):
    province.send("q", "chi-dao", **asked(services))
    await province.puller.step()
    over = {"name": "Quốc tang", "from": day(services, -3), "until": day(services, -1)}
    row = await province.supply("q")
    body = json.dumps({**json.loads(row["body_json"]), "mourning": over})
    await services.ledger.write(lambda s: s.change("supplies", ("tinh", "q"), {"body_json": body}))
    _, status, text = await leader("POST", "/offers/mourning", **key("q"))
    assert status == 400 and "Những ngày tang này đã qua" in text


@given(st.dictionaries(st.sampled_from(["name", "from", "until"]), st.one_of(
    st.none(), st.integers(), st.text(max_size=130), st.lists(st.text(max_size=3)))))  # fmt: skip
def test_whatever_stands_for_the_days_they_are_read_or_refused(days):
    given = directive.read("x", "mourning", {"mourning": days, "title": "T"})
    try:
        body = mourned.read(given.body)
    except RemoteFault as fault:
        assert fault.code.startswith(("mourning.", "timing."))
        return
    assert body["from"] <= body["until"] and 0 < len(body["name"]) <= 60
