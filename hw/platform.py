"""The one place that picks the adapters of this interpreter."""

import sys

if sys.implementation.name != "micropython":
    from hw.linux.clock import Clock
    from hw.linux.entropy import Entropy
    from hw.linux.link import Link
    from hw.linux.storage import Storage
    from hw.linux.verifier import Verifier
else:
    from hw.micropython.clock import Clock
    from hw.micropython.entropy import Entropy
    from hw.micropython.link import Link
    from hw.micropython.storage import Storage
    from hw.micropython.verifier import Verifier

__all__ = ["Clock", "Entropy", "Link", "Storage", "Verifier"]
