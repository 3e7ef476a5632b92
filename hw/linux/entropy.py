"""Random bytes from the kernel."""

import os

from hw import ports


class Entropy(ports.Entropy):
    """Give bytes of getrandom(2), which waits at boot until the kernel's pool is seeded."""

    def random_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count)
