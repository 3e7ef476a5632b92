"""What the province sends: pulled once, judged, media fetched by range, made, told back."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import bulletins, fleet
from hub.mirror import directive, file_drop, mapping, outbox, pull, supply
from hub.mirror.connector import Letter, Trouble
from hub.mirror.htttn_v2 import HtttnV2
from hub.mirror.wire import Reply, Wire, link_lost
from hub.store_memory import MemoryStore
from tests.hub.conftest import COMMUNE, unit_row
from tests.hub.mirror_world import ACCOUNT, peer_row
from tools.province.desk import Desk, moment
from tools.province.store import Store

HERE = [{"Ma": COMMUNE}]
TEXT = {"NoiDungChu": "Bà con ven suối sơ tán ngay.", "NgonNgu": "vi-VN", "DanhSachDiaBan": HERE}


class DeskWire(Wire):
    """Carry requests to a desk in this process; some are cut off."""

    def __init__(self, desk):
        self.desk = desk
        self.cuts = 0
        self.ranges = []

    async def request(self, method, url, headers, body=b""):
        path, _, query = url.removeprefix("http://tinh").partition("?")
        if "Range" in headers:
            self.ranges.append(headers["Range"])
            if self.cuts:
                self.cuts -= 1
                raise link_lost("cut")
        pairs = dict(one.split("=") for one in query.split("&")) if query else {}
        lower = {name.lower(): value for name, value in headers.items()}
        answer = self.desk.handle(method, path, pairs, lower, body)
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, found, answer.body)


class Province:
    """A hub's puller and the desk it asks."""

    def __init__(self, services):
        self.services = services
        now_ms = services.config.now_ms
        self.desk = Desk(Store(":memory:"), now_ms, "hub", "secret")
        self.wire = DeskWire(self.desk)
        given = mapping.read(mapping.shipped("htttn_v2"))
        self.connector = HtttnV2(ACCOUNT, given, self.wire, now_ms)
        self.puller = pull.Puller(services, "tinh", self.connector, lambda: 0.5)

    def send(self, name, kind, **fields):
        when = moment(self.services.config.now_ms())
        wrong = self.desk.direct({"ChiThiID": name, "Loai": kind, "ThoiDiem": when, **fields})
        assert wrong == "", wrong

    async def supply(self, name):
        return await self.services.ledger.read(lambda s: s.get("supplies", "tinh", name))

    async def bulletins(self, name):
        where = {"peer": "tinh", "supply": name}

        def ask(store):
            links = store.find("supply_bulletins", where)
            return [bulletins.current(store, link["bulletin"]) for link in links]

        return await self.services.ledger.read(ask)


@pytest.fixture
async def province(services):
    await services.ledger.write(lambda s: s.add("peers", peer_row()))
    return Province(services)


async def test_each_kind_becomes_what_its_class_says_and_once(province, services):
    province.send("e", "phat-khan-cap", TieuDe="Lũ quét", **TEXT)
    province.send("p", "ban-tin", TieuDe="Tiêm phòng", MucDoUuTien=2, **TEXT)
    slot = {"Ngay": "2027-01-05", "Gio": "17:00"}
    province.send("d", "ban-tin", TieuDe="Có giờ", MucDoUuTien=2, LichPhat=slot, **TEXT)
    province.send("n", "ban-tin", TieuDe="Nông vụ", MucDoUuTien=3, **TEXT)
    province.send("w", "ban-tin", TieuDe="Nhầm", MucDoUuTien=2, NoiDungChu="x",
                  DanhSachDiaBan=[{"Ma": "99999"}])  # fmt: skip
    for _ in range(2):
        await province.puller.step()
    found = {name: (await province.supply(name))["state"] for name in "epdnw"}
    waiting = {"e": "waiting", "p": "waiting", "d": "waiting"}
    assert found == {**waiting, "n": "offered", "w": "refused"}
    assert "99999" in (await province.supply("w"))["reason"]
    (alert,), (slot_of,) = await province.bulletins("e"), await province.bulletins("d")
    assert (alert["class"], alert["timing"]["mode"]) == ("emergency", "alert")
    assert slot_of["timing"] == {"mode": "once", "date": "2027-01-05", "time": "17:00"}
    assert [one["class"] for one in await province.bulletins("p")] == ["priority"]
    assert await province.bulletins("n") == []
    told = await services.ledger.read(lambda s: s.find("outbox", {"kind": "receipt"}))
    assert sorted(json.loads(row["body_json"])["supply"] for row in told) == sorted("epdnw")


