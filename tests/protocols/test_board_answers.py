"""What boards' controllers answer: noise, pieces and too much are no answers and no crash."""

from hypothesis import given
from hypothesis import strategies as st

from protocols import artnet, colorlight

ARTNET = b"Art-Net\0\x00\x21" + bytes(229)
CARD = bytes.fromhex("ffffffffffff222233445566") + b"\x08\x05" + bytes(270)


@given(st.binary(max_size=2000))
def test_noise_is_no_answer(noise):
    assert artnet.is_poll_reply(noise) == (len(noise) >= 20 and noise[:10] == ARTNET[:10])
    assert colorlight.is_detected(noise) == (noise[12:14] == b"\x08\x05")


@given(st.integers(0, 300), st.binary(max_size=1500))
def test_a_piece_is_an_answer_only_with_its_head(length, more):
    assert artnet.is_poll_reply(ARTNET[:length]) == (length >= 20)
    assert colorlight.is_detected(CARD[:length]) == (length >= 14)
    # Longer than any that a manual tells: the head decides, nothing behind it is read.
    assert artnet.is_poll_reply(ARTNET + more) and colorlight.is_detected(CARD + more)


@given(st.integers(0, 9), st.integers(1, 255))
def test_one_wrong_byte_in_the_head_is_no_answer(at, change):
    broken = ARTNET[:at] + bytes([ARTNET[at] ^ change]) + ARTNET[at + 1 :]
    assert not artnet.is_poll_reply(broken)
    place = 12 + at % 2
    broken = CARD[:place] + bytes([CARD[place] ^ change]) + CARD[place + 1 :]
    assert not colorlight.is_detected(broken)
