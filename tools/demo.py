"""Tell the whole story on one machine: `make demo`.

A province with two communes, a hub, a loudspeaker node and a board node, each a process of its own,
and an amplifier with a meter on a serial line (a double, see `tools/demo_devices.py`); beside them
the reference province, which the hub tells what was played. A storm notice goes from text to air;
an emergency interrupts it; it resumes; hub and province are stopped and the next slot plays all the
same; the hub comes back and the records arrive; it says how far behind the province is, and the
province catches up. With `--once` the program
ends there and its last line is one JSON object; else it stays until Ctrl-C.
"""

import argparse
import json
import shutil
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from PIL import Image

from hub.repository.wrapped_key import generate_passphrase
from tools.demo_process import DemoFault, Program, command, stopping, wait_until
from tools.demo_province import Province, agreement

DATA = Path(__file__).parents[1] / "tests" / "data"
PROVINCE, COMMUNE, NEIGHBOUR = "03.q4r8", "03.k7f2", "03.m9t5"
SPEAKER, BOARD = "vt-loa-01", "vt-bang-01"
ACCOUNT = "can-bo"
BOARD_SIZE = (192, 64, 1)
# "Now" is this long after approval: enough for the node to fetch, verify and decode. The slot that
# must survive without a hub leaves time to stop it.
LEAD_S = 6
SLOT_LEAD_S = 20
HEARD_BEFORE_EMERGENCY_S = 8


