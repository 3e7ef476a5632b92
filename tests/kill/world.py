"""A real hub and a real node as processes, a radio between, and sounds that tell themselves."""

import asyncio
import json
import random
import shutil
import signal
import socket
import subprocess
import urllib.request
import wave
from pathlib import Path

import numpy as np

from hub import fleet, founding
from hub.config import Config
from hub.services import open_hub
from tests.hub.conftest import COMMUNE, enrol
from tests.slow_link import Radio, SlowLink
from tools.demo_process import Program, command, wait_until

RATE_HZ = 16000
NODE = "loa-1"
ITEM_S = 2.0
# From approval to the slot: the radio carries the item meanwhile, unless the node is dead.
LEAD_S = 6


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def found(data: Path) -> dict:
    """Found a hub with one commune; return every passphrase by holder."""
    config = Config(data=data)
    sheets = founding.found(config, ["00", "03"], data.parent / "stick", config.now_ms() // 1000)
    passphrases = {sheet.holder: sheet.passphrase for sheet in sheets}
    passphrases.update(asyncio.run(enrol(config, passphrases["registrar-1"])))
    return passphrases


class World:
    """One node, one hub, one radio."""

    def __init__(self, folder: Path, founded: Path, passphrases: dict, seed: int):
        self.folder = folder
        self.data = folder / "hub"
        if founded != self.data:
            shutil.copytree(founded, self.data)
        self.random = random.Random(seed)
        self.programs: list[Program] = []
        self.lines: list[dict] = []
        self.rounds = self.bulletins = 0
        self.published: dict[str, np.ndarray] = {}
        self._secret = folder / "passphrase"
        self._secret.write_text(passphrases["xa-1"])
        self._port = free_port()
        self.link = SlowLink(self._port, Radio(), seed)
        self.hub: Program | None = None
        self.node: Program | None = None
        self._config = self._register()

    def close(self) -> None:
        """End every process."""
        for program in reversed(self.programs):
            program.stop(signal.SIGKILL)
        self.link.close()

    def _register(self) -> Path:
        path = self.folder / "node.json"
        content = {
            "node": NODE,
            "unit": COMMUNE,
            "kind": "speaker",
            "hub": [f"http://127.0.0.1:{self.link.port}"],
            "data": str(self.folder / "node"),
            "root": str(self.data / "repository" / "metadata" / "1.root.json"),
            "audio": {"kind": "wav", "path": str(self.folder / "air.wav")},
            "poll_s": 1,
            "status_s": 2,
        }
        path.write_text(json.dumps(content))
        key = bytes.fromhex(command("edge.main", "identity", "--config", str(path)))
        form = fleet.NodeForm(NODE, COMMUNE, "Cụm", "speaker", key)
        services, database = open_hub(Config(data=self.data))
        now_s = services.now_s()
        asyncio.run(services.ledger.write(lambda s: fleet.add_node(s, form, "test", now_s)))
        database.close()
        # The loop runs at any hour of the day: no quiet hours here.
        day = ("--unit", COMMUNE, "--ceiling", "00:00-23:59=100")
        command("hub.main", "policy", "set", "--data", str(self.data), *day)
        return path

    def start_hub(self) -> None:
        """Start the hub and wait until it answers."""
        self.hub = self._start(
            *("hub", self.folder / "hub.log", "hub.main", "serve"),
            *("--data", str(self.data), "--listen", f"127.0.0.1:{self._port}"),
        )
        wait_until("the hub's first answer", 60, self._answers, [self.hub])

    def start_node(self) -> None:
        """Start the node; each start has a recording of its own."""
        self.rounds += 1
        content = json.loads(self._config.read_text())
        content["audio"]["path"] = str(self.air(self.rounds))
        self._config.write_text(json.dumps(content))
        self.node = self._start(
            *(f"node-{self.rounds}", self.folder / "node.log", "edge.main", "run"),
            *("--config", str(self._config), "--log"),
        )

    def air(self, number: int) -> Path:
        """Return the recording of a start."""
        return self.folder / f"air-{number}.wav"

    def kill(self, program: Program) -> None:
        """Kill a process without a word; keep what a node had printed."""
        program.stop(signal.SIGKILL)
        self.programs.remove(program)
        if program is not self.hub:
            for line in program.lines:
                self.lines.append({**line, "round": self.rounds})

    def publish(self, legal_class: str) -> None:
        """Publish some seconds of noise, of which no stretch resembles another."""
        number = self.bulletins
        self.bulletins += 1
        sound = np.random.default_rng(number).normal(0, 2500, int(RATE_HZ * ITEM_S))
        path = self.folder / f"sound-{number}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(sound.astype("<i2").tobytes())
        made = command(
            *("hub.main", "--start-lead-s", str(LEAD_S), "publish", "--data", str(self.data)),
            *("--unit", COMMUNE, "--title", f"Bản tin {number}", "--audio", str(path)),
            *("--class", legal_class, "--approver", "xa-1", "--gap-min", "0"),
            *("--passphrase-file", str(self._secret)),
        )
        for rendition in made["renditions"]:
            if rendition["media_type"].startswith("audio/"):
                self.published[rendition["sha256"]] = self._decoded(rendition["sha256"])

    def _decoded(self, sha256: str) -> np.ndarray:
        """Return the samples of a blob as the hub holds it, by ffmpeg."""
        (blob,) = [path for path in self.data.rglob(sha256 + "*") if path.is_file()]
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(blob), "-ar", str(RATE_HZ), "-ac", "1"]
            + ["-f", "s16le", "-"],
            check=True,
            capture_output=True,
        )
        return np.frombuffer(done.stdout, "<i2").astype(float)

    def spoil_a_blob(self) -> bool:
        """Flip one bit of something the node holds to play; tell whether there was something."""
        folder = self.folder / "node"
        held = [p for kind in ("blobs", "pcm") for p in folder.glob(f"{kind}/*") if p.is_file()]
        held = [path for path in sorted(held) if path.stat().st_size > 1000]
        if not held:
            return False
        path = self.random.choice(held)
        data = bytearray(path.read_bytes())
        data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        path.write_bytes(data)
        return True

    def _start(self, name: str, log: Path, *words: str) -> Program:
        program = Program(name, log, *words)
        self.programs.append(program)
        return program

    def _answers(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self._port}/healthz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False
