"""Every board shows what it is given, refuses other sizes, and reads back the truth."""

import hashlib

import pytest
from PIL import Image

from hw.linux.board import PngPanel
from hw.sim.board import Board as SimBoard
from protocols.errors import LocalFault, WorldFault

SIZE = (24, 5, 3)


@pytest.fixture(params=["png", "sim"])
def board(request, tmp_path):
    if request.param == "sim":
        return SimBoard(*SIZE)
    return PngPanel(str(tmp_path / "panel.png"), *SIZE)


def frame(seed: int) -> list[bytes]:
    return [bytes((seed + x * 7 + y * 31) % 256 for x in range(72)) for y in range(5)]


async def test_shows_and_reads_back(board):
    for seed in (1, 2):
        await board.show(frame(seed))
        assert await board.read_back() == hashlib.sha256(b"".join(frame(seed))).digest()
    await board.off()
    assert await board.read_back() == hashlib.sha256(bytes(72 * 5)).digest()


async def test_other_sizes_are_refused_and_change_nothing(board):
    await board.show(frame(1))
    for rows in ([], frame(1)[:4], [*frame(1), b""], [row + b"\0" for row in frame(1)]):
        with pytest.raises(LocalFault) as caught:
            await board.show(rows)
        assert caught.value.code == "board.size"
    assert await board.read_back() == hashlib.sha256(b"".join(frame(1))).digest()


async def test_the_panels_file_is_an_ordinary_png(tmp_path):
    panel = PngPanel(str(tmp_path / "panel.png"), *SIZE)
    assert await panel.read_back() is None
    await panel.show(frame(3))
    with Image.open(tmp_path / "panel.png") as image:
        assert image.size == (24, 5) and image.tobytes() == b"".join(frame(3))
    assert [p.name for p in tmp_path.iterdir()] == ["panel.png"]
    (tmp_path / "panel.png").write_bytes(b"spoilt")
    assert await panel.read_back() is None


async def test_an_absent_folder_is_a_lost_board(tmp_path):
    panel = PngPanel(str(tmp_path / "none" / "panel.png"), *SIZE)
    with pytest.raises(WorldFault) as caught:
        await panel.show(frame(1))
    assert caught.value.code == "board.lost"
    with pytest.raises(LocalFault):
        PngPanel("x", 8, 8, 2)


async def test_a_dishonest_board_is_told_by_read_back():
    board = SimBoard(*SIZE)
    await board.show(frame(1))
    board.honest = False
    await board.show(frame(2))
    assert await board.read_back() != hashlib.sha256(b"".join(frame(2))).digest()
    board.plugged = False
    assert await board.read_back() is None
