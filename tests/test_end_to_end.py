"""The demo's story, told once by real processes, and looked at afterwards sample by sample."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tuf.api.exceptions import RepositoryError
from tuf.ngclient import Updater

from protocols import wav
from tools.demo import BOARD_SIZE, COMMUNE, PROVINCE, SPEAKER

TOP = Path(__file__).parents[1]
RATE_HZ = 16000
BUNDLE = f"units/{COMMUNE}/bundle.json"
# As long as a loaded machine with two cores may take; an idle one needs a third.
STORY_S = 540

pytestmark = pytest.mark.xdist_group("story")


class Told:
    """What the story left behind."""

    def __init__(self, folder, outcome):
        self.folder = folder
        self.outcome = outcome
        lines = (folder / "loudspeaker.log").read_text(encoding="utf-8").splitlines()
        self.log = [json.loads(line) for line in lines if line.startswith("{")]
        data = Path(outcome["wav"]).read_bytes()
        head = wav.read_head(data)
        self.began_ms = head.started_ms
        self.heard = np.frombuffer(data[head.data_offset :][: head.data_bytes], "<i2")

    def records(self, kind):
        return [line["body"] for line in self.log if line["kind"] == kind]

    def plays(self, legal_class):
        return [body for body in self.records("play") if body["class"] == legal_class]

    def sound(self, play):
        """Return the samples that the node decoded for a play, from where it began."""
        path = self.folder / SPEAKER / "pcm" / play["rendition_sha256"]
        samples = np.frombuffer(path.read_bytes(), "<i2")
        return samples[play["from_ms"] * RATE_HZ // 1000 :]

    def find(self, sound, near_ms, around_ms=1500):
        """Return (wall ms of its first sample, likeness 0 to 1) of a sound in what was heard."""
        first = max(0, (near_ms - around_ms - self.began_ms) * RATE_HZ // 1000)
        part = self.heard[first : first + 2 * around_ms * RATE_HZ // 1000 + len(sound)]
        part, sound = part.astype(float), sound.astype(float)
        size = 1 << (len(part) + len(sound)).bit_length()
        spectrum = np.fft.rfft(part, size) * np.conj(np.fft.rfft(sound, size))
        product = np.fft.irfft(spectrum, size)[: len(part) - len(sound) + 1]
        at = int(np.argmax(product))
        here = part[at : at + len(sound)]
        likeness = product[at] / np.sqrt(np.sum(here**2) * np.sum(sound**2))
        return self.began_ms + (first + at) * 1000 / RATE_HZ, float(likeness)


@pytest.fixture(scope="module")
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


def test_the_story_is_told_to_its_end(told):
    outcome = told.outcome
    assert [play["class"] for play in outcome["played"]] == [
        *("priority", "emergency", "priority", "normal"),
    ]
    assert [play["interrupted"] for play in outcome["played"]] == [True, False, False, False]
    assert [play["resumed"] for play in outcome["played"]] == [False, False, True, False]
    assert min(play["evidence"] for play in outcome["played"]) >= 3
    assert outcome["offline_play"] is True
    assert outcome["records_acknowledged"] >= len(told.log) - 5


def test_every_play_is_found_in_the_sound_at_its_time(told):
    plays = told.records("play")
    assert len(plays) == 4
    for play in plays:
        length = min(3 * RATE_HZ, (play["until_ms"] - play["from_ms"]) * RATE_HZ // 1000 // 2)
        at_ms, likeness = told.find(told.sound(play)[:length], play["started_ms"])
        assert likeness > 0.98, play["title"]
        assert abs(at_ms - play["started_ms"]) < 150, play["title"]


def test_the_emergency_sounds_within_a_second_of_its_verification(told):
    path = f"alerts/{COMMUNE}/alert.json"
    (verified_ms,) = [
        line["at_ms"]
        for line in told.log
        if line["kind"] == "manifest" and line["body"]["path"] == path
    ]
    (play,) = told.plays("emergency")
    at_ms, likeness = told.find(told.sound(play)[: 3 * RATE_HZ], play["started_ms"])
    assert likeness > 0.98
    assert at_ms - verified_ms < 1000


def test_the_interrupted_item_goes_on_where_it_stopped(told):
    before, after = told.plays("priority")
    assert (before["outcome"], after["outcome"]) == ("interrupted", "complete")
    assert before["from_ms"] == 0 and before["until_ms"] == after["from_ms"] > 5000
    last_s = 2
    heard_until = told.sound(before)[: before["until_ms"] * RATE_HZ // 1000]
    # The fade of the interruption lasts a fifth of a second at most.
    tail = heard_until[-last_s * RATE_HZ : -RATE_HZ // 2]
    ended_ms = before["ended_ms"] - last_s * 1000
    assert told.find(tail, ended_ms)[1] > 0.98
    assert told.find(told.sound(after)[: last_s * RATE_HZ], after["started_ms"])[1] > 0.98


def test_the_sound_is_loud_and_never_clipped(told):
    assert 8000 < int(np.abs(told.heard.astype(int)).max()) < 32767


def test_a_quiet_stream_is_silence(told):
    first = min(play["started_ms"] for play in told.records("play")) - told.began_ms
    assert not told.heard[: (first - 1500) * RATE_HZ // 1000].any()


def test_the_board_showed_what_was_signed(told):
    with Image.open(told.outcome["png"]) as picture:
        shown, size = picture.convert("L").tobytes(), picture.size
    assert size == BOARD_SIZE[:2] and any(shown)
    signed = set()
    for path in (told.folder / "hub" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n":
            with Image.open(path) as picture:
                signed.add(picture.convert("L").tobytes())
    assert len(signed) >= 2 and shown in signed


def test_the_rendition_that_was_approved_is_the_one_that_played(told):
    """The approver hears `pcm16`; the node decoded `opus`: the same sound."""
    play = told.plays("emergency")[0]
    sound = told.sound(play)
    likenesses = []
    for path in (told.folder / "hub" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"RIFF":
            with wave.open(str(path)) as approved:
                samples = np.frombuffer(approved.readframes(approved.getnframes()), "<i2")
            if abs(len(samples) - len(sound)) < RATE_HZ // 10:
                length = min(len(samples), len(sound))
                pair = samples[:length].astype(float), sound[:length].astype(float)
                likenesses.append(np.dot(*pair) / np.sqrt(np.dot(pair[0], pair[0])))
                likenesses[-1] /= np.sqrt(np.dot(pair[1], pair[1]))
    assert max(likenesses) > 0.9


@pytest.fixture(scope="module")
def hub(told):
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


def root_of(told):
    return told.folder / "hub" / "repository" / "metadata" / "1.root.json"


@pytest.mark.parametrize(
    "interpreter",
    [
        [sys.executable],
        [".cache/micropython/bin/micropython", "-X", "heapsize=256k"],
        [".cache/micropython/bin/micropython32", "-X", "heapsize=160k"],
    ],
    ids=["python3", "micropython", "micropython32"],
)
def test_the_client_on_every_interpreter_reads_the_running_hub(told, hub, interpreter, tmp_path):
    def run(*words):
        command = [*interpreter, "-m", "edge.tuf_client", *map(str, words)]
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    metadata, targets = tmp_path / "metadata", tmp_path / "targets"
    targets.mkdir()
    where = ("--metadata-url", f"{hub}/units/{COMMUNE}/metadata", "--metadata-dir", metadata)
    run("--metadata-dir", metadata, "init", root_of(told))
    run(*where, "refresh")
    take = ("--target-name", BUNDLE, "--target-dir", targets)
    run(*where, *take, "--target-base-url", f"{hub}/targets", "download")
    (found,) = targets.iterdir()
    assert json.loads(found.read_bytes())["unit"] == COMMUNE


def test_a_stock_client_reads_the_running_hub(told, hub, tmp_path):
    def updater(unit):
        folder = tmp_path / unit
        folder.mkdir()
        urls = f"{hub}/units/{unit}/metadata/", f"{hub}/targets/"
        root = root_of(told).read_bytes()
        return Updater(str(folder), urls[0], str(folder), urls[1], bootstrap=root)

    stock = updater(COMMUNE)
    info = stock.get_targetinfo(BUNDLE)
    assert json.loads(Path(stock.download_target(info)).read_bytes())["unit"] == COMMUNE
    with pytest.raises(RepositoryError, match="not part of snapshot"):
        updater(PROVINCE).get_targetinfo(BUNDLE)
