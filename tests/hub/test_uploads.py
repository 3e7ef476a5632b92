"""Recordings in pieces: cut anywhere, resumed, looked into, never served as they came."""

import asyncio
import base64
import os

import aiohttp
import pytest

from hub import drafts, retention, uploads
from hub.app import create_app
from protocols.errors import RemoteFault
from tests.hub.conftest import serving, signed_in
from tests.hub.test_pages import OWN

PIECE = {"Content-Type": "application/offset+octet-stream"}
NAME = base64.b64encode("loa thôn.mp3".encode()).decode()


@pytest.fixture
async def ask(services):
    """Give `await ask(method, path, **options)` of a signed-in author as (response, body)."""
    async with serving(create_app(services)) as served:
        base = f"http://127.0.0.1:{served.port}"
        jar = aiohttp.CookieJar(unsafe=True)
        cookies = await signed_in(services)
        async with aiohttp.ClientSession(base, headers=OWN, cookie_jar=jar, cookies=cookies) as one:

            async def asked(method, path, **options):
                async with one.request(method, path, **options) as response:
                    return response, await response.read()

            yield asked


async def announce(ask, length):
    headers = {"Upload-Length": str(length), "Upload-Metadata": f"filename {NAME}"}
    response, _ = await ask("POST", "/uploads", headers=headers)
    assert response.status == 201
    return response.headers["Location"]


async def test_a_cut_upload_goes_on_where_it_stopped(ask, services):
    data = os.urandom(700_000)
    where = await announce(ask, len(data))

    async def half():
        yield data[:300_000]
        raise ConnectionResetError

    with pytest.raises((ConnectionResetError, aiohttp.ClientError)):
        await ask("PATCH", where, headers={**PIECE, "Upload-Offset": "0"}, data=half())
    reached = -1
    while reached != (reached := await offset(ask, where)):
        pass
    assert 0 <= reached <= 300_000
    for wrong in (reached + 1, len(data), -1):
        headers = {**PIECE, "Upload-Offset": str(wrong)}
        response, _ = await ask("PATCH", where, headers=headers, data=b"x")
        assert response.status == 409
    while reached < len(data):
        headers = {**PIECE, "Upload-Offset": str(reached)}
        response, _ = await ask("PATCH", where, headers=headers, data=data[reached:][:262_144])
        assert response.status == 204
        reached = int(response.headers["Upload-Offset"])
    response, _ = await ask("HEAD", where)
    assert services.blobs.path(response.headers["X-Sha256"]).read_bytes() == data
    assert list(services.config.uploads.iterdir()) == []


async def offset(ask, where):
    response, _ = await ask("HEAD", where)
    return int(response.headers["Upload-Offset"])


async def test_what_is_no_recording_is_told_and_what_is_one_is_shown(ask, tmp_path):
    sound = tmp_path / "hot.wav"
    command = f"ffmpeg -v error -f lavfi -i sine=300:d=2 -af volume=40dB {sound}"
    assert os.system(command) == 0
    for data, said in ((sound.read_bytes(), "vỡ tiếng"), (b"<svg/>" * 50, "không phải tệp âm")):
        where = await announce(ask, len(data))
        response, _ = await ask("GET", "/parts" + where)
        assert response.status == 404, "not whole yet"
        await ask("PATCH", where, headers={**PIECE, "Upload-Offset": "0"}, data=data)
        response, body = await ask("GET", "/parts" + where)
        assert response.status == 200 and said in body.decode()
        response, body = await ask("GET", where + "/sound")
        if b"RIFF" in data:
            assert response.content_type == "audio/wav" and body[:4] == b"RIFF"
        else:
            assert response.status == 404


