"""The pages over real HTTP: the whole way of a bulletin, and everything that is refused."""

import asyncio
import html
import re

import aiohttp
import pytest

from hub import bulletins, fleet, ingest
from hub.app import create_app
from hub.ending import end
from hub.serving import Listener
from protocols import records
from tests.hub.conftest import COMMUNE, signed_in

OWN = {"Sec-Fetch-Site": "same-origin"}
FIELDS = {
    "unit": COMMUNE,
    "title": "Tin bão số 13",
    "class": "priority",
    "text": "Mưa lớn từ 17h30.",
    "voice": "vi-VN",
    "language": "vi-VN",
    "when": "now",
}


@pytest.fixture
async def pages(services):
    """Serve the pages; give `await pages(method, path, **options)` as (response, text)."""
    served = Listener(create_app(services))
    await served.start("127.0.0.1", 0)
    work = asyncio.create_task(services.production.run())
    base = f"http://127.0.0.1:{served.port}"
    jar = aiohttp.CookieJar(unsafe=True)
    cookies = await signed_in(services)
    async with aiohttp.ClientSession(base, headers=OWN, cookie_jar=jar, cookies=cookies) as session:

        async def ask(method, path, **options):
            async with session.request(method, path, **options) as response:
                body = await response.read()
                text = response.content_type.startswith("text/")
                return response, body.decode() if text else body

        yield ask
    async with asyncio.timeout(60):
        await end([work])
        await served.close()


def multipart(audio=None, **changes):
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in {**FIELDS, **changes}.items():
        for one in value if isinstance(value, list) else [value]:
            form.add_field(name, one)
    if audio is not None:
        form.add_field("audio", audio, filename="loa.mp3", content_type="audio/mpeg")
    return form


async def write(pages, wait=True, **changes):
    """Send the form and, with `wait`, wait until it is made; return the bulletin's path."""
    response, _ = await pages("POST", "/bulletins", data=multipart(**changes))
    assert response.status == 200
    path = response.url.path
    if not wait:
        return path, None
    for _ in range(200):
        response, _ = await pages("GET", "/parts" + path)
        if response.headers["X-State"] != bulletins.MAKING:
            return path, response.headers["X-State"]
        await asyncio.sleep(0.05)
    raise AssertionError("the bulletin was never made")


