"""Write one slot of a board: `chieng-tool flash` sends this file's text over the raw REPL.

A slot is a folder on the board's file system, or half of an ESP32's ROMFS partition, whose image
then stands as pieces named `offset+length`. Whatever is written is hashed where it lies.
"""

import binascii
import hashlib
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import esp32

_BLOCK_BYTES = 4096


def about() -> None:
    """Print what this board is, as JSON."""
    known = os.statvfs("/")
    told = {
        "name": sys.implementation.name,
        "version": list(sys.implementation.version)[:3],
        "mpy": getattr(sys.implementation, "_mpy", 0),
        "machine": getattr(sys.implementation, "_machine", sys.platform),
        "free_bytes": known[0] * known[3],
        "block_bytes": known[0],
        "rom_bytes": _rom_bytes(),
        "ready": {slot: _text(_ready(slot)) for slot in "ab"},
        "has_config": _text("/node.json") != "",
    }
    print(json.dumps(told))


def held(place: str, slot: str, names: "list[str]") -> None:
    """Print the length and hash of each of these, nothing for those that are not there."""
    found = []
    for name in names:
        try:
            found.append(_hash(_pieces(place, slot, name)))
        except OSError:
            found.append("")
    print(json.dumps(found))


def write(place: str, slot: str, name: str, offset: int, text: str) -> None:
    """Write base64 at an offset of a file, or of the whole slot in ROMFS."""
    data = binascii.a2b_base64(text)
    if place == "rom":
        first = _rom_bytes() // 2 * "ab".index(slot) + int(name.partition("+")[0]) + offset
        # Two arguments erase the block before it is written.
        _partition().writeblocks(  # type: ignore[union-attr]
            first // _BLOCK_BYTES, _filled(data)
        )
        return
    path = _path(slot, name)
    if offset == 0:
        _make_folders(path)
    with open(path, "wb" if offset == 0 else "ab") as file:
        file.write(data)


def begin(place: str, slot: str, names: "list[str]") -> None:
    """Let a slot count no more, and remove from its folder what is not named."""
    _remove(_ready(slot))
    if place == "files":
        _prune("/chieng." + slot, [_path(slot, name) for name in names])


def switch(place: str, slot: str, number: int, length: int) -> None:
    """Let a verified slot count from the next start on."""
    offset = _rom_bytes() // 2 * "ab".index(slot) if place == "rom" else 0
    replace(_ready(slot), "%d %s %d %d end\n" % (number, place, offset, length))


def replace(path: str, text: str) -> None:
    """Write a small file anew."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def _ready(slot: str) -> str:
    return "/chieng." + slot + ".ready"


def _path(slot: str, name: str) -> str:
    return "/chieng." + slot + "/" + name


def _text(path: str) -> str:
    try:
        with open(path) as file:
            return str(file.read(4096))
    except OSError:
        return ""


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass


def _make_folders(path: str) -> None:
    place = path.find("/", 1)
    while place > 0:
        try:
            os.mkdir(path[:place])
        except OSError:
            pass
        place = path.find("/", place + 1)


def _prune(folder: str, kept: "list[str]") -> None:
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            _prune(path, kept)
        elif path not in kept:
            os.remove(path)


def _pieces(place: str, slot: str, name: str) -> "Iterable[bytes | memoryview]":
    if place == "rom":
        start, _, length = name.partition("+")
        first = _rom_bytes() // 2 * "ab".index(slot) + int(start)
        rom = memoryview(__import__("vfs").rom_ioctl(2, 0))
        return [rom[first : first + int(length)]]
    return _read(_path(slot, name))


def _read(path: str) -> "Iterator[bytes]":
    with open(path, "rb") as file:
        while True:
            data = file.read(1024)
            if not data:
                return
            yield data


def _hash(pieces: "Iterable[bytes | memoryview]") -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return str(binascii.hexlify(digest.digest()), "ascii")


def _filled(data: bytes) -> bytearray:
    block = bytearray(_BLOCK_BYTES)
    block[: len(data)] = data
    return block


def _rom_bytes() -> int:
    """Return the size of the ROMFS partition that can be written by halves, or 0."""
    try:
        if _partition() is None:
            return 0
        return len(memoryview(__import__("vfs").rom_ioctl(2, 0))) // 8192 * 8192
    except (AttributeError, ImportError, OSError, TypeError):
        return 0


def _partition() -> "esp32.Partition | None":
    import esp32  # noqa: PLC0415 - other boards have none

    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="romfs")
    return found[0] if found else None
