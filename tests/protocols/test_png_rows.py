"""Pictures as Pillow writes them and as the hub does; hypothesis for everything else."""

import io
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hub import board_image
from hw.linux.inflate import Inflate
from protocols.errors import RemoteFault
from protocols.png_rows import Size, read_rows
from tests.portable.test_png_rows import END, chunk, header, png


def refused(data: bytes, size: Size) -> str:
    with pytest.raises(RemoteFault) as caught:
        read_rows(io.BytesIO(data), Inflate(), size)
    return caught.value.code


@pytest.mark.parametrize("channels", [1, 3])
def test_the_hubs_pictures_agree_with_pillow(channels):
    for data in board_image.render("Bão số 13 ĐÃ VÀO BỜ", 192, 64, channels):
        rows = read_rows(io.BytesIO(data), Inflate(), Size(192, 64, channels))
        with Image.open(io.BytesIO(data)) as image:
            assert image.tobytes() == b"".join(rows)


def test_pillows_own_filters_are_refused():
    image = Image.effect_noise((64, 64), 80).resize((200, 64))
    file = io.BytesIO()
    image.save(file, "PNG")
    assert refused(file.getvalue(), Size(200, 64, 1)) == "media.undecodable"


def test_a_zip_bomb_stops_at_the_boards_size():
    bomb = zlib.compress(bytes(50_000_000), 9)
    data = png(header(width=192, height=64), chunk(b"IDAT", bomb), END)
    assert refused(data, Size(192, 64, 1)) in ("media.oversize", "media.undecodable")


def test_endless_chunks_are_bounded():
    data = png(header(), chunk(b"tEXt", b"x") * 5000, END)
    assert refused(data, Size(3, 2, 1)) == "media.undecodable"


@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.sampled_from((1, 3)),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 600), max_size=5),
)
def test_any_picture_in_any_chunks(width, height, channels, rng, cuts):
    rows = [rng.randbytes(width * channels) for _ in range(height)]
    data = zlib.compress(b"".join(b"\0" + row for row in rows), rng.randrange(10))
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    pieces = [chunk(b"IDAT", data[a:b]) for a, b in itertools.pairwise(edges)]
    whole = png(header(width, height, colour=0 if channels == 1 else 2), *pieces, END)
    assert read_rows(io.BytesIO(whole), Inflate(), Size(width, height, channels)) == rows


@given(st.binary(max_size=300))
def test_garbage_is_refused(data):
    refused(b"\x89PNG\r\n\x1a\n" + data, Size(3, 2, 1))
    refused(png(header(), chunk(b"IDAT", data), END), Size(3, 2, 1))
