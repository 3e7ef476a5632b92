"""A hub and boxes that start their agent again, as processes whose clocks run fast.

`faketime` lets an hour pass in minutes for every clock, sleep and deadline of a process, so a trial
of a minute is waited for as it is written.
"""

import asyncio
import json
import shutil
import signal
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

from hub import fleet
from hub.config import Config
from hub.services import open_hub
from tests.hub.conftest import COMMUNE
from tools.demo_process import Program, command

TOP = Path(__file__).parents[2]
SPEED = 20
FAST = ("faketime", "-f", f"+0 x{SPEED}", "env", f"PYTHONPATH={TOP}", sys.executable, "-u")
BOARD = "linux-test"


class FastHub:
    """A real hub over a founded folder."""

    def __init__(self, data: Path):
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = ("hub.main", "serve", "--data", str(data), "--listen", f"127.0.0.1:{self.port}")
        self.program = Program("hub", data / "log", "-m", *words, interpreter=FAST)

    def answers(self) -> bool:
        """Tell whether it serves by now."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as got:
                return bool(got.status == 200)
        except OSError:
            return False


class Box:
    """A node's board: what the factory put on it, its disk, and the habit of starting again."""

    def __init__(self, folder: Path, name: str, hub: FastHub, groups: tuple[str, ...] = ()):
        folder.mkdir()
        self.name = name
        self.folder = folder
        self.data = folder / "data"
        self.starts = 0
        self._chooser = folder / "chooser.py"
        shutil.copy(TOP / "hw/linux/chooser.py", self._chooser)
        self._config = folder / "node.json"
        content = {
            **{"node": name, "unit": COMMUNE, "kind": "speaker", "groups": list(groups)},
            **{"hub": [f"http://127.0.0.1:{hub.port}"], "data": str(self.data)},
            "root": str(hub.data / "repository/metadata/1.root.json"),
            "audio": {"kind": "wav", "path": str(folder / "air.wav")},
            "firmware": {"folder": str(folder), "board": BOARD},
            **{"poll_s": 10, "status_s": 60},
        }
        self._config.write_text(json.dumps(content))
        key = bytes.fromhex(command("edge.main", "identity", "--config", str(self._config)))
        form = fleet.NodeForm(name, COMMUNE, f"Cụm {name}", "speaker", key, None, list(groups))
        services, database = open_hub(Config(data=hub.data))
        now_s = services.now_s()
        asyncio.run(services.ledger.write(lambda s: fleet.add_node(s, form, "test", now_s)))
        database.close()
        self.program: Program | None = None

    def keep_running(self) -> None:
        """Start what ended, as the board's service manager does."""
        if self.program is None or not self.program.is_running():
            self.stop()
            self.starts += 1
            words = (
                str(self._chooser),
                str(self.folder),
                "run",
                "--config",
                str(self._config),
                "--log",
            )
            self.program = Program(self.name, self.folder / "log", *words, interpreter=FAST)

    def stop(self) -> None:
        """Take the power away."""
        if self.program is not None:
            self.program.stop(signal.SIGKILL)

    def choice(self) -> dict[str, Any]:
        """Return which image the board is on."""
        path = self.folder / "choice.json"
        return json.loads(path.read_bytes()) if path.exists() else {}
