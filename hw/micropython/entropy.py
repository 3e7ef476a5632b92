"""Random bytes from the board's generator."""

import os

from hw import ports


class Entropy(ports.Entropy):
    """Give bytes of `os.urandom`: getrandom on Unix, the hardware generator on an ESP32.

    An ESP32's generator is only truly random while its radio or SAR ADC noise source is on
    (ESP-IDF, "Random Number Generation"): `edge` makes the node's key after the link came up.
    """

    def random_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count)
