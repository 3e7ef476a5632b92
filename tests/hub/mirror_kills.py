"""Kill a real hub or a real province while each fault of the switch is on, again and again.

`python -m tests.hub.mirror_kills --rounds 80 --seed 1`: in every round records and directives come
in, one fault is turned on, and one of the two processes is killed with SIGKILL at a random instant.
After the last round the province must hold every record once and in order, and the hub every
directive once with its media whole. Prints one line of JSON; the exit code is 1 when it is not so.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from hub import fleet, founding, ingest
from hub.config import Config
from hub.mirror import outbox
from hub.services import open_hub
from protocols import records
from tests.hub.conftest import COMMUNE, enrol

# Generous: a loaded machine starts a process in seconds.
READY_S = 60
DRAIN_S = 240
PLAYS = 40
# Most instants fall into sending; a restarted hub needs about two seconds to begin.
LIFE_S_MAX = 4.0
MEDIA_BYTES = 700_000
SWITCHES = (
    {},
    {"slow": 0.3, "slow_ms": 700},
    {"error": 0.3},
    {"busy": 0.3, "retry_after_s": 1},
    {"expired": 0.3},
    {"doubled": 0.5},
    {"partial": 0.5},
    {"later": 0.02},
    {"lost": 0.3},
    {"skew_s": -900},
    {"token_s": 2},
)
OFF = {"slow": 0, "error": 0, "busy": 0, "expired": 0, "doubled": 0, "partial": 0, "later": 0,
       "lost": 0, "skew_s": 0, "token_s": 3600}  # fmt: skip
NODES = ("loa-1", "loa-2", "loa-3")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """Run a module until it is killed; start it again at will."""

    def __init__(self, answers_at, *words):
        self.words, self.answers_at = words, answers_at
        self.process, self.kills = None, 0
        self.start()

    def start(self):
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self.words], stdout=null, stderr=null, start_new_session=True
        )

    def wait(self):
        deadline = time.monotonic() + READY_S
        while True:
            try:
                with urllib.request.urlopen(self.answers_at, timeout=5) as answer:
                    return answer.read()
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.words
                time.sleep(0.1)

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.kills += 1


class Scene:
    """Hold a founded hub, a province, and what each was told."""

    def __init__(self, config, folder, seed, life_s):
        self.config, self.random, self.life_s = config, random.Random(seed), life_s
        self.port, hub_port = free_port(), free_port()
        self.view = f"http://127.0.0.1:{self.port}/_tinh"
        self.province = Process(
            f"{self.view}/xem/tong",
            *("tools.main", "province", "--data", str(folder / "province")),
            *("--port", str(self.port), "--faults", json.dumps({"seed": seed})),
        )
        secret = folder / "password"
        secret.write_text("thu-nghiem")
        words = ["peer", "add", "--data", str(config.data), "--id", "tinh", "--user", "hub"]
        words += ["--url", f"http://127.0.0.1:{self.port}", "--password-file", str(secret)]
        subprocess.run(
            [sys.executable, "-m", "hub.main", *words], check=True, stdout=subprocess.DEVNULL
        )
        self.hub = Process(
            f"http://127.0.0.1:{hub_port}/healthz",
            *("hub.main", "serve", "--data", str(config.data)),
            *("--listen", f"127.0.0.1:{hub_port}"),
        )
        self.services, self.database = open_hub(config)
        self.chains = {node: records.Chain(node, "plays", "b" * 16) for node in NODES}
        self.directives, self.nonces = {}, itertools.count()
        self.resent = 0

    async def register(self):
        for number, node in enumerate(NODES):
            form = fleet.NodeForm(node, COMMUNE, "Cụm", "speaker", bytes([number]) * 32)
            await self._write(lambda s, f=form: fleet.add_node(s, f, "t", self.services.now_s()))

    def _write(self, decide):
        return self.services.ledger.write(decide)

    def close(self):
        self.database.close()
        for one in (self.hub, self.province):
            one.kill()

    def post(self, path, data):
        """Post to the switchboard; true when the province is up and took it."""
        asked = urllib.request.Request(f"{self.view}/{path}", data=data, method="POST")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.loads(answer.read())

    async def play(self, count=PLAYS):
        """Take a batch of one node's plays as the endpoint does."""
        node = self.random.choice(NODES)
        chain, made = self.chains[node], []
        after, now_ms = chain.sequence, self.services.config.now_ms()
        for _ in range(count):
            body = {"item": "b1", "title": "Tin", "class": "normal", "started_ms": now_ms - 9,
                    "ended_ms": now_ms, "outcome": "complete",
                    "evidence": {"grade": 3}}  # fmt: skip
            entry = chain.build(now_ms, "network", 1, "play", body)
            chain.advance(entry)
            made.append(entry.data)
        batch = records.read_batch(records.build_batch(node, "plays", "b" * 16, after, made))
        contact = ingest.Contact(f"n{next(self.nonces)}", now_ms // 1000, now_ms)
        await self._write(lambda s: ingest.accept(s, batch, contact))

    def direct(self, number):
        """Issue an offer with a recording of its own."""
        sound = b"RIFF" + self.random.randbytes(MEDIA_BYTES)
        name = self.post("tep", sound)["MaBam"]
        file = {"NoiDung": name, "MaBam": name, "DoDai": len(sound), "LoaiTep": "audio/wav"}
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        wanted = {"ChiThiID": f"d{number}", "Loai": "ban-tin", "ThoiDiem": when, "TepAmThanh": file,
                  "DanhSachDiaBan": [{"Ma": COMMUNE}]}  # fmt: skip
        self.post("chi-thi", json.dumps(wanted).encode())
        self.directives[f"d{number}"] = name

    async def round(self, number):
        """Let records and a directive come in under one fault, and kill one side."""
        self.province.wait()
        self.post("loi", json.dumps({**OFF, **SWITCHES[number % len(SWITCHES)]}).encode())
        self.direct(number)
        await self.play()
        time.sleep(self.random.random() * self.life_s)
        await self.play(5)
        # The switches are odd in number, so that each meets both victims in turn.
        victim = self.hub if number % 2 else self.province
        victim.kill()
        victim.start()

    async def drain(self):
        """Turn faults off, wait until all is told and fetched; resend what was put aside."""
        self.province.wait()
        self.hub.wait()
        self.post("loi", json.dumps(OFF).encode())
        deadline = time.monotonic() + DRAIN_S
        while self._waits():
            for row in self.database.read_now(lambda s: s.find("outbox", {"state": "dead"})):
                assert row["reason"]
                again = (row["peer"], row["number"], None, "t", self.services.config.now_ms())
                await self._write(lambda s, a=again: outbox.resend(s, *a))
                self.resent += 1
            assert time.monotonic() < deadline, "the outbox did not drain"
            time.sleep(0.2)

    def _waits(self):
        def ask(store):
            here = {row["supply"]: row["state"] for row in store.find("supplies")}
            missing = [one for one in self.directives if here.get(one) != "offered"]
            return store.count("outbox") + len(missing)

        return self.database.read_now(ask)

    def judge(self):
        """Return what was lost, counted twice, out of order or not whole."""
        found = []
        with urllib.request.urlopen(f"{self.view}/xem/nhat-ky-phat?het=1", timeout=60) as answer:
            arrived = [one["MaBanGhi"] for one in json.loads(answer.read())]
        for node, chain in self.chains.items():
            wanted = [f"play/{node}/{'b' * 16}/{n}" for n in range(1, chain.sequence + 1)]
            mine = [one for one in arrived if one.startswith(f"play/{node}/")]
            found += [f"lost {one}" for one in set(wanted) - set(mine)]
            if len(mine) != len(set(mine)):
                found.append(f"{node}: counted twice")
            if not self.resent and mine != wanted:
                found.append(f"{node}: out of order")
        rows = self.database.read_now(lambda s: s.find("supplies"))
        if sorted(row["supply"] for row in rows) != sorted(self.directives):
            found.append("directives differ")
        blobs = self.services.blobs
        for name, sha256 in self.directives.items():
            if not blobs.has(sha256) or not blobs.verify(sha256):
                found.append(f"{name}: its media are not whole")
        with urllib.request.urlopen(f"{self.view}/xem/ket-qua", timeout=60) as answer:
            told = {one["ChiThiID"]: one["TrangThai"] for one in json.loads(answer.read())}
        found += [
            f"{one}: {told.get(one)}" for one in self.directives if told.get(one) != "offered"
        ]
        return found

    def figures(self):
        with urllib.request.urlopen(f"{self.view}/xem/tong", timeout=60) as answer:
            tallies = json.loads(answer.read())
        return {"records": sum(one.sequence for one in self.chains.values()),
                "directives": len(self.directives), "kills_hub": self.hub.kills,
                "kills_province": self.province.kills, "came_again": tallies.get("again", 0),
                "resent": self.resent}  # fmt: skip


async def story(config, folder, rounds, seed, first=0, life_s=LIFE_S_MAX):
    """Run some rounds; return the figures and what is wrong."""
    scene = Scene(config, folder, seed, life_s)
    try:
        await scene.register()
        scene.hub.wait()
        for number in range(first, first + rounds):
            await scene.round(number)
        await scene.drain()
        return scene.figures(), scene.judge()
    finally:
        scene.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4 * len(SWITCHES))
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = Config(data=folder / "hub")
        sheets = founding.found(config, ["00", "03"], folder / "stick", int(time.time()))
        passphrases = {sheet.holder: sheet.passphrase for sheet in sheets}
        asyncio.run(enrol(config, passphrases["registrar-1"]))
        figures, wrong = asyncio.run(story(config, folder, chosen.rounds, chosen.seed))
    seconds = round(time.monotonic() - began_s)
    print(json.dumps({"rounds": chosen.rounds, "seed": chosen.seed, **figures, "wrong": wrong[:20],
                      "seconds": seconds}))  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
