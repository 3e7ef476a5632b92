"""Do on MicroPython's Unix port what firmware does on a board: show the pack's image at `/rom`.

    micropython unix_boot.py chieng.romfs run --config node.json --log

The image is mapped, not read: its bytecode lies outside the heap, as in flash.
"""

import os
import sys

import ffi  # type: ignore[import-not-found]
import uctypes
import vfs

_PROT_READ = 1
_MAP_PRIVATE = 2


def mount(path: str) -> None:
    """Map an image and make it the only place that modules come from."""
    length = os.stat(path)[6]
    libc = ffi.open("libc.so.6")
    descriptor = libc.func("i", "open", "si")(path, 0)
    mapped = libc.func("P", "mmap", "Piiiil")(None, length, _PROT_READ, _MAP_PRIVATE, descriptor, 0)
    image = memoryview(uctypes.bytearray_at(mapped, length))
    vfs.mount(vfs.VfsRom(image), "/rom")  # type: ignore[attr-defined]
    sys.path[:] = ["/rom", ".frozen"]


def main() -> int:
    """Mount the image and start the agent."""
    mount(sys.argv[1])
    code: int = __import__("chieng").start(*sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
