"""A MicroPython board from empty flash to the first sound: flash, provision, sync, play.

Everything goes over one cable with the commands a technician types; see `tests/tools/board_double`
for what is doubled. The heap is more than a node of the same kind is promised without a service
cable: the desk stands beside the agent, and the double's shell and flash driver are in Python.
"""

import hashlib
import io
import json
import signal

import pytest

from protocols import wav
from protocols.phrase import phrase
from tests.micropython_nodes import hub_command, noise, start_amplifier
from tests.tools.board_rig import BoardRig
from tools.console import Console
from tools.demo import NEIGHBOUR
from tools.demo_process import wait_until
from tools.main import run

pytestmark = pytest.mark.xdist_group("story")

BUILD = "micropython32"
HEAP = 512
BOX = {
    "data": "/data",
    "storage": "slots",
    "hardware": "esp32",
    "poll_s": 2,
    "status_s": 3,
    "service": {"port": "usb"},
    "candidates": {
        "audio": [{"kind": "i2s", "port": "/world/fed.wav"}],
        "amplifier": [{"kind": "modbus", "port": "/world/rs485", "warm_up_ms": 1000}],
    },
}


def tool(*words):
    """Run `chieng-tool`; return its last line as JSON."""
    out, errors = io.StringIO(), io.StringIO()
    code = run([*words, "--json"], Console("en", out, errors=errors))
    assert code == 0, out.getvalue() + errors.getvalue()
    return json.loads(out.getvalue().splitlines()[-1])


def papers(told, hub, folder):
    """Return (kit, batch): what the hub gives a technician to take along."""
    ticket = hub_command(told, "ticket", "new", "--unit", NEIGHBOUR, "--out", str(folder))
    kit, batch = folder / "kit.json", folder / "batch.json"
    hub_command(
        *(told, "kit", "--hub", hub.removesuffix("/v1"), "--ticket", ticket["file"]),
        *("--out", str(kit)),
    )
    root = (told.folder / "hub" / "repository" / "metadata" / "1.root.json").read_bytes()
    entry = {"unit": NEIGHBOUR, "hamlet": "ha-giao", "name": "Cụm bo nhỏ", "heard": True}
    spoken = phrase(hashlib.sha256(root).digest())
    batch.write_text(json.dumps({"root_phrase": spoken, "nodes": [entry]}))
    return kit, batch


def tell(folder, told, hub):
    """Install a board and let it play; return (what flash told, the play, what was fed)."""
    world, home, box = folder / "world", folder / "visits", folder / "box.json"
    world.mkdir()
    box.write_text(json.dumps(BOX))
    kit, batch = papers(told, hub, folder)
    amplifier = start_amplifier(world)
    try:
        with BoardRig(world, BUILD, HEAP, 32768, 1 << 20) as rig:
            cable = ("--port", str(rig.port), "--home", str(home))
            flashed = tool("flash", *cable, "--box", str(box))
            made = tool(
                *("provision", *cable, "--kit", str(kit), "--batch", str(batch)),
                *("--technician", "Kỹ thuật viên 1"),
            )
            assert made["node"] == flashed["node"]
            # Until the paper reaches the hub, the node is nobody there.
            tool("enrolments", "send", "--kit", str(kit), "--home", str(home))
            before = hub_command(told, "report")["records"]
            wait_until(
                "its first words",
                60,
                lambda: hub_command(told, "report")["records"] > before + 2,
                [amplifier],
            )
            sound = folder / "noise.wav"
            noise(sound)
            published = hub_command(
                *(told, "publish", "--unit", NEIGHBOUR, "--title", "Họp thôn"),
                *("--audio", str(sound), "--class", "priority", "--approver", "canh-lien"),
                *("--passphrase-file", str(told.folder / "sheets.json")),
            )

            def play():
                plays = hub_command(told, "report")["plays"]
                mine = [one for one in plays if one["node"] == made["node"]]
                return [one for one in mine if one["item"] == published["item"]]

            (played,) = wait_until("the board's play", 60, play, [amplifier])
            return flashed, played, published, (world / "fed.wav").read_bytes()
    finally:
        amplifier.stop(signal.SIGKILL)


def test_a_board_is_flashed_provisioned_synced_and_heard(tmp_path, told, told_hub):
    flashed, played, published, fed = tell(tmp_path, told, told_hub)
    assert (flashed["place"], flashed["slot"], flashed["state"]) == ("rom", "a", "new")
    assert (played["outcome"], played["grade"]) == ("complete", 3)
    (pcm16,) = [one for one in published["renditions"] if one["profile"] == "pcm16"]
    sha256 = pcm16["sha256"]
    signed = (told.folder / "hub" / "blobs" / sha256[:2] / sha256).read_bytes()
    head = wav.read_head(signed)
    samples = signed[head.data_offset :][: head.data_bytes]
    # The hub's own bytes came out of the board, in order.
    pieces = [samples[at : at + 320] for at in range(0, len(samples) - 320, 3200)]
    assert sum(piece in fed for piece in pieces) > 0.9 * len(pieces)