async def test_a_bulletin_is_written_heard_signed_and_published(pages, services, passphrases):
    await services.ledger.write(
        lambda s: fleet.add_node(
            s,
            fleet.NodeForm("bang-1", COMMUNE, "Bảng", "board", b"b" * 32, board="192x64x1"),
            "test",
            1,
        )
    )
    path, state = await write(pages, text="Tâm bão vào lúc 17h30.", hamlet=[f"{COMMUNE}/lang-kon"])
    assert state == bulletins.READY
    _, text = await pages("GET", path)
    assert "Nghe thử" in text and "mười bảy giờ ba mươi phút" in text and "Làng Kon" in text
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    for one in row["renditions"]:
        response, body = await pages("GET", f"{path}/renditions/{one['profile']}")
        assert body == services.blobs.path(one["sha256"]).read_bytes()
        assert response.content_type == one["media_type"].split(";")[0]
    response, body = await pages("GET", f"{path}/frames/board-192x64x1/0")
    assert (response.content_type, body[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, text = await pages("POST", f"{path}/approve", data=signature)
    assert response.status == 200 and "Đã phát hành" in text
    _, text = await pages("GET", "/")
    assert "Tin bão số 13" in text
    response, text = await pages("POST", f"{path}/recall", data=signature)
    assert response.status == 200 and "Đã gỡ" in text


async def test_a_wrong_passphrase_is_told_and_changes_nothing(pages, services, passphrases):
    path, _ = await write(pages)
    for typed, said in (
        (passphrases["xa-2"], "không phải của người đã chọn"),
        ("abc", "bị gõ sai"),
        ("", "bị gõ sai"),
    ):
        signature = {"approver": "xa-1", "passphrase": typed}
        response, text = await pages("POST", f"{path}/approve", data=signature)
        assert response.status == 422 and said in text
        assert typed == "" or typed not in text
    response, text = await pages(
        "POST", f"{path}/approve", data={"approver": "", "passphrase": "x"}
    )
    assert response.status == 400 and "Chưa chọn người duyệt" in text
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert row["state"] == bulletins.READY


async def test_a_refused_form_says_why_and_loses_nothing(pages, services):
    long = "Bà con chú ý. " * 40
    for changes, said in (
        ({"title": " "}, "Tiêu đề còn trống"),
        ({"when": "once", "once_date": "2020-01-01", "once_time": "05:30"}, "đã qua"),
        ({"when": "once", "once_date": "", "once_time": ""}, "Thiếu ngày phát"),
        ({"when": "daily", "daily_times": "25:00"}, "Thiếu giờ phát"),
        ({"hamlet": ["00.prov/lang-kon"]}, "không thuộc đơn vị"),
        ({"class": "emergency", "hours": "99"}, "Thời gian của báo động"),
        ({"unit": "03.none", "hamlet": []}, "Chưa chọn đơn vị"),
    ):
        fields = {"text": long, "title": "Giữ nguyên", "hamlet": [f"{COMMUNE}/lang-kon"], **changes}
        response, text = await pages("POST", "/bulletins", data=multipart(**fields))
        assert response.status == 400 and said in text, changes
        assert long.strip() in text
        if "title" not in changes:
            assert 'value="Giữ nguyên"' in text
        if "hamlet" not in changes:
            assert re.search(r'value="03.k7f2/lang-kon" checked', text)
    assert await services.ledger.read(lambda s: s.count("bulletins")) == 0


async def test_a_recording_is_taken_kept_over_a_refusal_and_made(pages, services, tmp_path):
    source = tmp_path / "loa.mp3"
    command = "ffmpeg -v error -f lavfi -i sine=440:d=1.5 -b:a 64k".split()
    process = await asyncio.create_subprocess_exec(*command, str(source))
    assert await process.wait() == 0
    data = source.read_bytes()
    response, text = await pages("POST", "/bulletins", data=multipart(data, title="", text=""))
    assert response.status == 400
    (upload,) = re.findall(r'name="upload" value="([0-9a-f]{64})"', text)
    path, state = await write(pages, upload=upload, text="")
    assert state == bulletins.READY
    _, text = await pages("GET", path + "/edit")
    assert upload in text
    path, state = await write(pages, audio=b"this is no sound" * 99, text="")
    assert state == bulletins.FAILED
    _, text = await pages("GET", path)
    assert "không phải tệp âm thanh" in text
    response, _ = await pages("POST", path, data=multipart(title="Sửa lại"))
    assert response.url.path == path
    response, _ = await pages("POST", path + "/withdraw")
    row = await services.ledger.read(lambda s: s.get("bulletins", path.split("/")[-1]))
    assert row["version"] == 2 and row["state"] in (bulletins.MAKING, bulletins.WITHDRAWN)


async def test_too_much_and_broken_forms_are_refused(pages, services, monkeypatch):
    monkeypatch.setattr("hub.form.UPLOAD_BYTES_MAX", 1000)
    response, text = await pages("POST", "/bulletins", data=multipart(b"x" * 2000))
    assert response.status == 413 and "quá lớn" in text
    junk = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x\r\nnonsense", b"--x--\r\n--x", b"\xff" * 5000):
        response, text = await pages("POST", "/bulletins", data=body, headers=junk)
        assert response.status == 400, body
    many = "&".join(f"f{number}=1" for number in range(500))
    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    response, text = await pages("POST", "/bulletins", data=many.encode(), headers=plain)
    assert response.status == 400 and "chưa đầy đủ" in text
    assert not list(services.config.blobs.glob(".draft-*"))


async def test_what_people_type_is_never_markup(pages):
    evil = '"><script>alert(1)</script>'
    path, _ = await write(pages, wait=False, title=evil, text=evil + " nội dung")
    for where in (path, "/", path + "/edit"):
        response, text = await pages("GET", where)
        assert "<script>alert" not in text
        assert html.escape(evil, quote=False)[:8] in text or "&#34;" in text
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text)


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403, "trang khác"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "trang khác"),
        ({"Host": "hub.example"}, 421, "chỉ mở trên chính máy chủ"),
        ({"Host": "127.0.0.1.evil.example"}, 421, "chỉ mở trên chính máy chủ"),
    ],
)
async def test_foreign_pages_and_foreign_names_are_refused(pages, services, headers, status, said):
    response, text = await pages("POST", "/bulletins", data=multipart(), headers=headers)
    assert response.status == status and said in text
    assert await services.ledger.read(lambda s: s.count("bulletins")) == 0


async def test_without_fetch_metadata_the_origin_decides(services):
    served = Listener(create_app(services))
    await served.start("127.0.0.1", 0)
    base = f"http://127.0.0.1:{served.port}"
    jar = aiohttp.CookieJar(unsafe=True)
    cookies = await signed_in(services)
    async with aiohttp.ClientSession(base, cookie_jar=jar, cookies=cookies) as session:
        for origin, status in (
            (base, 200),
            ("http://evil.example", 403),
            ("null", 403),
            (None, 403),
        ):
            headers = {"Origin": origin} if origin else {}
            async with session.post("/bulletins", data=multipart(), headers=headers) as response:
                assert response.status == status, origin
    await served.close()


async def test_the_open_network_sees_no_page(hub):
    for path in ("/", "/bulletins/new", "/healthz", "/parts/overview"):
        response, body = await hub("GET", path)
        assert response.status == 404
        assert b"http.not_found" in body


async def test_missing_pages_answer_kindly(pages):
    for path in ("/nothing", "/bulletins/b000000000000", "/static/x/chieng.css", "/bulletins/x"):
        response, text = await pages("GET", path)
        assert response.status in (400, 404) and "Về trang tổng quan" in text
    response, _ = await pages("GET", "/v1/nothing")
    assert response.content_type == "application/json"
    response, body = await pages("GET", "/healthz")
    assert response.status == 200 and b'"ok": true' in body