async def test_media_come_by_range_over_cuts_and_only_whole(province, services):
    sound = bytes(range(256)) * 3000
    name = province.desk.keep(sound)
    file = {"NoiDung": f"/noi-dung/{name}", "DoDai": len(sound), "LoaiTep": "audio/wav"}
    province.send("m", "ban-tin", MucDoUuTien=2, TepAmThanh={**file, "MaBam": name},
                  DanhSachDiaBan=HERE)  # fmt: skip
    province.wire.cuts = 2
    for _ in range(2):
        with pytest.raises(Trouble):
            await province.puller.step()
    assert (await province.supply("m"))["state"] == "received"
    await province.puller.step()
    assert services.blobs.path(name).read_bytes() == sound
    starts = [int(one[6:].split("-")[0]) for one in province.wire.ranges]
    assert starts == [0, 0, 0, pull.SLICE, 2 * pull.SLICE]
    assert [one["upload_sha256"] for one in await province.bulletins("m")] == [name]


async def test_a_file_that_is_not_there_holds_up_nothing_else(province):
    missing, sound = "0" * 64, b"RIFF" * 9
    name = province.desk.keep(sound)
    for one, sha256 in (("a", missing), ("b", name)):
        file = {"NoiDung": sha256, "MaBam": sha256, "DoDai": len(sound), "LoaiTep": "audio/wav"}
        province.send(one, "ban-tin", MucDoUuTien=2, TepAmThanh=file, DanhSachDiaBan=HERE)
    province.send("e", "phat-khan-cap", TieuDe="Lũ quét", **TEXT)
    assert (await province.puller.step()).code == "mirror.server"
    assert [len(await province.bulletins(one)) for one in "abe"] == [0, 1, 1]
    assert (await province.supply("a"))["state"] == "received"
    province.send("f", "phat-khan-cap", TieuDe="Lũ nữa", **TEXT)
    province.wire.cuts = 1
    with pytest.raises(Trouble):
        await province.puller.step()
    assert len(await province.bulletins("f")) == 1


async def test_a_file_that_is_not_what_its_hash_says_is_refused_with_the_reason(province):
    name = province.desk.keep(b"true")
    province.desk.store.media = lambda sha256: b"lies"
    file = {"NoiDung": "x/" + name, "MaBam": name, "DoDai": 4, "LoaiTep": "audio/wav"}
    province.send("m", "ban-tin", MucDoUuTien=2, TepAmThanh=file, DanhSachDiaBan=HERE)
    for _ in range(pull.WRONG_MAX):
        await province.puller.step()
    row = await province.supply("m")
    assert row["state"] == "refused" and "hash" in row["reason"]


async def test_a_cancel_withdraws_what_is_not_on_air_and_names_what_never_was(province):
    province.send("p", "ban-tin", TieuDe="Tiêm phòng", MucDoUuTien=2, **TEXT)
    await province.puller.step()
    (made,) = await province.bulletins("p")
    await province.services.production.make(made["bulletin"], 1)
    province.send("c", "huy", HuyChiThi="p")
    province.send("x", "huy", HuyChiThi="never")
    await province.puller.step()
    assert (await province.bulletins("p"))[0]["state"] == bulletins.WITHDRAWN
    states = [(await province.supply(name))["state"] for name in "pcx"]
    assert states == ["cancelled", "done", "refused"]


