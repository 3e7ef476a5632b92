"""The agent on both MicroPythons, packed as for a board, against the real hub; see `told`.

Each node runs in its promised heap: signed metadata, slots on disk, PCM to an I2S double, a relay
and a meter on a serial line (pymodbus), records home. What the doubles leave open is said where
they stand: `hw/micropython/unix_machine.py`, `tools/demo_devices.py`.
"""

import signal

import pytest
from PIL import Image

from protocols import wav
from tests.micropython_nodes import (
    BUILDS,
    LEAD_S,
    MicroNode,
    board_config,
    hub_command,
    noise,
    pack,
    speaker_config,
)
from tests.told import RATE_HZ
from tools.demo import NEIGHBOUR
from tools.demo_process import wait_until

SPEAKERS = tuple(BUILDS)
CHUNK_BYTES = RATE_HZ // 100 * 2
BOARD_TEXT = "Họp thôn lúc 19 giờ"


class Scene:
    """Two loudspeaker nodes and a board node, and what came of one bulletin."""

    def __init__(self, folder, told, hub):
        self.folder = folder
        self.told = told
        self.hub = hub
        self.programs = []
        self.published = {}
        self.fed = {}
        images = {build: pack(folder, build) for build in BUILDS}
        self.speakers = {
            build: self.node(f"micro-{build[11:] or '64'}", build, images[build], speaker_config)
            for build in SPEAKERS
        }
        self.board = self.node(
            "micro-board", "micropython32", images["micropython32"], board_config
        )

    def node(self, name, build, image, devices):
        folder = self.folder / name
        root = self.told.folder / "hub" / "repository" / "metadata" / "1.root.json"
        where = {"node": name, "unit": NEIGHBOUR, "hamlet": "ha-giao", "root": str(root)}
        times = {"hub": [self.hub.removesuffix("/v1")], "poll_s": 2, "status_s": 3}
        return MicroNode(folder, build, image, {**where, **times, **devices(folder)})

    def run(self):
        for node in (*self.speakers.values(), self.board):
            self.register(node)
        for node in self.speakers.values():
            self.programs.append(node.start_amplifier())
        for node in (*self.speakers.values(), self.board):
            self.programs.append(node.start())
        self.publish()
        agents = [node.program for node in self.speakers.values()]
        for agent in agents:
            wait_until("the play", LEAD_S + 30, lambda agent=agent: agent.find("play"), agents)
        wait_until("a picture", 10, self.board_shows, [self.board.program])
        self.picture = (self.board.folder / "panel.pbm").read_bytes()
        self.reported = wait_until("the records", 15, self.report, agents)
        for build, node in self.speakers.items():
            self.fed[build] = (node.folder / "fed.wav").read_bytes()
            wait_until("silence", 10, lambda node=node: not node.switched()[-1]["on"], agents)

    def register(self, node):
        board = ("--board", "64x32x1") if node is self.board else ()
        hub_command(
            *(self.told, "node", "add", "--id", node.name, "--unit", NEIGHBOUR),
            *("--public-key", node.identity(), "--name", node.name, "--hamlet", "ha-giao"),
            *("--kind", "board" if board else "speaker", *board),
        )

    def publish(self):
        sound, text = self.folder / "noise.wav", self.folder / "board.txt"
        noise(sound)
        text.write_text(BOARD_TEXT, encoding="utf-8")
        self.published = hub_command(
            *(self.told, "publish", "--unit", NEIGHBOUR, "--title", "Họp thôn"),
            *("--audio", str(sound), "--board-text-file", str(text), "--class", "priority"),
            *("--approver", "canh-lien"),
            *("--passphrase-file", str(self.told.folder / "sheets.json")),
        )

    def board_shows(self):
        panel = self.board.folder / "panel.pbm"
        return panel.exists() and any(panel.read_bytes()[9:])

    def report(self):
        """Return the hub's word on the plays of both nodes, or None until it has both."""
        plays = hub_command(self.told, "report")["plays"]
        found = {}
        for build, node in self.speakers.items():
            found[build] = [play for play in plays if play["node"] == node.name]
        return found if all(found.values()) else None

    def blob(self, sha256):
        return (self.told.folder / "hub" / "blobs" / sha256[:2] / sha256).read_bytes()


