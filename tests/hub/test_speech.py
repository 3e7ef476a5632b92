"""Speech by the real espeak-ng."""

import wave

import pytest

from hub import speech
from protocols.errors import LocalFault, RemoteFault, WorldFault


async def test_a_text_becomes_speech_in_every_voice(tmp_path):
    heard = {}
    for voice in speech.VOICES:
        path = await speech.synthesise("Bão số 13 đổ bộ lúc 17h30.", tmp_path / "out.wav", voice)
        with wave.open(str(path)) as recording:
            assert recording.getnchannels() == 1
            assert 1.5 < recording.getnframes() / recording.getframerate() < 10
            heard[voice] = recording.readframes(recording.getnframes())
    assert heard["vi-VN-north"] != heard["vi-VN-central"] != heard["vi-VN-south"]


async def test_slower_speech_is_longer(tmp_path):
    sizes = []
    for words_per_minute in (100, 200):
        path = await speech.synthesise(
            "Bà con chú ý.", tmp_path / "out.wav", words_per_minute=words_per_minute
        )
        sizes.append(path.stat().st_size)
    assert sizes[0] > 1.4 * sizes[1]


@pytest.mark.parametrize("text", ["", "   ", "…!?"])
async def test_nothing_to_say_is_refused(text, tmp_path):
    with pytest.raises(RemoteFault) as caught:
        await speech.synthesise(text, tmp_path / "out.wav")
    assert caught.value.code == "speech.empty"


async def test_unknown_voice_and_absurd_speed_are_refused(tmp_path):
    with pytest.raises(LocalFault, match="upload a recording"):
        await speech.synthesise("Bà con", tmp_path / "out.wav", voice="bdq")
    with pytest.raises(LocalFault, match="choose 80 to 260"):
        await speech.synthesise("Bà con", tmp_path / "out.wav", words_per_minute=9000)


async def test_a_program_that_is_missing_fails_or_hangs_says_so():
    with pytest.raises(WorldFault, match="not installed"):
        await speech.run_bounded(["chieng-no-such-program"], b"", 5, "speech.engine")
    with pytest.raises(WorldFault, match="failed: no message"):
        await speech.run_bounded(["false"], b"", 5, "speech.engine")
    with pytest.raises(WorldFault, match="did not finish"):
        await speech.run_bounded(["sleep", "60"], b"", 0.1, "speech.engine")
