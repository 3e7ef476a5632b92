"""Whole nodes under MicroPython as processes, packed as for a board, and the devices they drive."""

import json
import random
import signal
import subprocess
import wave
from array import array
from pathlib import Path

from tests.told import RATE_HZ, TOP
from tools import pack_edge
from tools.demo_process import Program, command, wait_until

INTERPRETERS = TOP / ".cache" / "micropython" / "bin"
# The promised heaps, and the machine that mpy-cross compiles for.
BUILDS = {"micropython": ("x64", 512), "micropython32": ("x86", 320)}
BOOT = TOP / "hw" / "micropython" / "unix_boot.py"
# From approval to the slot: on a loaded machine the nodes fetch and verify meanwhile.
LEAD_S = 12
ITEM_S = 3


def pack(folder: Path, build: str) -> Path:
    """Pack the agent for an interpreter; return the image."""
    pack_edge.write(folder / build, BUILDS[build][0])
    return folder / build / "chieng.romfs"


def words(build: str, image: Path) -> tuple[str, ...]:
    """Return the command that starts the packed agent in its heap."""
    heap = f"heapsize={BUILDS[build][1]}k"
    return str(INTERPRETERS / build), "-X", heap, str(BOOT), str(image)


class MicroNode:
    """One node: its folder, its configuration, its processes."""

    def __init__(self, folder: Path, build: str, image: Path, config: dict):
        folder.mkdir()
        self.build = build
        self.folder = folder
        self.name = config["node"]
        self.config = folder / "node.json"
        self.config.write_text(json.dumps({"data": str(folder / "data"), **config}))
        self._words = words(build, image)
        self.program: Program | None = None

    def identity(self) -> str:
        """Let the node make its key; return the public half."""
        done = subprocess.run(
            [*self._words, "identity", "--config", str(self.config)],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start_amplifier(self) -> Program:
        """Start the devices of a loudspeaker node."""
        return start_amplifier(self.folder)

    def start(self) -> Program:
        """Start the agent."""
        self.program = Program(
            self.name,
            self.folder / "node.log",
            *("run", "--config", str(self.config), "--log"),
            interpreter=self._words,
        )
        return self.program

    def cut_power(self) -> list[dict]:
        """Kill the agent without a word; return the lines it had printed."""
        self.program.stop(signal.SIGKILL)
        return self.program.lines

    def switched(self) -> list[dict]:
        """Return what the relay board did, as its own process wrote it down."""
        lines = (self.folder / "switched.log").read_text().splitlines()
        return [json.loads(line) for line in lines]


def start_amplifier(folder: Path) -> Program:
    """Start the relay board and the meter, which hears what the I2S double writes."""
    line = folder / "rs485"
    amplifier = Program(
        "amplifier",
        folder / "amplifier.log",
        *("tools.demo_devices", "--link", str(line), "--wav", str(folder / "fed.wav")),
        *("--log", str(folder / "switched.log")),
    )
    wait_until("the serial line", 20, line.exists, [amplifier])
    return amplifier


def speaker_config(folder: Path) -> dict:
    """Return the devices of a loudspeaker node, all of them beside its configuration."""
    return {
        "kind": "speaker",
        "storage": "slots",
        "audio": {"kind": "i2s", "port": str(folder / "fed.wav")},
        "amplifier": {
            "kind": "modbus",
            "port": str(folder / "rs485"),
            "relay_unit": 1,
            "meter_unit": 2,
            "idle_milliwatts": 8000,
            "warm_up_ms": 1000,
        },
    }


def board_config(folder: Path) -> dict:
    """Return the display of a board node."""
    size = {"width_px": 64, "height_px": 32, "channels": 1}
    board = {"kind": "framebuf", "driver": str(folder / "panel.pbm"), "form": "mono", **size}
    return {"kind": "board", "board": board}


def hub_command(told, *words):
    """Run a command of the story's hub."""
    data = ("--data", str(told.folder / "hub"))
    return command("hub.main", "--start-lead-s", str(LEAD_S), words[0], *data, *words[1:])


def noise(path):
    """Write some seconds of quiet noise, of which no stretch resembles another."""
    source = random.Random(7)
    samples = array("h", [int(source.gauss(0, 2500)) for _ in range(RATE_HZ * ITEM_S)])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
