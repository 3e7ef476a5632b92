"""The province's decisions: requests in, answers out, no socket and no clock of its own.

`Answer.delay_ms` and `Answer.is_lost` are for whoever carries it: a server waits and hangs up, a
test in virtual time counts. Records are on disk before an answer exists.
"""

import hashlib
import hmac
import json
import secrets
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tools.province.faults import Faults
from tools.province.schema import BASE, Schema
from tools.province.store import Store

TAKEN, AGAIN, REFUSED, LATER = 0, 1, 2, 3
# A record from further ahead than this is not believed yet.
AHEAD_S = 600
PAGE_MAX = 200
BODY_BYTES_MAX = 8 * 1024 * 1024
KINDS = {
    "trang-thai-thiet-bi": "ThietBi",
    "nhat-ky-phat": "NhatKyPhat",
    "lich-phat": "LichPhat",
    "canh-bao": "CanhBao",
    "khoang-trong": "KhoangTrong",
    "thong-ke": "ThongKe",
    "ket-qua": "KetQuaChiThi",
}
Query = Mapping[str, str]


class Answer(NamedTuple):
    """Hold one answer; `body` is JSON unless a content type stands in the headers."""

    status: int
    headers: dict[str, str]
    body: bytes
    delay_ms: int = 0
    is_lost: bool = False


class _Stop(Exception):
    def __init__(self, answer: Answer):
        super().__init__(answer.status)
        self.answer = answer


def _json(status: int, value: object, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(value, ensure_ascii=False).encode())


def _refusal(status: int, text: str, **headers: str) -> _Stop:
    return _Stop(_json(status, {"MaTrangThai": status, "MoTa": text}, **headers))


