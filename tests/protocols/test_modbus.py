"""Modbus frames against the specification's examples, and hypothesis against every bad line."""

import itertools
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU

from protocols import modbus
from protocols.errors import LocalFault


def reply_to(request: modbus.Request, values: list[int]) -> bytes:
    """Build the device's reply by hand, from the specification's tables."""
    if request.function in (1, 2):
        packed = bytearray((request.count + 7) // 8)
        for i, bit in enumerate(values):
            packed[i // 8] |= bit << (i % 8)
        body = bytes((len(packed),)) + bytes(packed)
    elif request.function in (3, 4):
        body = bytes((request.count * 2,)) + struct.pack(">%dH" % request.count, *values)
    else:
        body = request.body[:4]
    frame = bytes((request.unit, request.function)) + body
    return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")


@st.composite
def requests(draw):
    """Draw a request and the values its device would answer."""
    unit = draw(st.integers(1, 247))
    address = draw(st.integers(0, 0xFFFF))
    kind = draw(st.sampled_from((1, 2, 3, 4, 5, 6, 15, 16)))
    if kind in (1, 2):
        bits = draw(st.lists(st.integers(0, 1), min_size=1, max_size=40))
        return modbus.read(kind, unit, address, len(bits)), bits
    words = draw(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20))
    if kind in (3, 4):
        return modbus.read(kind, unit, address, len(words)), words
    if kind == 5:
        return modbus.write_coil(unit, address, words[0]), []
    if kind == 6:
        return modbus.write_register(unit, address, words[0]), []
    if kind == 15:
        return modbus.write_coils(unit, address, [w & 1 for w in words]), []
    return modbus.write_registers(unit, address, words), []


def verdict(request: modbus.Request, pieces: list[bytes]) -> tuple:
    exchange = modbus.Exchange(request, 0, 100)
    for piece in pieces:
        exchange.receive(piece, 1)
    exchange.tick(100)
    event = exchange.next_event()
    assert exchange.is_closed() and exchange.next_event() is None
    if isinstance(event, modbus.Reply):
        return ("reply", event.values)
    return ("failure", event.fault.code, event.again)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(p % (len(data) + 1) for p in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


# The specification's own examples (application protocol V1.1b3, sections 6.1 to 6.12), and
# the frames printed on Waveshare's page for its relay board.
@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (modbus.read(1, 1, 0x13, 0x13), "01 01 0013 0013 8c02"),
        (modbus.read(2, 1, 0xC4, 0x16), "01 02 00c4 0016 b839"),
        (modbus.read(3, 1, 0x6B, 3), "01 03 006b 0003 7417"),
        (modbus.read(4, 2, 0, 10), "02 04 0000 000a 703e"),
        (modbus.write_coil(1, 0, 0xFF00), "01 05 0000 ff00 8c3a"),
        (modbus.write_coil(1, 0, 0), "01 05 0000 0000 cdca"),
        (modbus.write_coil(1, 0x0200, 7), "01 05 0200 0007 8db0"),
        (modbus.write_register(1, 1, 3), "01 06 0001 0003 980b"),
        (
            modbus.write_coils(1, 0x13, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
            "01 0f 0013 000a 02 cd01 72cb",
        ),
        (modbus.write_registers(1, 1, [10, 0x102]), "01 10 0001 0002 04 000a 0102 9230"),
    ],
)
def test_frames_of_the_specification(request_, frame):
    assert request_.frame() == bytes.fromhex(frame)


@given(st.binary(max_size=300))
def test_crc_agrees_with_pymodbus(data):
    assert modbus.crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(
        2, "big"
    )
    assert modbus.crc16(data + modbus.crc16(data).to_bytes(2, "little")) == 0


@given(requests(), st.lists(st.integers(0, 400), max_size=6))
def test_reply_in_any_split(drawn, places):
    request, values = drawn
    reply = reply_to(request, values)
    assert verdict(request, cut(reply, places)) == ("reply", values)


@given(requests(), st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=6))
def test_noise_before_the_reply_in_any_split(drawn, noise, places):
    request, values = drawn
    data = noise + reply_to(request, values)
    assert verdict(request, cut(data, places)) == verdict(request, [data])
    if noise != request.frame():
        assert verdict(request, [data])[0] == "reply"


