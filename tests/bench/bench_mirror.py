"""A province comes back after three days: how long the mirror takes to tell it everything.

Prints `name value goal`. The outbox of a real database holds the plays of `--nodes` nodes, 20 a day
each; the pump and its connector drain it to a reference province in a process of its own. The peer
is a client that does nothing but post the very same bytes, on one kept connection, to another
province that is as empty. Then records come in live, and each one's lag is taken.
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from hub.database import Database
from hub.mirror import mapping, outbox, telling
from hub.mirror.htttn_v2 import Account, HtttnV2
from hub.mirror.pump import Pump
from hub.mirror.wire import HttpWire
from tests.bench.station import say
from tests.hub.mirror_kills import Process, free_port
from tests.hub.mirror_world import peer_row

# A fifth of the fleet by default, 120,000 records; `--nodes 10000` takes about ten minutes.
NODES, PER_DAY, DAYS = 2_000, 20, 3
# A node delivers a day in one batch, and one transaction takes what came together.
TOGETHER = 500
LIVE, LIVE_EVERY_S = 60, 0.43
MEGABYTE = 1024 * 1024


class Spool(HttpWire):
    """Carry requests and keep what was posted, for the peer."""

    def __init__(self, file):
        super().__init__()
        self.file, self.lengths = file, []

    async def request(self, method, url, headers, body=b""):
        if method == "POST" and "Content-Encoding" in headers and self.file:
            self.file.write(body)
            self.lengths.append((url, len(body)))
        return await super().request(method, url, headers, body)


class Province(Process):
    """Run an empty reference province."""

    def __init__(self, folder):
        self.port = free_port()
        super().__init__(
            f"http://127.0.0.1:{self.port}/_tinh/xem/tong",
            *("tools.main", "province", "--data", str(folder), "--port", str(self.port)),
        )
        self.wait()

    def tallies(self):
        return json.loads(self.wait())

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def account(port):
    return Account(f"http://127.0.0.1:{port}", "h", "Hub", "t", "Tỉnh", "hub", "thu-nghiem")


def play(node, sequence, at_ms):
    """Return a play as the hub's own ingest tells it."""
    row = {"node": f"loa-{node:05}", "unit": f"03.u{node % 155:03}", "item": f"b{sequence:012x}.1",
           "title": "Thông báo lịch tiêm phòng gia súc đợt hai", "class": "normal",
           "scheduled_ms": at_ms, "started_ms": at_ms, "ended_ms": at_ms + 95_000,
           "outcome": "complete", "resumed": 0, "milliwatts": 41_500, "grade": 3,
           "epoch": "a1b2c3d4e5f60718", "sequence": sequence,
           "hash": f"{node:032x}{sequence:032x}"}  # fmt: skip
    return telling.play_fact({"kind": "speaker"}, row)