class Story:
    """Play the demo in one folder."""

    def __init__(self, folder: Path, storm: Path, port: int):
        self.folder = folder
        self.storm = storm
        self.programs: list[Program] = []
        self.hub_address = f"127.0.0.1:{port}"
        self.wav = folder / "loudspeaker.wav"
        self.panel = folder / "panel.png"
        self.png = folder / "board.png"
        self.lead_s = LEAD_S
        self.password = generate_passphrase()
        self.province = Province(folder, self.hub, self.start)
        self._began = time.monotonic()

    @property
    def page(self) -> str:
        """Return the address of the hub's page."""
        return f"http://{self.hub_address}/"

    def say(self, text: str) -> None:
        """Print one step of the story."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", flush=True)

    def hub(self, verb: str, *words: str) -> Any:
        """Run one `chieng-hub` command on the demo's hub."""
        lead = ("--start-lead-s", str(self.lead_s))
        return command("hub.main", *lead, verb, "--data", str(self.folder / "hub"), *words)

    def found(self) -> None:
        """Make the province: keys, units, approvers, hamlets."""
        self.say("the province: keys, two communes, their hamlets and approvers")
        sheets = str(self.folder / "sheets.json")
        self.hub(
            "init",
            "--group",
            "03",
            "--offline-keys",
            str(self.folder / "stick"),
            "--sheets",
            sheets,
        )
        for unit, name, kind, parent, approver in (
            (PROVINCE, "Tỉnh Gia Lai", "province", "", "tinh"),
            (COMMUNE, "Xã Vĩnh Thạnh", "commune", PROVINCE, "vinh-thanh"),
            (NEIGHBOUR, "Xã Canh Liên", "commune", PROVINCE, "canh-lien"),
        ):
            self.hub(
                *("unit", "add", "--id", unit, "--name", name, "--kind", kind),
                *(("--parent", parent) if parent else ()),
                *("--approver", f"{approver}=Lãnh đạo {name}", "--sheets", sheets),
                *("--registrar-passphrase-file", sheets),
            )
            # The story is told at any hour of the day: no quiet hours in this province.
            self.hub("policy", "set", "--unit", unit, "--ceiling", "00:00-23:59=100")
        secret = self.folder / "password"
        secret.write_text(self.password)
        self.hub(
            *("account", "add", "--id", ACCOUNT, "--name", "Cán bộ văn hoá"),
            *("--grant", "administrator:*", "--grant", "author:*", "--grant", "approver:*"),
            *("--password-file", str(secret)),
        )
        for unit, hamlet, name in (
            (COMMUNE, "dinh-an", "Thôn Định An"),
            (COMMUNE, "lang-m2", "Làng M2"),
            (NEIGHBOUR, "ha-giao", "Làng Hà Giao"),
        ):
            self.hub("hamlet", "add", "--unit", unit, "--id", hamlet, "--name", name)

    def register(self, node: str, kind: str, name: str, devices: dict[str, Any]) -> Path:
        """Configure a node, let it make its key, register it; returns its configuration file."""
        config = self.folder / f"{node}.json"
        root = self.folder / "hub" / "repository" / "metadata" / "1.root.json"
        content = {
            "node": node,
            "unit": COMMUNE,
            "hamlet": "dinh-an",
            "kind": kind,
            "hub": [f"http://{self.hub_address}"],
            "data": str(self.folder / node),
            "root": str(root),
            "poll_s": 2,
            **devices,
        }
        config.write_text(json.dumps(content, indent=1) + "\n")
        key = command("edge.main", "identity", "--config", str(config))
        size = "x".join(map(str, BOARD_SIZE))
        self.hub(
            *("node", "add", "--id", node, "--unit", COMMUNE, "--public-key", str(key)),
            *("--name", name, "--hamlet", "dinh-an", "--kind", kind),
            *(("--board", size) if kind == "board" else ()),
        )
        return config

    def start(self, name: str, *words: str) -> Program:
        """Start a program that runs until the end of the story."""
        program = Program(name, self.folder / f"{name}.log", *words)
        self.programs.append(program)
        return program

    def start_hub(self) -> Program:
        """Start the hub and wait until it answers."""
        hub = self.start(
            *("hub", "hub.main", "serve", "--data", str(self.folder / "hub")),
            *("--listen", self.hub_address),
        )
        wait_until("the hub's first answer", 30, lambda: self._answers("healthz"), [hub])
        return hub

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.page + path, timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def publish(self, title: str, text: Path, legal_class: str, *words: str) -> None:
        """Publish a bulletin as an approver does on the command line."""
        self.hub(
            *("publish", "--unit", COMMUNE, "--title", title, "--text-file", str(text)),
            *("--class", legal_class, "--voice", "vi-VN-central", "--approver", "vinh-thanh"),
            *("--passphrase-file", str(self.folder / "sheets.json"), *words),
        )

    def start_nodes(self) -> tuple[Program, Program]:
        """Start the serial line with its devices, the loudspeaker node and the board node."""
        width, height, channels = BOARD_SIZE
        port = self.folder / "rs485"
        speaker = self.register(
            SPEAKER,
            "speaker",
            "Cụm loa Định An",
            {
                "audio": {"kind": "wav", "path": str(self.wav)},
                "amplifier": {
                    "kind": "modbus",
                    "port": str(port),
                    "relay_unit": 1,
                    "meter_unit": 2,
                    "idle_milliwatts": 8000,
                    "warm_up_ms": 1000,
                },
            },
        )
        size = {"width_px": width, "height_px": height, "channels": channels}
        board = self.register(
            BOARD,
            "board",
            "Bảng tin Định An",
            {"board": {"kind": "png", "path": str(self.panel), **size}},
        )
        devices = self.start(
            *("amplifier", "tools.demo_devices", "--link", str(port), "--wav", str(self.wav))
        )
        wait_until("the serial line", 20, port.exists, [devices])
        return (
            self.start("loudspeaker", "edge.main", "run", "--config", str(speaker), "--log"),
            self.start("board", "edge.main", "run", "--config", str(board), "--log"),
        )

    def tell(self) -> dict[str, Any]:
        """Tell the story and return what it showed."""
        self.found()
        province = self.province.start()
        self.province.introduce()
        hub = self.start_hub()
        self.say(f"the hub answers: {self.page}")
        speaker, board = self.start_nodes()
        self.say("a loudspeaker node, a board node, an amplifier with a meter on a serial line")
        self._storm_and_emergency(speaker, board)
        before = self.province.agreed([hub, province])
        self.say(agreement(before))
        province.stop()
        self.programs.remove(province)
        self.say("the province is stopped")
        slot = self._offline_slot(hub, speaker)
        outcome = self._reconnect(speaker, slot)
        return {**outcome, "province": {"before": before, **self._catch_up()}}

    def _catch_up(self) -> dict[str, Any]:
        """Show how far behind the hub says the province is, and that it catches up."""
        hub = self.programs[-1]
        behind = self.province.behind(self.page, ACCOUNT, self.password, hub)
        self.say(
            f"the province does not answer; the hub says: {behind['waiting']} reports wait, "
            f"behind by {behind['lag_ms'] / 1000:.0f} s ({self.page}mirror)"
        )
        province = self.province.start()
        after = self.province.agreed([hub, province])
        self.say("the province is back and has caught up; " + agreement(after))
        return {"behind": behind, "after": after}

    def _storm_and_emergency(self, speaker: Program, board: Program) -> None:
        watched = [speaker, board]
        self.say("publishing the storm notice: text, speech, approval signature, hub")
        self.publish(
            *("Thông báo bão số 13", self.storm, "priority"),
            *("--board-text-file", str(DATA / "board_notice.txt")),
        )
        wait_until("the verified bundle", 60, lambda: speaker.find("activate"), watched)
        self.say("the node verified it and holds its media")
        wait_until(
            "the storm notice on air",
            60,
            lambda: speaker.find("on-air", **{"class": "priority"}),
            watched,
        )
        self.say("on air: Thông báo bão số 13 (ưu tiên)")
        wait_until("the picture on the board", 30, self._keep_picture, watched)
        time.sleep(HEARD_BEFORE_EMERGENCY_S)
        self.say("publishing an emergency")
        self.publish(
            *("Sơ tán khẩn cấp", DATA / "flood_emergency.txt", "emergency", "--gap-min", "0"),
        )
        wait_until(
            "the emergency on air",
            60,
            lambda: speaker.find("on-air", **{"class": "emergency"}),
            watched,
        )
        self.say("on air: Sơ tán khẩn cấp; it interrupted the storm notice")
        wait_until(
            "the emergency's end", 90, lambda: _plays(speaker, "emergency", "complete"), watched
        )
        self.say("the storm notice resumes at its position")
        wait_until(
            "the storm notice's end", 300, lambda: _plays(speaker, "priority", "complete"), watched
        )

    def _keep_picture(self) -> bool:
        """Copy what the board shows once it shows something; it goes dark when its node ends."""
        if not self.panel.exists():
            return False
        self.png.write_bytes(self.panel.read_bytes())
        with Image.open(self.png) as picture:
            return picture.getbbox() is not None

    def _offline_slot(self, hub: Program, speaker: Program) -> dict[str, Any]:
        self.say("publishing the weather for the next slot, then stopping the hub")
        activated = len(speaker.find("activate"))
        self.lead_s = SLOT_LEAD_S
        self.publish(
            *(
                "Dự báo thời tiết",
                DATA / "weather_notice.txt",
                "normal",
            )
        )
        wait_until(
            "the next bundle", 60, lambda: len(speaker.find("activate")) > activated, [speaker]
        )
        hub.stop()
        self.programs.remove(hub)
        self.say("the hub is stopped; the node is alone")
        played = wait_until(
            "the slot without a hub", 90, lambda: _plays(speaker, "normal"), [speaker]
        )
        if self._answers("healthz"):
            raise DemoFault("a hub answers although it was stopped")
        self.say("the slot played without the hub")
        return dict(played[-1])

    def _reconnect(self, speaker: Program, slot: dict[str, Any]) -> dict[str, Any]:
        self.start_hub()
        self.say("the hub is back")

        def report() -> dict[str, Any] | None:
            found: dict[str, Any] = self.hub("report")
            arrived = [play for play in found["plays"] if play["started_ms"] == slot["started_ms"]]
            return found if arrived else None

        found = wait_until("the records of the offline play", 90, report, [speaker])
        self.say(f"the hub holds {found['records']} records of the two nodes")
        return {
            "played": [_told(play) for play in reversed(found["plays"]) if play["node"] == SPEAKER],
            "offline_play": slot["outcome"] == "complete",
            "records_acknowledged": found["records"],
            "wav": str(self.wav),
            "png": str(self.png),
            "page": self.page,
        }


