"""What a unit says to what its province sends: taken, by rule, declined, noted, confirmed, told."""

import json

import aiohttp
import pyotp
import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from hub import accounts, audit, bulletins, code_lists, fleet, timing, topics, unit_codes
from hub.app import create_app
from hub.mirror import mapping, offers, peers, supply, webhook
from hub.mirror.connector import Trouble
from hub.mirror.htttn_v2 import HtttnV2
from hub.mirror.service import secrets_folder
from hub.mirror.wire import Wire
from hub.roles import ADMINISTRATOR, AUTHOR, EVERYWHERE, OBSERVER, Grant
from hub.store_memory import MemoryStore
from protocols import settings
from protocols.errors import RemoteFault
from protocols.hub_limits import BULLETIN_TEXT_BYTES_MAX, WEBHOOK_AGE_S_MAX, WEBHOOK_BYTES_MAX
from tests.hub.conftest import COMMUNE, serving, signed_in, unit_row
from tests.hub.mirror_world import ACCOUNT, peer_row
from tests.hub.test_mirror_supply import HERE, TEXT, Province

OWN = {"Sec-Fetch-Site": "same-origin"}
OTHER = "03.m9t5"


@pytest.fixture
async def province(services):
    empty = {"valid_to": None, "code_system": None, "code": None, "successor": None}
    other = {**unit_row(OTHER, "Xã Khác", parent="00.prov"), **empty}

    def prepare(store):
        store.add("peers", peer_row())
        store.add("units", other)

    await services.ledger.write(prepare)
    return Province(services)


@pytest.fixture
async def officer(services):
    """Give `await officer(method, path, data)` as (status, text), an author of the commune."""
    async with serving(create_app(services)) as served:
        base, jar = f"http://127.0.0.1:{served.port}", aiohttp.CookieJar(unsafe=True)
        cookies = await signed_in(services, "can-bo", [Grant(AUTHOR, COMMUNE)])
        options = {"headers": OWN, "cookie_jar": jar, "cookies": cookies}
        async with aiohttp.ClientSession(base, **options) as session:

            async def ask(method, path, **data):
                async with session.request(method, path, data=data or None) as response:
                    return response.status, await response.text()

            ask.session, ask.base = session, base
            yield ask


def key(name, unit=COMMUNE):
    return {"peer": "tinh", "supply": name, "unit": unit}


async def receipts(services, name):
    rows = await services.ledger.read(lambda s: s.find("outbox", {"kind": "receipt"}))
    found = [json.loads(row["body_json"]) for row in rows]
    return [(one["state"], one.get("unit")) for one in found if one["supply"] == name]


async def test_an_officer_hears_an_offer_and_takes_it_into_a_time(province, services, officer):
    sound = b"RIFF" + bytes(2000)
    name = province.desk.keep(sound)
    file = {"NoiDung": name, "MaBam": name, "DoDai": len(sound), "LoaiTep": "audio/wav"}
    province.send("n", "ban-tin", TieuDe="Tin <b>tuần", TepAmThanh=file, DanhSachDiaBan=HERE)
    await province.puller.step()
    status, text = await officer("GET", "/offers")
    assert status == 200 and "Tin &lt;b&gt;tuần" in text and "/offers/sound?" in text
    query = "peer=tinh&supply=n&unit="
    async with officer.session.get(f"/offers/sound?{query}{COMMUNE}") as response:
        assert await response.read() == sound and response.content_type == "audio/wav"
    assert (await officer("GET", f"/offers/sound?{query}{OTHER}"))[0] == 404
    for wrong in ({"when": "once", "day": "2020-01-01", "time": "05:30"}, {"when": "once"}):
        status, text = await officer("POST", "/offers/accept", **key("n"), **wrong)
        assert status == 400 and "Tin &lt;b&gt;tuần" in text, wrong
    chosen = {"when": "daily", "times": "05:30, 17:00", "weekday": "2", "from": "2030-01-01",
              "until": "2030-02-01"}  # fmt: skip
    status, text = await officer("POST", "/offers/accept", **key("n"), **chosen)
    assert status == 200
    (made,) = await province.bulletins("n")
    assert made["class"] == "normal" and made["upload_sha256"] == name
    assert made["timing"]["times"] == ["05:30", "17:00"] and made["timing"]["weekdays"] == [2]
    assert (await province.supply("n"))["state"] == "taken"
    assert await receipts(services, "n") == [("received", None), ("offered", None),
                                             ("taken", COMMUNE)]  # fmt: skip
    status, text = await officer("POST", "/offers/accept", **key("n"), when="next")
    assert status == 400 and "đã được trả lời" in text
    assert len(await province.bulletins("n")) == 1
    status, _ = await officer("POST", "/offers/decline", **key("n"), reason="Trùng tin")
    assert status == 400, "what is being made cannot be taken back yet"
    await services.production.make(made["bulletin"], 1)
    status, _ = await officer("POST", "/offers/decline", **key("n"), reason="Trùng tin")
    assert status == 200
    assert (await province.bulletins("n"))[0]["state"] == bulletins.WITHDRAWN


