"""Read one picture in a process of its own: `python -m hub.picture_reader SOURCE TARGET`.

Whatever a file does to a decoder ends here, bounded in memory and time, and not in the hub. TARGET
becomes a plain RGB PNG without metadata, no larger than the largest board; of a file that is none,
the last line on standard error is its fault code.
"""

import resource
import struct
import sys
import warnings
import zlib
from pathlib import Path

from PIL import Image, ImageOps

from protocols.hub_limits import PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX
from protocols.limits import BOARD_SIDE_PX_MAX

# A picture of PICTURE_PIXELS_MAX as RGBA is 160 MB; turned and scaled it stands there three times.
MEMORY_BYTES_MAX = 1 << 30
CPU_S_MAX = 30
# What a browser, a scanner or a telephone makes; told by its first bytes, never by its name.
FORMATS = ("PNG", "JPEG", "WEBP")
HEAD_BYTES = 4096

SVG, TYPE, LARGE = "picture.svg", "picture.type", "picture.large"
MOVING, BROKEN = "picture.moving", "picture.broken"
# What decoders raise over damaged files.
DAMAGED = (ArithmeticError, EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError,
           struct.error, zlib.error)  # fmt: skip
CODES = (SVG, TYPE, LARGE, MOVING, BROKEN)


class NoPicture(Exception):
    """Report a file that becomes no picture; its text is a fault code."""


def is_svg(head: bytes) -> bool:
    """Tell whether a file begins as a drawing in XML does, in either byte order of UTF-16 too."""
    return b"<svg" in head.replace(b"\0", b"").lower()


def read(source: Path) -> Image.Image:
    """Return a picture as RGB, turned as it was held, on black; raises `NoPicture` or `DAMAGED`."""
    if source.stat().st_size > PICTURE_BYTES_MAX:
        raise NoPicture(LARGE)
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if is_svg(head) and not head.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")):
            raise NoPicture(SVG)
        file.seek(0)
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError:
            raise NoPicture(LARGE) from None
        except DAMAGED:
            raise NoPicture(TYPE) from None
        if image.width * image.height > PICTURE_PIXELS_MAX:
            raise NoPicture(LARGE)
        if getattr(image, "n_frames", 1) > 1:
            raise NoPicture(MOVING)
        return _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image)
    image = image.convert("RGB")
    image.thumbnail((BOARD_SIDE_PX_MAX, BOARD_SIDE_PX_MAX), Image.Resampling.LANCZOS)
    image.info.clear()
    return image


def main(source: str, target: str) -> int:
    """Read a picture within the process's bounds and write it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))
    warnings.simplefilter("ignore")
    try:
        read(Path(source)).save(target, "PNG")
    except NoPicture as error:
        print(error, file=sys.stderr)
        return 1
    except MemoryError:
        print(LARGE, file=sys.stderr)
        return 1
    except DAMAGED as error:
        print(f"{type(error).__name__}\n{BROKEN}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
