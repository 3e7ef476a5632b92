"""Start the programs of the demo, follow what they print, and stop them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
STOP_S = 10
COMMAND_S = 300
PYTHON = (sys.executable, "-u", "-m")


class DemoFault(Exception):
    """Say what of the story did not happen, and where to look."""


class Program:
    """Run one module of the project, or other `interpreter` words, and keep every JSON line."""

    def __init__(
        self, name: str, log: Path, *words: str, interpreter: Sequence[str] = PYTHON
    ) -> None:
        self.name = name
        self.log = log
        self.lines: list[Line] = []
        self._process = subprocess.Popen(
            [*interpreter, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def is_running(self) -> bool:
        """Tell whether the program still runs."""
        return self._process.poll() is None

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Ask the program to end, and end it when it does not."""
        if self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(STOP_S)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def find(self, kind: str, **fields: object) -> list[Line]:
        """Return the bodies of all records of a kind whose body has these fields."""
        return [
            line["body"]
            for line in list(self.lines)
            if line.get("kind") == kind
            and all(line["body"].get(name) == value for name, value in fields.items())
        ]

    def _follow(self) -> None:
        stdout = self._process.stdout or ()
        with self.log.open("ab") as log:
            for line in stdout:
                log.write(line)
                log.flush()
                with contextlib.suppress(ValueError):
                    value = json.loads(line)
                    if isinstance(value, dict):
                        self.lines.append(value)


def wait_until(what: str, seconds: float, check: Callable[[], Any], programs: list[Program]) -> Any:
    """Return the first truth that `check` gives; raise DemoFault after `seconds` or a crash."""
    deadline = time.monotonic() + seconds
    while True:
        for program in programs:
            if not program.is_running():
                raise DemoFault(f"{program.name} ended while waiting for {what}: {program.log}")
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            logs = ", ".join(str(program.log) for program in programs)
            raise DemoFault(f"{what} did not happen within {seconds:.0f} s; see {logs}")
        time.sleep(0.1)


def command(*words: str) -> Any:
    """Run a command of the project to its end and return the JSON it prints, or its text."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
        )
    except subprocess.TimeoutExpired:
        raise DemoFault(f"{' '.join(words[:2])} took more than {COMMAND_S} s") from None
    if done.returncode != 0:
        raise DemoFault(" ".join(words[:2]) + " failed: " + done.stderr.strip()[-600:])
    with contextlib.suppress(ValueError):
        return json.loads(done.stdout)
    return done.stdout.strip()


@contextlib.contextmanager
def stopping(programs: list[Program]) -> Iterator[None]:
    """Stop whatever stands in `programs` at the end, the last started first."""
    try:
        yield
    finally:
        for program in reversed(programs):
            program.stop()
