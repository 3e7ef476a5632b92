"""Journal frames: found whole again under any torn write and any bit flip."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import journal
from protocols.errors import LocalFault

EPOCH = "00112233445566ff"
SEGMENT = 8192
PAYLOADS = [b"a" * 300, b"b", b"c" * 4096, b"d" * 50, b"e" * 700]


def image(payloads=tuple(PAYLOADS), size=SEGMENT):
    data = b""
    ends = []
    for index, payload in enumerate(payloads):
        data += journal.frame(journal.RECORD, EPOCH, index + 1, payload)
        ends.append(len(data))
    return data + bytes(size - len(data)), ends


def scan(data, step=4096):
    at = [0]

    def read(count):
        piece = data[at[0] : at[0] + min(count, step)]
        at[0] += len(piece)
        return piece

    return list(journal.scan(read))


def sequences(found):
    return [frame.sequence for frame in found if frame.kind == journal.RECORD]


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_frames_are_found_whatever_the_pieces(step):
    data, ends = image()
    found = scan(data, step)
    assert [frame.payload for frame in found[:-1]] == PAYLOADS
    assert found[-1] == (journal.END, ends[-1], 0, "", 0, b"")


def test_an_empty_and_a_full_segment_end_clean():
    assert scan(bytes(100)) == [(journal.END, 0, 0, "", 0, b"")]
    assert scan(b"") == [(journal.END, 0, 0, "", 0, b"")]
    data, ends = image(size=image()[1][-1])
    assert scan(data)[-1] == (journal.END, ends[-1], 0, "", 0, b"")


def test_positions_carry_no_payload():
    data = journal.frame(journal.POSITION, EPOCH, 77)
    assert scan(data + bytes(9))[0] == (journal.POSITION, 0, 24, EPOCH, 77, b"")


def test_what_does_not_fit_is_our_own_fault():
    with pytest.raises(LocalFault):
        journal.frame(journal.RECORD, EPOCH, 1, b"x" * 4097)
    with pytest.raises(LocalFault):
        journal.frame(journal.RECORD, EPOCH, -1, b"x")


@given(st.integers(0, 4), st.data())
@settings(max_examples=100)
def test_a_torn_last_write_loses_only_itself(count, data):
    whole, ends = image()
    start = ends[count - 1] if count else 0
    length = ends[count] - start
    kept = data.draw(st.integers(0, length))
    torn = whole[: start + kept] + bytes(SEGMENT - start - kept)
    found = scan(torn)
    expected = count + 1 if torn[: ends[count]] == whole[: ends[count]] else count
    assert sequences(found) == list(range(1, expected + 1))
    assert found[-1].kind == journal.END
    if expected == count:
        # Nothing of it on disk is a clean end; any trace of it is not.
        assert (found[-1].size == 0) == (not any(torn[start:]))


@given(
    st.lists(st.tuples(st.integers(0, SEGMENT - 1), st.integers(1, 255)), min_size=1, max_size=4)
)
@settings(max_examples=100)
def test_flipped_bits_lose_only_the_frames_they_hit(flips):
    whole, ends = image()
    data = bytearray(whole)
    for position, mask in flips:
        data[position] ^= mask
    hit = set()
    for position in range(ends[-1]):
        if data[position] != whole[position]:
            hit.add(next(i for i, end in enumerate(ends) if position < end) + 1)
    found = scan(bytes(data))
    assert sequences(found) == [n for n in range(1, 6) if n not in hit]
    clean = found[-1].size == 0 and not any(f.kind == journal.DAMAGE for f in found)
    assert clean == (bytes(data) == whole)


@given(st.binary(max_size=600), st.integers(1, 64))
@settings(max_examples=100)
def test_any_bytes_end_with_an_end_and_cover_everything(data, step):
    found = scan(data, step)
    assert found[-1].kind == journal.END
    at = 0
    for frame in found[:-1]:
        assert frame.offset == at
        at += frame.size
    assert found[-1].offset == at
