"""A fingerprint to be read aloud: eight syllables for the first 64 bits of a hash.

Every syllable is easy to say in Vietnamese and stands for one byte, so two people on the telephone
compare the root of trust in five seconds.
"""

_ONSETS = ("b", "ch", "d", "g", "h", "kh", "l", "m", "n", "nh", "ph", "s", "t", "th", "tr", "v")
_RIMES = (
    "a",
    "ai",
    "am",
    "an",
    "ang",
    "ao",
    "at",
    "e",
    "em",
    "en",
    "i",
    "in",
    "o",
    "on",
    "u",
    "ui",
)
SYLLABLES = 8


def phrase(digest: bytes) -> str:
    """Return the eight syllables of a hash of at least eight bytes."""
    return " ".join([_ONSETS[byte >> 4] + _RIMES[byte & 15] for byte in digest[:SYLLABLES]])
