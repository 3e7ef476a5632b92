"""The reference province: its own judgement, its store, its fault switch."""

import json
import sqlite3

import aiohttp
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from tools.province import faults, schema
from tools.province.desk import AGAIN, LATER, REFUSED, TAKEN, Desk, moment
from tools.province.server import create_app
from tools.province.store import Store

NOW_MS = 1_764_000_000_000


class Caller:
    """Talk to a desk as a hub would."""

    def __init__(self, path=":memory:"):
        self.now_ms = NOW_MS
        self.desk = Desk(Store(path), lambda: self.now_ms, "hub", "secret")
        self.token = ""

    def ask(self, method, path, value=None, query=None, **headers):
        body = b"" if value is None else json.dumps(value).encode()
        known = {"authorization": f"Bearer {self.token}", **headers}
        return self.desk.handle(method, schema.BASE + path, query or {}, known, body)

    def login(self):
        answer = self.ask("POST", "dang-nhap", {"TenDangNhap": "hub", "MatKhau": "secret"})
        assert answer.status == 200, answer
        self.token = json.loads(answer.body)["DuLieu"]["Token"]
        return self

    def send(self, *records, kind="khoang-trong"):
        head = {"NguonID": "h", "TenNguon": "h", "DichID": "t", "TenDich": "t"}
        return self.ask("POST", kind, {**head, "DanhSach": list(records)})

    def results(self, *records):
        answer = self.send(*records)
        assert answer.status == 200, answer
        return [one["MaTrangThai"] for one in json.loads(answer.body)["KetQua"]]


def gap(key, subject="gap/a", number=1, **fields):
    record = {"MaBanGhi": key, "ChuDe": subject, "SoThuTu": number, "ThoiDiem": moment(NOW_MS)}
    return {**record, "CumLoaID": "a", "TuLuc": moment(NOW_MS), "TrangThai": "open",
            "LyDo": "silent", **fields}  # fmt: skip


def test_the_schema_is_openapi_3_1():
    document = schema.document()
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_a_record_counts_once_whatever_comes_twice():
    caller = Caller().login()
    assert caller.results(gap("1"), gap("2", number=2), gap("1")) == [TAKEN, TAKEN, AGAIN]
    assert caller.results(gap("2", number=2)) == [AGAIN]
    assert caller.results(gap("2", number=2, TrangThai="lost")) == [REFUSED]
    assert [one["MaBanGhi"] for one in caller.desk.store.records("KhoangTrong")] == ["1", "2"]
    assert caller.desk.store.tallies()["again"] == 1


def test_the_state_of_a_subject_is_its_highest_number():
    caller = Caller().login()
    caller.results(gap("new", number=9, TrangThai="filled"))
    caller.results(gap("old", number=3))
    assert [one["TrangThai"] for one in caller.desk.store.states("KhoangTrong")] == ["filled"]


def test_one_bad_record_does_not_spoil_its_neighbours():
    caller = Caller().login()
    assert caller.results(gap("1"), gap("2", TuLuc="hôm qua"), gap("3")) == [TAKEN, REFUSED, TAKEN]
    answer = json.loads(caller.send(gap("4", TuLuc="hôm qua")).body)
    assert "TuLuc" in answer["KetQua"][0]["MoTa"]


def test_what_is_put_off_takes_its_subject_along():
    caller = Caller().login()
    ahead = moment(NOW_MS + 3600_000)
    records = [gap("1", ThoiDiem=ahead), gap("2", number=2), gap("3", "gap/b")]
    assert caller.results(*records) == [LATER, LATER, TAKEN]
    caller.desk.faults.turn({"skew_s": 3600})
    caller.login()
    assert caller.results(*records) == [TAKEN, TAKEN, AGAIN]


def test_strangers_and_nonsense_are_refused():
    caller = Caller()
    assert caller.send(gap("1")).status == 401
    wrong = {"TenDangNhap": "hub", "MatKhau": "no"}
    assert caller.ask("POST", "dang-nhap", wrong).status == 401
    caller.login()
    assert caller.send().status == 400
    assert caller.ask("POST", "khoang-trong", [1]).status == 400
    assert caller.ask("GET", "khong-co").status == 404
    known = {"authorization": f"Bearer {caller.token}"}
    for body in (b"[" * 100_000, b"{", b"\xff"):
        path = schema.BASE + "khoang-trong"
        assert caller.desk.handle("POST", path, {}, known, body).status == 400
    caller.now_ms += 3601_000
    assert caller.send(gap("1")).status == 401


