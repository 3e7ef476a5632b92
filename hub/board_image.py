"""Board pictures: text becomes PNG frames of exactly the board's size.

Pictures travel, not text: the signed bytes are what the board shows, and no node needs fonts. The
PNG holds 8-bit rows with filter 0, which any viewer opens and a microcontroller decodes with
nothing but `deflate`.
"""

import io
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from protocols.errors import LocalFault, RemoteFault, WorldFault
from protocols.limits import BOARD_STRIP_PX_MAX

FONT_FOLDERS = (Path("/usr/share/fonts/truetype/noto"), Path("/usr/share/fonts/noto"))
FONT_FILE = "NotoSans-Bold.ttf"
# Below 16 px a tilde turns into a macron (ã, Ễ) on a board without grey; above 96 nothing gains.
FONT_PX_MIN = 16
FONT_PX_MAX = 96
PAGES_MAX = 20
TEXT_CHARACTERS_MAX = 4000
# A wall of 3 x 2 m at 5 mm is 600 x 400; a full-HD panel is the largest synchronous board.
SIDE_PX_MAX = 1920

# Between two languages: a line with two dark pixels on both sides.
GAP_PX = 5

AMBER = (255, 176, 0)
RED = (255, 32, 16)
BLACK = (0, 0, 0)


def render(
    text: str, width_px: int, height_px: int, channels: int, emergency: bool = False
) -> list[bytes]:
    """Render a text into as many PNG frames as it needs on a board of this size.

    `channels` is 1 (grey) or 3 (RGB). Line breaks in the text are kept; the largest font is chosen
    with which everything fits one frame, else the smallest readable one and several frames.
    Raises LocalFault `board.size`, RemoteFault `board.text` (empty, too long), `board.glyph` (a
    character that the font lacks), WorldFault `board.font` when Noto Sans is not installed.
    """
    if not (8 <= width_px <= SIDE_PX_MAX and 8 <= height_px <= SIDE_PX_MAX):
        raise LocalFault(
            "board.size",
            "board: %d x %d pixels" % (width_px, height_px),
            "give a size from 8 to %d pixels a side" % SIDE_PX_MAX,
        )
    if channels not in (1, 3):
        raise LocalFault("board.size", "channels: %d" % channels, "give 1 (grey) or 3 (colour)")
    paragraphs = _paragraphs(text)
    _refuse_missing_glyphs("".join(paragraphs), _font(FONT_PX_MIN))
    font, lines = _fit(paragraphs, width_px, height_px)
    per_frame = max(1, height_px // sum(_extent_px(lines, font)))
    frames = [lines[at : at + per_frame] for at in range(0, len(lines), per_frame)]
    if len(frames) > PAGES_MAX:
        raise RemoteFault(
            "board.text",
            "text: needs %d frames on this board" % len(frames),
            "shorten it: the most is %d" % PAGES_MAX,
        )
    return [png(_draw(frame, font, width_px, height_px, channels, emergency)) for frame in frames]


def render_strip(text: str, height_px: int, channels: int, emergency: bool = False) -> bytes:
    """Render a text as one line of PNG as high as a board and as wide as the text, to run through.

    Raises as `render`, and RemoteFault `board.text` when the strip would be wider than nodes hold.
    """
    line = " ".join(_paragraphs(text))
    _refuse_missing_glyphs(line, _font(FONT_PX_MIN))
    size_px = min(FONT_PX_MAX, height_px)
    while size_px > 8 and sum(_extent_px([line], _font(size_px))) > height_px:
        size_px -= 1
    font = _font(size_px)
    width_px = int(font.getlength(line)) + size_px
    if width_px > BOARD_STRIP_PX_MAX:
        raise RemoteFault(
            "board.text",
            "text: needs a strip of %d pixels" % width_px,
            "shorten it: the most is %d" % BOARD_STRIP_PX_MAX,
        )
    return png(_draw([line], font, width_px, height_px, channels, emergency))


def render_two(
    texts: tuple[str, str], width_px: int, height_px: int, channels: int, emergency: bool = False
) -> list[bytes]:
    """Render one text in two languages side by side, with a line between.

    Returns as many frames as the longer text needs; the shorter stands still. Raises as `render`.
    """
    half_px = (width_px - GAP_PX) // 2
    halves = [render(text, half_px, height_px, channels, emergency) for text in texts]
    frames = []
    for number in range(max(len(half) for half in halves)):
        image = Image.new("L" if channels == 1 else "RGB", (width_px, height_px))
        for half, left_px in zip(halves, (0, width_px - half_px), strict=True):
            picture = Image.open(io.BytesIO(half[min(number, len(half) - 1)]))
            image.paste(picture, (left_px, 0))
        ink: int | tuple[int, int, int] = 255 if channels == 1 else AMBER
        middle_px = width_px // 2
        ImageDraw.Draw(image).line((middle_px, 0, middle_px, height_px - 1), fill=ink)
        frames.append(png(image))
    return frames


def render_tongues(
    texts: Sequence[str], width_px: int, height_px: int, channels: int, emergency: bool = False
) -> list[bytes]:
    """Render one text in several languages: two and two side by side, else one after another.

    Side by side they stand on boards where no word of the two is cut for it. Raises as `render`.
    """
    size = (width_px, height_px, channels, emergency)
    frames: list[bytes] = []
    for start in range(0, len(texts), 2):
        pair = texts[start : start + 2]
        if len(pair) == 2 and _fits_half(pair, (width_px - GAP_PX) // 2, height_px):
            frames += render_two((pair[0], pair[1]), *size)
        else:
            frames += [frame for text in pair for frame in render(text, *size)]
    return frames


def _fits_half(texts: Sequence[str], half_px: int, height_px: int) -> bool:
    font = _font(min(FONT_PX_MIN, height_px * 2 // 3))
    words = [word for text in texts for line in _paragraphs(text) for word in line.split(" ")]
    return half_px >= 8 and all(font.getlength(word) <= half_px for word in words)


def _paragraphs(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", text).strip()
    if not text or len(text) > TEXT_CHARACTERS_MAX:
        raise RemoteFault(
            "board.text",
            "text: %d characters" % len(text),
            "write 1 to %d characters" % TEXT_CHARACTERS_MAX,
        )
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _font(size_px: int) -> ImageFont.FreeTypeFont:
    for folder in FONT_FOLDERS:
        if (folder / FONT_FILE).exists():
            return ImageFont.truetype(
                str(folder / FONT_FILE), size_px, layout_engine=ImageFont.Layout.RAQM
            )
    raise WorldFault("board.font", "the font Noto Sans is missing", "install fonts-noto-core")


def _refuse_missing_glyphs(text: str, font: ImageFont.FreeTypeFont) -> None:
    missing = bytes(font.getmask("\uffff"))
    for character in sorted(set(text)):
        if unicodedata.category(character)[0] in "MZ":
            continue
        if bytes(font.getmask(character)) == missing or not character.isprintable():
            raise RemoteFault(
                "board.glyph",
                "text: character U+%04X cannot be drawn" % ord(character),
                "replace it with a letter, a digit or a common sign",
            )


def _fit(
    paragraphs: list[str], width_px: int, height_px: int
) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    smallest = min(FONT_PX_MIN, height_px * 2 // 3)
    largest = max(smallest, min(FONT_PX_MAX, height_px // 2))
    for size_px in range(largest, smallest - 1, -1):
        font = _font(size_px)
        lines = _wrap(paragraphs, font, width_px)
        if len(lines) * sum(_extent_px(lines, font)) <= height_px and all(
            font.getlength(line) <= width_px for line in lines
        ):
            return font, lines
    font = _font(smallest)
    return font, _wrap(paragraphs, font, width_px)


def _extent_px(lines: list[str], font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Return the rows above and below the baseline that the ink of these lines needs.

    Noto's own ascent leaves room for scripts we do not show, and too little for Ẫ in capitals.
    """
    boxes = [font.getbbox(line, anchor="ls") for line in lines]
    above = max(-int(box[1]) for box in boxes)
    below = max(int(box[3]) for box in boxes)
    return above, below + 1


def _wrap(paragraphs: list[str], font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    lines = []
    for paragraph in paragraphs:
        line = ""
        for word in paragraph.split(" "):
            for piece in _breakable(word, font, width_px):
                longer = (line + " " + piece).strip()
                if line and font.getlength(longer) > width_px:
                    lines.append(line)
                    line = piece
                else:
                    line = longer
        lines.append(line)
    return lines


def _breakable(word: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    """Cut a word that is wider than the board; marks stay with their letter."""
    pieces = [""]
    for character in word:
        joined = pieces[-1] + character
        too_wide = font.getlength(joined) > width_px and not unicodedata.combining(character)
        if pieces[-1] and too_wide:
            pieces.append(character)
        else:
            pieces[-1] = joined
    return pieces


def _draw(
    lines: list[str],
    font: ImageFont.FreeTypeFont,
    width_px: int,
    height_px: int,
    channels: int,
    emergency: bool,
) -> Image.Image:
    image = Image.new("L" if channels == 1 else "RGB", (width_px, height_px))
    ink: int | tuple[int, int, int] = 255
    if channels == 3:
        ink = RED if emergency else AMBER
    draw = ImageDraw.Draw(image)
    if channels == 1:
        draw.fontmode = "1"  # An LED is on or off: no grey edges.
    above_px, below_px = _extent_px(lines, font)
    line_px = above_px + below_px
    spare_px = max(0, height_px - line_px * len(lines)) // (len(lines) + 1)
    for index, line in enumerate(lines):
        baseline = spare_px + index * (line_px + spare_px) + above_px
        draw.text((width_px // 2, baseline), line, fill=ink, font=font, anchor="ms")
    return image


def png(image: Image.Image) -> bytes:
    """Encode an L or RGB image as a PNG whose every row has filter 0 (RFC 2083 section 6)."""
    channels = len(image.getbands())
    stride = image.width * channels
    pixels = image.tobytes()
    rows = b"".join(
        b"\0" + pixels[at : at + stride] for at in range(0, stride * image.height, stride)
    )
    head = struct.pack(">IIBBBBB", image.width, image.height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
