"""Renditions by the real ffmpeg: loudness, profiles, refusals."""

import hashlib
import re
import subprocess
import wave

import pytest

from hub import renditions
from protocols.errors import RemoteFault


class Shelf:
    """Keep what `make` hands over."""

    def __init__(self):
        self.files = {}

    def store(self, path):
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        self.files[sha256] = content
        return sha256, len(content)


def record(path, source, *options):
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source, *options]
    subprocess.run([*command, str(path)], check=True)
    return path


def loudness_lufs(path):
    command = [
        "ffmpeg",
        "-nostdin",
        "-hide_banner",
        "-i",
        str(path),
        "-af",
        "ebur128",
        "-f",
        "null",
    ]
    report = subprocess.run([*command, "-"], check=True, capture_output=True, text=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", report)[-1])


@pytest.mark.parametrize("gain", ["0.02", "0.9"])
async def test_quiet_and_loud_recordings_end_alike(gain, tmp_path):
    source = record(tmp_path / "in.mp3", f"sine=440:d=4,volume={gain}", "-ar", "44100", "-ac", "2")
    shelf = Shelf()
    made = await renditions.make(source, shelf.store)
    assert [one.profile for one in made] == ["opus", "pcm16"]
    assert [one.media_type for one in made] == ["audio/ogg; codecs=opus", "audio/wav"]
    for one in made:
        assert len(shelf.files[one.sha256]) == one.length
        path = tmp_path / one.profile
        path.write_bytes(shelf.files[one.sha256])
        assert abs(loudness_lufs(path) - renditions.LOUDNESS_LUFS) <= 1
        assert abs(one.duration_ms - 4000) < 100
    with wave.open(str(tmp_path / "pcm16")) as plain:
        assert (plain.getnchannels(), plain.getsampwidth(), plain.getframerate()) == (1, 2, 16000)
    assert made[0].length < made[1].length / 5


async def test_the_same_recording_gives_the_same_wav(tmp_path):
    source = record(tmp_path / "in.wav", "sine=440:d=1")
    first, second = Shelf(), Shelf()
    await renditions.make(source, first.store)
    made = await renditions.make(source, second.store)
    assert made[1].sha256 in first.files


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "media.undecodable"),
        (b"not a recording at all", "media.undecodable"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "media.undecodable"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "media.undecodable"),
    ],
)
async def test_what_is_no_audio_is_refused(content, code, tmp_path):
    source = tmp_path / "upload"
    source.write_bytes(content)
    with pytest.raises(RemoteFault) as caught:
        await renditions.make(source, Shelf().store)
    assert caught.value.code == code
    assert "MP3" in caught.value.remedy


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile other.mp3\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile:{other}\n#EXT-X-ENDLIST\n",
    ],
)
async def test_a_playlist_reaches_no_other_file_of_the_machine(playlist, tmp_path):
    other = record(tmp_path / "other.mp3", "sine=440:d=1")
    source = tmp_path / "upload"
    source.write_text(playlist.format(other=other))
    with pytest.raises(RemoteFault) as caught:
        await renditions.make(source, Shelf().store)
    assert caught.value.code == "media.undecodable"


@pytest.mark.parametrize(
    "ending",
    ["aac", "aiff", "caf", "flac", "m4a", "mka", "mp3", "ogg", "opus", "ts", "wav", "webm"],
)
async def test_what_people_record_with_is_read(ending, tmp_path):
    source = record(tmp_path / f"in.{ending}", "sine=440:d=1")
    await renditions.decode(source, tmp_path / "plain.wav")


async def test_silence_is_refused(tmp_path):
    source = record(tmp_path / "in.wav", "anullsrc=r=16000:cl=mono", "-t", "2")
    with pytest.raises(RemoteFault) as caught:
        await renditions.make(source, Shelf().store)
    assert caught.value.code == "media.silent"
