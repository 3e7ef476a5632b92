"""The test tone, however it is read."""

from protocols.tone import Tone


def test_any_reading_gives_the_same_tone():
    whole = Tone(100).read(10000)
    assert len(whole) == 3200 and whole[:4] == b"\x00\x00\x3f\x0c"
    for size in (1, 7, 32, 100, 333):
        tone = Tone(100)
        data = b""
        while True:
            piece = tone.read(size)
            if not piece:
                break
            data += piece
        assert data == whole
    tone = Tone(100)
    tone.seek(3000)
    assert tone.read(500) == whole[3000:] and tone.read(1) == b""
    tone.seek(99999)
    assert tone.read(1) == b""
    tone.close()
