"""A whole node in the guest: its stick, its screen and its watchdog, seen from outside.

The stick's files are put into the image, and read out of it, by MicroPython's FatFs on this
machine; the guest's kernel mounts them with vfat.
"""

import hashlib
import io
import os
import signal
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from PIL import Image

from hub.board_image import render
from protocols import carried, http_signature, records
from protocols import stick as layout
from tests.edge.node_world import COMMUNE, NODE, Province
from tests.edge.stick_world import pack_of
from tests.lab.machine import WALL_S, Machine
from tests.portable import manifests

TOP = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 640, 480
HUB = "http://hub.lab"
WATCHDOG_S = 20
_BOARD = {"kind": "framebuffer", "width_px": WIDTH, "height_px": HEIGHT, "channels": 3}
CONFIG = {
    "node": NODE,
    "unit": COMMUNE,
    "kind": "board",
    "hub": [HUB],
    "data": "/tmp/node",
    "root": "/stick/root.json",
    "sticks": ["/stick"],
    "board": {**_BOARD, "path": "/dev/fb0"},
    "watchdog": {"kind": "kernel", "path": "/dev/watchdog", "timeout_s": WATCHDOG_S},
}


def pixels_of(machine: Machine, name: str) -> bytes:
    """Return the pixels of the guest's screen."""
    file = machine.folder / name
    file.unlink(missing_ok=True)
    machine.monitor(f"screendump {file}")
    until_s = time.monotonic() + 20
    while not file.exists() or file.stat().st_size <= WIDTH * HEIGHT * 3:
        assert time.monotonic() < until_s, "no screen dump"
        time.sleep(0.3)
    return file.read_bytes()[-WIDTH * HEIGHT * 3 :]


def wait_for_pixels(machine: Machine, wanted: bytes, seconds: float) -> None:
    """Wait until the screen shows exactly this; the display follows the guest's memory late."""
    until_s = time.monotonic() + seconds
    while True:
        pixels = pixels_of(machine, "screen.ppm")
        if pixels == wanted:
            return
        row = 3 * WIDTH
        good = sum(
            pixels[at : at + row] == wanted[at : at + row] for at in range(0, len(pixels), row)
        )
        assert time.monotonic() < until_s, f"{good} of {HEIGHT} rows are right on the screen"
        time.sleep(0.5)


def stick_pack(machine: Machine) -> str:
    """A signed pack from a stick is shown; the records of it stand on the stick."""
    wanted = _prepare(machine)
    _mount(machine)
    machine.ask("node", config=CONFIG)
    told = machine.ask("told", kind="pack", seconds=50)
    assert told["carrier"] == "stick" and told["media"] == 1, told  # type: ignore[index]
    wait_for_pixels(machine, wanted, 40)
    key = bytes.fromhex(str(machine.ask("content", path="/tmp/node/identity.key")))[-32:]
    # What the node writes next looks for the pack's record: a second file may come, none is needed.
    machine.ask("wait_for_file", folder="/stick/records", seconds=40)
    assert machine.ask("stop", number=int(signal.SIGTERM), seconds=40) == 0
    machine.ask("leave")
    machine.monitor("device_del disk")
    return _records(machine, key)


def _prepare(machine: Machine) -> bytes:
    """Put a commune's pack onto the stick; return the pixels of the page in it."""
    folder = machine.folder / "province"
    folder.mkdir()
    province = Province(folder)
    (data,) = render("Bản tin trên USB", WIDTH, HEIGHT, 3)
    value = province.news_bundle()
    page = manifests.page("page-1", 1)
    page["renditions"] = [
        {
            "profile": f"board-{WIDTH}x{HEIGHT}x3",
            "media_type": "image/png",
            "sha256": province.put(data),
            "length": len(data),
        }
    ]
    value.update(items=[], rules=[], pages=[page])
    province.publish(value)
    machine.monitor("device_del disk")
    time.sleep(2)
    files = {
        layout.MARK: layout.build_mark(WALL_S),
        layout.pack_name(COMMUNE): pack_of(province, machine.folder / "blobs"),
        "root.json": province.root,
    }
    words = []
    for number, (name, content) in enumerate(files.items()):
        path = machine.folder / f"put{number}"
        path.write_bytes(content)
        words += [name, str(path)]
    _image(machine, "put", *words)
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def _image(machine: Machine, *words: str) -> None:
    interpreter = TOP / ".cache/micropython/bin/micropython"
    command = [interpreter, "-m", "tests.lab.stick_image", str(machine.stick), *words]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def _mount(machine: Machine) -> None:
    machine.monitor("device_add usb-storage,drive=stick,id=disk")
    status, text = machine.ask("stick", form=False)  # type: ignore[misc]
    assert status == 0, text


def _records(machine: Machine, key: bytes) -> str:
    """Check what the node wrote onto the stick as its hub would."""
    out = machine.folder / "records"
    out.mkdir()
    _image(machine, "get", "/records", str(out))
    kinds = []
    for name in sorted(os.listdir(out)):
        request = carried.read((out / name).read_bytes())
        digest = hashlib.sha256(request.body).digest()
        signed = http_signature.read_request(
            "POST", request.host, request.path, request.headers, digest
        )
        Ed25519PublicKey.from_public_bytes(key).verify(signed.signature, signed.base)
        batch = records.read_batch(request.body)
        assert (batch.node, signed.key_id) == (NODE, NODE)
        kinds += [entry.record.kind for entry in batch.entries]
    assert "boot" in kinds and "pack" in kinds, kinds
    return f"the signed picture on the screen; {len(kinds)} signed records in the stick's image"


def watchdog(machine: Machine) -> str:
    """A node stopped in good order leaves the machine on; killed, or hanging, it is reset."""
    time.sleep(WATCHDOG_S + 10)
    assert _is_running(machine), "reset after a stop in good order"
    # The stick is away: the root is in the node's store by now.
    machine.ask("node", config=CONFIG)
    machine.ask("told", kind="boot", seconds=50)
    time.sleep(WATCHDOG_S + 10)
    assert _is_running(machine), "reset although it was fed"
    waits = []
    for number in (signal.SIGKILL, signal.SIGSTOP):
        machine.ask("stop", number=int(number), seconds=0)
        began_s = time.monotonic()
        while _is_running(machine):
            assert time.monotonic() - began_s < 4 * WATCHDOG_S, f"not reset after {number}"
            time.sleep(0.5)
        waits.append(time.monotonic() - began_s)
        machine.monitor("cont")
        if number == signal.SIGKILL:
            # The reset took the device down behind its driver, which thinks that it still runs.
            machine.ask("calm")
            machine.ask("node", config=CONFIG)
            machine.ask("told", kind="boot", seconds=50)
            time.sleep(5)
    return "stopped: on; killed: reset after %.0f s; hanging: after %.0f s" % (waits[0], waits[1])


def _is_running(machine: Machine) -> bool:
    return "running" in machine.monitor("info status")