async def test_each_unit_answers_for_itself_and_the_sender_hears_each(province, services):
    areas = [{"Ma": COMMUNE}, {"Ma": OTHER}]
    province.send("n", "ban-tin", **{**TEXT, "DanhSachDiaBan": areas})
    await province.puller.step()
    now_s, write = services.now_s(), services.ledger.write
    with pytest.raises(RemoteFault):
        await write(lambda s: offers.decline(s, ("tinh", "n", COMMUNE), "  ", "a", now_s))
    await write(lambda s: offers.decline(s, ("tinh", "n", COMMUNE), "Không hợp", "a", now_s))
    assert (await province.supply("n"))["state"] == "offered", "another unit has not answered"
    await write(lambda s: offers.accept(s, ("tinh", "n", OTHER), None, "b", now_s, 420))
    assert (await province.supply("n"))["state"] == "taken"
    told = await receipts(services, "n")
    assert told == [("offered", None), ("refused", COMMUNE), ("taken", OTHER)]
    province.send("k", "ban-tin", **TEXT)
    await province.puller.step()
    await write(lambda s: offers.decline(s, ("tinh", "k", COMMUNE), "Không hợp", "a", now_s))
    row = await province.supply("k")
    assert row["state"] == "refused" and row["reason"] == "Không hợp"
    assert await services.ledger.read(audit.first_broken) is None


async def test_a_rule_takes_what_fits_and_nothing_else(province, services, officer):
    province.send("first", "ban-tin", LoaiLinhVuc="04", **TEXT)
    await province.puller.step()
    rule = {**key("first"), "topic": "04", "times": "05:45", "weekday": "7"}
    assert (await officer("POST", "/offers/rules", **{**rule, "times": "sáng"}))[0] == 400
    assert (await officer("POST", "/offers/rules", **{**rule, "unit": OTHER}))[0] == 403
    status, text = await officer("POST", "/offers/rules", **rule)
    assert status == 200 and "Không có tin nào chờ trả lời" in text
    province.send("fits", "ban-tin", LoaiLinhVuc="04", **TEXT)
    province.send("other", "ban-tin", LoaiLinhVuc="05", **TEXT)
    await province.puller.step()
    states = [(await province.supply(name))["state"] for name in ("first", "fits", "other")]
    assert states == ["taken", "taken", "offered"]
    (made,) = await province.bulletins("fits")
    assert made["state"] == bulletins.MAKING, "it still waits for its approver"
    assert made["timing"]["weekdays"] == [7] and made["timing"]["times"] == ["05:45"]
    assert made["timing"]["from"] == made["timing"]["until"]
    (held,) = await services.ledger.read(lambda s: s.find("offer_rules"))
    ended = {"rule": held["rule"], "unit": COMMUNE}
    assert (await officer("POST", "/offers/rules/end", **ended))[0] == 200
    assert (await officer("POST", "/offers/rules/end", **ended))[0] == 400
    province.send("later", "ban-tin", LoaiLinhVuc="04", **TEXT)
    await province.puller.step()
    assert (await province.supply("later"))["state"] == "offered"


