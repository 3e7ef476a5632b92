"""The spoken form of a hash."""

from protocols.phrase import phrase


def test_every_byte_has_its_own_syllable():
    syllables = set()
    for byte in range(256):
        syllables.add(phrase(bytes([byte] * 8)))
    assert len(syllables) == 256


def test_the_form():
    assert phrase(bytes([0, 255, 16, 1, 50, 5, 80, 200, 9])) == "ba vui cha bai gam bao kha tem"
