"""Keep a small heap unbroken, where the interpreter never moves an object.

MicroPython collects only when its heap is full; by then what stays lies scattered among what went,
and a kilobyte in one piece may be missing from thirty that are free. So garbage goes whenever a
step begins to make things that stay. CPython counts references, and a collection there walks the
whole program: on it nothing here does anything.
"""

import gc

from hw import ports

_SMALL = hasattr(gc, "mem_free")
_READ_BYTES = 512


def tidy() -> None:
    """Free the garbage of a step."""
    if _SMALL:
        gc.collect()


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
            gc.collect()
        return data


class _Verifier(ports.Verifier):
    def __init__(self, inner: ports.Verifier):
        self._inner = inner

    def verify(self, scheme: str, public: bytes, signature: bytes, message: "object") -> bool:
        good = self._inner.verify(scheme, public, signature, message)
        self._inner.forget()
        gc.collect()
        return good
