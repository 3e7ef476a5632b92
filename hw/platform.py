"""The one place that picks the adapters of this interpreter."""

import sys

if sys.implementation.name == "micropython":
    from hw.micropython.clock import Clock
    from hw.micropython.storage import Storage
else:
    from hw.linux.clock import Clock  # noqa: F401
    from hw.linux.storage import Storage  # noqa: F401
