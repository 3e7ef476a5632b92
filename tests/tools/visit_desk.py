"""A technician's laptop with a screen, a service cable that can be pulled, and a box at its end."""

import json
import os
import shlex
import subprocess
import sys
import time

from tests.told import TOP
from tools.demo_process import Program

COLUMNS, LINES = 96, 40


class Screen:
    """A real terminal (tmux) in which a person types and reads."""

    def __init__(self, folder):
        self.home = folder / "home"
        self._socket = folder / "tmux"
        self._is_open = False
        self._shots = TOP / "artefacts" / "visit"

    def _tmux(self, *words):
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self._socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def run(self, *words, language="vi"):
        """Start `chieng-tool WORDS`; its exit code is the last line once it has ended."""
        place = {"CHIENG_HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in place.items())
        tool = shlex.join([sys.executable, "-m", "tools.main", "--lang", language, *words])
        line = f"cd {shlex.quote(str(TOP))}; {given} {tool}; echo EXIT=$?; sleep 600"
        command = "sh -c " + shlex.quote(line)
        if self._is_open:
            self._tmux("respawn-pane", "-k", command)
            self._tmux("clear-history")
            return
        self._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), command)
        self._is_open = True

    def text(self):
        """Return what stands on the screen, and what was scrolled away."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-200").rstrip()

    def wait(self, text, seconds=120):
        """Wait until a text stands below what was waited for before; return the screen."""
        deadline = time.monotonic() + seconds
        while True:
            shown = self.text()
            if text in shown:
                return shown
            assert time.monotonic() < deadline, f"«{text}» never came:\n{shown}"
            time.sleep(0.1)

    def answer(self, prompt, typed):
        """Wait for a prompt, type an answer, and press Enter."""
        self.wait(prompt)
        if typed:
            self._tmux("send-keys", "-l", typed)
        self._tmux("send-keys", "Enter")

    def ended(self, code=0, seconds=180):
        """Wait for the end of the command; return its last screen."""
        shown = self.wait("EXIT=", seconds)
        assert f"EXIT={code}" in shown, shown
        return shown.partition("EXIT=")[0].rstrip()

    def shoot(self, name):
        """Keep the screen as it is now, for people to look at."""
        self._shots.mkdir(parents=True, exist_ok=True)
        (self._shots / f"{name}.txt").write_text(self.text() + "\n", encoding="utf-8")

    def close(self):
        """End the terminal."""
        if self._is_open:
            self._tmux("kill-server")


class Cable:
    """Two joined pseudo-terminals (socat); pulling it hangs both up."""

    def __init__(self, folder):
        self.ends = [str(folder / name) for name in ("node-end", "laptop-end")]
        self._process = None

    def plug(self):
        """Join the ends."""
        words = [f"pty,raw,echo=0,link={end}" for end in self.ends]
        self._process = subprocess.Popen(["socat", *words])
        deadline = time.monotonic() + 30
        while not all(os.path.exists(end) for end in self.ends):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def pull(self):
        """Hang up."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


class Box:
    """A node's box: its process, an amplifier and a meter on RS-485, and a wipe button."""

    def __init__(self, folder, cable):
        self.folder = folder
        self.wav = folder / "loudspeaker.wav"
        self.button = folder / "button"
        self.button.write_text("0\n")
        self.config = folder / "system.json"
        self._line = folder / "rs485"
        system = {
            "data": str(folder / "node"),
            "poll_s": 1,
            "service": {"port": cable.ends[0]},
            "wipe_button": {"path": str(self.button), "pressed": "1"},
            "candidates": {
                "audio": [{"kind": "wav", "path": str(self.wav)}],
                "amplifier": [{"kind": "modbus", "port": str(self._line), "warm_up_ms": 500}],
            },
        }
        self.config.write_text(json.dumps(system))
        self.programs = []

    def start(self):
        """Give it power."""
        words = ("--link", str(self._line), "--wav", str(self.wav))
        devices = Program("devices", self.folder / "devices.log", "tools.demo_devices", *words)
        self.programs.append(devices)
        while not self._line.exists():
            assert devices.is_running()
            time.sleep(0.05)
        words = ("edge.main", "run", "--config", str(self.config), "--log")
        self.node = Program("node", self.folder / "node.log", *words)
        self.programs.append(self.node)
