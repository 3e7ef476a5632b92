"""`chieng-node` as a person starts it: words, files, faults; and one whole life as a process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.loud_book import LoudBook
from edge.main import main
from hw.sim.storage import Storage
from tests.deadline import killed_after
from tests.edge.node_world import Province

TOP = Path(__file__).parents[2]
DEADLINE_S = 60


def write_config(folder, root_bytes=b"{}", **fields):
    (folder / "root.json").write_bytes(root_bytes)
    value = {
        "node": "n1",
        "unit": "03.a",
        "kind": "speaker",
        "hub": ["http://127.0.0.1:9"],
        "data": str(folder / "data"),
        "root": str(folder / "root.json"),
        "audio": {"kind": "wav", "path": str(folder / "out.wav")},
    }
    value.update(fields)
    path = folder / "node.json"
    path.write_text(json.dumps(value))
    return str(path)


@pytest.mark.parametrize(
    "words", [[], ["run"], ["run", "--config"], ["fly", "--config", "x"], ["run", "x", "y"]]
)
def test_other_words_are_refused_with_the_usage(words, capsys):
    assert main(words) == 2
    assert "node.usage" in capsys.readouterr().err


def test_a_missing_configuration_is_explained(tmp_path, capsys):
    assert main(["run", "--config", str(tmp_path / "none.json")]) == 2
    assert "node.file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"poll_s": 0}, "config.poll_s"),
        ({"root": "/nowhere/root.json"}, "/nowhere/root.json"),
        ({"audio": {"kind": "gramophone"}}, "audio.kind"),
        ({"amplifier": {"kind": "modbus"}}, "amplifier.port"),
    ],
)
def test_a_wrong_configuration_names_field_and_remedy(tmp_path, capsys, fields, said):
    assert main(["run", "--config", write_config(tmp_path, **fields)]) == 2
    text = capsys.readouterr().err
    assert said in text and text.startswith("chieng-node: ") and text.rstrip().endswith(")")


def test_the_identity_is_made_once(tmp_path, capsys):
    path = write_config(tmp_path)
    assert main(["identity", "--config", path]) == 0
    first = capsys.readouterr().out
    assert main(["identity", "--config", path]) == 0
    assert capsys.readouterr().out == first
    assert len(bytes.fromhex(first.strip())) == 32
    key = tmp_path / "data" / "identity.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_log_that_nobody_reads_any_more_stops_nothing(monkeypatch):
    from edge.journal_store import JournalStore

    def broken(*_):
        raise BrokenPipeError

    journal = JournalStore(Storage(), "n1", bytes)
    journal.open()
    book = LoudBook(journal)
    monkeypatch.setattr("builtins.print", broken)
    book.write("health", "boot", {})
    assert journal.positions("health") is not None and book.waiting() == 0


class Life:
    """A node process and what it prints."""

    def __init__(self, config):
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "edge.main", "run", "--config", config, "--log"],
            cwd=TOP,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, kind):
        """Return the first record of a kind, or fail with all that was printed."""
        seen = []
        with killed_after(self.process, DEADLINE_S):
            for line in self.process.stdout:
                seen.append(line)
                if line.startswith("{") and json.loads(line)["kind"] == kind:
                    return json.loads(line)
        raise AssertionError(f"no {kind} in\n" + "".join(seen[-20:]))

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        return code


def test_a_process_boots_without_a_hub_and_ends_when_told(tmp_path):
    dog = tmp_path / "watchdog"
    dog.write_bytes(b"")
    watchdog = {"kind": "kernel", "path": str(dog), "timeout_s": 5}
    config = write_config(tmp_path, Province(tmp_path / "p").root, watchdog=watchdog)
    life = Life(config)
    try:
        assert life.wait_for("boot")["body"]["config"] == "n1"
        fault = life.wait_for("fault")
        assert fault["body"]["code"].startswith("link.") and fault["at_ms"] > 0
    finally:
        assert b"V" not in dog.read_bytes()
        assert life.end(signal.SIGTERM) == 0
    assert os.path.getsize(tmp_path / "out.wav") > 44
    # Fed while it ran, disarmed at an end in good order.
    assert dog.read_bytes().strip(b"\0") == b"V" and len(dog.read_bytes()) > 1


def test_a_root_that_is_none_is_a_fault_and_no_crash(tmp_path):
    life = Life(write_config(tmp_path, b'{"signed":{}}'))
    try:
        assert life.wait_for("fault")["body"]["code"].startswith("trust.")
    finally:
        assert life.end(signal.SIGTERM) == 0
