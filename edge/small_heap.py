"""Keep a small heap unbroken, where the interpreter never moves an object.

MicroPython collects only when its heap is full; by then what stays lies scattered among what went,
and a kilobyte in one piece may be missing from thirty that are free. So garbage goes whenever a
step begins to make things that stay, and while the agent runs when a quarter of what is free has
been used: then what stays settles at the low end, and the high end is free in long pieces. CPython
counts references, and a collection there walks the whole program: on it nothing here does anything.
"""

import gc

from hw import ports
from protocols.limits import UPLINK_BATCH_BYTES, UPLINK_BATCH_BYTES_SMALL

_SMALL = hasattr(gc, "mem_free")
_READ_BYTES = 512
# The least that was free after a collection so far.
_free_min: "list[int]" = []


def is_small() -> bool:
    """Tell whether what could be remembered is worked out again instead."""
    return _SMALL


def tidy() -> None:
    """Free the garbage of a step."""
    if _SMALL:
        gc.collect()
        _note_free()


def settle() -> None:
    """Collect early from now on; called when the program is loaded."""
    if _SMALL:
        gc.collect()
        gc.threshold(gc.mem_free() // 4)


def batch_bytes() -> int:
    """Return how long one upload of records may be."""
    return UPLINK_BATCH_BYTES_SMALL if _SMALL else UPLINK_BATCH_BYTES


def report() -> "dict[str, object]":
    """Return `heap_bytes` and how much of it was ever in use at once, {} where nothing is small.

    Looked at after collections only, at the steps that hold most: garbage does not count.
    """
    if not _SMALL:
        return {}
    tidy()
    total: int = gc.mem_alloc() + gc.mem_free()
    return {"heap_bytes": total, "heap_bytes_used_max": total - _free_min[0]}


def _note_free() -> None:
    free: int = gc.mem_free()
    if not _free_min:
        _free_min.append(free)
    elif free < _free_min[0]:
        _free_min[0] = free


def reader(inner: ports.Reader) -> ports.Reader:
    """Return a reader that tidies every half kilobyte, so that what is parsed settles together."""
    return _Reader(inner) if _SMALL else inner


def verifier(inner: ports.Verifier) -> ports.Verifier:
    """Return a verifier that leaves nothing behind."""
    return _Verifier(inner) if _SMALL else inner


class _Reader(ports.Reader):
    def __init__(self, inner: ports.Reader):
        self._inner = inner
        self._left = _READ_BYTES

    def read(self, count: int) -> bytes:
        data = self._inner.read(count)
        self._left -= len(data)
        if self._left < 0:
            self._left = _READ_BYTES
            tidy()
        return data


class _Verifier(ports.Verifier):
    def __init__(self, inner: ports.Verifier):
        self._inner = inner

    def verify(self, scheme: str, public: bytes, signature: bytes, message: "object") -> bool:
        tidy()
        # Arithmetic makes much garbage and nothing that stays: early collections would only delay.
        threshold: int = gc.threshold()
        gc.threshold(-1)
        try:
            good = self._inner.verify(scheme, public, signature, message)
        finally:
            gc.threshold(threshold)
        self._inner.forget()
        tidy()
        return good
