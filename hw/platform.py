"""The one place that picks the adapters of this interpreter."""

import sys

if sys.implementation.name != "micropython":
    from hw.linux.clock import Clock
    from hw.linux.entropy import Entropy
    from hw.linux.storage import Storage
    from hw.linux.verifier import Verifier
else:
    from hw.micropython.clock import Clock  # type: ignore[assignment]
    from hw.micropython.entropy import Entropy  # type: ignore[assignment]
    from hw.micropython.storage import Storage  # type: ignore[assignment]
    from hw.micropython.verifier import Verifier  # type: ignore[assignment]

__all__ = ["Clock", "Entropy", "Storage", "Verifier"]