def _plays(speaker: Program, legal_class: str, outcome: str | None = None) -> list[dict[str, Any]]:
    wanted = (
        {"class": legal_class} if outcome is None else {"class": legal_class, "outcome": outcome}
    )
    return speaker.find("play", **wanted)


def _told(play: dict[str, Any]) -> dict[str, Any]:
    return {
        "item": play["item"],
        "title": play["title"],
        "class": play["class"],
        "started": play["started_ms"],
        "ended": play["ended_ms"],
        "evidence": play["grade"],
        "interrupted": play["outcome"] == "interrupted",
        "resumed": bool(play["resumed"]),
    }


def _free_port(wanted: int) -> int:
    """Return a port of this machine that nobody listens on, `wanted` if it is one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFault("no free port on this machine")


def _stay(programs: list[Program]) -> None:
    """Wait for Ctrl-C; raises `DemoFault` when a program ends by itself."""
    while True:
        for program in programs:
            if not program.is_running():
                raise DemoFault(f"the program {program.name} ended; its words are in {program.log}")
        time.sleep(1)


def main() -> int:
    """Run the demo; returns 0 when the story is complete, 1 with a sentence when it is not."""
    parser = argparse.ArgumentParser(description="Show Chiêng from text to air on this machine.")
    parser.add_argument("--once", action="store_true", help="end when the story is complete")
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="emptied first")
    parser.add_argument("--storm", type=Path, default=DATA / "storm_notice.txt")
    parser.add_argument("--port", type=int, default=8080, help="of the page; 0: any free one")
    chosen = parser.parse_args()
    if chosen.folder.exists():
        shutil.rmtree(chosen.folder)
    chosen.folder.mkdir(parents=True)
    story = Story(chosen.folder.resolve(), chosen.storm, _free_port(chosen.port))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Else its programs would go on.
    try:
        with stopping(story.programs):
            outcome = story.tell()
            story.say(f"listen: {story.wav}")
            story.say(f"look:   {story.png} and {story.page}")
            story.say(f"sign in there as {ACCOUNT}, password: {story.password}")
            if not chosen.once:
                story.say("everything stays up until Ctrl-C")
                _stay(story.programs)
    except DemoFault as fault:
        print(f"demo: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    print(json.dumps(outcome, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