async def test_what_nobody_expected_is_answered_kindly_and_logged(pages, hub, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("hub.pages.overview", broken)
    response, text = await pages("GET", "/")
    assert response.status == 500 and "chưa có lời giải thích" in text and "a bug" not in text
    monkeypatch.setattr("hub.static_files.MetadataFiles.read", broken)
    response, body = await hub("GET", f"/v1/units/{COMMUNE}/metadata/timestamp.json")
    assert response.status == 500 and b'"code": "hub.unexpected"' in body
    assert [one.exc_info[0] for one in caplog.records] == [ZeroDivisionError] * 2


def record(store, node, kind, body, now_ms, chain="plays"):
    entry = records.Chain(node, chain, "ab" * 8).build(now_ms, "hub", 5, kind, body)
    data = records.build_batch(node, chain, "ab" * 8, 0, [entry.data])
    contact = ingest.Contact(chain, now_ms // 1000, now_ms)
    ingest.accept(store, records.read_batch(data), contact)


async def test_the_overview_shows_faults_first_and_what_was_heard(pages, services, passphrases):
    now_ms = services.config.now_ms()

    def fill(store):
        for number, hamlet in ((1, "lang-kon"), (2, "thon-2")):
            key = bytes([number]) * 32
            form = fleet.NodeForm(f"loa-{number}", COMMUNE, f"Cụm {number}", "speaker", key, hamlet)
            fleet.add_node(store, form, "test", 1)
        play = {"item": "x.1", "title": "Bản tin sáng", "class": "normal", "unit": COMMUNE}
        play.update(started_ms=now_ms - 9000, ended_ms=now_ms, outcome="complete", resumed=False)
        record(store, "loa-1", "play", {**play, "evidence": {"grade": 3}}, now_ms)
        record(store, "loa-2", "play", {**play, "evidence": {"grade": 2}}, now_ms)
        fault = {"code": "amplifier.silent", "message": "0 W"}
        record(store, "loa-2", "fault", fault, now_ms, "health")

    await services.ledger.write(fill)
    path, _ = await write(pages, **{"class": "emergency", "hours": "2", "gap_min": "5"})
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    _, text = await pages("GET", "/")
    assert text.index("Cần xử lý") < text.index("Bản tin sáng")
    assert "Tăng âm không nhận lệnh hoặc không tiêu thụ điện" in text
    assert "Đã phát: đo được công suất ra loa" in text
    assert "Chưa chứng minh: rơ-le đã đóng" in text
    assert text.count('class="on-air">Tin bão số 13') == 2
    assert text.count("theo lịch") == 2 and "điểm phát báo về" not in text
    assert text.index("Cụm 2</a><br>") < text.index("Cụm 1</a><br>")
    response, _ = await pages("GET", "/parts/overview")
    known = {"If-None-Match": response.headers["ETag"]}
    response, _ = await pages("GET", "/parts/overview", headers=known)
    assert response.status == 304
    _, text = await pages("GET", "/?lang=en")
    assert "Needs attention" in text and "Cần xử lý" not in text


async def test_quiet_hours_are_told_before_anyone_signs(pages, services):
    _, text = await pages(
        "GET",
        (
            await write(
                pages,
                wait=False,
                when="daily",
                daily_times="02:00 05:30",
                weekday=["1"],
                daily_from="2099-01-01",
                daily_until="2099-02-01",
            )
        )[0],
    )
    assert "21:30–05:00" in text
    _, text = await pages(
        "GET",
        (await write(pages, wait=False, when="once", once_date="2099-01-01", once_time="05:30"))[0],
    )
    assert "21:30–05:00" not in text


async def test_what_is_on_air_is_what_the_node_says(pages, services, passphrases):
    now_ms = services.config.now_ms()
    form = fleet.NodeForm("loa-1", COMMUNE, "Cụm 1", "speaker", b"1" * 32, "lang-kon")
    await services.ledger.write(lambda s: fleet.add_node(s, form, "test", 1))
    path, _ = await write(pages, **{"class": "emergency", "hours": "2", "gap_min": "0"})
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    _, text = await pages("GET", "/")
    assert 'class="on-air">Tin bão số 13' in text and "theo lịch" in text
    play = {"title": "Tin bão số 13", "class": "emergency", "unit": COMMUNE, "outcome": "complete"}
    play |= {"item": path.rsplit("/", 1)[1] + ".1", "started_ms": now_ms, "ended_ms": now_ms + 900}
    said = {"item": "x.1", "title": "Bản tin sáng", "class": "normal", "left_ms": 60_000}

    def resume(store):
        record(store, "loa-1", "play", {**play, "evidence": {"grade": 3}}, now_ms)
        record(store, "loa-1", "on-air", said, now_ms + 1000, "health")

    await services.ledger.write(resume)
    _, text = await pages("GET", "/")
    assert 'class="on-air">Bản tin sáng' in text and "điểm phát báo về" in text
    assert 'class="on-air">Tin bão số 13' not in text
    ended = {"play_ended_ms": now_ms + 2000}
    await services.ledger.write(lambda s: s.change("node_status", ("loa-1",), ended))
    _, text = await pages("GET", "/")
    assert 'class="on-air"' not in text
