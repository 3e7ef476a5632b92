"""An image goes from this tree to real boxes, a bad one comes back, and a box is wiped for good."""

import datetime
import json
import signal
import time
import wave

import numpy as np
import pytest

from hub import orders, rollouts
from hub.main import main
from hub.services import open_hub
from tests.hub.boxes import BOARD, Box, FastHub
from tests.hub.conftest import COMMUNE
from tools import image
from tools.demo_process import wait_until

WITHIN_S = 180


@pytest.fixture
def fleet(config, tmp_path):
    """Give two boxes of a running hub, of which one is in group "first"."""
    hub = FastHub(config.data)
    boxes = []
    try:
        wait_until("the hub's first answer", 60, hub.answers, [hub.program])
        for name, groups in (("loa-1", ("first",)), ("loa-2", ())):
            boxes.append(Box(tmp_path / name, name, hub, groups))
        yield boxes
    finally:
        for box in boxes:
            box.stop()
        hub.program.stop(signal.SIGKILL)


@pytest.fixture
def desk(config, passphrases, tmp_path, capsys):
    """Give `desk(*words)`: what `chieng-hub` prints to an operator who has every passphrase."""
    sheets = tmp_path / "sheets.json"
    sheets.write_text(json.dumps(passphrases))

    def run(*words):
        last = [] if words[0] in ("order", "node") or words[1] == "rollout" else [str(sheets)]
        secret = ["--passphrase-file"] * len(last) + last
        code = main([words[0], "--data", str(config.data), *map(str, words[1:]), *secret])
        out, err = capsys.readouterr()
        return json.loads(out) if code == 0 else err

    return run


@pytest.fixture
def seen(config):
    """Give `seen(decision, *arguments)`: what the hub's pages would show now."""
    _, database = open_hub(config)
    yield lambda decide, *arguments: database.read_now(lambda store: decide(store, *arguments))
    database.close()


def until(what, boxes, check):
    """Keep the boxes running until something is true."""
    deadline = time.monotonic() + WITHIN_S
    while not check():
        assert time.monotonic() < deadline, what
        for box in boxes:
            box.keep_running()
        time.sleep(0.2)


def files(folder):
    return {path.name: path for path in folder.rglob("*") if path.is_file()}


def bulletin(desk, tmp_path):
    """Publish a second of noise for every evening; return what its renditions are called."""
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).normal(0, 2000, 16000).astype("<i2").tobytes())
    last = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()
    words = ("--unit", COMMUNE, "--title", "Bản tin thử", "--audio", sound, "--gap-min", "0")
    made = desk("publish", *words, "--daily", "19:59", "--until", last, "--approver", "xa-1")
    return {one["sha256"] for one in made["renditions"]}


def test_images_are_tried_and_stopped_and_a_box_is_wiped(fleet, desk, seen, founded, tmp_path):
    first, second = fleet
    key = ("--key", founded[0].parent / "stick" / "firmware-1.json")
    content, made = bulletin(desk, tmp_path), tmp_path / "image.tar"

    def publish(version, changes):
        made.write_bytes(image.pack({**image.members(image.TOP), **changes}))
        which = ("--board", BOARD, "--version", version)
        assert desk("firmware", "publish", *which, "--image", made, *key)["published"]
        asked = desk("firmware", "rollout", *which, "--node-group", "first")
        assert asked["nodes"] == ["loa-1"]

    def shown(version):
        return next(one for one in seen(rollouts.status) if one["version"] == version)

    publish(2, {})
    until("it is confirmed", (first, second), lambda: first.choice().get("version") == 2)
    until("it is told", (first, second), lambda: shown(2)["nodes"] == {"done": 1})

    # A bad image for one, the end for the other.
    until("content", (second,), lambda: content & files(second.data).keys())
    seed = (second.data / "identity.key").read_bytes()
    publish(3, {"edge/main.py": b"raise SystemExit('a new bug')\n"})
    desk("mandate", "give", "--node", "loa-2", "--decommission", "--approver", "xa-1")
    until("it is rolled back", (first, second), lambda: first.choice().get("failed") == 3)
    assert first.choice()["version"] == 2 and b"a new bug" in (first.folder / "log").read_bytes()
    until("it is stopped", (first, second), lambda: shown(3)["state"] == "stopped")
    assert shown(3)["failures"] == {"loa-1": "firmware.rolled_back"}
    assert "was stopped" in desk("firmware", "rollout", "--board", BOARD, "--version", 3)
    assert second.choice() == {}

    log = second.folder / "log"
    until("the key is gone", (second,), lambda: b"node.decommissioned" in log.read_bytes())
    (told,) = [row for row in seen(orders.of_node, "loa-2") if row["kind"] == "decommission"]
    assert told["state"] == "done" and json.loads(told["result_json"])["files_left"] == 0
    assert seen(lambda store: store.get("nodes", "loa-2"))["state"] == "revoked"
    # The disk itself: the word that it was wiped, and nowhere the key or what was to be heard.
    left = files(second.data)
    assert set(left) == {"standing", "standing-copy"}
    for path in left.values():
        data = path.read_bytes()
        assert b'"wiped"' in data and seed not in data and b"sha256" not in data