async def test_a_command_waits_for_a_person_and_only_the_volume_is_one(province, services):
    form = fleet.NodeForm("loa-1", COMMUNE, "Cụm chợ", "speaker", b"1" * 32)
    await services.ledger.write(lambda s: fleet.add_node(s, form, "test", 1))
    for name, node, value in (("v", "loa-1", "60"), ("w", "loa-1", "101"), ("x", "ai", "60")):
        order = {"CumLoaID": node, "MaLenh": 0, "ThamSo": value}
        province.send(name, "dieu-khien", DieuKhienThietBi=order)
    await province.puller.step()
    states = [(await province.supply(name))["state"] for name in "vwx"]
    assert states == ["waiting", "refused", "refused"]


LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9))
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = ["ChiThiID", "Loai", "TieuDe", "NoiDungChu", "NgonNgu", "MucDoUuTien", "LoaiLinhVuc",
          "DanhSachDiaBan", "DienTap", "HuyChiThi", "ThoiDiem", "HetHan", "LichPhat", "TepAmThanh",
          "DieuKhienThietBi"]  # fmt: skip
KINDS = st.sampled_from(["ban-tin", "phat-khan-cap", "huy", "dieu-khien", "chi-dao"])


@settings(max_examples=150, deadline=None)
@given(
    one=st.dictionaries(st.sampled_from(FIELDS), JSON),
    kind=KINDS | JSON,
    name=st.text(min_size=1, max_size=5) | JSON,
)
def test_nothing_a_province_sends_is_more_than_a_refused_directive(one, kind, name):
    store = MemoryStore()
    row = {**unit_row(COMMUNE, "Xã"), "valid_to": None, "code_system": None, "code": None}
    store.add("units", {**row, "successor": None})
    store.add("peers", peer_row())
    connector = HtttnV2(ACCOUNT, mapping.read(mapping.shipped("htttn_v2")), Wire(), int)
    given_one = connector.directive({**one, "Loai": kind, "ChiThiID": name})
    kept = supply.receive(store, peer_row(), given_one, 1_800_000_000, 420)
    assert kept is None or kept["state"] in ("received", "offered", "waiting", "done", "refused")
    json.dumps(kept, ensure_ascii=False).encode()


@settings(max_examples=60, deadline=None)
@given(answer=st.binary(max_size=40) | JSON.map(lambda v: json.dumps({"KetQua": v}).encode()))
async def test_no_answer_of_a_province_breaks_the_mirror(answer):
    class Saying(Wire):
        async def request(self, method, url, headers, body=b""):
            if url.endswith("dang-nhap"):
                given = {"Token": "t", "HetHan": "2030-01-01T00:00:00Z"}
                return Reply(200, {}, json.dumps({"DuLieu": given}).encode())
            return Reply(200, {}, answer)

    connector = HtttnV2(ACCOUNT, mapping.read(mapping.shipped("htttn_v2")), Saying(), int)
    try:
        assert await connector.send([letter("k")]) == []
    except Trouble as trouble:
        assert trouble.code == "mirror.link"


def letter(key, **changes):
    body = {"node": "loa-1", "started_ms": 1, "ended_ms": 2, "title": "t", "class": "normal"}
    return Letter(1, key, "play", "play/loa-1", 1, {**body, **changes})


async def test_a_letter_that_a_person_spoilt_stops_no_other(province):
    spoilt = letter("bad", started_ms="hôm qua")
    verdicts = await province.connector.send([spoilt, letter("also", started_ms=[1])])
    assert {one.outcome for one in verdicts} == {"refused"} and "written" in verdicts[0].reason


