"""Time servers: two must agree, a liar moves nothing, and real servers are understood."""

import asyncio
import contextlib
import getpass
import os
import signal
import subprocess
import time
from pathlib import Path

from edge.faults import Faults
from edge.feed import Feed
from edge.inbox import Inbox
from edge.network_time_task import AGAIN_MS, KISSED_MS, ROUND_MS, NetworkTimeTask
from edge.node_time import NodeTime
from hw.linux.clock import Clock as LinuxClock
from hw.linux.datagrams import Datagrams as LinuxDatagrams
from hw.sim.clock import Clock
from hw.sim.datagrams import Datagrams
from hw.sim.entropy import Entropy
from hw.sim.storage import Storage
from tests.edge.node_world import Notes
from tests.hw.http_servers import free_port
from tests.portable import test_sntp
from tests.portable.manifests import MIDNIGHT_MS

TOP = Path(__file__).resolve().parents[2]
HOUR_MS = 3_600_000


class Servers(Datagrams):
    """Time servers by name: how far each is off, None for silence, a text for a kiss."""

    def __init__(self, clock, **errors):
        super().__init__(clock)
        self.errors = errors
        self.true_ms = MIDNIGHT_MS
        self.asked = []

    async def send(self, data, host, port):
        await super().send(data, host, port)
        self.asked.append(host)
        error = self.errors[host]
        if isinstance(error, str):
            self.feed(test_sntp.answer(stratum=0, nonce=data[40:]))
        elif error is not None:
            now_ms = self.true_ms + self._clock.ticks_ms() + error
            self.feed(test_sntp.answer(now_ms, now_ms, nonce=data[40:]))


class Rig:
    def __init__(self, wall_ms, **errors):
        self.clock = Clock(wall_ms)
        self.book, self.inbox = Notes(), Inbox()
        self.faults = Faults(self.book)
        feed = Feed()
        feed.subscribe(self.inbox)
        self.time = NodeTime(self.clock, Storage(), feed, self.book, False)
        self.servers = Servers(self.clock, **errors)
        self.task = NetworkTimeTask(
            "n1",
            tuple(errors),
            self.time,
            self.faults,
            self.servers,
            Entropy(b"time"),
            lambda purpose: 1,
        )

    def ask(self):
        async def turn():
            asking = asyncio.create_task(self.task.ask())
            while not asking.done():
                for _ in range(6):
                    await asyncio.sleep(0)
                if not asking.done():
                    self.clock.advance(10)
            return asking.result()

        return asyncio.run(turn())

    def error_ms(self):
        return self.time.wall_ms() - self.servers.true_ms - self.clock.ticks_ms()


def test_a_node_without_a_clock_knows_the_time_after_one_round():
    for wall_ms in (None, 0, MIDNIGHT_MS - 400 * 86_400_000):
        rig = Rig(wall_ms, a=0, b=3, c=-4)
        assert rig.ask()
        assert abs(rig.error_ms()) <= 5
        assert rig.time.now().source == "network"
        assert rig.book.find("clock") == [{"source": "network", "reason": "first", "step_ms": None}]


def test_one_liar_or_one_silent_server_does_not_matter():
    for bad in (HOUR_MS, -HOUR_MS, None, "kiss"):
        rig = Rig(None, a=0, b=bad, c=2)
        assert rig.ask()
        assert abs(rig.error_ms()) <= 5


def test_servers_that_contradict_each_other_are_not_believed():
    rig = Rig(None, a=0, b=HOUR_MS, c=-HOUR_MS)
    assert not rig.ask()
    assert rig.time.wall_ms() is None
    assert rig.faults.open_faults() == [["time", "time.disagree"]]
    rig.servers.errors["b"] = 0
    assert rig.ask()
    assert rig.faults.open_faults() == []


def test_servers_that_agree_on_a_lie_do_not_move_a_believed_clock():
    rig = Rig(MIDNIGHT_MS, a=3 * HOUR_MS, b=3 * HOUR_MS, c=3 * HOUR_MS)
    for _ in range(3):
        rig.ask()
    assert abs(rig.error_ms()) <= 5
    body = {"source": "network", "reason": "contradicts-rtc", "step_ms": 0}
    assert rig.book.find("clock") == [body]
    rig.time.offer_hub(rig.time.wall_ms(), rig.clock.ticks_ms(), rig.clock.ticks_ms())
    assert rig.time.now().source == "hub"


