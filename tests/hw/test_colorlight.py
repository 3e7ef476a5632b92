"""A colour wall's frames, captured by tcpdump on a cable, hold the picture that was shown."""

import json
import os

import pytest

from hw.linux.colorlight_board import ColorlightBoard
from protocols import colorlight
from protocols.errors import Fault, LocalFault
from tests.hw.two_hosts import run_scene


@pytest.mark.parametrize(("width", "height"), [(600, 400), (497, 1)])
def test_the_picture_rebuilt_from_a_capture_is_identical(width, height):
    result = json.loads(run_scene("tests.hw.colorlight_scene", str(width), str(height)))
    assert result["rebuilt"] == result["sent"]
    assert result["levels"] == [102]
    assert (result["absent"], result["present"]) == (False, True)


async def test_faults_have_codes():
    board = ColorlightBoard("no-such-port", 8, 2, colorlight.dialect())
    with pytest.raises(Fault) as caught:
        await board.show([bytes(24)] * 2)
    expected = "ethernet.missing" if os.geteuid() == 0 else "ethernet.permission"
    assert caught.value.code == expected and caught.value.remedy
    with pytest.raises(LocalFault) as refused:
        await board.show([bytes(24)])
    assert refused.value.code == "board.size"
    with pytest.raises(LocalFault):
        ColorlightBoard("x", 8, 2, colorlight.dialect(order="bgg"))
    assert await board.read_back() is None


def test_documented_frames():
    given = colorlight.dialect(first_row=2, first_column=3)
    head = colorlight.row_head(given, 255, 497, 103)
    assert head == bytes.fromhex("11223344556622223344556655010101f400670888")
    latch = colorlight.latch(colorlight.dialect(), 77)
    assert len(latch) == 112 and latch[12:14] == b"\x01\x07"
    assert (latch[35], latch[36], latch[38:41]) == (77, 5, bytes((77, 77, 77)))
    assert colorlight.brightness(9)[12:17] == bytes((0x0A, 9, 9, 9, 255))
    assert colorlight.detect()[12:14] == b"\x07\x00"
    assert not colorlight.is_detected(colorlight.detect())
    assert not colorlight.is_detected(b"")
