"""Board pictures: exact size, every diacritic drawn, nothing cut."""

import io
import struct
import unicodedata
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hub import board_image
from protocols.errors import LocalFault, RemoteFault

NOTICE = (Path(__file__).parents[1] / "data" / "board_notice.txt").read_text(encoding="utf-8")


def opened(frame):
    image = Image.open(io.BytesIO(frame))
    image.load()
    return image


@pytest.mark.parametrize(("size", "mode"), [((192, 64, 1), "L"), ((600, 400, 3), "RGB")])
def test_the_notice_fits_the_board_and_any_viewer_opens_it(size, mode):
    frames = board_image.render(NOTICE, *size)
    assert frames
    for frame in frames:
        image = opened(frame)
        assert (image.size, image.mode) == (size[:2], mode)
        assert image.getbbox() is not None


@pytest.mark.parametrize("text", [NOTICE, "BÃO SỐ Ễ\nẬ g", "Ỗ ô̆ g"])
@pytest.mark.parametrize("size", [(192, 64), (600, 400), (96, 24)])
def test_no_ink_is_cut_off_at_the_edge(text, size):
    font, lines = board_image._fit(text.split("\n"), *size)
    per_frame = max(1, size[1] // sum(board_image._extent_px(lines, font)))
    for at in range(0, len(lines), per_frame):
        frame = lines[at : at + per_frame]
        drawn = board_image._draw(frame, font, *size, 1, False)
        roomy = board_image._draw(frame, font, size[0] + 200, size[1] + 200, 1, False)
        assert sum(map(bool, drawn.tobytes())) == sum(map(bool, roomy.tobytes()))


def test_every_row_has_filter_zero():
    frame = board_image.render("Ễ", 32, 24, 3)[0]
    assert frame[:8] == b"\x89PNG\r\n\x1a\n"
    length = struct.unpack(">I", frame[33:37])[0]
    rows = zlib.decompress(frame[41 : 41 + length])
    assert len(rows) == 24 * (1 + 32 * 3)
    assert set(rows[:: 1 + 32 * 3]) == {0}


def test_a_board_without_grey_gets_none():
    for frame in board_image.render(NOTICE, 192, 64, 1):
        assert set(opened(frame).tobytes()) == {0, 255}


def test_diacritics_change_the_picture():
    pictures = [board_image.render(letter, 64, 64, 1)[0] for letter in "aăâáàảãạằẵơôeêễiíđdƀŏ"]
    assert len(set(pictures)) == len(pictures)


def test_composed_and_decomposed_text_draw_alike():
    apart = unicodedata.normalize("NFD", NOTICE)
    assert board_image.render(apart, 192, 64, 1) == board_image.render(NOTICE, 192, 64, 1)


def test_an_emergency_is_red():
    frame = opened(board_image.render("SƠ TÁN NGAY", 192, 64, 3, emergency=True)[0])
    colours = {colour for _, colour in frame.getcolors(65536)}
    assert board_image.RED in colours
    assert board_image.AMBER not in colours


def test_a_long_text_takes_several_frames_and_a_longer_one_is_refused():
    assert len(board_image.render("bão lũ " * 20, 192, 64, 1)) > 1
    with pytest.raises(RemoteFault, match="frames on this board"):
        board_image.render("bão lũ " * 500, 192, 64, 1)


def test_bad_input_is_refused_by_name():
    with pytest.raises(RemoteFault, match="0 characters"):
        board_image.render("  ", 192, 64, 1)
    with pytest.raises(RemoteFault, match=r"U\+1F600"):
        board_image.render("bão 😀", 192, 64, 1)
    with pytest.raises(LocalFault, match="pixels"):
        board_image.render("bão", 0, 64, 1)
    with pytest.raises(LocalFault, match="channels"):
        board_image.render("bão", 192, 64, 4)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.integers(8, 128), st.integers(8, 96))
def test_any_text_is_drawn_or_refused(text, width, height):
    try:
        frames = board_image.render(text, width, height, 1)
    except RemoteFault as fault:
        assert fault.code in ("board.text", "board.glyph")
        return
    for frame in frames:
        assert opened(frame).size == (width, height)


@pytest.mark.parametrize(("height", "channels"), [(64, 1), (16, 1), (400, 3)])
def test_a_strip_is_as_high_as_the_board_and_as_wide_as_its_text(height, channels):
    short = opened(board_image.render_strip("BÃO SỐ 9: Ễ Ậ g", height, channels))
    long = opened(board_image.render_strip("BÃO SỐ 9: Ễ Ậ g\n" * 3, height, channels))
    assert short.height == long.height == height and long.width > 2.5 * short.width
    ink = short.getbbox()
    assert ink[1] >= 0 and ink[3] <= height and ink[3] - ink[1] > min(height, 96) * 0.5


def test_a_strip_that_no_node_holds_is_refused():
    with pytest.raises(RemoteFault) as caught:
        board_image.render_strip("dài " * 900, 64, 1)
    assert caught.value.code == "board.text"


def test_two_languages_stand_side_by_side():
    texts = ("Sơ tán ngay", "Đăh tơroi hơdrong")
    (frame,) = board_image.render_two(texts, 192, 64, 1)
    image = opened(frame)
    assert image.size == (192, 64)
    left, right = opened(board_image.render(texts[0], 93, 64, 1)[0]), None
    assert image.crop((0, 0, 93, 64)).tobytes() == left.tobytes()
    right = opened(board_image.render(texts[1], 93, 64, 1)[0])
    assert image.crop((99, 0, 192, 64)).tobytes() == right.tobytes()
    assert image.getpixel((96, 5)) == 255 and image.getpixel((94, 5)) == 0
    frames = board_image.render_two((texts[0], NOTICE), 192, 64, 1)
    assert len(frames) == len(board_image.render(NOTICE, 93, 64, 1)) > 1