@pytest.fixture(scope="module")
def scene(tmp_path_factory, told, told_hub):
    made = Scene(tmp_path_factory.mktemp("micro"), told, told_hub)
    try:
        made.run()
        yield made
    finally:
        for program in reversed(made.programs):
            program.stop(signal.SIGKILL)


@pytest.fixture(params=SPEAKERS)
def build(request):
    return request.param


def test_the_play_reaches_the_hub_with_its_evidence(scene, build):
    (play,) = scene.reported[build]
    assert play["item"] == scene.published["item"]
    assert (play["outcome"], play["resumed"]) == ("complete", 0)
    # The relay was read back, and the meter saw more than the calibrated idle draw.
    assert play["grade"] == 3 and play["milliwatts"] > 8000
    assert abs(play["started_ms"] - play["scheduled_ms"]) < 1000


def test_the_sink_was_fed_what_was_signed_at_its_instant(scene, build):
    (pcm16,) = [one for one in scene.published["renditions"] if one["profile"] == "pcm16"]
    signed = scene.blob(pcm16["sha256"])
    head = wav.read_head(signed)
    samples = signed[head.data_offset :][: head.data_bytes]
    fed = scene.fed[build]
    began_ms, fed = wav.read_head(fed).started_ms, fed[wav.HEAD_BYTES :]
    at = fed.find(samples[:CHUNK_BYTES])
    (play,) = scene.reported[build]
    assert abs(began_ms + at * 500 // RATE_HZ - play["scheduled_ms"]) < 250
    # The node may drop or repeat single samples to stay on the clock; on a machine that gives it
    # time it does not.
    end = at
    found = 0
    for first in range(0, len(samples), CHUNK_BYTES):
        chunk = samples[first : first + CHUNK_BYTES]
        here = fed.find(chunk, end, end + 2 * CHUNK_BYTES)
        found += here >= 0
        end = (end if here < 0 else here) + len(chunk)
    assert found >= 0.9 * len(samples) / CHUNK_BYTES
    # Nothing else was ever heard.
    assert not any(fed[:at]) and not any(fed[end + CHUNK_BYTES :])


def test_the_relay_was_on_around_the_sound(scene, build):
    on, off = scene.speakers[build].switched()
    (play,) = scene.reported[build]
    assert (on["on"], on["cause"], off["on"], off["cause"]) == (True, "flash-on", False, "write")
    assert on["at_ms"] <= play["scheduled_ms"] - 900
    assert off["at_ms"] > play["ended_ms"]


def test_the_node_fits_its_heap_and_has_no_fault(scene, build):
    program = scene.speakers[build].program
    assert not [fault for fault in program.find("fault") if fault["state"] == "raised"]
    last = program.find("status")[-1]
    heap_kib = BUILDS[build][1]
    used_kib = last["heap_bytes_used_max"] / 1024
    print(f"\n{build}: heap of {heap_kib} KiB, {used_kib:.0f} KiB in use at once")
    assert last["faults"] == [] and last["heap_bytes"] <= heap_kib * 1024
    assert used_kib < heap_kib


def test_the_board_shows_what_was_signed(scene):
    assert scene.picture[:9] == b"P4\n64 32\n"
    shown = Image.frombytes("1", (64, 32), scene.picture[9:], "raw", "1")
    signed = []
    for path in (scene.told.folder / "hub" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n":
            with Image.open(path) as picture:
                if picture.size == (64, 32):
                    signed.append(picture.convert("L").point(lambda grey: grey >= 128, "1"))
    assert shown.tobytes() in [picture.tobytes() for picture in signed]
    assert not [fault for fault in scene.board.program.find("fault")]


def test_slots_hold_the_programme_over_a_power_cut(scene, build):
    node = scene.speakers[build]
    before = node.cut_power()[-1:]
    again = node.start()
    scene.programs.append(again)
    status = wait_until("a status", 20, lambda: again.find("status"), [again])[0]
    assert before and status["versions"] == [[NEIGHBOUR, 1]]
    assert list((node.folder / "data" / "slots").iterdir())