def test_an_rtc_that_drifted_is_stepped_and_the_step_recorded():
    rig = Rig(MIDNIGHT_MS - 60_000, a=0, b=1, c=2)
    assert rig.ask()
    assert abs(rig.error_ms()) <= 5
    (body,) = rig.book.find("clock")
    assert body["reason"] == "step" and abs(body["step_ms"] - 60_000) <= 20


def test_silence_is_a_fault_only_after_some_rounds():
    rig = Rig(None, a=None, b=None, c=0)
    for _ in range(4):
        assert not rig.ask()
    assert rig.faults.open_faults() == []
    rig.servers.up = False
    assert not rig.ask()
    assert rig.faults.open_faults() == [["time", "time.silent"]]
    assert rig.clock.ticks_ms() < 6 * ROUND_MS


def test_a_server_that_asks_for_peace_has_it_for_a_day():
    rig = Rig(None, a=0, b="kiss", c=0)
    rig.ask()
    rig.ask()
    assert rig.servers.asked.count("b") == 1
    rig.clock.advance(KISSED_MS)
    rig.ask()
    assert rig.servers.asked.count("b") == 2


def test_it_asks_again_and_again():
    rig = Rig(None, a=None, b=None)

    async def story():
        running = asyncio.create_task(rig.task.run())
        for _ in range(20):
            for _ in range(8):
                await asyncio.sleep(0)
            rig.clock.advance(500)
        assert rig.servers.asked.count("a") >= 2
        rig.servers.errors.update(a=0, b=0)
        for _ in range(60):
            for _ in range(8):
                await asyncio.sleep(0)
            rig.clock.advance(500)
        asked = rig.servers.asked.count("a")
        assert rig.time.wall_ms() is not None
        rig.clock.advance(AGAIN_MS - 60_000)
        await asyncio.sleep(0)
        assert rig.servers.asked.count("a") == asked
        for _ in range(20):
            rig.clock.advance(5_000)
            for _ in range(8):
                await asyncio.sleep(0)
        assert rig.servers.asked.count("a") == asked + 1
        running.cancel()

    asyncio.run(story())


@contextlib.contextmanager
def chronyd(folder, *wrapper):
    """Run Debian's chronyd (`tools/unpack_chrony.sh`) as a time server; gives its address."""
    port = free_port()
    config = folder / f"{port}.conf"
    lines = [f"port {port}", "bindaddress 127.0.0.1", "bindcmdaddress /", "cmdport 0"]
    lines += ["local stratum 3", "allow 127.0.0.1", f"pidfile {folder}/{port}.pid"]
    config.write_text("\n".join(lines) + "\n")
    program = str(TOP / ".cache/chrony/usr/sbin/chronyd")
    words = [program, "-x", "-d", "-U", "-u", getpass.getuser(), "-f", str(config)]
    server = subprocess.Popen([*wrapper, *words], stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield f"localhost:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(5)


async def told_by(servers):
    """Return what a node without a clock believes after asking real servers, and the true time
    in milliseconds right before and after."""
    book = Notes()
    node_time = NodeTime(Clock(None), Storage(), Feed(), book, False)
    node_time._clock = LinuxClock()
    task = NetworkTimeTask(
        "n1",
        servers,
        node_time,
        Faults(book),
        LinuxDatagrams(),
        Entropy(b"real"),
        lambda purpose: 1,
    )
    deadline = time.monotonic() + 15
    while not await task.ask():
        assert time.monotonic() < deadline, book.facts
    before_ms = time.time() * 1000
    return node_time.now(), before_ms, time.time() * 1000


async def test_real_servers_are_understood_and_a_real_liar_is_outvoted(tmp_path):
    with (
        chronyd(tmp_path) as one,
        chronyd(tmp_path, "faketime", "-f", "+1h") as liar,
        chronyd(tmp_path) as two,
    ):
        lie, _, asked_ms = await told_by((liar, liar))
        instant, before_ms, after_ms = await told_by((one, liar, two))
    assert abs(lie.wall_ms - asked_ms - HOUR_MS) < 5000
    assert instant.source == "network"
    assert abs(instant.wall_ms - before_ms) <= instant.uncertainty_ms + 20 + after_ms - before_ms
    assert instant.uncertainty_ms < 500
