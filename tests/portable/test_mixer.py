"""The audio stream on every interpreter."""

import struct

from protocols.mixer import UNITY_Q15, Item, Mixer, Source


class Samples(Source):
    def __init__(self, samples):
        self.data = struct.pack("<%dh" % len(samples), *samples)

    def read(self, count):
        data = self.data[:count]
        self.data = self.data[count:]
        return data


def test_placement_interrupt_and_following():
    mixer = Mixer(16000)
    first = Item(Samples(list(range(1, 400))), 0, 5, UNITY_Q15)
    mixer.add(first)
    out = mixer.render(100)
    assert struct.unpack("<100h", out) == tuple([0] * 5 + list(range(1, 96)))
    mixer.fade_all(1)
    mixer.add(Item(Samples([-7] * 10), 0, 0, UNITY_Q15))
    out = struct.unpack("<40h", mixer.render(40))
    assert out[16:26] == (-7,) * 10 and out[26:] == (0,) * 14
    assert first.position == 95 + 16 and len(mixer.take_ended()) == 2


def test_peaks_are_bent():
    mixer = Mixer(16000)
    mixer.add(Item(Samples([32767, -32768, 29000]), 0, 0, UNITY_Q15))
    assert struct.unpack("<3h", mixer.render(3)) == (30094, -30095, 29000)
