"""Board pictures on every interpreter's own inflate."""

import binascii
import struct

from hw.platform import Inflate
from protocols.errors import RemoteFault
from protocols.png_rows import Size, read_rows

# 3 x 2 grey: rows 0,128,255 and 1,2,3, deflated by zlib at level 9.
ROWS = [b"\x00\x80\xff", b"\x01\x02\x03"]
DATA = binascii.unhexlify("78da636068f8cfc0c8c40c00080d0186")
SIZE = Size(3, 2, 1)


class Bytes:
    """Read bytes, at most `step` at a time."""

    def __init__(self, data, step=1000):
        self.data = data
        self.step = step

    def read(self, count):
        count = min(count, self.step)
        data = self.data[:count]
        self.data = self.data[count:]
        return data


def chunk(name, body):
    crc = binascii.crc32(name + body) & 0xFFFFFFFF
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def header(width=3, height=2, depth=8, colour=0, method=0, filters=0, interlace=0):
    fields = (width, height, depth, colour, method, filters, interlace)
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *fields))


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


END = chunk(b"IEND", b"")


def code_of(data, size=SIZE):
    try:
        read_rows(Bytes(data), Inflate(), size)
    except RemoteFault as fault:
        return fault.code
    return None


def test_rows_in_any_pieces():
    whole = png(header(), chunk(b"tEXt", b"note"), chunk(b"IDAT", DATA), END)
    split = png(header(), chunk(b"IDAT", DATA[:5]), chunk(b"IDAT", DATA[5:]), END)
    for data in (whole, split):
        for step in (1, 3, 1000):
            assert read_rows(Bytes(data, step), Inflate(), SIZE) == ROWS


def test_every_cut_and_every_changed_byte_is_refused():
    data = png(header(), chunk(b"IDAT", DATA), END)
    for length in range(len(data)):
        assert code_of(data[:length]) == "media.undecodable"
    for i in range(len(data)):
        changed = data[:i] + bytes((data[i] ^ 0x41,)) + data[i + 1 :]
        assert code_of(changed) is not None
    assert code_of(data + b"\0") == "media.undecodable"


def test_other_kinds_of_png_are_refused():
    body = chunk(b"IDAT", DATA)
    for head in (
        header(depth=16),
        header(depth=1),
        header(colour=3),
        header(colour=4),
        header(method=1),
        header(filters=1),
        header(interlace=1),
        header(width=0),
        header(height=100000),
        chunk(b"IHDR", b"short"),
        chunk(b"PLTE", b""),
    ):
        assert code_of(png(head, body, END)) == "media.undecodable"
    assert code_of(png(header(), chunk(b"PLTE", b""), body, END)) == "media.undecodable"
    assert code_of(png(header(), body, chunk(b"tEXt", b""), END)) == "media.undecodable"


def test_size_must_be_the_boards():
    data = png(header(), chunk(b"IDAT", DATA), END)
    for size in (Size(2, 3, 1), Size(3, 2, 3), Size(6, 1, 1)):
        assert code_of(data, size) == "media.wrong_size"


def test_too_many_or_too_few_rows():
    for height in (1, 3):
        data = png(header(height=height), chunk(b"IDAT", DATA), END)
        assert code_of(data, Size(3, height, 1)) in ("media.undecodable", "media.oversize")


def test_a_row_with_a_filter_is_refused():
    # The same rows, the second with filter 1 (Sub).
    filtered = binascii.unhexlify("78da636068f8cfc8c8c40c0008110187")
    assert code_of(png(header(), chunk(b"IDAT", filtered), END)) == "media.undecodable"
