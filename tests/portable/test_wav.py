"""WAV heads on every interpreter."""

import struct

from protocols import wav
from protocols.errors import RemoteFault


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + (b"\0" if len(body) & 1 else b"")


def riff(*chunks):
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(code=1, channels=1, rate=16000, bits=16, align=2):
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * align, align, bits))


def refused(data):
    try:
        wav.read_head(data)
    except RemoteFault as fault:
        return fault.code
    return None


def test_what_is_written_is_read():
    data = wav.head(16000, 6400, 1760000000123)
    assert len(data) == wav.HEAD_BYTES
    assert wav.read_head(data) == wav.Head(16000, 1, wav.HEAD_BYTES, 6400, 1760000000123)


def test_plain_and_padded_files():
    assert wav.read_head(riff(form(), chunk(b"data", b"ab"))) == wav.Head(16000, 1, 44, 2, None)
    odd = riff(form(), chunk(b"note", b"abc"), chunk(b"data", b"abcd"))
    assert wav.read_head(odd).data_offset == 44 + 12
    stereo = riff(form(channels=2, align=4), chunk(b"data", b"abcd"))
    assert wav.read_head(stereo).channels == 2


def test_everything_else_is_refused():
    data = chunk(b"data", b"ab")
    good = riff(form(), data)
    for length in range(len(good) - 2):
        assert refused(good[:length]) == "media.undecodable"
    bad = [
        b"",
        b"RIFX" + good[4:],
        riff(data, form()),
        riff(chunk(b"fmt ", b"short"), data),
        riff(form(code=3), data),
        riff(form(bits=8), data),
        riff(form(channels=3, align=6), data),
        riff(form(align=4), data),
        riff(form(rate=1), data),
        riff(form(), chunk(b"data", b"abc")),
        riff(form(), chunk(b"LIST", bytes(5000)), data),
    ]
    for case in bad:
        assert refused(case) == "media.undecodable"


def test_a_foreign_comment_is_no_time():
    for text in (
        b"started_wall_ms=12a",
        b"started_wall_ms=",
        b"hello",
        b"started_wall_ms=" + b"9" * 20,
    ):
        info = chunk(b"LIST", b"INFO" + chunk(b"ICMT", text))
        assert wav.read_head(riff(form(), info, chunk(b"data", b"ab"))).started_ms is None