async def test_limits_and_foreign_uploads(ask, services):
    for length, status in (("0", 400), ("x", 400), (str(1 << 40), 413)):
        response, body = await ask("POST", "/uploads", headers={"Upload-Length": length})
        assert response.status == status and "remedy" in body.decode()
    where = await announce(ask, 10)
    headers = {**PIECE, "Upload-Offset": "0"}
    response, _ = await ask("PATCH", where, headers=headers, data=b"x" * 11)
    assert response.status == 413
    for _ in range(7):
        await announce(ask, 10)
    response, _ = await ask("POST", "/uploads", headers={"Upload-Length": "10"})
    assert response.status == 400
    name = where.rsplit("/", 1)[1]
    with pytest.raises(RemoteFault, match="no such upload"):
        await services.uploads.row(name, "somebody-else")
    response, _ = await ask("DELETE", where)
    assert response.status == 204 and (await ask("HEAD", where))[0].status == 400


async def test_what_nobody_went_on_with_is_dropped_after_a_week(ask, services):
    where = await announce(ask, 10)
    await ask("PATCH", where, headers={**PIECE, "Upload-Offset": "0"}, data=b"12345")
    (services.config.uploads / "u0000000000000000").write_bytes(b"of nobody")
    await services.uploads.sweep(services.now_s())
    assert await offset(ask, where) == 5
    await services.uploads.sweep(services.now_s() + uploads.KEPT_S + 60)
    assert list(services.config.uploads.iterdir()) == []


async def test_an_upload_cut_between_its_last_byte_and_its_blob_is_finished(ask, services):
    data = os.urandom(1000)
    where = await announce(ask, len(data))
    (services.config.uploads / where.rsplit("/", 1)[1]).write_bytes(data)
    response, _ = await ask("HEAD", where)
    assert response.headers["Upload-Offset"] == "1000"
    assert services.blobs.path(response.headers["X-Sha256"]).read_bytes() == data
    assert list(services.config.uploads.iterdir()) == []


async def test_one_that_never_began_holds_no_place_for_ever(services):
    for _ in range(8):
        await services.uploads.start("a", "x", 10, services.now_s())
    with pytest.raises(RemoteFault, match="too many uploads"):
        await services.uploads.start("a", "x", 10, services.now_s())
    later_s = services.now_s() + uploads.KEPT_S + 60
    sweeping = asyncio.create_task(
        retention.run(services.ledger, services.uploads, lambda: later_s * 1000, 0)
    )
    async with asyncio.timeout(10):
        while await services.ledger.read(lambda s: s.count("uploads", {"state": "open"})):
            await asyncio.sleep(0.01)
    sweeping.cancel()
    await services.uploads.start("a", "x", 10, later_s)


async def test_what_was_listened_to_is_no_blob_and_goes_after_a_week(ask, services, tmp_path):
    sound = tmp_path / "good.wav"
    assert os.system(f"ffmpeg -v error -f lavfi -i sine=300:d=2 {sound}") == 0
    where = await announce(ask, len(sound.read_bytes()))
    headers = {**PIECE, "Upload-Offset": "0"}
    await ask("PATCH", where, headers=headers, data=sound.read_bytes())
    await ask("GET", "/parts" + where)
    assert len([one for one in services.config.blobs.rglob("*") if one.is_file()]) == 1
    await services.uploads.sweep(services.now_s())
    assert (await ask("GET", where + "/sound"))[0].status == 200
    await services.uploads.sweep(services.now_s() + uploads.KEPT_S + 60)
    assert (await ask("GET", where + "/sound"))[0].status == 404
    response, body = await ask("GET", "/parts" + where)
    assert response.status == 200 and b"data-sha" in body
    assert (await ask("GET", where + "/sound"))[0].status == 200


async def test_drafts_and_uploads_that_are_over_are_erased_after_a_month(services):
    now_s = services.now_s()

    def fill(store):
        for number, state in enumerate(("open", "sent", "dropped")):
            name = f"d{number:012x}"
            drafts.save(store, name, "a", "", {"title": ["x"]}, now_s)
            if state != "open":
                drafts.end(store, name, "a", state, now_s)

    await services.ledger.write(fill)
    upload = await services.uploads.start("a", "x", 10, now_s)
    await services.uploads.drop(await services.uploads.row(upload, "a"))
    for days, left in ((29, (3, 1)), (31, (1, 0))):
        await retention.sweep(services.ledger, "test", now_s + days * 86400)
        found = await services.ledger.read(lambda s: (s.count("drafts"), s.count("uploads")))
        assert found == left