async def test_what_no_bulletin_can_hold_stays_open_and_stops_nothing(province, services):
    rule = {**key("first"), "topic": "", "times": ["05:45"], "weekdays": [7]}
    await services.ledger.write(lambda s: offers.lay_down(s, rule, "can-bo", services.now_s()))
    long = {**TEXT, "NoiDungChu": "ế" * (BULLETIN_TEXT_BYTES_MAX // 2)}
    province.send("long", "ban-tin", **long)
    province.send("fits", "ban-tin", **TEXT)
    await province.puller.step()
    states = [(await province.supply(name))["state"] for name in ("long", "fits")]
    assert states == ["offered", "taken"]


@settings_of(max_examples=20, deadline=None)
@given(
    now_s=st.integers(1_750_000_000, 1_900_000_000),
    minutes=st.lists(st.integers(0, 1439), min_size=1, max_size=12, unique=True),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
)
def test_a_rules_next_time_is_the_first_that_is_left(now_s, minutes, weekdays):
    clocks = sorted(f"{one // 60:02}:{one % 60:02}" for one in minutes)
    row = {"times_json": json.dumps(clocks), "weekdays_json": json.dumps(sorted(weekdays))}
    when = offers.next_time(row, now_s, 420)
    starts = [
        now_s + supply.SLOT_LEAD_S + minute * 60
        for minute in range(1, 8 * 1440)
    ]  # fmt: skip

    def fits(moment_s):
        local = timing.local_time(moment_s, 420)
        return f"{local:%H:%M}" in clocks and local.isoweekday() in weekdays

    first = next(timing.local_time(one, 420) for one in starts if fits(one))
    assert (when["from"], when["times"][0]) == (first.date().isoformat(), f"{first:%H:%M}")


async def test_directives_are_noted_and_a_priority_draft_can_be_declined(
    province, services, officer
):
    province.send("d", "chi-dao", TieuDe="Trực 24/24", NoiDungChu="Trực ban.", DanhSachDiaBan=HERE)
    province.send("all", "chi-dao", TieuDe="Toàn tỉnh")
    province.send("p", "ban-tin", MucDoUuTien=2, **TEXT)
    await province.puller.step()
    _, text = await officer("GET", "/offers")
    assert "Trực 24/24" in text and "Toàn tỉnh" in text and "đang chờ người duyệt ký" in text
    assert (await officer("POST", "/offers/acknowledge", **key("d")))[0] == 200
    assert (await officer("POST", "/offers/acknowledge", **key("all")))[0] == 200
    assert (await officer("POST", "/offers/acknowledge", **key("p")))[0] == 400
    assert (await province.supply("d"))["state"] == "done"
    assert (await province.supply("all"))["state"] == "offered", "other units have not read it"
    (draft,) = await province.bulletins("p")
    await services.production.make(draft["bulletin"], 1)
    assert (await officer("POST", "/offers/decline", **key("p"), reason="Đã phát"))[0] == 200
    row = await province.supply("p")
    assert (row["state"], row["reason"]) == ("refused", "Đã phát")
    assert (await province.bulletins("p"))[0]["state"] == bulletins.WITHDRAWN


async def test_a_cancel_closes_offers_and_ends_by_itself_what_is_being_made(province, services):
    province.send("n", "ban-tin", **TEXT)
    province.send("p", "ban-tin", MucDoUuTien=2, **TEXT)
    await province.puller.step()
    province.send("cn", "huy", HuyChiThi="n")
    province.send("cp", "huy", HuyChiThi="p")
    await province.puller.step()
    offer = await services.ledger.read(lambda s: s.get("offers", "tinh", "n", COMMUNE))
    assert offer["state"] == "cancelled"
    assert (await province.supply("cp"))["state"] == "waiting", "its sound is being made"
    (draft,) = await province.bulletins("p")
    await services.production.make(draft["bulletin"], 1)
    await province.puller.step()
    assert (await province.bulletins("p"))[0]["state"] == bulletins.WITHDRAWN
    states = [(await province.supply(name))["state"] for name in ("cn", "cp", "p")]
    assert states == ["done", "done", "cancelled"]


async def test_a_command_is_signed_after_the_administrators_code(province, services, officer):
    form = fleet.NodeForm("loa-1", COMMUNE, "Cụm chợ", "speaker", b"1" * 32)
    secret = pyotp.random_base32()

    def prepare(store):
        fleet.add_node(store, form, "test", 1)
        accounts.add(store, "quan-tri", "Quản trị", "test", services.now_s())

    await services.ledger.write(prepare)
    order = {"CumLoaID": "loa-1", "MaLenh": 0, "ThamSo": "60"}
    province.send("v", "dieu-khien", DieuKhienThietBi=order)
    await province.puller.step()
    assert (await officer("POST", "/offers/command", **key("v"), code="1"))[0] == 403
    cookies = await signed_in(services, "quan-tri", [Grant(ADMINISTRATOR, EVERYWHERE)])
    jar = aiohttp.CookieJar(unsafe=True)
    options = {"headers": OWN, "cookies": cookies, "cookie_jar": jar}
    async with aiohttp.ClientSession(officer.base, **options) as chief:

        async def confirm(code):
            async with chief.post("/offers/command", data={**key("v"), "code": code}) as answer:
                return answer.status, await answer.text()

        status, text = await confirm("123456")
        assert status == 400 and "bạn chưa cài đặt" in text
        now_s = services.now_s()
        await services.ledger.write(lambda s: accounts.take_factor(s, "quan-tri", secret, 0, now_s))
        right = pyotp.TOTP(secret).now()
        wrong = f"{(int(right) + 1) % 10**6:06}"
        assert (await confirm(wrong))[0] == 400
        assert (await province.supply("v"))["state"] == "waiting"
        assert (await confirm(right))[0] == 200
        assert (await confirm(right))[0] == 400, "a code counts once"
    assert (await province.supply("v"))["state"] == "taken"
    path = services.config.repository / "targets"
    (file,) = [one for one in path.rglob("*.settings.json") if "loa-1" in str(one)]
    signed = settings.read_settings(file.read_bytes(), COMMUNE, "loa-1")
    assert signed.volume_percent == 60
    (row,) = await services.ledger.read(lambda s: s.find("orders", {"node": "loa-1"}))
    assert row["who"] == "quan-tri" and row["state"] == "sent"
    ended = {"state": "done"}
    await services.ledger.write(lambda s: s.change("orders", ("loa-1", row["name"]), ended))
    await province.puller.step()
    assert (await province.supply("v"))["state"] == "done"
    assert [one[0] for one in await receipts(services, "v")] == ["waiting", "taken", "done"]


def test_a_code_is_asked_for_unless_the_province_is_set_free_of_it():
    assert offers.wants_code(peer_row()) and not offers.wants_code(peer_row(command_code=False))


async def test_readers_see_their_own_units_offers_alone(province, services, officer):
    areas = [{"Ma": OTHER}]
    province.send("x", "ban-tin", **{**TEXT, "TieuDe": "Của xã khác", "DanhSachDiaBan": areas})
    await province.puller.step()
    assert "Của xã khác" not in (await officer("GET", "/offers"))[1]
    for path in ("accept", "decline", "acknowledge"):
        assert (await officer("POST", f"/offers/{path}", **key("x", OTHER)))[0] == 403
    await signed_in(services, "can-bo", [Grant(OBSERVER, OTHER)])
    _, text = await officer("GET", "/offers")
    assert "Của xã khác" in text and "/offers/accept" not in text


def test_topics_are_imported_dated_and_replaced_as_a_whole():
    store = MemoryStore()
    first = topics.read("\ufeffcode,name\n01,Thời sự\n02,Y tế\n".encode())
    counts = topics.take(store, first, "2026-01", "2026-01-01", 1)
    assert counts == {"topics": 2, "added": 2, "ended": 0}
    second = topics.read("code,name,note\n01,Thời sự\n02,Sức khoẻ\n03,Nông vụ\n".encode())
    counts = topics.take(store, second, "2026-07", "2026-07-01", 2)
    assert counts == {"topics": 3, "added": 2, "ended": 1}
    names = {code: row["name"] for code, row in topics.in_force(store, "2026-06-30").items()}
    assert names == {"01": "Thời sự", "02": "Y tế"}, "the list of its day"
    now = topics.in_force(store, "2026-07-01")
    assert now["02"]["name"] == "Sức khoẻ" and now["02"]["list_version"] == "2026-07"
    assert topics.take(store, second, "2026-07", "2026-07-01", 3)["added"] == 0
    for wrong in (b"", b"code\n1\n", b"code,name\n1,a\n1,b\n", b"code,name\n1,\n", b"\xff",
                  b"code,name\n" + b"x" * code_lists.LIST_BYTES_MAX):  # fmt: skip
        with pytest.raises(RemoteFault):
            topics.read(wrong)


@given(data=st.binary(max_size=200) | st.text(max_size=100).map(lambda one: one.encode()))
def test_no_list_of_topics_breaks_the_reader(data):
    try:
        found = topics.read(b"code,name\n" + data)
    except RemoteFault as fault:
        assert fault.code == "list.broken"
    else:
        assert found and all(code and name for code, name in found.items())


async def test_what_a_province_pushes_counts_once_and_only_with_its_signature(
    province, services, officer
):
    secret = webhook.new_secret(services, "tinh")
    peers.keep_secret(secrets_folder(services.config), "tinh", "secret")
    account = {"url": "http://127.0.0.1:9", "user": "u", "source_id": "s", "source_name": "s",
               "target_id": "t"}  # fmt: skip
    settings_json = {"settings_json": json.dumps(account)}
    await services.ledger.write(lambda s: s.change("peers", ("tinh",), settings_json))
    one = {"ChiThiID": "w", "Loai": "ban-tin", "ThoiDiem": "x", "TieuDe": "Đẩy đến", **TEXT}
    sound = b"OggS" + bytes(900_000)
    name = province.desk.keep(sound)
    file = {"NoiDung": name, "MaBam": name, "DoDai": len(sound), "LoaiTep": "audio/ogg"}
    media = {**one, "ChiThiID": "m", "MucDoUuTien": 2, "TepAmThanh": file}
    cancel = {"ChiThiID": "c", "Loai": "huy", "HuyChiThi": "not-here-yet"}
    body = json.dumps({"DanhSach": [one, media, cancel, 7, {}]}).encode()
    now_s = services.now_s()

    async def push(data, signature, peer="tinh"):
        headers = {webhook.HEADER: signature}
        path = f"/v1/peers/{peer}/directives"
        async with officer.session.post(path, data=data, headers=headers) as answer:
            return answer.status

    good = webhook.signature(secret, now_s, body)
    stale = webhook.signature(secret, now_s - WEBHOOK_AGE_S_MAX - 60, body)
    for data, signed, peer in (
        (body, "", "tinh"),
        (body, webhook.signature("x", now_s, body), "tinh"),
        (body + b" ", good, "tinh"),
        (body, stale, "tinh"),
        (body, good, "another"),
    ):
        assert await push(data, signed, peer) == 401, signed
    assert await push(b"[" * 9, webhook.signature(secret, now_s, b"[" * 9)) == 400
    assert await push(b" " * (WEBHOOK_BYTES_MAX + 1), good) == 413
    assert await province.supply("w") is None
    assert [await push(body, good) for _ in range(3)] == [202] * 3
    assert services.news["tinh"].is_set(), "the puller looks at once"
    assert (await province.supply("w"))["state"] == "offered"
    assert await province.supply("c") is None, "a cancel waits for what it cancels"
    province.wire.cuts = 1
    with pytest.raises(Trouble):
        await province.puller.step()
    await province.puller.step()
    assert services.blobs.path(name).read_bytes() == sound
    assert len(await province.bulletins("m")) == 1
    await services.ledger.write(lambda s: s.change("peers", ("tinh",), {"state": "paused"}))
    assert await push(body, good) == 401


@given(body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_pushed_body_breaks_the_reader(body):
    connector = HtttnV2(ACCOUNT, mapping.read(mapping.shipped("htttn_v2")), Wire(), int)
    try:
        found = webhook.read(connector, body)
    except RemoteFault as fault:
        assert fault.code == "webhook.body"
    else:
        assert isinstance(found, list)


def test_codes_of_units_are_dated_and_a_list_counts_whole_or_not_at_all():
    store = MemoryStore()
    empty = {"valid_to": None, "code_system": None, "code": None, "successor": None}
    for unit in (COMMUNE, OTHER):
        store.add("units", {**unit_row(unit, unit), **empty})
    given_list = code_lists.read(f"unit,code\n{COMMUNE},52001\n{OTHER},52002\n".encode(),
                                 unit_codes.COLUMNS)  # fmt: skip
    counts = unit_codes.take(store, given_list, "gso-2025-07", "2025-08-01", 1)
    assert counts == {"units": 2, "changed": 2}
    before, now = fleet.units_on(store, "2025-07-31"), fleet.units_on(store, "2025-08-01")
    assert before[COMMUNE]["code"] is None and now[COMMUNE]["code"] == "52001"
    assert now[OTHER]["code_system"] == "gso-2025-07"
    again = unit_codes.take(store, given_list, "gso-2025-07", "2025-09-01", 2)
    assert again["changed"] == 0
    unknown = [{"unit": COMMUNE, "code": "1"}, {"unit": "03.none", "code": "2"}]
    with pytest.raises(RemoteFault):
        unit_codes.take(store, unknown, "x", "2025-10-01", 3)
