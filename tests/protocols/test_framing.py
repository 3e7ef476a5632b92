"""Whatever noise surrounds frames and however the bytes are split, no whole message is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import framing
from protocols.framing import Frame, Packet, Reader

# Noise that is full of beginnings.
NOISE = st.lists(
    st.sampled_from(
        [b"\xc4", b"\x68", b"\xc4\x68", b"I", b"IMPROV", b"IMPROV\x01", b"\n", b"ok\xc4"]
    )
    | st.binary(max_size=6),
    max_size=6,
).map(b"".join)
MESSAGES = st.one_of(
    st.builds(Frame, st.integers(0, 255), st.binary(max_size=40)),
    st.builds(Packet, st.integers(1, 4), st.binary(max_size=40)),
)


def written(message):
    if isinstance(message, Frame):
        return framing.encode(message.kind, message.body)
    return framing.packet(message.type, message.data)


@settings(max_examples=100)
@given(st.lists(st.tuples(NOISE, MESSAGES), max_size=5), NOISE, st.data())
def test_splits_do_not_matter_and_nothing_whole_is_lost(pieces, tail, data):
    line = b"".join(noise + written(message) for noise, message in pieces) + tail
    whole = Reader()
    found = whole.receive(line) + whole.rescan()
    wanted = [message for _, message in pieces]
    places = iter(found)
    assert all(any(message == other for other in places) for message in wanted)
    parts = Reader()
    again, at = [], 0
    while at < len(line):
        size = data.draw(st.integers(1, 9))
        again += parts.receive(line[at : at + size])
        at += size
    assert again + parts.rescan() == found
    assert parts.noise == whole.noise


@settings(max_examples=100)
@given(MESSAGES, st.integers(0, 60), st.integers(1, 255))
def test_no_changed_byte_passes(message, at, mask):
    line = bytearray(written(message))
    at %= len(line)
    line[at] ^= mask
    reader = Reader()
    found = reader.receive(bytes(line)) + reader.rescan()
    if isinstance(message, Frame):
        assert message not in found or bytes(line) == written(message)
