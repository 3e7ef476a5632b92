"""The province's page: lag, refusals corrected and sent again, gaps, doubts, and who may see it."""

import asyncio
import json

import aiohttp
import pytest

from hub import facts, fleet
from hub.app import create_app
from hub.ending import end
from hub.main import main
from hub.mirror import gaps, outbox, peers
from hub.mirror.connector import Trouble
from hub.mirror.file_drop import FileDrop
from hub.mirror.pull import Puller, note_trouble
from hub.roles import ADMINISTRATOR, EVERYWHERE, Grant
from hub.serving import Listener
from tests.hub.conftest import COMMUNE, signed_in

OWN = {"Sec-Fetch-Site": "same-origin"}
HOUR_MS = 3600_000


@pytest.fixture
async def page(services, tmp_path):
    """Serve a hub whose province refused one letter and is an hour behind with another."""
    now_ms = services.config.now_ms()
    folder = {"folder": str(tmp_path / "drop"), "public_key": ""}
    form = fleet.NodeForm("loa-1", COMMUNE, "Cụm loa chợ", "speaker", b"1" * 32)
    peer = {"peer": "tinh", "connector": "file-drop", "name": "Tỉnh Gia Lai", "settings": folder}

    def tell(store):
        fleet.add_node(store, form, "test", now_ms // 1000)
        peers.add(store, peer, "test", now_ms - HOUR_MS)
        for row in store.find("outbox"):
            outbox.confirm(store, "tinh", [row["number"]], now_ms - HOUR_MS)
        body = {"node": "loa-1", "title": "=1+1<b>"}
        outbox.tell(store, [outbox.Fact("play", "play/loa-1", "k1", 1, body)], now_ms - HOUR_MS)
        outbox.tell(store, [outbox.Fact("play", "play/loa-1", "k2", 1, body)], now_ms - HOUR_MS)
        first = store.find("outbox", {"key": "k1"})[0]
        outbox.bury(store, "tinh", first["number"], "Thiếu mã địa bàn", now_ms)
        outbox.note_failure(store, "tinh", "mirror.folder", "đầy", now_ms - HOUR_MS)
        gaps.silent(store, "loa-1", now_ms - 2 * HOUR_MS, now_ms)
        return first["number"]

    number = await services.ledger.write(tell)
    served = Listener(create_app(services))
    await served.start("127.0.0.1", 0)
    jar = aiohttp.CookieJar(unsafe=True)
    cookies = await signed_in(services, grants=[Grant(ADMINISTRATOR, EVERYWHERE)])
    base = f"http://127.0.0.1:{served.port}"
    async with aiohttp.ClientSession(base, headers=OWN, cookie_jar=jar, cookies=cookies) as session:

        async def ask(method, path, **options):
            async with session.request(method, path, **options) as response:
                return response.status, await response.text()

        yield ask, number
    await served.close()


async def test_it_says_how_far_behind_why_and_what_was_refused(page):
    ask, number = page
    status, text = await ask("GET", "/mirror")
    assert status == 200
    for said in ("Tỉnh Gia Lai", "<dd>60</dd>", "Thiếu mã địa bàn", "đầy", "Cụm loa chợ"):
        assert said in text, said
    assert "&lt;b&gt;" in text and "<b>" not in text
    assert "Cần xác nhận" in text and f"/letters/{number}" in text
    status, text = await ask("GET", "/")
    assert status == 200 and "Tỉnh Gia Lai đang chậm 60 phút" in text
    status, text = await ask("GET", "/mirror?lang=en")
    assert "To be confirmed" in text


async def test_a_refused_letter_is_corrected_and_sent_again_once(page, services):
    ask, number = page
    for wrong in ("{", "[]", "[" * 100_000):
        status, text = await ask("POST", f"/mirror/tinh/letters/{number}", data={"body": wrong})
        assert status in (400, 413) and "Traceback" not in text
    body = {"node": "loa-1", "title": "Đã sửa"}
    sent = {"body": json.dumps(body)}
    status, text = await ask("POST", f"/mirror/tinh/letters/{number}", data=sent)
    assert status == 200 and "Thiếu mã địa bàn" not in text
    row = await services.ledger.read(lambda s: s.get("outbox", "tinh", number))
    assert row["state"] == "waiting" and json.loads(row["body_json"]) == body
    found = await services.ledger.read(lambda s: s.find("audit", {"action": "mirror.resend"}))
    assert json.loads(found[0]["detail_json"])["changed"] is True
    status, text = await ask("POST", f"/mirror/tinh/letters/{number}", data=sent)
    assert status == 400 and "không còn" in text


async def test_a_hub_that_tells_nobody_says_how_to_begin(services):
    served = Listener(create_app(services))
    await served.start("127.0.0.1", 0)
    jar = aiohttp.CookieJar(unsafe=True)
    cookies = await signed_in(services)
    base = f"http://127.0.0.1:{served.port}"
    async with aiohttp.ClientSession(base, headers=OWN, cookie_jar=jar, cookies=cookies) as session:
        async with session.get("/mirror") as response:
            assert response.status == 200 and "chieng-hub peer add" in await response.text()
    await served.close()


def test_a_password_is_never_given_in_clear(config, tmp_path, capsys):
    secret = tmp_path / "secret"
    secret.write_text("bi-mat")
    words = ["peer", "add", "--data", str(config.data), "--id", "tinh", "--user", "hub"]
    words += ["--password-file", str(secret), "--url"]
    for url in ("http://tinh.example", "ftp://127.0.0.1", "tinh.example", ""):
        assert main([*words, url]) == 1, url
    assert "in clear" in capsys.readouterr().err
    for number, url in enumerate(("https://tinh.example", "http://127.0.0.1:9")):
        assert main([*words, url, "--id", f"tinh-{number}"]) == 0, url


async def test_what_does_not_come_down_is_told_with_its_reason_until_it_does(page, services):
    ask, _ = page
    now_ms = services.config.now_ms()
    trouble = Trouble("mirror.unsigned", "002.jsonl is not signed", "Ask again.")
    for at_ms in (now_ms - HOUR_MS, now_ms):
        await services.ledger.write(lambda s, t=at_ms: note_trouble(s, "tinh", trouble, t))
    since = await services.ledger.read(lambda s: facts.get(s, "pull.tinh"))
    assert since["since_ms"] == now_ms - HOUR_MS
    _, text = await ask("GET", "/mirror")
    assert "Không nhận được gì từ" in text and "002.jsonl" in text and "mirror.unsigned" in text
    await services.ledger.write(lambda s: note_trouble(s, "tinh", None, now_ms))
    _, text = await ask("GET", "/mirror")
    assert "Không nhận được gì từ" not in text


async def test_a_puller_notes_its_trouble_by_itself(services, tmp_path):
    """A file that is not signed stands in the way: the page knows, and forgets when it is gone."""
    drop = FileDrop(tmp_path, "", lambda message: ("", b""), int)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "001.jsonl").write_text("{}")
    peer = {"peer": "stick", "connector": "file-drop", "name": "USB", "settings": {}}
    await services.ledger.write(lambda s: peers.add(s, peer, "test", 1))
    puller = Puller(services, "stick", drop, lambda: 0.0)
    running = asyncio.create_task(puller.run())

    async def told(wanted):
        while (await services.ledger.read(lambda s: facts.get(s, "pull.stick")) or {}).get(
            "code"
        ) != wanted:
            puller.news.set()
            await asyncio.sleep(0.02)

    async with asyncio.timeout(30):
        await told("mirror.unsigned")
        (tmp_path / "in" / "001.jsonl").unlink()
        await told(None)
    await end([running])
