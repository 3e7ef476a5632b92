"""The demo's story and its hub, told once for all test modules of the group `story`."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests.told import TOP, Told

# As long as a loaded machine with two cores may take; an idle one needs a third.
STORY_S = 540


# Modules whose tests share what takes minutes to make, or a port: one worker each. Said here,
# because pytest-xdist 3.8 loses its own marks under pytest 9.2.
GROUPS = {
    "tests/test_end_to_end.py": "story",
    "tests/test_micropython_nodes.py": "story",
    "tests/hw/test_e131_sacn.py": "e131",
}


class Grouped(LoadGroupScheduling):
    """Give the tests of a group to one worker, every other test to whoever is free."""

    def _split_scope(self, nodeid):
        return GROUPS.get(nodeid.split("::")[0], nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Schedule by the groups above, largest first."""
    return Grouped(config, log)


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story") / "demo"
    storm = TOP / "tests" / "data" / "short_notice.txt"
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--once", "--port", "0"]
        + ["--folder", str(folder), "--storm", str(storm)],
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=STORY_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return Told(folder, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def told_hub(told):
    """Serve the story's hub again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "hub.main", "serve", "--data", str(told.folder / "hub")]
    process = subprocess.Popen([*command, "--listen", address], cwd=TOP)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://{address}/healthz", timeout=5):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
        yield f"http://{address}/v1"
    finally:
        process.terminate()
        process.wait(20)
