"""Pictures for boards: taken in once, drawn again, and fitted to each board's exact size.

What was uploaded is never shown or passed on: a process of its own makes a plain PNG of it
(`hub.picture_reader`), and only that stands in the table `pictures`. Boards get it fitted whole on
black, as PNG rows of their own size; where a board has no grey, its dots are on or off here too, so
that the approver sees what stands there.
"""

import asyncio
import io
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from hub import board_image, fleet, picture_reader
from hub.blobs import Blobs
from hub.programs import run_bounded
from hub.store import Row, Store
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import PICTURE_ALT_LETTERS_MAX, PICTURES_MAX
from protocols.limits import DWELL_S_MAX

READ_TIMEOUT_S = 60
# Shorter than this nobody sees a picture from a motorcycle.
DWELL_S_MIN = 3
DWELL_S_DEFAULT = 10


async def take(source: Path, blobs: Blobs, work: Path) -> Row:
    """Make a plain picture of an uploaded file, keep it, and return its row of `pictures`.

    Raises `RemoteFault` with `picture.svg`, `.type`, `.large`, `.moving` or `.broken`.
    """
    with tempfile.TemporaryDirectory(dir=work) as folder:
        target = Path(folder) / "picture.png"
        command = [sys.executable, "-m", "hub.picture_reader", str(source), str(target)]
        try:
            await run_bounded(command, b"", READ_TIMEOUT_S, "picture.tool")
        except WorldFault as fault:
            code = fault.message.rsplit(" ", 1)[-1]
            raise _refuse(code if code in picture_reader.CODES else picture_reader.BROKEN) from None
        return await asyncio.to_thread(_keep, target, blobs)


def _keep(target: Path, blobs: Blobs) -> Row:
    with Image.open(target, formats=("PNG",)) as image:
        width_px, height_px = image.size
    blob = blobs.put_file(target)
    return {"picture": blob.sha256, "length": blob.length, "width": width_px, "height": height_px}


def _refuse(code: str) -> RemoteFault:
    return RemoteFault(code, "this is no picture for boards", "Send a PNG, JPEG or WebP file.")


def keep(store: Store, row: Row, now_s: int) -> None:
    """Note a picture that was taken in; the same one twice is as if new."""
    if not store.change("pictures", (row["picture"],), {"created_s": now_s}):
        store.add("pictures", {**row, "created_s": now_s})


def forget(store: Store, erased: Iterable[str], below_s: int) -> None:
    """Erase the rows of media that are here no more; what was taken in since `below_s` stays."""
    for name in erased:
        store.erase("pictures", {"picture": name}, "created_s", below_s, 1)


def checked(store: Store, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a bulletin's pictures (`picture`, `alt`, `dwell_s`) as they are kept.

    Raises `RemoteFault` with `picture.many`, `.gone`, `.alt` or `.dwell`.
    """
    if len(given) > PICTURES_MAX:
        raise RemoteFault("picture.many", f"{len(given)} pictures", f"At most {PICTURES_MAX}.")
    found = []
    for one in given:
        if store.get("pictures", one["picture"]) is None:
            raise RemoteFault("picture.gone", "a picture is not here", "Choose it again.")
        alt = " ".join(str(one["alt"]).split())[:PICTURE_ALT_LETTERS_MAX]
        if not alt:
            raise RemoteFault("picture.alt", "a picture without words", "Say what it shows.")
        if not DWELL_S_MIN <= one["dwell_s"] <= DWELL_S_MAX:
            raise RemoteFault("picture.dwell", "seconds of a picture", "Write 3 to 3600 seconds.")
        found.append({"picture": one["picture"], "alt": alt, "dwell_s": one["dwell_s"]})
    return found


def fit(data: bytes, width_px: int, height_px: int, channels: int) -> bytes:
    """Return a picture whole and as large as it goes on a board of this size, as its PNG.

    `data` is a picture that `take` has made, `channels` 1 (dots on or off) or 3 (RGB).
    """
    image = Image.open(io.BytesIO(data), formats=("PNG",)).convert("RGB")
    scale = min(width_px / image.width, height_px / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.LANCZOS)
    board = Image.new("RGB", (width_px, height_px))
    board.paste(image, ((width_px - size[0]) // 2, (height_px - size[1]) // 2))
    if channels == 1:
        board = board.convert("1").convert("L")
    return board_image.png(board)


def fit_to(data: bytes, size: str) -> bytes:
    """Return a picture for a board such as `192x64x1`; raises `RemoteFault("picture.board")`."""
    if not fleet.BOARD_PATTERN.fullmatch(size):
        raise RemoteFault("picture.board", f"no size of a board: {size}", "Load the page again.")
    width_px, height_px, channels = (int(number) for number in size.split("x"))
    if max(width_px, height_px) > board_image.SIDE_PX_MAX:
        raise RemoteFault("picture.board", f"no size of a board: {size}", "Load the page again.")
    return fit(data, width_px, height_px, channels)
