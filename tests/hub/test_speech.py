"""Speech by the real espeak-ng; other engines against stand-ins of their published shapes."""

import json
import wave

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from hub import programs, speech, speech_engines
from protocols.errors import LocalFault, RemoteFault, WorldFault
from tests.hub.conftest import serving

BUILT_IN = speech.Voices()


async def test_a_reading_becomes_speech_in_every_voice(tmp_path):
    heard = {}
    for voice in BUILT_IN.listed():
        path = await BUILT_IN.synthesise("Bão số mười ba đổ bộ.", tmp_path / "out.wav", voice.id)
        with wave.open(str(path)) as recording:
            assert recording.getnchannels() == 1
            assert 1 < recording.getnframes() / recording.getframerate() < 10
            heard[voice.id] = recording.readframes(recording.getnframes())
    assert heard["vi-VN-north"] != heard["vi-VN-central"] != heard["vi-VN-south"]


async def test_slower_speech_is_longer(tmp_path):
    sizes = []
    for words_per_minute in (100, 200):
        path = await BUILT_IN.synthesise(
            "Bà con chú ý.", tmp_path / "out.wav", words_per_minute=words_per_minute
        )
        sizes.append(path.stat().st_size)
    assert sizes[0] > 1.4 * sizes[1]


@pytest.mark.parametrize("text", ["", "   ", "…!?"])
async def test_nothing_to_say_is_refused(text, tmp_path):
    with pytest.raises(RemoteFault) as caught:
        await BUILT_IN.synthesise(text, tmp_path / "out.wav")
    assert caught.value.code == "speech.empty"


async def test_unknown_voice_and_absurd_speed_are_refused(tmp_path):
    with pytest.raises(LocalFault, match="upload a recording"):
        await BUILT_IN.synthesise("Bà con", tmp_path / "out.wav", voice="bdq")
    with pytest.raises(LocalFault, match="choose 80 to 260"):
        await BUILT_IN.synthesise("Bà con", tmp_path / "out.wav", words_per_minute=9000)


async def test_a_program_that_is_missing_fails_or_hangs_says_so():
    with pytest.raises(WorldFault, match="not installed"):
        await programs.run_bounded(["chieng-no-such-program"], b"", 5, "speech.engine")
    with pytest.raises(WorldFault, match="failed: no message"):
        await programs.run_bounded(["false"], b"", 5, "speech.engine")
    with pytest.raises(WorldFault, match="did not finish"):
        await programs.run_bounded(["sleep", "60"], b"", 0.1, "speech.engine")


class Services:
    """Stand in for three speech services, in the shapes of their manuals."""

    def __init__(self, sound):
        self.sound = sound
        self.asked = []
        self.fault = None

    def app(self):
        app = web.Application()
        app.router.add_post("/hmi/tts/v5", self.fpt)
        app.router.add_post("/tts/speech_synthesis", self.viettel)
        app.router.add_post("/v1/tts/synthesize", self.zalo)
        app.router.add_get("/ready", self.ready)
        return app

    def there(self, request):
        return f"http://{request.host}/ready"

    async def fpt(self, request):
        text = (await request.read()).decode()
        self.asked.append((request.headers["api-key"], request.headers["voice"], text))
        self.waits = 1
        return web.json_response(self.fault or {"error": 0, "async": self.there(request)})

    async def viettel(self, request):
        sent = await request.json()
        self.asked.append((sent["token"], sent["voice"], sent["text"]))
        if self.fault:
            return web.json_response(self.fault)
        return web.Response(body=self.sound)

    async def zalo(self, request):
        sent = await request.post()
        self.asked.append((request.headers["apikey"], sent["speaker_id"], sent["input"]))
        self.waits = 0
        where = {"url": self.there(request)}
        return web.json_response(self.fault or {"error_code": 0, "data": where})

    async def ready(self, _request):
        self.waits -= 1
        return web.Response(status=404) if self.waits >= 0 else web.Response(body=self.sound)


