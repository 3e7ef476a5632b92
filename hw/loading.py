"""Make modules settle side by side in a small heap while a program loads.

A program imports this before other modules of ours, and calls `done` when it has them all. Between
the two the collector of MicroPython runs early, so that modules, which stay, do not settle among
the garbage of their compilation: the TUF client then starts in 125 KiB, and without in 170. Early
collections would cost signatures dearly, so they end with loading. CPython needs none of it.
"""

import gc
import sys

_MICROPYTHON = sys.implementation.name == "micropython"

if _MICROPYTHON:
    gc.threshold(16384)  # type: ignore[attr-defined]


def done() -> None:
    """Let the collector wait for a full heap again."""
    if _MICROPYTHON:
        gc.collect()
        gc.threshold(-1)  # type: ignore[attr-defined]