class Drop:
    """A folder that a hub and a province share, and both their keys."""

    def __init__(self, folder):
        self.folder = folder
        self.hub, self.province = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        public = self.province.public_key().public_bytes_raw().hex()
        self.connector = file_drop.FileDrop(folder, public, self.sign, int)
        (folder / "in" / "media").mkdir(parents=True)

    def sign(self, message):
        return "key-1", self.hub.sign(message)

    def send(self, name, data, key=None):
        (self.folder / "in" / name).write_bytes(data)
        signature = (key or self.province).sign(file_drop.signed_message(data))
        text = json.dumps({"signature": signature.hex()})
        (self.folder / "in" / (name + ".sig")).write_text(text)


async def test_a_folder_takes_letters_under_the_hubs_signature(tmp_path):
    drop = Drop(tmp_path)
    verdicts = await drop.connector.send([letter("k1"), letter("k2")])
    assert [one.outcome for one in verdicts] == ["taken", "taken"]
    (path,) = (tmp_path / "out").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["key"] for one in lines] == ["k1", "k2"] and lines[0]["title"] == "t"
    said = json.loads(path.with_name(path.name + ".sig").read_text())
    public = Ed25519PublicKey.from_public_bytes(drop.hub.public_key().public_bytes_raw())
    public.verify(bytes.fromhex(said["signature"]), file_drop.signed_message(path.read_bytes()))
    (tmp_path / "out").rename(tmp_path / "gone")
    (tmp_path / "out").write_text("a file where the folder was")
    with pytest.raises(Trouble) as caught:
        await drop.connector.send([letter("k3")])
    assert caught.value.code == "mirror.folder"


async def test_a_folder_gives_directives_of_the_province_alone(tmp_path, services):
    drop = Drop(tmp_path)
    media = b"RIFF" * 9
    (tmp_path / "in" / "media" / "a").write_bytes(media)
    one = {"supply": "f1", "kind": "bulletin", "class": "normal", "text": "Chữ", "title": "Từ USB",
           "areas": [{"code": COMMUNE}]}  # fmt: skip
    lines = [json.dumps(one, ensure_ascii=False), "{", "[1]", "[" * 10_000, ""]
    drop.send("001.jsonl", "\n".join(lines).encode())
    drop.send("002.jsonl", b'{"supply":"f2"}', key=drop.hub)
    page = await drop.connector.pull("")
    assert [(one.supply, one.kind) for one in page.directives] == [("f1", "bulletin")]
    assert (page.cursor, page.is_last) == ("001.jsonl", False)
    with pytest.raises(Trouble) as caught:
        await drop.connector.pull(page.cursor)
    assert caught.value.code == "mirror.unsigned" and "002.jsonl" in str(caught.value)
    assert await drop.connector.fetch("../../in/media/a", 4, 8) == media[4:12]
    for name in ("/etc/hostname", "a\0", "..", ""):
        with pytest.raises(Trouble):
            await drop.connector.fetch(name, 0, 8)
    await services.ledger.write(lambda s: s.add("peers", peer_row(connector="file-drop")))
    given_one, now_s = page.directives[0], services.now_s()
    row = await services.ledger.write(
        lambda s: supply.receive(s, peer_row(), given_one, now_s, 420)
    )
    assert row["state"] == "offered" and row["title"] == "Từ USB"


def test_a_directive_keeps_only_what_has_its_type():
    found = directive.read(7, None, {"title": "\ud800", "expires_s": True, "areas": [1, {}]})
    assert found.supply == "" and found.kind == "unknown" and found.body["title"] is None
    assert found.body["expires_s"] is None
    assert found.body["areas"] == [None, {"code": None, "system": None}]


async def test_a_days_sums_follow_the_provinces_clock(services):
    from hub import facts
    from hub.mirror import telling

    moment_ms = 1_800_000_000_000 // 86_400_000 * 86_400_000 + 1
    for offset_min, day in ((420, "2027-01-15"), (-60, "2027-01-14")):
        await services.ledger.write(lambda s, m=offset_min: facts.put(s, facts.UTC_OFFSET_MIN, m))
        assert await services.ledger.read(lambda s: telling.local_day(s, moment_ms)) == day
    assert outbox.KINDS[0] == "alert"
