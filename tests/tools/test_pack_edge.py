"""What goes on a board: only what the agent needs, the same bytes each time, and it runs."""

import json
import subprocess
from pathlib import Path

import pytest

from tools import pack_edge, romfs

TOP = Path(__file__).parents[2]
BOOT_FOLDER = TOP / "hw" / "micropython"
# All drivers at once, which no node has: more than a node's heap.
BUILDS = {"micropython": ("x64", 768), "micropython32": ("x86", 448)}
# Import what the pack holds from its image alone, and read every file back from it.
LOOK = """
import sys, hashlib, binascii, json
sys.path.insert(0, sys.argv[1])
import unix_boot
unix_boot.mount(sys.argv[2])
import chieng
chieng.load()
with open(sys.argv[3]) as file:
    files = json.load(file)["files"]
for name in sorted(files):
    with open("/rom/" + name, "rb") as file:
        data = file.read()
    assert len(data) == files[name]["length"], name
    sha256 = binascii.hexlify(hashlib.sha256(data).digest()).decode()
    assert sha256 == files[name]["sha256"], name
    if "viper" not in name:
        __import__(name[:-4].replace("/", "."))
print(len(files))
"""


@pytest.mark.parametrize("build", BUILDS)
def test_every_module_of_the_image_loads(build, tmp_path):
    arch, heap_kib = BUILDS[build]
    listed = pack_edge.write(tmp_path / "pack", arch)
    script = tmp_path / "look.py"
    script.write_text(LOOK)
    interpreter = TOP / ".cache" / "micropython" / "bin" / build
    pack = tmp_path / "pack"
    done = subprocess.run(
        [interpreter, "-X", f"heapsize={heap_kib}k", script, BOOT_FOLDER]
        + [pack / "chieng.romfs", pack / "pack.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) == listed["modules"] > 100


def test_the_board_gets_what_it_needs_and_nothing_else():
    modules = pack_edge.closure(pack_edge.ARCH)
    assert {"edge.main", "hw.micropython.audio", "protocols.ed25519"} <= set(modules)
    foreign = ("hub", "tools", "tests", "hw.linux", "hw.sim", "hw.micropython.unix")
    assert not [module for module in modules if module.startswith(foreign)]


def test_modules_load_after_what_they_need():
    order = pack_edge.load_order(pack_edge.ENTRY)
    assert order[-1] == pack_edge.ENTRY and len(order) == len(set(order))
    for number, module in enumerate(order):
        for name in pack_edge.imports(module)[0]:
            assert name in order[:number], f"{module} before {name}"


def test_one_tree_makes_one_pack(tmp_path, monkeypatch):
    few = ["edge.main", "hw.ports", "protocols.errors"]
    monkeypatch.setattr(pack_edge, "closure", lambda arch: few)
    first = pack_edge.write(tmp_path / "one", "xtensawin")
    again = pack_edge.write(tmp_path / "elsewhere" / "two", "xtensawin")
    assert first == again
    names = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.mpy")]
    assert sorted(map(str, names)) == sorted("files/" + name for name in first["files"])
    for path in ("chieng.romfs", "pack.json", "main.py"):
        found = [(tmp_path / folder / path).read_bytes() for folder in ("one", "elsewhere/two")]
        assert found[0] == found[1]
    assert str(tmp_path).encode() not in (tmp_path / "one" / "chieng.romfs").read_bytes()


def test_the_image_does_not_depend_on_the_order_of_files():
    files = {"b.mpy": b"1", "a/c.mpy": b"22", "a/b/d.mpy": b""}
    assert romfs.image(files) == romfs.image(dict(reversed(files.items())))


def test_a_folder_in_use_is_left_alone(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine").write_text("x")
    monkeypatch.setattr("sys.argv", ["pack_edge", "--out", str(tmp_path)])
    assert pack_edge.main() == 2
    assert "not empty" in capsys.readouterr().err


def test_the_command_prints_the_size_of_the_pack(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["pack_edge", "--out", str(tmp_path / "new")])
    assert pack_edge.main() == 0
    told = json.loads(capsys.readouterr().out)
    assert told["romfs_bytes"] == (tmp_path / "new" / "chieng.romfs").stat().st_size
    assert told["module_bytes"] < told["romfs_bytes"] < told["module_bytes"] * 1.05