async def fill(database, nodes, now_ms):
    """Put three days of plays into the outbox, in the order in which they would have come."""
    began_s, start_ms = time.monotonic(), now_ms - DAYS * 86_400_000
    facts = []
    for number in range(PER_DAY * DAYS):
        at_ms = start_ms + number * (86_400_000 // PER_DAY)
        for node in range(nodes):
            facts.append(play(node, number + 1, at_ms))
            if len(facts) == TOGETHER:
                part, facts = facts, []
                await database.write(lambda s, f=part, t=at_ms: outbox.tell(s, f, t))
    await database.write(lambda s: outbox.tell(s, facts, now_ms))
    return time.monotonic() - began_s


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def drain(database, pump):
    """Step until nothing waits; return resident memory along the way."""
    memory = []
    while database.read_now(lambda s: s.find("outbox", {"state": "waiting"}, limit=1)):
        wait_ms = await pump.step()
        if wait_ms:
            await asyncio.sleep(wait_ms / 1000)
        memory.append(resident())
    return memory


async def live(database, pump):
    """Let records come in at the fleet's own pace; return each one's lag in seconds."""
    task, told, lags = asyncio.create_task(pump.run()), {}, []
    chance = random.Random(1)
    for number in range(LIVE):
        now_ms = time.time_ns() // 1_000_000
        fact = play(number, 1_000_000, now_ms)
        await database.write(lambda s, f=fact, t=now_ms: outbox.tell(s, [f], t))
        told[fact.key] = time.monotonic()
        until = time.monotonic() + chance.expovariate(1 / LIVE_EVERY_S)
        while time.monotonic() < until or (number == LIVE - 1 and told):
            await asyncio.sleep(0.02)
            waiting = {row["key"] for row in database.read_now(lambda s: s.find("outbox"))}
            for key in set(told) - waiting:
                lags.append(time.monotonic() - told.pop(key))
    task.cancel()
    return sorted(lags)


def raw(port, spool, lengths):
    """Post the same bytes with a plain client; return the seconds that took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    login = json.dumps({"TenDangNhap": "hub", "MatKhau": "thu-nghiem"})
    connection.request("POST", "/api/v2/dang-nhap", login, {"Content-Type": "application/json"})
    token = json.loads(connection.getresponse().read())["DuLieu"]["Token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
               "Content-Encoding": "gzip"}  # fmt: skip
    began_s = time.monotonic()
    with spool.open("rb") as file:
        for url, length in lengths:
            path = url.partition(str(port))[2] or "/" + url.split("/", 3)[3]
            connection.request("POST", path, file.read(length), headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            answer.read()
    return time.monotonic() - began_s


async def bench(folder, nodes):
    database = Database(folder / "hub.sqlite3")
    await database.write(lambda s: s.add("peers", peer_row()))
    now_ms = time.time_ns() // 1_000_000
    total = nodes * PER_DAY * DAYS
    say("outbox filled, records/s", f"{total / await fill(database, nodes, now_ms):.0f}")
    province = Province(folder / "province")
    with (folder / "spool").open("wb") as file:
        wire = Spool(file)
        given = mapping.read(mapping.shipped("htttn_v2"))
        clock = lambda: time.time_ns() // 1_000_000  # noqa: E731
        connector = HtttnV2(account(province.port), given, wire, clock)
        pump = Pump(database, "tinh", connector, clock, random.random)
        began_s, used_s, theirs_s = time.monotonic(), cpu_s(), province.cpu_s()
        memory = await drain(database, pump)
        took_s = time.monotonic() - began_s
        used_s, theirs_s = cpu_s() - used_s, province.cpu_s() - theirs_s
        wire.file = None
    tallies = province.tallies()
    assert tallies["taken"] == total and not tallies.get("again"), tallies
    say(f"{nodes} nodes x {PER_DAY} a day x {DAYS} days drained, s", f"{took_s:.1f}")
    say("records/s", f"{total / took_s:.0f}")
    say("the hub's CPU, s", f"{used_s:.1f}")
    say("the province's CPU, s", f"{theirs_s:.1f}")
    early, late = max(memory[: len(memory) // 4]), max(memory)
    say("memory: highest in the first quarter, MB", f"{early / MEGABYTE:.1f}")
    say("memory: growth after it, MB", f"{(late - early) / MEGABYTE:.1f}", "<= 8")
    lags = await live(database, pump)
    say("live lag p50, s", f"{statistics.median(lags):.2f}")
    say("live lag p95, s", f"{lags[int(len(lags) * 0.95)]:.2f}", "<= 3")
    await connector.close()
    province.kill()
    other = Province(folder / "other")
    lengths = [(url.replace(str(province.port), str(other.port)), n) for url, n in wire.lengths]
    raw_s = await asyncio.to_thread(raw, other.port, folder / "spool", lengths)
    assert other.tallies()["taken"] == total
    other.kill()
    say("a client that posts the same bytes, s", f"{raw_s:.1f}")
    say("mirror / that client", f"{took_s / raw_s:.2f}", "<= 3")
    database.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=NODES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(bench(Path(name), chosen.nodes))


if __name__ == "__main__":
    sys.exit(main())