PATHS = {"fpt": "/hmi/tts/v5", "viettel": "/tts/speech_synthesis", "zalo": "/v1/tts/synthesize"}


@pytest.mark.parametrize("engine", sorted(PATHS))
async def test_a_service_speaks_in_pieces_that_become_one_sound(tmp_path, engine, monkeypatch):
    monkeypatch.setattr(speech_engines, "READY_WAIT_S", 0.01)
    monkeypatch.setitem(speech_engines.LETTERS_MAX, engine, 30)
    await BUILT_IN.synthesise("Một hai ba bốn.", tmp_path / "piece.wav")
    stand_in = Services((tmp_path / "piece.wav").read_bytes())
    (tmp_path / "key").write_text("secret\n")
    async with serving(stand_in.app()) as served:
        url = f"http://127.0.0.1:{served.port}{PATHS[engine]}"
        row = {"id": "ban-mai", "name": "Ban Mai", "engine": engine, "voice": "banmai"}
        row |= {"url": url, "key_file": "key"}
        (tmp_path / "speech.json").write_text(json.dumps({"voices": [row]}))
        voices = speech.Voices(tmp_path)
        assert voices.listed()[-1].name == "Ban Mai"
        words = "Câu thứ nhất rất ngắn. Câu thứ hai cũng thế."
        out = await voices.synthesise(words, tmp_path / "out.wav", "ban-mai")
        assert [one[:2] for one in stand_in.asked] == [("secret", "banmai")] * 2
        assert " ".join(one[2] for one in stand_in.asked) == words
        with wave.open(str(tmp_path / "piece.wav")) as piece, wave.open(str(out)) as whole:
            assert whole.getnframes() == 2 * piece.getnframes()
        stand_in.fault = {"error": 5, "error_code": 5, "message": "quota"}
        with pytest.raises(WorldFault, match="refused"):
            await voices.synthesise(words, tmp_path / "out.wav", "ban-mai")
    with pytest.raises(WorldFault, match=engine):
        await voices.synthesise(words, tmp_path / "out.wav", "ban-mai")


async def test_a_configured_piper_is_run_with_its_model(tmp_path):
    """The program is a double of ours: no voice file comes from a registry."""
    program = tmp_path / "piper"
    program.write_text('#!/bin/sh\necho "$@" >"$0.asked"\nexec espeak-ng --stdin -w "$6"\n')
    program.chmod(0o755)
    (tmp_path / "vi.onnx").write_bytes(b"model")
    row = {"id": "p", "name": "P", "engine": "piper", "model": "vi.onnx", "program": str(program)}
    (tmp_path / "speech.json").write_text(json.dumps({"voices": [row]}))
    out = await speech.Voices(tmp_path).synthesise("Bà con", tmp_path / "out.wav", "p", 100)
    asked = (tmp_path / "piper.asked").read_text()
    assert out.stat().st_size > 1000 and "--length_scale 1.500" in asked and "vi.onnx" in asked


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"voices": [{"id": "x", "name": "X", "engine": "other"}]}',
        '{"voices": [{"id": "x", "name": "X", "engine": "piper", "model": "none.onnx"}]}',
        '{"voices": [{"id": "x", "name": "X", "engine": "fpt", "url": "http://tts.example/"}]}',
        '{"voices": [{"id": "x", "name": "X", "engine": "zalo", "url": "https://tts.example/"}]}',
    ],
)
def test_wrong_settings_are_refused_at_start(tmp_path, text):
    (tmp_path / "speech.json").write_text(text)
    with pytest.raises(LocalFault) as caught:
        speech.Voices(tmp_path)
    assert caught.value.code == "speech.settings"


@given(st.text(alphabet="ab .!?\n", max_size=300), st.integers(5, 60))
def test_pieces_lose_no_word_and_are_short(words, letters_max):
    found = speech_engines.pieces(words, letters_max)
    assert all(0 < len(one) <= letters_max for one in found)
    assert "".join("".join(found).split()) == "".join(words.split())
