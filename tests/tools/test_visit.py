"""The whole visit with real processes: typed in a terminal, offline, brought home, on the air."""

import socket
import urllib.request
import wave

import numpy as np
import pytest

from tests.hub.conftest import COMMUNE, config, founded, passphrases
from tests.tools.visit_desk import Box, Cable, Screen
from tools.demo_process import Program, command, stopping, wait_until

__all__ = ("config", "founded", "passphrases")


@pytest.fixture
def screen(tmp_path):
    made = Screen(tmp_path)
    yield made
    made.close()


@pytest.fixture
def cable(tmp_path):
    made = Cable(tmp_path)
    made.plug()
    yield made
    made.pull()


class Office:
    """The hub's side: papers before the visit, a server after it."""

    def __init__(self, folder, config, passphrases):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self.folder = folder
        self.data = config.data
        self._passphrases = passphrases
        self.kit = folder / "kit.json"

    def hub(self, verb, *words):
        return command("hub.main", "--start-lead-s", "4", verb, "--data", str(self.data), *words)

    def papers(self):
        """Make a ticket and a kit; return the ticket's file."""
        chosen = ("--unit", COMMUNE, "--count", "2", "--out", str(self.folder))
        ticket = self.hub("ticket", "new", *chosen)["file"]
        self.hub("kit", "--hub", self.url, "--out", str(self.kit))
        self.hub("policy", "set", "--unit", COMMUNE, "--ceiling", "00:00-23:59=100")
        return ticket

    def serve(self):
        words = ("serve", "--data", str(self.data), "--listen", self.address)
        return Program("hub", self.folder / "hub.log", "hub.main", *words)

    def answers(self):
        """Tell whether the hub serves."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def plays(self):
        """Return what the hub knows to have played."""
        return self.hub("report")["plays"]

    def publish(self):
        """Publish two seconds of a tone, to be played as soon as it is there."""
        sound, secret = self.folder / "news.wav", self.folder / "secret"
        samples = (12000 * np.sin(np.arange(32000) * 0.2)).astype("<i2")
        with wave.open(str(sound), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        secret.write_text(self._passphrases["xa-1"])
        chosen = ("--unit", COMMUNE, "--title", "Tin thử", "--audio", str(sound))
        self.hub(
            *("publish", *chosen, "--approver", "xa-1", "--passphrase-file", str(secret)),
        )


def typed_visit(screen, cable):
    """Type what a person types, from the first question to the sheet."""
    screen.wait("Xã, phường")
    screen.shoot("1-who-it-is")
    screen.answer("Xã, phường", "ia thu")
    screen.answer("Thôn, làng", "kon chieng")
    cable.pull()
    screen.answer("Tên cụm thu", "Cụm nhà rông")
    screen.answer("Gõ số thứ tự", "1")
    screen.answer("Tọa độ", "13.98, 108.01")
    screen.wait("Cáp bị rút")
    cable.plug()
    screen.wait("Đã nối lại")
    screen.shoot("2-unplugged-and-back")
    screen.answer("APN của SIM", "")
    screen.answer("Mã PIN", "1234")
    screen.answer("Địa chỉ trung tâm", "")
    screen.wait("Gốc tin cậy đọc là")
    screen.shoot("3-root-of-trust")
    screen.answer("Gõ «có»", "có")
    screen.answer("Đúng thì Enter", "")
    screen.answer("Có nghe ba tiếng", "có")
    shown = screen.ended()
    screen.shoot("4-checks-and-sheet")
    return shown


def tool(screen, *words):
    """Run a command that nobody types at, at the same laptop; return its JSON."""
    return command("tools.main", *words, "--home", str(screen.home), "--json")


def test_a_node_is_installed_without_signal_and_plays_when_the_papers_are_home(
    tmp_path, screen, cable, config, passphrases
):
    office, box = Office(tmp_path, config, passphrases), Box(tmp_path, cable)
    programs = box.programs
    with stopping(programs):
        box.start()
        ticket = office.papers()
        who = ("--kit", str(office.kit), "--technician", "Kỹ thuật viên 1", "--ticket", ticket)
        port = ("--port", cable.ends[1])
        screen.run("provision", *port, *who)
        assert "Biên bản nghiệm thu" in typed_visit(screen, cable)
        (sheet_file,) = (screen.home / "sheets").iterdir()
        first = sheet_file.stem
        assert first in command("tools.main", "verify-sheet", str(sheet_file))
        screen.run("enrolments", "list")
        assert "chờ gửi" in screen.ended()

        programs.append(office.serve())
        comes_home(screen, office, first)
        plays(office, box, first)
        looked_after(screen, office, port)
        swapped(screen, office, box, (*port, *who), first)


def comes_home(screen, office, node):
    """Back in town: the queue goes to the hub, twice, and counts once."""
    wait_until("the hub", 60, office.answers, [])
    for _ in range(2):
        screen.run("enrolments", "send", "--kit", str(office.kit))
        assert "đã nhận" in screen.ended()
    screen.shoot("5-queue-sent")
    listed = office.hub("node", "list")
    assert [(one["node"], one["state"]) for one in listed] == [(node, "enrolled")]
    (ticket,) = office.hub("ticket", "list")
    assert ticket["used"] == 1


def plays(office, box, node):
    """The node fetches what the hub has for it, plays, and the hub hears of it."""
    office.publish()
    (play,) = wait_until("the play", 120, lambda: box.node.find("play"), [box.node])
    assert (play["title"], play["outcome"]) == ("Tin thử", "complete")
    assert play["evidence"]["grade"] >= 3
    report = wait_until("its record at the hub", 60, office.plays, [box.node])
    assert [(one["node"], one["title"]) for one in report] == [(node, "Tin thử")]


def looked_after(screen, office, port):
    """What the cable offers after enrolment: to look, to carry, and no more."""
    known = tool(screen, "node", "info", *port)
    assert known["state"] == "enrolled" and known["name"] == "Cụm nhà rông"
    assert known["clock"] != "unknown" and known["draft"] == {}
    tested = tool(screen, "node", "test", *port)
    assert {one["name"]: one["verdict"] for one in tested["checks"]} == {
        "clock": "good",
        "modem": "absent",
    }
    kinds = {one["kind"] for one in tool(screen, "node", "logs", *port)["records"]}
    assert {"boot", "status"} <= kinds
    assert abs(tool(screen, "node", "set-clock", *port)["differs_ms"]) < 60_000
    carried = tool(screen, "node", "pull-records", *port, "--hub", office.url)
    assert carried["records"] > 3
    assert tool(screen, "enrolments", "send", "--kit", str(office.kit))["state"] == "enrolled"
    assert list((screen.home / "records").iterdir()) == []


def swapped(screen, office, box, words, first):
    """The held button makes the box nobody; a new key takes the old one's place, once confirmed."""
    screen.run("node", "wipe", *words[:2])
    screen.wait("Giữ nút xóa")
    box.button.write_text("1\n")
    assert "đã quên hết" in screen.ended()
    box.button.write_text("0\n")
    screen.shoot("6-wiped")
    screen.run("node", "swap", *words, "--old", first)
    for prompt in ("Xã, phường", "Thôn, làng", "Tên cụm thu", "Tọa độ", "APN", "PIN", "Địa chỉ"):
        screen.answer(prompt, "")
    screen.answer("Gõ «có»", "có")
    screen.answer("Đúng thì Enter", "")
    screen.answer("Có nghe ba tiếng", "có")
    screen.ended()
    screen.shoot("7-swapped")
    screen.run("enrolments", "send", "--kit", str(office.kit))
    assert "chờ quản trị xác nhận" in screen.ended()
    states = {one["node"]: one["state"] for one in office.hub("node", "list")}
    second = next(one for one in states if one != first)
    assert states == {first: "enrolled", second: "quarantined"}
    office.hub("node", "confirm", "--id", second)
    states = {one["node"]: one["state"] for one in office.hub("node", "list")}
    assert states == {first: "replaced", second: "enrolled"}
