"""The slot store under MicroPython's own FatFs and littlefs, cut at every block that is written."""

import json
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


def cut(interpreter, file_system, store, luck):
    """Return what one run over all cuts found."""
    command = [TOP / ".cache/micropython/bin" / interpreter, "-X", "heapsize=4m"]
    command += ["-m", "tests.hw.cuts_on_board", file_system, store, str(luck)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    # Above stand the complaints of files that were open when the power went.
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("interpreter", "luck"),
    [("micropython32", 0), ("micropython", 1), ("micropython32", 2), ("micropython", 3)],
)
def test_slots_hold_on_fat(interpreter, luck):
    found = cut(interpreter, "fat", "slots", luck)
    assert found["cuts"] > 70
    assert found["broken"] == 0


@pytest.mark.parametrize("store", ["slots", "rename"])
def test_both_stores_hold_on_littlefs(store):
    found = cut("micropython32", "littlefs", store, 2)
    assert found["cuts"] > 100
    assert found["broken"] == 0


def test_the_card_has_teeth():
    """A store that trusts FAT's rename breaks even where the card loses nothing that is done."""
    found = cut("micropython", "fat", "rename", 1)
    assert found["cuts"] > 50
    assert found["broken"] > 0
