"""Answers in the coding `deflate`: whole in any pieces, and bounded whatever the peer sends."""

import asyncio
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw import ports
from hw.linux.link import Inflated
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import CODING_SURPLUS_BYTES_MAX


class Pieces(ports.Response):
    """Answer with the given pieces, of which no read gives more than one."""

    def __init__(self, pieces):
        self.status, self.headers = 200, {}
        self.left = list(pieces)
        self.is_closed = False

    async def read(self, count):
        if not self.left:
            return b""
        piece = self.left.pop(0)
        if len(piece) > count:
            self.left.insert(0, piece[count:])
        return piece[:count]

    async def close(self):
        self.is_closed = True


def _read(pieces, count):
    """Return the body, read `count` bytes at a time."""

    async def story():
        response = Inflated(Pieces(pieces))
        body = b""
        while piece := await response.read(count):
            assert len(piece) <= count
            body += piece
        assert await response.read(count) == b""
        await response.close()
        assert response._response.is_closed and not response._response.left
        return body

    return asyncio.run(story())


@given(st.binary(max_size=3000), st.integers(0, 9), st.integers(1, 700), st.integers(1, 900))
def test_any_body_arrives_in_any_pieces(body, level, size, count):
    data = zlib.compress(body, level)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert _read(pieces, count) == body


@given(st.binary(max_size=60), st.integers(1, 40))
def test_noise_is_refused_or_cut(noise, count):
    try:
        assert zlib.decompress(noise) == _read([noise], count)
    except (RemoteFault, WorldFault) as fault:
        assert fault.code in ("http.coding", "http.cut")
    except zlib.error:
        # Refused by the library; ours must not have taken it for a whole body.
        with pytest.raises((RemoteFault, WorldFault)):
            _read([noise], count)


def test_what_swells_is_handed_out_as_it_is_asked_for():
    swollen = Inflated(Pieces([zlib.compress(bytes(50_000_000), 9)]))

    async def story():
        for _ in range(20):
            assert len(await swollen.read(4096)) <= 4096
        # No more than a piece of the answer has been taken for it.
        assert len(swollen._pending) <= 4096

    asyncio.run(story())


def test_blocks_that_hold_nothing_end_before_they_cost_a_sim():
    empty = b"\x00\x00\x00\xff\xff" * 800
    pieces = [b"\x78\x9c", *[empty] * 1000]
    swollen = Pieces(pieces)

    async def story():
        await Inflated(swollen).read(4096)

    with pytest.raises(RemoteFault) as caught:
        asyncio.run(story())
    assert caught.value.code == "http.coding"
    taken = sum(map(len, pieces)) - sum(map(len, swollen.left))
    assert taken <= CODING_SURPLUS_BYTES_MAX + 4096


def test_what_does_not_compress_is_taken_at_any_length():
    body = random.Random(1).randbytes(3_000_000)
    data = zlib.compress(body, 0)
    assert _read([data[at : at + 4096] for at in range(0, len(data), 4096)], 4096) == body


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[:-1], "http.cut"),
        (lambda data: data[:3], "http.cut"),
        (lambda data: data + b"x", "http.coding"),
        (lambda data: b"<html>" + data, "http.coding"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "http.coding"),
    ],
)
def test_a_spoilt_body_is_named(change, code):
    with pytest.raises((RemoteFault, WorldFault)) as caught:
        _read([change(zlib.compress(b"paper" * 400))], 512)
    assert caught.value.code == code
