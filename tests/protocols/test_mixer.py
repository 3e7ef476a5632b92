"""The audio stream to the sample: placement, splits, gain, fades, slips, peaks."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalFault
from protocols.limits import AUDIO_ITEMS_MAX
from protocols.mixer import UNITY_Q15, Item, Mixer, Source

RATE = 16000


class Samples(Source):
    """Give samples in pieces of any size; `None` in `pieces` is a moment without data."""

    def __init__(self, samples: list[int], pieces: list[int | None] | None = None) -> None:
        self.data = struct.pack("<%dh" % len(samples), *samples)
        self.pieces = pieces or []

    def read(self, count: int) -> bytes | None:
        if self.pieces:
            piece = self.pieces.pop(0)
            if piece is None:
                return None
            count = min(count, piece)
        data, self.data = self.data[:count], self.data[count:]
        return data


def render(mixer: Mixer, blocks: list[int]) -> list[int]:
    data = b"".join(mixer.render(count) for count in blocks)
    return list(struct.unpack("<%dh" % (len(data) // 2), data))


quiet = st.lists(st.integers(-29000, 29000), min_size=1, max_size=200)
blocks = st.lists(st.integers(1, 90), min_size=1, max_size=12)


@given(quiet, st.integers(0, 300), blocks, st.lists(st.integers(1, 33), max_size=8))
def test_an_item_stands_at_its_frame_bit_for_bit(samples, at_frame, counts, pieces):
    mixer = Mixer(RATE)
    item = Item(Samples(samples, pieces), 0, at_frame, UNITY_Q15)
    mixer.add(item)
    out = render(mixer, counts)
    expected = ([0] * at_frame + samples + [0] * 2000)[: len(out)]
    assert out == expected and mixer.frame == len(out)
    if len(out) > at_frame:
        assert item.first_frame == at_frame
        assert item.position == min(len(samples), len(out) - at_frame)
    if len(out) > at_frame + len(samples):
        assert mixer.take_ended() == [item] and item.end_frame == at_frame + len(samples)


@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=150),
    st.integers(0, UNITY_Q15),
    st.integers(0, UNITY_Q15),
    st.integers(0, 60),
    blocks,
    st.booleans(),
)
def test_how_the_stream_is_cut_changes_nothing(samples, gain, other, ramp, counts, fade):
    def run(cuts: list[int]) -> list[int]:
        mixer = Mixer(RATE)
        item = Item(Samples(samples), 3, 5, gain)
        mixer.add(item)
        first = render(mixer, [20])
        item.set_gain(other, ramp)
        if fade:
            item.fade(ramp)
        return first + render(mixer, cuts)

    total = sum(counts)
    assert run(counts) == run([total]) == run([1] * total)


@given(quiet, quiet, st.integers(0, 400), blocks)
def test_items_follow_without_a_gap(first, second, at_frame, counts):
    mixer = Mixer(RATE)
    mixer.add(Item(Samples(first), 0, 0, UNITY_Q15))
    mixer.add(Item(Samples(second), 0, at_frame, UNITY_Q15))
    out = render(mixer, counts)
    gap = max(at_frame - len(first), 0)
    assert out == (first + [0] * gap + second + [0] * 2000)[: len(out)]


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=100), st.integers(0, UNITY_Q15))
def test_gain_never_amplifies_and_peaks_stay_below_full_scale(samples, gain):
    mixer = Mixer(RATE)
    mixer.add(Item(Samples(samples), 0, 0, gain))
    out = render(mixer, [len(samples)])
    for given_sample, heard in zip(samples, out, strict=True):
        assert abs(heard) <= min(abs(given_sample), 30095)
        assert heard == 0 or (heard > 0) == (given_sample > 0)


@given(st.integers(0, 200), st.integers(0, 300), blocks)
def test_a_fade_ends_within_its_frames_and_reports_the_position(started, frames, counts):
    mixer = Mixer(RATE)
    item = Item(Samples([10000] * 1000), 0, 0, UNITY_Q15)
    mixer.add(item)
    render(mixer, [started] if started else [])
    item.fade(frames)
    out = render(mixer, counts)
    heard = [s for s in out if s]
    assert heard == sorted(heard, reverse=True) and len(heard) <= frames
    if len(out) > frames:
        assert item.end_frame == started + frames and item.position == started + frames


@given(st.sampled_from((-1, 1)), st.integers(3, 60))
def test_a_slip_costs_or_adds_exactly_one_sample(slip, count):
    ramp = [i * i for i in range(150)]
    mixer = Mixer(RATE)
    item = Item(Samples(ramp), 0, 0, UNITY_Q15)
    mixer.add(item)
    item.slip(slip)
    out = render(mixer, [count, 40])
    assert item.position == count + 40 + slip
    assert out[-1] == ramp[count + 40 + slip - 1]
    if slip > 0:
        assert len(set(ramp[: count + 41]) - set(out)) == 1
    else:
        assert len(set(out)) == len(out) - 1


def test_starvation_is_silence_and_loses_nothing():
    mixer = Mixer(RATE)
    item = Item(Samples([5, 6, 7, 8], [4, None, 100]), 0, 0, UNITY_Q15)
    mixer.add(item)
    assert render(mixer, [4]) == [5, 6, 0, 0]
    assert item.starved == 2 and item.position == 2
    assert render(mixer, [4]) == [7, 8, 0, 0]


def test_a_fading_item_that_starves_makes_way():
    mixer = Mixer(RATE)
    mixer.add(Item(Samples([5] * 8, [8, None, None]), 0, 0, UNITY_Q15))
    mixer.add(Item(Samples([9, 9]), 0, 0, UNITY_Q15))
    assert render(mixer, [4]) == [5] * 4
    mixer.fade_all(1000)
    mixer.add(Item(Samples([1, 2, 3]), 0, 0, UNITY_Q15))
    assert render(mixer, [4]) == [1, 2, 3, 0]
    assert len(mixer.take_ended()) == 3


def test_resuming_rises_from_silence_within_ten_milliseconds():
    mixer = Mixer(RATE)
    mixer.add(Item(Samples([1000] * 400), 777, 0, UNITY_Q15))
    out = render(mixer, [300])
    assert out[0] == 0 and out[:160] == sorted(out[:160]) and set(out[160:]) == {1000}


def test_the_queue_is_bounded():
    mixer = Mixer(RATE)
    for _ in range(AUDIO_ITEMS_MAX):
        mixer.add(Item(Samples([1]), 0, 0, UNITY_Q15))
    with pytest.raises(LocalFault) as caught:
        mixer.add(Item(Samples([1]), 0, 0, UNITY_Q15))
    assert caught.value.code == "audio.busy"
