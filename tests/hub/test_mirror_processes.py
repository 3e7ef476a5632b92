"""Real processes: a hub and a province, each killed with SIGKILL while records come in."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from hub import fleet, ingest
from hub.services import open_hub
from protocols import records
from tests.hub.conftest import COMMUNE

# Generous: a loaded machine starts a process in seconds.
READY_S = 60
DRAIN_S = 120
PLAYS, ROUNDS = 40, 3


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """Run a module until it is killed; start it again at will."""

    def __init__(self, answers_at, *words):
        self.words, self.answers_at = words, answers_at
        self.process = None
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
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture
def processes():
    started = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.kill()


def ask(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def add_peer(config, port, secret):
    added = subprocess.run(
        [sys.executable, "-m", "hub.main", "peer", "add", "--data", str(config.data)]
        + ["--id", "tinh", "--url", f"http://127.0.0.1:{port}", "--user", "hub"]
        + ["--password-file", str(secret)],
        check=True,
        capture_output=True,
    )
    return json.loads(added.stdout)


def serving(config, port):
    return Process(
        f"http://127.0.0.1:{port}/healthz",
        *("hub.main", "serve", "--data", str(config.data), "--listen", f"127.0.0.1:{port}"),
    )


async def test_killed_at_random_nothing_is_lost_or_doubled(config, tmp_path, processes):
    chance = random.Random(20)
    port, hub_port = free_port(), free_port()
    secret = tmp_path / "password"
    secret.write_text("thu-nghiem")
    view = f"http://127.0.0.1:{port}/_tinh/xem"
    faults = json.dumps({"lost": 0.2, "partial": 0.2, "error": 0.1, "seed": 5})
    province = Process(
        f"{view}/tong",
        *("tools.main", "province", "--data", str(tmp_path / "province"), "--port", str(port)),
        *("--faults", faults),
    )
    processes.append(province)
    assert add_peer(config, port, secret)["state"] == "active"
    hub = serving(config, hub_port)
    processes.append(hub)
    services, database = open_hub(config)
    try:
        form = fleet.NodeForm("loa-1", COMMUNE, "Cụm", "speaker", b"7" * 32)
        await services.ledger.write(lambda s: fleet.add_node(s, form, "t", services.now_s()))
        chain = records.Chain("loa-1", "plays", "b" * 16)
        province.wait()
        hub.wait()
        for number in range(ROUNDS):
            await play(services, chain, number)
            time.sleep(chance.random() * 2)
            victim = hub if number % 2 else province
            victim.kill()
            victim.start()
        province.wait()
        hub.wait()
        deadline = time.monotonic() + DRAIN_S
        while database.read_now(lambda s: s.count("outbox", {"state": "waiting"})):
            assert time.monotonic() < deadline, "the outbox did not drain"
            time.sleep(0.2)
        assert not database.read_now(lambda s: s.count("outbox", {"state": "dead"}))
    finally:
        database.close()
    found = ask(f"{view}/nhat-ky-phat?het=1")
    keys = [one["MaBanGhi"] for one in found]
    assert keys == [f"play/loa-1/{'b' * 16}/{n}" for n in range(1, PLAYS * ROUNDS + 1)]
    states = {one["CumLoaID"]: one for one in ask(f"{view}/trang-thai-thiet-bi")}
    assert states["loa-1"]["TrangThaiKetNoi"] == 1


async def play(services, chain, number):
    """Take a batch of plays as the endpoint does."""
    after, made = chain.sequence, []
    now_ms = services.config.now_ms()
    for _ in range(PLAYS):
        body = {"item": "b1", "title": "Bản tin", "class": "normal", "started_ms": now_ms - 9,
                "ended_ms": now_ms, "outcome": "complete", "evidence": {"grade": 3}}  # fmt: skip
        entry = chain.build(now_ms, "network", 1, "play", body)
        chain.advance(entry)
        made.append(entry.data)
    batch = records.read_batch(records.build_batch("loa-1", "plays", "b" * 16, after, made))
    contact = ingest.Contact(f"n{number}", now_ms // 1000, now_ms)
    await services.ledger.write(lambda s: ingest.accept(s, batch, contact))
