"""Streams in pieces, made by ffmpeg and served by nginx, are recorded as one sound."""

import contextlib
import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.relay import hls
from hub.relay.fetch import Fetcher
from hub.relay.recorder import Recorder
from protocols.errors import RemoteFault, WorldFault
from tests.hub.test_relay import add, broadcaster

__all__ = ("broadcaster",)

MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2"
hinh.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS="mp4a.40.2"
to.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"
tieng.m3u8
"""
RENDITION = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="vi",URI="tieng.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,AUDIO="a"
hinh.m3u8
"""


@contextlib.contextmanager
def live(broadcaster, kind="mpegts", window=4, pace=("-re",), seconds=60):
    """Let ffmpeg send a tone in pieces of a second; give the folder and its address."""
    folder = broadcaster.www / "hls"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    words = ["ffmpeg", "-v", "error", *pace, "-f", "lavfi", "-i", f"sine=440:d={seconds}"]
    words += ["-c:a", "aac", "-b:a", "64k", "-f", "hls", "-hls_time", "1"]
    words += ["-hls_segment_type", kind, "-hls_list_size", str(window)]
    words += ["-hls_flags", "delete_segments"] if window else ["-hls_playlist_type", "vod"]
    sender = subprocess.Popen([*words, str(folder / "tieng.m3u8")])
    try:
        until = time.monotonic() + 20
        while not (folder / "tieng.m3u8").exists():
            assert time.monotonic() < until and sender.poll() in (None, 0)
            time.sleep(0.02)
        if not window:
            assert sender.wait(20) == 0
        yield folder, f"{broadcaster.base}/hls/"
    finally:
        sender.kill()
        sender.wait(20)


def source(url):
    return {"source": "vov1", "kind": "stream", "name": "VOV1", "minutes": 1, "url": url,
            "private_ok": True, "times": ["05:30"], "weekdays": [1]}  # fmt: skip


async def taken(url, seconds, bytes_max=10**7):
    """Return what is written of a stream, and whether it ended."""
    pieces = []
    has_ended = await hls.Pieces(Fetcher(True), url).take(pieces.append, bytes_max, seconds)
    return b"".join(pieces), has_ended


def length_s(folder, body):
    (folder / "taken").write_bytes(body)
    words = ["ffmpeg", "-v", "error", "-i", str(folder / "taken"), "-f", "s16le", "-ac", "1"]
    sound = subprocess.run([*words, "-ar", "8000", "-"], capture_output=True, check=True).stdout
    return len(sound) / 16000


@pytest.mark.parametrize("kind", ["mpegts", "fmp4"])
async def test_a_stream_in_pieces_is_recorded_for_its_time(broadcaster, services, kind):
    with live(broadcaster, kind) as (folder, base):
        (folder / "vov1.m3u8").write_text(MASTER)
        row = await add(services, source(base + "vov1.m3u8"))
        with services.blobs.draft() as draft:
            await Recorder(services).record(row, draft, 4)
            sha256 = draft.commit().sha256
    seconds = length_s(folder, services.blobs.path(sha256).read_bytes())
    assert 3 <= seconds <= 6, "each piece once, none left out"


async def test_a_finished_one_is_taken_once_from_its_beginning(broadcaster):
    with live(broadcaster, window=0, pace=(), seconds=5) as (folder, base):
        (folder / "xem.m3u8").write_text(RENDITION)
        body, has_ended = await taken(base + "xem.m3u8", 20)
    assert has_ended and 4.9 < length_s(folder, body) < 5.3


async def test_a_sender_that_begins_anew_is_followed(broadcaster):
    stream = hls.Pieces(Fetcher(True), broadcaster.base + "/hls/tieng.m3u8")
    stream._last = 5000
    pieces = []
    with live(broadcaster):
        await stream.take(pieces.append, 10**7, 2)
    assert pieces and stream._last < 5000


HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
PIECE = "#EXTINF:1,\n"


@pytest.mark.parametrize(
    ("playlist", "code"),
    [
        ("<html>captive portal</html>", "relay.hls"),
        (HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="k"\n' + PIECE + "a.ts\n", "relay.hls"),
        (HEAD + PIECE + "#EXT-X-BYTERANGE:10@0\na.ts\n", "relay.hls"),
        (HEAD + PIECE + "khong-co.ts\n", "relay.link"),
        (HEAD + PIECE + "file:///etc/passwd\n", "relay.url"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nxau.m3u8\n", "relay.hls"),
        (HEAD + PIECE + "to.ts\n", "relay.size"),
        ("#EXTM3U\n" + "#" * 1024 * 1024, "relay.size"),
    ],
)
async def test_what_is_no_stream_of_sound_is_refused(broadcaster, playlist, code):
    folder = broadcaster.www / "hls"
    folder.mkdir(exist_ok=True)
    (folder / "xau.m3u8").write_text(playlist)
    (folder / "to.ts").write_bytes(bytes(2000))
    with pytest.raises((RemoteFault, WorldFault)) as told:
        await taken(broadcaster.base + "/hls/xau.m3u8", 3, 1000)
    assert told.value.code == code


async def test_pieces_inside_a_private_network_are_not_fetched(broadcaster):
    with pytest.raises(RemoteFault) as told:
        await hls.Pieces(Fetcher(False), broadcaster.base + "/hls/xau.m3u8").take(print, 10, 2)
    assert told.value.code == "relay.private"


async def test_a_finished_one_is_asked_for_no_more(broadcaster, services):
    with live(broadcaster, window=0, pace=(), seconds=5) as (folder, base):
        row = await add(services, source(base + "tieng.m3u8"))
        started = time.monotonic()
        with services.blobs.draft() as draft:
            await Recorder(services).record(row, draft, 60)
            sha256 = draft.commit().sha256
    assert time.monotonic() - started < 40
    assert 4.9 < length_s(folder, services.blobs.path(sha256).read_bytes()) < 5.3


LINES = st.sampled_from(
    ["#EXTM3U", "#EXTINF:1,", "#EXTINF:", "#EXT-X-KEY:METHOD=", "#EXT-X-MAP:", "a.ts", "",
     "#EXT-X-STREAM-INF:BANDWIDTH=x", "#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:TYPE=AUDIO",
     "#EXT-X-MEDIA-SEQUENCE:-1", "#EXT-X-MEDIA-SEQUENCE:x", "#EXT-X-BYTERANGE:", "http://[",
     "#EXT-X-PROGRAM-DATE-TIME:x", "#EXT-X-DATERANGE:ID=", "#EXT-X-TARGETDURATION:9e999",
     "#EXT-X-PART:DURATION=1", "#EXT-X-SKIP:", "#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST"]
)  # fmt: skip


@given(st.lists(LINES | st.text(max_size=40), max_size=20))
def test_no_playlist_breaks_more_than_itself(lines):
    try:
        found = hls.read("\n".join(["#EXTM3U", *lines]).encode(), "http://x/a.m3u8")
        if found.is_variant:
            hls.sound_of(found)
        else:
            list(hls.Pieces(Fetcher(True), "http://x/a.m3u8")._new(found))
    except RemoteFault as fault:
        assert fault.code == "relay.hls"
