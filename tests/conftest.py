"""The demo's story and its hub, told once for all test modules of the group `story`."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.told import TOP, Told

# As long as a loaded machine with two cores may take; an idle one needs a third.
STORY_S = 540


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