def test_every_switch_does_what_it_says():
    caller = Caller().login()
    turn = caller.desk.faults.turn
    words = caller.desk.faults.turn_text
    assert words("{") and words("[1]") and words('{"no": 1}') and not words('{"seed": 7}')
    assert turn({"nonsense": 1}) and turn({"slow": 2}) and turn({"slow": True})
    for name, seen in (
        ("slow", lambda a: a.delay_ms == 3000),
        ("error", lambda a: a.status == 500),
        ("busy", lambda a: a.status == 429 and a.headers["Retry-After"] == "5"),
        ("doubled", lambda a: len(json.loads(a.body)["KetQua"]) == 4),
        ("partial", lambda a: len(json.loads(a.body)["KetQua"]) < 2),
        ("later", lambda a: json.loads(a.body)["KetQua"][0]["MaTrangThai"] == LATER),
        ("lost", lambda a: a.is_lost),
        ("expired", lambda a: a.status == 401),
    ):
        turn(dict.fromkeys(faults.CHANCES, 0) | {name: 1})
        answer = caller.send(gap(name), gap(name + "2", number=2))
        assert seen(answer), (name, answer)
    kept = {one["MaBanGhi"] for one in caller.desk.store.records("KhoangTrong")}
    assert {"lost", "lost2", "slow"} <= kept and "error" not in kept and "later" not in kept


def test_directives_and_media():
    caller = Caller().login()
    sha256 = caller.desk.keep(b"0123456789")
    directive = {"ChiThiID": "d1", "Loai": "chi-dao", "ThoiDiem": moment(NOW_MS), "TieuDe": "x"}
    assert caller.desk.direct({**directive, "Loai": "?"})
    assert caller.desk.direct(directive) == "" == caller.desk.direct({**directive, "ChiThiID": "2"})
    page = json.loads(caller.ask("GET", "chi-thi", query={"sau": "1"}).body)
    assert [one["ChiThiID"] for one in page["DanhSach"]] == ["2"] and page["ConTro"] == 2
    assert caller.ask("GET", "chi-thi", query={"sau": "x"}).status == 400
    part = caller.ask("GET", f"noi-dung/{sha256}", range="bytes=4-6")
    assert (part.status, part.body) == (206, b"456")
    assert caller.ask("GET", f"noi-dung/{sha256}", range="bytes=10-").status == 416
    assert caller.ask("GET", "noi-dung/" + "0" * 64).status == 404


async def test_over_a_socket_and_after_a_restart(tmp_path):
    path = tmp_path / "province.sqlite3"
    caller = Caller(path)
    runner = web.AppRunner(create_app(caller.desk), auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = "http://%s:%d" % runner.addresses[0][:2]
    async with aiohttp.ClientSession(base) as session:
        caller.login()
        session.headers["Authorization"] = f"Bearer {caller.token}"
        head = {"NguonID": "h", "TenNguon": "h", "DichID": "t", "TenDich": "t"}
        body = {**head, "DanhSach": [gap("1")]}
        for address in ("/_tinh/loi", "/_tinh/chi-thi"):
            async with session.post(address, data=b"[") as answer:
                assert answer.status == 400
        await session.post("/_tinh/loi", json={"lost": 1})
        with pytest.raises(aiohttp.ClientError):
            async with session.post("/api/v2/khoang-trong", json=body):
                pass
        async with session.get("/_tinh/xem/tong") as answer:
            assert (await answer.json())["kinds"] == {"KhoangTrong": 1}
        async with session.get("/openapi.json") as answer:
            assert await answer.json() == schema.document()
    await runner.cleanup()
    caller.desk.store.close()
    with sqlite3.connect(path) as base:
        assert base.execute("SELECT count(*) FROM records").fetchone() == (1,)
    again = Caller(path).login()
    assert again.results(gap("1")) == [AGAIN]
    again.desk.store.close()
