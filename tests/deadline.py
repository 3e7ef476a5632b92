"""No test waits for a silent process for ever."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def killed_after(process: "subprocess.Popen[str]", seconds: float = 60) -> Iterator[None]:
    """Kill a process that is waited for longer than this: whoever reads from it finds the end."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
