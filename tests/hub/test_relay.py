"""Podcasts and streams, served by programs that nobody here wrote, become bulletins."""

import asyncio
import dataclasses
import os
import shutil
import socket
import subprocess
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import bulletins, frame, slots, timing
from hub.relay import sources
from hub.relay.recorder import Recorder, on_now
from protocols.errors import WorldFault
from tests.hub.conftest import COMMUNE
from tests.hub.test_frame import BODY, put_in_force
from tests.hub.test_nginx_example import free_port
from tests.hub.test_pages import OWN, pages

__all__ = ("OWN", "pages")

FRAME = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; user {user};
events {{ worker_connections 64; }}
http {{
    access_log off; types {{ application/rss+xml xml; audio/mpeg mp3; }}
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port}; root {folder}/www;
        location /dem/ {{ return 302 /$arg_to; }}
        location /vong {{ return 301 /vong; }}
    }}
}}
"""
ITEM = """<item><title>{title}</title><guid>{guid}</guid><pubDate>{date}</pubDate>
<enclosure url="{url}" length="1" type="audio/mpeg"/></item>"""
DAY_S = 86400
LONG_AGO, MONDAY, TUESDAY, LATER, NEXT_YEAR = (
    formatdate(time.time() + days * DAY_S) for days in (-9, -2, -1, 0.25, 365)
)


def rss(*items):
    body = "".join(
        ITEM.format(title=title, guid=guid, date=date, url=url) for title, guid, date, url in items
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{body}</channel></rss>'


class Broadcaster:
    """Hold an nginx with a feed and files."""

    def __init__(self, folder, port):
        self.www, self.base = folder / "www", f"http://127.0.0.1:{port}"

    def feed(self, *items):
        (self.www / "tin.xml").write_text(rss(*items))

    def source(self, **changes):
        fields = {"source": "vov1", "kind": "feed", "name": "VOV1", "url": self.base + "/tin.xml"}
        fields.update(private_ok=True, minutes=30, times=[], weekdays=[])
        return {**fields, **changes}


def tone(path, seconds=3):
    command = f"ffmpeg -v error -f lavfi -i sine=440:d={seconds} -b:a 64k -y {path}"
    subprocess.run(command.split(), check=True)


@pytest.fixture(scope="module")
def broadcaster(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("dai"), free_port()
    (folder / "www").mkdir()
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, port=port, user=folder.owner()))
    tone(folder / "www" / "tin.mp3")
    tone(folder / "www" / "dai.mp3", 130)
    (folder / "www" / "chu.mp3").write_text("không phải âm thanh " * 100)
    for parent in (folder, *folder.parents[:2]):
        os.chmod(parent, 0o755)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-c", folder / "nginx.conf", "-p", folder])
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None, (folder / "error.log").read_text()
    yield Broadcaster(folder, port)
    process.terminate()
    process.wait(20)


async def add(services, given):
    now_s = services.now_s()
    await services.ledger.write(lambda s: sources.add(s, given, "quan-tri", now_s))
    rows = await services.ledger.read(sources.active)
    return next(row for row in rows if row["source"] == given["source"])


async def look(services, row):
    """Look at a source once; return how it is, its recordings, and the bulletins made."""
    await Recorder(services).look(row)

    def ask(store):
        (found,) = sources.listed(store, services.now_s())
        links = store.find("relay_bulletins")
        return found, [bulletins.current(store, one["bulletin"]) for one in links]

    return await services.ledger.read(ask)


async def relay_slot(services, passphrases, **changes):
    body = {**BODY, "name": "Tiếp âm VOV1", "kind": "relay", "source": "vov1", "again": "nothing"}
    return await put_in_force(services, passphrases, {**body, **changes})


async def test_a_broadcast_is_recorded_once_and_waits_in_its_slot(
    broadcaster, services, passphrases
):
    entry = await relay_slot(services, passphrases)
    broadcaster.feed(
        ("Thời sự cũ", "1", MONDAY, "tin.mp3"), ("Thời sự", "2", TUESDAY, "/dem/?to=tin.mp3")
    )
    row = await add(services, broadcaster.source())
    found, made = await look(services, row)
    (kept,) = found["recordings"]
    assert (kept["title"], kept["state"]) == ("Thời sự", "kept")
    assert 2900 < kept["report"]["duration_ms"] < 3300 and -30 < kept["report"]["lufs"] < -5
    assert services.blobs.verify(kept["sha256"])
    (bulletin,) = made
    assert bulletin["title"] == "VOV1: Thời sự" and bulletin["class"] == "normal"
    assert bulletin["timing"]["slot"]["id"] == entry
    await services.production.make(bulletin["bulletin"], 1)
    row_after, made = await look(services, row)
    assert made[0]["state"] == bulletins.READY, "it waits for a signature"
    assert len(made) == 1 and len(row_after["recordings"]) == 1, "what is here is not taken again"

    # The next one takes the place of what nobody signed.
    broadcaster.feed(("Mới", "3", TUESDAY, "tin.mp3"))
    _, made = await look(services, row)
    states = {one["title"]: one["state"] for one in made}
    assert states == {"VOV1: Thời sự": bulletins.WITHDRAWN, "VOV1: Mới": bulletins.MAKING}


async def test_a_slot_that_is_laid_down_later_gets_what_came_today(
    broadcaster, services, passphrases
):
    broadcaster.feed(("Thời sự", "2", TUESDAY, "tin.mp3"))
    row = await add(services, broadcaster.source())
    _, made = await look(services, row)
    assert made == []
    await relay_slot(services, passphrases)
    _, made = await look(services, row)
    assert [one["title"] for one in made] == ["VOV1: Thời sự"]


async def test_a_date_in_the_future_hides_nothing(broadcaster, services, passphrases):
    await relay_slot(services, passphrases)
    announced = ("Sang năm", "9", NEXT_YEAR, "khong-co.mp3")
    broadcaster.feed(announced, ("Thời sự", "1", MONDAY, "tin.mp3"))
    row = await add(services, broadcaster.source())
    _, made = await look(services, row)
    assert [one["title"] for one in made] == ["VOV1: Thời sự"]
    found, _ = await look(services, row)
    assert found["failure_code"] == "relay.link", "it may be an hour that is wrong: it is tried"
    broadcaster.feed(announced, ("Mới", "2", TUESDAY, "tin.mp3"))
    await look(services, row)
    taken_s = services.now_s()
    titles = [one["title"] for one in (await look(services, row))[1]]
    assert sorted(titles) == ["VOV1: Mới", "VOV1: Thời sự"]
    while services.now_s() == taken_s:  # What is taken in one second is equally new.
        await asyncio.sleep(0.05)

    # One whose zone is forgotten is taken when it comes, and goes into a later slot, too.
    broadcaster.feed(("Sớm", "3", LATER, "tin.mp3"), ("Mới", "2", TUESDAY, "tin.mp3"))
    await look(services, row)
    await relay_slot(services, passphrases, name="Tiếp âm chiều", times=["17:30"])
    titles = [one["title"] for one in (await look(services, row))[1]]
    assert sorted(titles) == ["VOV1: Mới", "VOV1: Sớm", "VOV1: Sớm", "VOV1: Thời sự"]


@pytest.mark.parametrize(
    ("changes", "items", "code"),
    [
        ({"url": "/khong-co.xml"}, [], "relay.link"),
        ({"url": "/chu.mp3"}, [], "relay.feed"),
        ({"url": "/vong"}, [], "relay.redirects"),
        ({}, [], "relay.feed"),
        ({}, [("A", "1", MONDAY, "khong-co.mp3")], "relay.link"),
        ({}, [("A", "1", MONDAY, "chu.mp3")], "media.undecodable"),
        ({"minutes": 1}, [("A", "1", MONDAY, "dai.mp3")], "relay.long"),
        ({}, [("A", "1", MONDAY, "ftp://x/a.mp3")], "relay.url"),
    ],
)
async def test_what_goes_wrong_is_told_with_since_when_and_tried_again(
    broadcaster, services, pages, changes, items, code
):
    broadcaster.feed(*items)
    changes = {**changes, "url": broadcaster.base + changes.get("url", "/tin.xml")}
    row = await add(services, broadcaster.source(**changes))
    found, made = await look(services, row)
    assert made == [] and found["failure_code"] == code
    _, text = await pages("GET", "/relays")
    assert "Không nhận được gì từ" in text and code in text
    broadcaster.feed(("A", "1", MONDAY, "tin.mp3"))
    row = await add(services, broadcaster.source())
    found, _ = await look(services, row)
    assert found["failing_s"] is None and found["recordings"][0]["state"] == "kept"


async def test_a_file_that_is_no_sound_is_given_up_after_some_tries(broadcaster, services):
    broadcaster.feed(("A", "1", MONDAY, "chu.mp3"))
    row = await add(services, broadcaster.source())
    for _ in range(sources.TRIES_MAX + 2):
        found, _ = await look(services, row)
    assert found["recordings"][0]["tries"] == sources.TRIES_MAX


async def test_a_feed_that_lists_something_new_all_the_time_is_held_to_so_much_a_day(
    broadcaster, services, pages, monkeypatch
):
    monkeypatch.setattr(sources, "RELAY_PER_DAY_MAX", 2)
    row = await add(services, broadcaster.source())
    for number in range(3):
        broadcaster.feed((f"Tin {number}", str(number), MONDAY, "tin.mp3"))
        found, _ = await look(services, row)
    assert [one["title"] for one in found["recordings"]] == ["Tin 1", "Tin 0"]
    assert found["failure_code"] == "relay.often"
    _, text = await pages("GET", "/relays")
    assert "nhiều chương trình mới" in text

    def age(store):
        for one in store.find("relay_recordings"):
            long_ago = {"changed_s": one["changed_s"] - sources.DAY_S}
            store.change("relay_recordings", (one["source"], one["recording"]), long_ago)

    await services.ledger.write(age)
    found, _ = await look(services, row)
    assert found["failing_s"] is None and found["recordings"][0]["title"] == "Tin 2"


def stream(port, seconds=60):
    """Serve an endless MP3 over HTTP to one listener, at the pace at which it sounds."""
    command = f"ffmpeg -v error -re -f lavfi -i sine=300:d={seconds} -b:a 64k -f mp3"
    address = f"http://127.0.0.1:{port}/vov"
    process = subprocess.Popen([*command.split(), "-listen", "1", address])
    # It serves its first listener alone, so nobody may knock to see whether it is there.
    until = time.monotonic() + 20
    while f":{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"ffmpeg never listened: {process.wait()}")
        time.sleep(0.02)
    return process


async def test_a_stream_is_recorded_at_its_time(services, passphrases):
    """Four seconds of a minute are left, when the hub starts."""
    await relay_slot(services, passphrases)
    port = free_port()
    begin = timing.local_time(services.now_s(), 420)
    start_s = timing.moment_s(begin.date().isoformat(), f"{begin:%H:%M}", 420)
    late_ms, real_ms = (start_s + 56) * 1000, services.config.now_ms()
    clock = services.config.now_ms
    config = dataclasses.replace(services.config, now_ms=lambda: late_ms + clock() - real_ms)
    later = dataclasses.replace(services, config=config)
    given = {"source": "vov1", "kind": "stream", "name": "VOV1", "minutes": 1,
             "url": f"http://127.0.0.1:{port}/vov", "private_ok": True,
             "times": [f"{begin:%H:%M}"], "weekdays": list(range(1, 8))}  # fmt: skip
    row = await add(services, given)
    sender = stream(port)
    try:
        found, made = await look(later, row)
    finally:
        sender.kill()
        sender.wait()
    (kept,) = found["recordings"]
    assert kept["state"] == "kept" and 2000 < kept["report"]["duration_ms"] < 6000
    assert [one["title"] for one in made] == [f"VOV1: {begin:%H:%M} {begin.date().isoformat()}"]
    found, made = await look(later, row)
    assert len(made) == 1 and len(found["recordings"]) == 1, "once for each time"
    assert found["failing_s"] is None


async def test_a_stream_that_is_not_there_is_told(services):
    given = {"source": "vov1", "kind": "stream", "name": "VOV1", "minutes": 1, "times": ["05:30"],
             "url": f"http://127.0.0.1:{free_port()}/vov", "private_ok": True,
             "weekdays": [1]}  # fmt: skip
    row = await add(services, given)
    with services.blobs.draft() as draft, pytest.raises(WorldFault, match=r"[Cc]onnect"):
        await Recorder(services).record(row, draft, 0.5)


@given(minute=st.integers(0, 3 * 1440), minutes=st.integers(1, 120))
def test_a_stream_is_on_from_its_time_for_its_minutes(minute, minutes):
    row = {"times": ["05:30", "23:50"], "weekdays": [6, 7], "minutes": minutes}
    friday_s = timing.moment_s("2026-11-27", "00:00", 420)
    now_s = friday_s + minute * 60
    starts = {
        f"2026-11-{day}T{clock}": timing.moment_s(f"2026-11-{day}", clock, 420)
        for day in (28, 29) for clock in row["times"]
    }  # fmt: skip
    wanted = {one for one, at_s in starts.items() if at_s <= now_s < at_s + minutes * 60}
    found = on_now(row, now_s, 420)
    assert found in wanted if wanted else found == ""


def relay_row(name, first, created_s, again="last"):
    wanted = {"id": "e1", "from": first, "until": "2030-02-01"}
    body = {**BODY, "kind": "relay", "source": "vov1", "again": again}
    held = frame.Frame({"e1": body}, {}, {})
    row = {"bulletin": name, "created_s": created_s, "timing": slots.fit({"slot": wanted}, body)}
    return row, held


def test_the_last_one_plays_until_the_day_of_the_next():
    old, held = relay_row("b1", "2030-01-01", 1)
    new, _ = relay_row("b2", "2030-01-05", 2)
    first, second = slots.latest([old, new], held)
    assert first["timing"]["until"] == "2030-01-04" and second["timing"]["until"] == "2030-02-01"
    same, _ = relay_row("b3", "2030-01-05", 3)
    left = slots.latest([old, new, same], held)
    assert [one["bulletin"] for one in left] == ["b1", "b3"], "the newer of one day plays"
    _, once = relay_row("b1", "2030-01-01", 1, "nothing")
    assert slots.latest([old, new, same], once) == [old, new, same]


async def test_the_page_adds_changes_and_ends_sources(pages, services):
    fields = {"source": "vov1", "kind": "feed", "name": "VOV1", "minutes": "30",
              "url": "http://10.0.0.1/tin.xml", "times": ""}  # fmt: skip
    response, text = await pages("POST", "/relays", data=fields)
    assert response.status == 400 and "relay.private" in text and "10.0.0.1" in text
    response, text = await pages("POST", "/relays", data={**fields, "private_ok": "1"})
    assert response.status == 200 and "trong mạng nội bộ" in text
    for wrong in ({"source": "A b"}, {"kind": "x"}, {"minutes": "999"}, {"kind": "stream"}):
        response, _ = await pages("POST", "/relays", data={**fields, "private_ok": "1", **wrong})
        assert response.status == 400, wrong
    slot = {"unit": COMMUNE, "entry": "", "name": "Tiếp âm", "kind": "relay", "times": "06:00",
            "minutes": "30", "from": "2026-01-01", "until": "", "weekday": "1"}  # fmt: skip
    response, text = await pages("POST", "/frame/slots", data={**slot, "source": "khong-co"})
    assert response.status == 400 and "relay.unknown" in text
    response, text = await pages("POST", "/frame/slots", data={**slot, "source": "vov1"})
    assert response.status == 200 and "vov1" in text
    old_s = services.now_s() - sources.SILENT_S - 1
    await services.ledger.write(lambda s: s.change("relay_sources", ("vov1",), {"fresh_s": old_s}))
    _, text = await pages("GET", "/relays")
    assert "Im lặng từ" in text
    response, text = await pages("POST", "/relays/vov1/close")
    assert response.status == 200 and "Chưa có nguồn" in text
    assert (await pages("POST", "/relays/khong-co/close"))[0].status == 400
