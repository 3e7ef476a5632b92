"""The chooser with real processes: it switches, counts, and goes back when an image is bad."""

import asyncio
import json
import shutil
import subprocess
import sys
import time

import pytest

from edge.image_store import ImageStore
from hw.linux import chooser
from hw.linux.storage import Storage
from tests.edge.image_world import describe
from tools.image import TOP, members, pack

CONFIRM = b"""
import json, signal, sys
def main(words):
    print(%d, *words)
    return 0
"""


@pytest.fixture
def board(tmp_path):
    """Give a folder with the chooser and the agent the board came with."""
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "__init__.py").write_text("")
    (tmp_path / "edge" / "main.py").write_bytes(CONFIRM % 0)
    shutil.copy(chooser.__file__, tmp_path / "chooser.py")
    return tmp_path


def boot(board, **options):
    command = [sys.executable, str(board / "chooser.py"), str(board / "slots"), "run", "x"]
    return subprocess.run(command, capture_output=True, text=True, cwd=board, **options)


def images(board):
    return ImageStore(lambda path: Storage(str(board / "slots" / path)))


def install(board, version, main):
    files = {"edge/__init__.py": b"", "edge/main.py": main}
    data = pack(files)
    reader_path = board / "image.tar"
    reader_path.write_bytes(data)
    reader = Storage(str(board)).open("image.tar")
    asyncio.run(images(board).install(describe(data, version, files), reader))
    reader.close()


def test_a_good_image_runs_and_a_bad_one_gives_way_to_it(board):
    assert boot(board).stdout == "0 run x\n"
    install(board, 5, CONFIRM % 5)
    assert boot(board).stdout == "5 run x\n"
    store = images(board)
    assert store.is_trial() and store.version() == 5
    store.confirm()
    install(board, 6, b"import no_such_module\n")
    for _ in range(chooser.BOOTS_MAX):
        done = boot(board)
        assert done.returncode == 1 and "no_such_module" in done.stderr
    assert boot(board).stdout == "5 run x\n"
    choice = images(board).choice
    assert (choice.slot, choice.version, choice.failed) == ("a", 5, 6)
    install(board, 7, CONFIRM % 7)
    assert boot(board).stdout == "7 run x\n"


def test_an_image_that_hangs_is_ended_and_a_killed_start_counts(board):
    shorter = (board / "chooser.py").read_text().replace("TRIAL_S = 1800", "TRIAL_S = 1")
    (board / "chooser.py").write_text(shorter)
    install(board, 5, b"import time\ndef main(words):\n    while True: time.sleep(9)\n")
    began = time.monotonic()
    assert boot(board, timeout=30).returncode != 0 and time.monotonic() - began < 20
    command = [sys.executable, str(board / "chooser.py"), str(board / "slots"), "run"]
    for begun in range(2, chooser.BOOTS_MAX + 1):
        process = subprocess.Popen(command, cwd=board)
        until = time.monotonic() + 30
        while json.loads((board / "slots" / "choice.json").read_text())["boots"] < begun:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.kill()
        process.wait()
    done = boot(board, timeout=30)
    assert done.stdout == "0 run x\n"


@pytest.mark.parametrize("record", ["", "{", "[1]", '{"slot":"a"}'])
def test_a_damaged_record_starts_what_the_board_came_with(board, record):
    (board / "slots").mkdir()
    (board / "slots" / "choice.json").write_text(record)
    assert boot(board).stdout == "0 run x\n"


def test_the_real_agent_starts_from_a_slot_alone(board):
    files = members(TOP)
    data = pack(files)
    (board / "image.tar").write_bytes(data)
    reader = Storage(str(board)).open("image.tar")
    asyncio.run(images(board).install(describe(data, 9, files), reader))
    reader.close()
    config = board / "node.json"
    config.write_text(
        json.dumps(
            {
                "node": "n1",
                "unit": "03.a",
                "kind": "speaker",
                "hub": ["http://127.0.0.1:9"],
                "data": str(board / "data"),
                "root": "root.json",
                "audio": {"kind": "wav", "path": str(board / "x.wav")},
            }
        )
    )
    command = [sys.executable, "-S", "-E", str(board / "chooser.py"), str(board / "slots")]
    script = (
        "import sys; sys.path.append(%r); sys.argv = sys.argv[1:]; import runpy; "
        "runpy.run_path(sys.argv[0], run_name='__main__')" % packages()
    )
    words = ["identity", "--config", str(config)]
    command = [sys.executable, "-I", "-c", script, *command[3:], *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=board)
    assert done.returncode == 0, done.stderr
    assert len(bytes.fromhex(done.stdout)) == 32


def packages():
    """Return the folder of installed packages."""
    return next(path for path in sys.path if path.endswith("site-packages"))