@given(requests(), st.binary(max_size=700), st.lists(st.integers(0, 800), max_size=6))
def test_garbage_never_answers_and_never_crashes(drawn, garbage, places):
    request, _ = drawn
    first = verdict(request, [garbage])
    assert first == verdict(request, cut(garbage, places))
    assert first[0] == "failure" or modbus.crc16(garbage) == 0 or len(garbage) > 5
    if len(garbage) >= 512:
        assert first[0] == "reply" or first[1] in ("modbus.oversize", "modbus.refused")


@given(requests(), st.integers(0, 10**6), st.integers(1, 255))
def test_one_changed_byte_is_never_believed(drawn, place, flip):
    request, values = drawn
    reply = bytearray(reply_to(request, values))
    reply[place % len(reply)] ^= flip
    assert verdict(request, [bytes(reply)])[0] == "failure"


@given(requests(), st.integers(0, 300))
@example((modbus.read(1, 167, 0, 1), [0]), 5)
def test_truncated(drawn, length):
    request, values = drawn
    reply = reply_to(request, values)
    got = verdict(request, [reply[: length % len(reply)]])
    expected = "modbus.truncated" if length % len(reply) else "modbus.silent"
    assert got == ("failure", expected, True)


@given(requests(), st.integers(1, 247))
def test_another_unit_never_answers_for_ours(drawn, unit):
    request, values = drawn
    other = request._replace(unit=unit)
    if unit != request.unit:
        got = verdict(request, [reply_to(other, values)])
        assert got == ("failure", "modbus.wrong_unit", True)


@pytest.mark.parametrize(
    ("code", "expected", "again"),
    [(1, "modbus.refused", False), (2, "modbus.refused", False), (6, "modbus.busy", True)],
)
def test_exception_replies(code, expected, again):
    request = modbus.read(3, 9, 0, 4)
    frame = bytes((9, 0x83, code))
    data = frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")
    for size in (1, 2, 5):
        pieces = [data[i : i + size] for i in range(0, 5, size)]
        assert verdict(request, pieces) == ("failure", expected, again)


def test_local_echo_of_a_read_is_named_and_can_be_skipped():
    request = modbus.read(3, 9, 0, 1)
    assert verdict(request, [request.frame()]) == ("failure", "modbus.local_echo", True)
    exchange = modbus.Exchange(request, 0, 100)
    exchange.receive(request.frame() + reply_to(request, [5]), 1)
    assert exchange.echo_seen() and exchange.next_event() == modbus.Reply([5])


def test_with_echo_our_own_write_does_not_confirm_itself():
    request = modbus.write_coil(1, 0, 0xFF00)
    exchange = modbus.Exchange(request, 0, 100, True)
    exchange.receive(request.frame(), 1)
    assert not exchange.is_closed()
    exchange.receive(reply_to(request, []), 2)
    assert exchange.next_event() == modbus.Reply([])


def test_a_sound_frame_of_another_function_is_unexpected():
    asked, answered = modbus.read(3, 9, 0, 1), modbus.read(4, 9, 0, 1)
    assert verdict(asked, [reply_to(answered, [5])])[1] == "modbus.unexpected"


def test_broadcast_awaits_nothing():
    exchange = modbus.Exchange(modbus.write_coil(0, 0, 0), 0, 100)
    assert exchange.data_to_send() and exchange.data_to_send() == b""
    assert exchange.next_event() == modbus.Reply([]) and exchange.is_closed()


def test_deadline_and_loss():
    exchange = modbus.Exchange(modbus.read(1, 1, 0, 1), 5, 100)
    assert exchange.deadline_ms() == 105
    exchange.tick(104)
    assert not exchange.is_closed()
    exchange.link_lost(104)
    assert exchange.next_event().fault.code == "modbus.line_lost"
    exchange.receive(reply_to(modbus.read(1, 1, 0, 1), [1]), 104)
    assert exchange.next_event() is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: modbus.read(1, 1, 0, 2001),
        lambda: modbus.read(3, 1, 0, 126),
        lambda: modbus.read(3, 0, 0, 1),
        lambda: modbus.read(5, 1, 0, 1),
        lambda: modbus.write_coil(1, 0x10000, 0),
        lambda: modbus.write_register(1, 0, 0x10000),
        lambda: modbus.write_coils(1, 0, [0] * 1969),
        lambda: modbus.write_registers(1, 0, []),
        lambda: modbus.write_registers(1, 0, [-1]),
        lambda: modbus.write_coil(256, 0, 0),
    ],
)
def test_impossible_requests_are_refused(build):
    with pytest.raises(LocalFault) as caught:
        build()
    assert caught.value.code == "modbus.request" and caught.value.remedy
