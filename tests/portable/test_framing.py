"""Frames and Improv packets among noise, on every interpreter."""

import binascii

from protocols import framing
from protocols.errors import Fault
from protocols.framing import Frame, Packet, Reader
from protocols.limits import FRAME_BODY_BYTES_MAX

# What improv-wifi-serial-sdk 2.8.1 writes to ask for the state, and for the device.
SDK_STATE = binascii.unhexlify("494d50524f560103020200e50a")
SDK_DEVICE = binascii.unhexlify("494d50524f560103020300e60a")


def test_a_frame_is_known_by_its_bytes():
    assert framing.encode(3, b"abc") == b"\xc4\x68\x03\x00\x03abc" + binascii.unhexlify("ef86e433")


def test_every_split_gives_the_same_messages():
    line = b"boot: \xc4\x90\xc3\xa0 I\r\n" + framing.encode(1, b"one") + b"IMPROVE\xc4\x68"
    line += framing.packet(framing.STATE, b"\x02") + framing.encode(2, b"") + b"\xc4"
    wanted = [Frame(1, b"one"), Packet(framing.STATE, b"\x02"), Frame(2, b"")]
    for at in range(len(line) + 1):
        reader = Reader()
        assert reader.receive(line[:at]) + reader.receive(line[at:]) == wanted, at
        assert reader.is_partial
    reader = Reader()
    found = []
    for byte in line:
        found.extend(reader.receive(bytes((byte,))))
    assert found == wanted


def test_a_half_frame_hides_nothing_behind_it():
    whole = framing.encode(4, b"answer")
    for cut in range(1, len(whole)):
        reader = Reader()
        found = reader.receive(whole[:cut] + whole)
        found.extend(reader.rescan())
        assert found == [Frame(4, b"answer")], cut
        assert reader.noise == cut and not reader.is_partial


def test_any_broken_byte_costs_that_frame_alone():
    whole = framing.encode(4, b"answer")
    for at in range(len(whole)):
        broken = bytearray(whole)
        broken[at] ^= 0x21
        reader = Reader()
        found = reader.receive(bytes(broken) + whole)
        found.extend(reader.rescan())
        assert found == [Frame(4, b"answer")], at


def test_improv_is_spoken_as_others_speak_it():
    assert framing.call(framing.CALL_STATE).strip() + b"\n" == SDK_STATE
    assert framing.call(framing.CALL_DEVICE).strip() + b"\n" == SDK_DEVICE
    texts = ["chieng", "0.1.0", "linux", "C\u1ee5m thu 1"]
    (answer,) = Reader().receive(framing.result(framing.CALL_DEVICE, texts))
    assert framing.read_result(answer.data) == (framing.CALL_DEVICE, texts)


def test_broken_answers_and_long_bodies_are_refused():
    for data in (b"", b"\x03", b"\x03\x05\x01a", b"\x03\x02\x05a", b"\x03\x02\x01\xff"):
        assert _code(framing.read_result, data) == "frame.improv"
    assert _code(framing.encode, 1, bytes(FRAME_BODY_BYTES_MAX + 1)) == "frame.length"
    assert _code(framing.packet, 1, bytes(256)) == "frame.length"
    whole = framing.encode(1, bytes(FRAME_BODY_BYTES_MAX))
    assert len(Reader().receive(whole)[0].body) == FRAME_BODY_BYTES_MAX


def _code(function, *arguments):
    try:
        function(*arguments)
    except Fault as fault:
        return fault.code
    return None
