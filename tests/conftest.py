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


# Modules whose tests share what takes long to make, or a port: one worker each. Said here,
# because pytest-xdist 3.8 loses its own marks under pytest 9.2.
GROUPS = {
    "tests/test_end_to_end.py": "story",
    "tests/test_micropython_nodes.py": "story",
    "tests/test_board_story.py": "story",
    "tests/hw/test_e131_sacn.py": "e131",
    "tests/tools/test_pack_edge.py": "pack",
    "tests/tools/test_pack_source.py": "pack",
}

# Changes what the story's other tests count on.
LAST = "tests/test_board_story.py"


def pytest_collection_modifyitems(items):
    """Put what changes the story's hub behind those who look at it."""
    items.sort(key=lambda item: item.nodeid.startswith(LAST))


class Grouped(LoadGroupScheduling):
    """Give the tests of a group to one worker, every other test to whoever is free.

    When a worker dies, pytest-xdist 3.8 puts back all that it had finished, and the test that
    ended it, and waits for ever: here only what nobody ran goes to the others.
    """

    def _split_scope(self, nodeid):
        return GROUPS.get(nodeid.split("::")[0], nodeid)

    def remove_node(self, node):
        """Return the test in which a worker died, if it was in one."""
        units = {scope: unit for scope, unit in self.assigned_work.pop(node).items()}
        waiting = [name for unit in units.values() for name, done in unit.items() if not done]
        if not waiting:
            return None
        units[self._split_scope(waiting[0])][waiting[0]] = True
        self.workqueue.update({s: unit for s, unit in units.items() if not all(unit.values())})
        for other in self.nodes:
            self._reschedule(other)
        return waiting[0]

    def _reschedule(self, node):
        """Keep a worker in work: it begins a test only when it knows of the next, or of the end."""
        if node not in self.registered_collections:
            # Still collecting, in the place of one that died; it is asked again.
            return
        super()._reschedule(node)
        while not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Schedule by the groups above, largest first."""
    return Grouped(config, log)


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story") / "demo"
    storm = TOP / "tests" / "data" / "short_notice.txt"
    command = [sys.executable, "-m", "tools.demo", "--once", "--port", "0"]
    command += ["--folder", str(folder), "--storm", str(storm)]
    # To files: what the demo started may outlive it, and would hold a pipe open for ever.
    said, errors = folder.parent / "said", folder.parent / "errors"
    with said.open("w") as out, errors.open("w") as err:
        process = subprocess.Popen(command, cwd=TOP, stdout=out, stderr=err)
        try:
            code = process.wait(STORY_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            code = None
    assert code == 0, said.read_text()[-3000:] + errors.read_text()[-3000:]
    return Told(folder, json.loads(said.read_text().splitlines()[-1]))


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
