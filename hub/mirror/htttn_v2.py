"""Connector: HTTTN v2 draft. De facto messages by a mapping file, bearer login, gzip."""

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hub.mirror.connector import (
    LATER,
    REFUSED,
    TAKEN,
    Connector,
    Doubt,
    Letter,
    Page,
    Trouble,
    Verdict,
)
from hub.mirror.directive import Directive
from hub.mirror.directive import read as read_directive
from hub.mirror.mapping import Mapping, moment, read_moment
from hub.mirror.wire import Reply, Wire, link_lost

_OUTCOMES = {0: TAKEN, 1: TAKEN, 2: REFUSED, 3: LATER}
# A token is renewed this long before its end; the two clocks may differ.
RENEW_MS = 60_000
PAGE = 50


class Account(NamedTuple):
    """Say where the province is, who we are there, and how we log in."""

    url: str
    source_id: str
    source_name: str
    target_id: str
    target_name: str
    user: str
    password: str


class HtttnV2(Connector):
    """Speak the draft to one province."""

    def __init__(self, account: Account, mapping: Mapping, wire: Wire, now_ms: Callable[[], int]):
        self._account = account
        self._mapping = mapping
        self._wire = wire
        self._now_ms = now_ms
        self._base = account.url.rstrip("/") + mapping.content["base"]
        self._token = ""
        self._token_end_ms = 0

    async def send(self, letters: Sequence[Letter]) -> list[Verdict]:
        kind = letters[0].kind
        verdicts: dict[str, Verdict] = {}
        written = []
        for letter in letters:
            try:
                written.append(self._record(letter))
            except (TypeError, ValueError, OverflowError, OSError) as error:
                # Only a person's correction can have done this; it must not stop all others.
                verdicts[letter.key] = Verdict(letter.key, REFUSED, f"cannot be written: {error}")
        if not written:
            return list(verdicts.values())
        value = {
            "NguonID": self._account.source_id,
            "TenNguon": self._account.source_name,
            "DichID": self._account.target_id,
            "TenDich": self._account.target_name,
            "DanhSach": written,
        }
        data = _gzip(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        reply = await self._ask("POST", self._mapping.paths[kind], headers, data)
        sent = {letter.key for letter in letters}
        for one in _listed(reply, "KetQua"):
            key, status = one.get("MaBanGhi"), one.get("MaTrangThai")
            if not isinstance(key, str) or not isinstance(status, int):
                continue
            if key in sent and key not in verdicts and status in _OUTCOMES:
                verdicts[key] = Verdict(key, _OUTCOMES[status], str(one.get("MoTa", "")))
        return list(verdicts.values())

    def _record(self, letter: Letter) -> dict[str, Any]:
        head = {
            "MaBanGhi": letter.key,
            "ChuDe": letter.subject,
            "SoThuTu": letter.number,
            "ThoiDiem": moment(letter.at_ms),
        }
        return {**head, **self._mapping.body(letter.kind, letter.body)}

    async def pull(self, cursor: str) -> Page:
        asked = f"{self._mapping.content['directives']}?sau={cursor or '0'}&toiDa={PAGE}"
        reply = await self._ask("GET", asked, {}, b"")
        found = _listed(reply, "DanhSach")
        end = _value(reply).get("ConTro")
        if not isinstance(end, int):
            raise link_lost("an answer without its cursor")
        return Page([self.directive(one) for one in found], str(end), len(found) < PAGE)

    def directive(self, one: dict[str, Any]) -> Directive:
        """Return a directive in our words; what cannot be read has the kind `unknown`."""
        content = self._mapping.content
        kind = content["directive_kinds"].get(str(one.get("Loai")), "unknown")
        areas, when = one.get("DanhSachDiaBan"), one.get("LichPhat")
        media, order = one.get("TepAmThanh"), one.get("DieuKhienThietBi")
        days = one.get("QuocTang")
        if kind == "directive" and isinstance(days, dict):
            kind = "mourning"
        body: dict[str, Any] = {
            "title": one.get("TieuDe"),
            "text": one.get("NoiDungChu"),
            "language": one.get("NgonNgu"),
            "class": content["classes"].get(str(one.get("MucDoUuTien", 3))),
            "topic": one.get("LoaiLinhVuc"),
            "areas": [
                {"code": area.get("Ma"), "system": area.get("HeMa")}
                for area in (areas if isinstance(areas, list) else [])
                if isinstance(area, dict)
            ],
            "drill": one.get("DienTap") is True,
            "cancels": one.get("HuyChiThi"),
            "sent_s": _seconds(one.get("ThoiDiem")),
            "expires_s": _seconds(one.get("HetHan")),
        }
        if isinstance(when, dict):
            body["schedule"] = {"day": when.get("Ngay"), "time": when.get("Gio")}
        if isinstance(days, dict):
            body["mourning"] = {
                "name": days.get("Ten"),
                "from": days.get("TuNgay"),
                "until": days.get("DenNgay"),
            }
        if isinstance(media, dict):
            body["media"] = {
                "url": media.get("NoiDung"),
                "sha256": media.get("MaBam"),
                "length": media.get("DoDai"),
            }
        if isinstance(order, dict):
            command = content["commands"].get(str(order.get("MaLenh")))
            body["command"] = {
                "node": order.get("CumLoaID"),
                "command": command,
                "value": order.get("ThamSo"),
            }
        return read_directive(one.get("ChiThiID"), kind, body)

    async def fetch(self, url: str, offset: int, count: int) -> bytes:
        """Fetch from the province itself only: `url` is a path below its own address."""
        headers = {"Range": f"bytes={offset}-{offset + count - 1}"}
        path = url.rsplit("/", 1)[-1]
        reply = await self._ask("GET", self._mapping.content["media"] + path, headers, b"")
        if reply.status == 206:
            return reply.body[:count]
        return reply.body[offset : offset + count]

    def doubts(self) -> list[Doubt]:
        return [Doubt(*one) for one in self._mapping.content["doubts"]]

    async def close(self) -> None:
        await self._wire.close()

    async def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Ask with a token; a token that ended early is renewed once."""
        for attempt in (1, 2):
            if self._now_ms() > self._token_end_ms - RENEW_MS or not self._token:
                await self._login()
            bearer = {"Authorization": f"Bearer {self._token}"}
            reply = await self._wire.request(method, self._base + path, {**headers, **bearer}, body)
            if reply.status != 401 or attempt == 2:
                break
            self._token = ""
        _check(reply)
        return reply

    async def _login(self) -> None:
        value = {"TenDangNhap": self._account.user, "MatKhau": self._account.password}
        reply = await self._wire.request(
            "POST",
            self._base + self._mapping.content["login"],
            {"Content-Type": "application/json"},
            json.dumps(value).encode(),
        )
        if reply.status == 401:
            raise Trouble(
                "mirror.login", "the province refused name or password", "Correct the account."
            )
        _check(reply)
        given = _value(reply).get("DuLieu")
        token = given.get("Token") if isinstance(given, dict) else None
        end_s = _seconds(given.get("HetHan")) if isinstance(given, dict) else None
        if not isinstance(token, str) or end_s is None:
            raise link_lost("a login without a token")
        self._token = token
        # A province whose clock is wrong names an end that is past or far: then 401 decides.
        now_ms = self._now_ms()
        life_ms = end_s * 1000 - now_ms
        is_likely = 2 * RENEW_MS < life_ms < 86_400_000
        self._token_end_ms = now_ms + (life_ms if is_likely else 3600_000)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _seconds(text: object) -> int | None:
    try:
        return read_moment(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _value(reply: Reply) -> dict[str, Any]:
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise link_lost("an answer that is no JSON") from None
    if not isinstance(value, dict):
        raise link_lost("an answer that is no object")
    return value


def _listed(reply: Reply, name: str) -> list[dict[str, Any]]:
    found = _value(reply).get(name)
    if not isinstance(found, list):
        raise link_lost(f"an answer without {name}")
    return [one for one in found if isinstance(one, dict)]


def _check(reply: Reply) -> None:
    """Raise what a status means."""
    if reply.status in (200, 206):
        return
    try:
        said = str(_value(reply).get("MoTa", ""))[:200]
    except Trouble:
        said = ""
    message = f"HTTP {reply.status} {said}".strip()
    remedy = "It is tried again by itself."
    after = reply.headers.get("retry-after", "")
    retry_ms = int(after) * 1000 if after.isdigit() and len(after) < 7 else None
    if reply.status == 401:
        raise Trouble("mirror.login", message, "Correct the account at the province.")
    if reply.status == 429:
        raise Trouble("mirror.busy", message, remedy, retry_ms)
    if reply.status in (400, 413, 422):
        raise Trouble("mirror.refused", message, remedy, is_batch=True)
    raise Trouble("mirror.server", message, remedy, retry_ms)
