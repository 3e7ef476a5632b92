"""Decoding with real ffmpeg and real encoders: contents, limits, hostile and broken media."""

import array
import io
import math
import struct
import subprocess
import wave

import pytest

from hw.linux.decoder import Decoder
from hw.linux.storage import Storage
from hw.sim.decoder import Decoder as WavOnly
from protocols.errors import Fault, RemoteFault, WorldFault


def tone_wav(rate: int = 16000, channels: int = 1, seconds: float = 1.0) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        for i in range(int(rate * seconds)):
            sample = int(12000 * math.sin(2 * math.pi * 440 * i / rate))
            out.writeframesraw(struct.pack("<h", sample) * channels)
    return file.getvalue()


def encode(codec: str, container: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", "pipe:0", "-c:a", codec, "-f", container, "pipe:1"]
    return subprocess.run(command, input=tone_wav(), capture_output=True, check=True).stdout


def store(tmp_path, data: bytes) -> Storage:
    storage = Storage(str(tmp_path))
    writer = storage.stage("media")
    writer.write(data)
    writer.commit("media")
    return storage


def samples_of(storage: Storage) -> array.array:
    reader = storage.open("pcm")
    data = reader.read(10**8)
    reader.close()
    return array.array("h", data)


def loudness_at(samples: array.array, hertz: float) -> float:
    """Return how much of a tone is in the samples (Goertzel), 1 for a full-scale sine."""
    step = 2 * math.pi * hertz / 16000
    real = sum(s * math.cos(step * i) for i, s in enumerate(samples))
    imaginary = sum(s * math.sin(step * i) for i, s in enumerate(samples))
    return math.hypot(real, imaginary) * 2 / len(samples) / 32768


async def refusal(decoder, storage, media_type: str) -> str:
    with pytest.raises(Fault) as caught:
        await decoder.decode(storage, "media", media_type, "pcm")
    assert storage.open("pcm") is None and caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize(
    ("codec", "container", "media_type"),
    [
        ("libopus", "ogg", "audio/ogg; codecs=opus"),
        ("libmp3lame", "mp3", "audio/mpeg"),
    ],
)
async def test_what_was_encoded_is_heard(tmp_path, codec, container, media_type):
    storage = store(tmp_path, encode(codec, container))
    samples = await Decoder().decode(storage, "media", media_type, "pcm")
    pcm = samples_of(storage)
    assert len(pcm) == samples and abs(samples - 16000) < 1700
    assert loudness_at(pcm[2000:14000], 440) > 0.3 > loudness_at(pcm[2000:14000], 700)


async def test_stereo_at_44100_becomes_16k_mono(tmp_path):
    storage = store(tmp_path, tone_wav(44100, 2))
    assert abs(await Decoder().decode(storage, "media", "audio/wav", "pcm") - 16000) < 50
    assert loudness_at(samples_of(storage)[2000:14000], 440) > 0.3
    assert await refusal_of_wav_only(tmp_path / "b", tone_wav(44100, 2)) == "media.undecodable"


async def refusal_of_wav_only(path, data: bytes) -> str:
    path.mkdir()
    return await refusal(WavOnly(), store(path, data), "audio/wav")


@pytest.mark.parametrize("decoder", [Decoder(program="no-ffmpeg-needed"), WavOnly()])
async def test_a_plain_wav_is_copied_bit_for_bit(tmp_path, decoder):
    data = tone_wav()
    storage = store(tmp_path, data)
    assert await decoder.decode(storage, "media", "audio/wav", "pcm") == 16000
    assert samples_of(storage).tobytes() == data[44:]


@pytest.mark.parametrize("decoder", [Decoder(), WavOnly()])
async def test_broken_wavs(tmp_path, decoder):
    data = tone_wav()
    streamed = data[:4] + b"\xff" * 4 + data[8:40] + b"\xff" * 4 + data[44:]
    cases = (b"", data[:30], data[:-100], b"RIFF" + bytes(100), streamed)
    for i, broken in enumerate(cases):
        (tmp_path / str(i)).mkdir()
        storage = store(tmp_path / str(i), broken)
        assert await refusal(decoder, storage, "audio/wav") == "media.undecodable"


async def test_garbage_wrong_types_and_missing_files(tmp_path):
    storage = store(tmp_path, bytes(range(256)) * 100)
    assert await refusal(Decoder(), storage, "audio/ogg") == "media.undecodable"
    assert await refusal(Decoder(), storage, "audio/mpeg") == "media.undecodable"
    assert await refusal(Decoder(), storage, "video/mp4") == "media.undecodable"
    assert await refusal(Decoder(program="no-ffmpeg"), storage, "audio/ogg") == "decoder.missing"
    storage.remove("media")
    assert await refusal(Decoder(), storage, "audio/ogg") == "media.missing"


async def test_a_playlist_cannot_open_another_file(tmp_path):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(tone_wav())
    hostile = "ffconcat version 1.0\nfile '%s'\n" % secret
    storage = store(tmp_path / "s", hostile.encode()) if (tmp_path / "s").mkdir() is None else None
    for media_type in ("audio/ogg", "audio/mpeg", "audio/wav"):
        assert await refusal(Decoder(), storage, media_type) == "media.undecodable"


async def test_time_and_output_are_bounded(tmp_path, monkeypatch):
    storage = store(tmp_path, encode("libopus", "ogg"))
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    with pytest.raises(RemoteFault) as caught:
        await Decoder(program=str(slow), time_s_max=0.3).decode(
            storage, "media", "audio/ogg", "pcm"
        )
    assert "longer" in caught.value.message
    monkeypatch.setattr("hw.linux.decoder.PCM_BYTES_MAX", 20000)
    assert await refusal(Decoder(), storage, "audio/ogg") == "media.oversize"


async def test_a_full_disk_is_the_worlds_fault(tmp_path, monkeypatch):
    storage = store(tmp_path, encode("libopus", "ogg"))
    stage = storage.stage

    def full(name: str, resume: bool = False):
        writer = stage(name, resume)

        def write(data: bytes) -> None:
            raise WorldFault("storage.full", "no room", "free space")

        writer.write = write
        return writer

    storage.stage = full
    assert await refusal(Decoder(), storage, "audio/ogg") == "storage.full"