def moment(now_ms: int) -> str:
    """Return a time as the schema writes it."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Desk:
    """Answer one hub after another; `now_ms` is the true time, the desk's own may be skewed."""

    def __init__(self, store: Store, now_ms: Callable[[], int], name: str, password: str):
        self.store = store
        self.faults = Faults()
        self._schema = Schema()
        self._true_now_ms = now_ms
        self._name, self._password = name, password
        self._tokens: dict[str, int] = {}

    def _now_ms(self) -> int:
        return self._true_now_ms() + self.faults.numbers["skew_s"] * 1000

    def handle(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one request; header names are lower-case."""
        try:
            answer = self._handle(method, path, query, headers, body)
        except _Stop as stop:
            answer = stop.answer
        if self.faults.happens("slow"):
            answer = answer._replace(delay_ms=self.faults.numbers["slow_ms"])
        return answer

    def _handle(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        if not path.startswith(BASE):
            raise _refusal(404, "không có địa chỉ này")
        if self.faults.happens("error"):
            raise _refusal(500, "lỗi máy chủ")
        if self.faults.happens("busy"):
            wait = str(self.faults.numbers["retry_after_s"])
            raise _refusal(429, "quá nhiều yêu cầu", **{"Retry-After": wait})
        what = path.removeprefix(BASE)
        if (method, what) == ("POST", "dang-nhap"):
            return self._login(_value(headers, body))
        self._check_token(headers)
        if (method, what) == ("GET", "chi-thi"):
            return self._directives(query)
        if method == "GET" and what.startswith("noi-dung/"):
            return self._media(what.removeprefix("noi-dung/"), headers)
        if method == "POST" and what in KINDS:
            return self._take(KINDS[what], _value(headers, body))
        raise _refusal(404, "không có địa chỉ này")

    def _login(self, value: object) -> Answer:
        complaint = self._schema.complaint("DangNhap", value)
        if complaint or not isinstance(value, dict):
            raise _refusal(400, complaint)
        given = (value["TenDangNhap"] + "\n" + value["MatKhau"]).encode()
        if not hmac.compare_digest(given, (self._name + "\n" + self._password).encode()):
            raise _refusal(401, "sai tên hoặc mật khẩu")
        token, now_ms = secrets.token_hex(16), self._now_ms()
        self._tokens = {one: end for one, end in self._tokens.items() if end > now_ms}
        self._tokens[token] = now_ms + self.faults.numbers["token_s"] * 1000
        found = {"Token": token, "HetHan": moment(self._tokens[token])}
        return _json(200, {"MaTrangThai": 0, "MoTa": "", "DuLieu": found})

    def _check_token(self, headers: Mapping[str, str]) -> None:
        if self.faults.happens("expired"):
            self._tokens.clear()
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= self._now_ms():
            raise _refusal(401, "phiên đã hết hạn")

    def _take(self, kind: str, value: Any) -> Answer:
        complaint = self._schema.envelope_complaint(kind, value)
        if complaint:
            raise _refusal(400, complaint)
        records = value["DanhSach"]
        if self.faults.happens("partial"):
            records = records[: self.faults.part_of(len(records))]
        results = self._judge(kind, records)
        answer = [
            {"MaBanGhi": key, "MaTrangThai": status, "MoTa": why} for key, status, why in results
        ]
        if self.faults.happens("doubled"):
            answer += answer
        found = _json(200, {"MaTrangThai": 0, "MoTa": "", "KetQua": answer})
        return found._replace(is_lost=self.faults.happens("lost"))

    def _judge(self, kind: str, records: list[Any]) -> list[tuple[str, int, str]]:
        keys = [one.get("MaBanGhi") for one in records if isinstance(one, dict)]
        held = self.store.held(key for key in keys if isinstance(key, str))
        held_before = set(held)
        fresh: list[dict[str, Any]] = []
        results: list[tuple[str, int, str]] = []
        put_off: set[str] = set()
        for record in records:
            key, status, why = self._judge_one(kind, record, held, put_off)
            if status == TAKEN:
                fresh.append(record)
                held[key] = json.dumps(record, ensure_ascii=False, sort_keys=True)
            results.append((key, status, why))
        again = sum(1 for key, status, _ in results if status == AGAIN and key in held_before)
        if fresh or again:
            self.store.take(kind, fresh, again)
        return results

    def _judge_one(
        self, kind: str, record: Any, held: dict[str, str], put_off: set[str]
    ) -> tuple[str, int, str]:
        key = str(record.get("MaBanGhi", "")) if isinstance(record, dict) else ""
        complaint = self._schema.complaint(kind, record)
        if complaint:
            return key, REFUSED, complaint
        if key in held:
            same = _content(json.loads(held[key])) == _content(record)
            return (key, AGAIN, "") if same else (key, REFUSED, "mã này đã có nội dung khác")
        subject = record["ChuDe"]
        early = _read_moment(record["ThoiDiem"]) > self._now_ms() / 1000 + AHEAD_S
        if subject in put_off or early or self.faults.happens("later"):
            put_off.add(subject)
            return key, LATER, "thời điểm ở tương lai" if early else "chưa nhận lúc này"
        return key, TAKEN, ""

    def _directives(self, query: Query) -> Answer:
        after, most = query.get("sau", ""), query.get("toiDa", "50")
        if not after.isdigit() or not most.isdigit() or not 1 <= int(most) <= PAGE_MAX:
            raise _refusal(400, "sau, toiDa: số nguyên")
        found = self.store.directives(int(after), int(most))
        cursor = found[-1]["SoThuTu"] if found else int(after)
        page = {"MaTrangThai": 0, "MoTa": "", "DanhSach": found, "ConTro": cursor}
        answer = _json(200, page)
        return answer._replace(is_lost=self.faults.happens("lost"))

    def _media(self, sha256: str, headers: Mapping[str, str]) -> Answer:
        data = self.store.media(sha256)
        if data is None:
            raise _refusal(404, "không có tệp này")
        kind = {"Content-Type": "application/octet-stream"}
        asked = headers.get("range", "").removeprefix("bytes=").partition("-")
        if not asked[0].isdigit():
            return Answer(200, kind, data)
        first = int(asked[0])
        last = min(int(asked[2]), len(data) - 1) if asked[2].isdigit() else len(data) - 1
        if first > last:
            return Answer(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
        kind["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return Answer(206, kind, data[first : last + 1])

    def direct(self, directive: dict[str, Any]) -> str:
        """Issue a directive; return what is wrong with it, or nothing."""
        complaint = self._schema.complaint("ChiThi", {**directive, "SoThuTu": 1})
        if not complaint:
            self.store.direct(directive)
        return complaint

    def keep(self, data: bytes) -> str:
        """Keep a file for directives and return its SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.store.keep(sha256, data)
        return sha256


def _content(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says; a hub restored from a copy may number it anew."""
    return {name: value for name, value in record.items() if name != "SoThuTu"}


def _value(headers: Mapping[str, str], body: bytes) -> object:
    try:
        if headers.get("content-encoding") == "gzip":
            inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
            body = inflate.decompress(body, BODY_BYTES_MAX)
            if inflate.unconsumed_tail:
                raise _refusal(413, "quá dài")
        return json.loads(body)
    except (ValueError, RecursionError, zlib.error):
        raise _refusal(400, "không phải JSON") from None
