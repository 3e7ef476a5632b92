"""Run a scene in a network of its own: two hosts joined by one cable, nothing of this machine.

Needs root, or user namespaces. The scene's module runs as host A (10.7.0.1 on `cable0`); commands
for host B (10.7.0.2 on `cable1`) are prefixed by `far_prefix()`.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

SECONDS_MAX = 60


def run_scene(module: str, *arguments: str) -> str:
    """Run `python -m module arguments` in a new network; return what it printed."""
    own = ["--net"] if os.geteuid() == 0 else ["--net", "--map-root-user"]
    command = ["unshare", *own, sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def far_host() -> Iterator[list[str]]:
    """Lay the cable and start host B; yield the prefix of its commands."""
    far = subprocess.Popen(["unshare", "--net", "sleep", str(SECONDS_MAX)])
    prefix = ["nsenter", "-t", str(far.pid), "-n"]
    try:
        _wait_for_own_network(far.pid)
        for command in (
            ["ip", "link", "set", "lo", "up"],
            ["ip", "link", "add", "cable0", "type", "veth", "peer", "name", "cable1"],
            ["ip", "link", "set", "cable1", "netns", str(far.pid)],
            ["ip", "address", "add", "10.7.0.1/24", "brd", "+", "dev", "cable0"],
            ["ip", "link", "set", "cable0", "up"],
            [*prefix, "ip", "link", "set", "lo", "up"],
            [*prefix, "ip", "address", "add", "10.7.0.2/24", "brd", "+", "dev", "cable1"],
            [*prefix, "ip", "link", "set", "cable1", "up"],
        ):
            subprocess.run(command, check=True)
        yield prefix
    finally:
        far.kill()
        far.wait()


def _wait_for_own_network(pid: int) -> None:
    ours = os.readlink("/proc/self/ns/net")
    while os.readlink("/proc/%d/ns/net" % pid) == ours:
        time.sleep(0.001)
