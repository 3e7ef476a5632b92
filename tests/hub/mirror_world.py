"""A hub's ledger, a reference province in memory, and whoever kills either, in virtual time."""

import asyncio
import json
import random

from hub import fleet, ingest
from hub.mirror import mapping
from hub.mirror.htttn_v2 import Account, HtttnV2
from hub.mirror.pump import Pump
from hub.mirror.wire import Reply, Wire, link_lost
from hub.store import Ledger
from hub.store_memory import MemoryLedger
from protocols import records
from tools.province.desk import Desk
from tools.province.store import Store

NOW_MS = 1_800_000_000_000
UNIT = "03.k7f2"
ACCOUNT = Account("http://tinh", "gialai", "Hub", "tinh", "Tỉnh", "hub", "secret")


class Killed(BaseException):
    """The process is gone; nothing it held in memory is."""


class Clock:
    """The one time of a story."""

    def __init__(self, now_ms=NOW_MS):
        self.ms = now_ms

    def now_ms(self):
        return self.ms


class DeskWire(Wire):
    """Carry requests to a desk; the desk may be down, and either side may be killed on the way."""

    def __init__(self, world):
        self.world = world

    async def request(self, method, url, headers, body=b""):
        world = self.world
        world.maybe_kill()
        path, _, query = url.removeprefix("http://tinh").partition("?")
        known = {name.lower(): value for name, value in headers.items()}
        if world.is_down:
            raise link_lost("refused")
        pairs = dict(one.split("=") for one in query.split("&")) if query else {}
        answer = world.desk.handle(method, path, pairs, known, body)
        world.requests += 1
        world.clock.ms += 5 + answer.delay_ms
        world.maybe_kill()
        if answer.is_lost or answer.delay_ms > 60_000:
            raise link_lost("closed")
        return Reply(
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            answer.body,
        )


class KilledLedger(Ledger):
    """Pass decisions on; a kill strikes before or after the commit, never within."""

    def __init__(self, world):
        self.world = world

    async def write(self, decide):
        self.world.maybe_kill()
        result = await self.world.ledger.write(decide)
        self.world.maybe_kill()
        return result

    async def read(self, ask):
        self.world.maybe_kill()
        return await self.world.ledger.read(ask)


class World:
    """Tell one story from one seed."""

    def __init__(self, seed=0, kill_chance=0.0, path=":memory:"):
        self.random = random.Random(seed)
        self.kill_chance = kill_chance
        self.clock = Clock()
        self.ledger = MemoryLedger()
        self.store = Store(path)
        self.requests = self.kills = 0
        self.is_down = False
        self.chains, self.nonce = {}, 0
        self.restart_province()
        self.restart_hub()

    def maybe_kill(self):
        if self.kill_chance and self.random.random() < self.kill_chance:
            raise Killed

    def restart_province(self):
        faults = getattr(self, "desk", None) and self.desk.faults
        self.desk = Desk(self.store, self.clock.now_ms, "hub", "secret")
        if faults:
            self.desk.faults = faults

    def restart_hub(self):
        self.connector = HtttnV2(
            ACCOUNT,
            mapping.read(mapping.shipped("htttn_v2")),
            DeskWire(self),
            self.clock.now_ms,
        )
        self.pump = Pump(
            KilledLedger(self), "tinh", self.connector, self.clock.now_ms, self.random.random
        )

    async def open(self, nodes=3):
        unit = {"unit": UNIT, "valid_from": "2025-07-01", "name": "Xã", "kind": "commune"}
        write = self.ledger.write
        await write(lambda s: fleet.add_unit(s, {**unit, "parent": None}, "t", 1))
        await write(lambda s: s.add("peers", peer_row()))
        for number in range(nodes):
            form = fleet.NodeForm(f"loa-{number}", UNIT, f"Cụm {number}", "speaker",
                                  bytes([number]) * 32)  # fmt: skip
            await write(lambda s, f=form: fleet.add_node(s, f, "t", self.clock.ms // 1000))
        return self

    async def play(self, node, count=1, title="Bản tin"):
        """Let a node deliver records of plays through the hub's own ingest."""
        chain = self.chains.setdefault(node, records.Chain(node, "plays", "a" * 16))
        after, made = chain.sequence, []
        for _ in range(count):
            start = self.clock.ms - 1000
            body = {"item": "b1", "title": title, "class": "normal", "started_ms": start,
                    "ended_ms": start + 900, "outcome": "complete",
                    "evidence": {"grade": 3}}  # fmt: skip
            entry = chain.build(self.clock.ms, "network", 1, "play", body)
            chain.advance(entry)
            made.append(entry.data)
        batch = records.read_batch(records.build_batch(node, "plays", "a" * 16, after, made))
        self.nonce += 1
        contact = ingest.Contact(f"n{self.nonce}", self.clock.ms // 1000, self.clock.ms)
        return await self.ledger.write(lambda s: ingest.accept(s, batch, contact))

    async def step(self):
        """Let the pump take one step; a kill restarts the hub. Returns the wait."""
        try:
            wait = await self.pump.step()
        except Killed:
            self.kills += 1
            self.restart_hub()
            return 1000
        self.clock.ms += wait
        return wait

    async def drain(self, steps=20_000):
        """Step until nothing waits; tell how many steps it took."""
        for count in range(steps):
            if not self.waiting():
                return count
            await self.step()
        raise AssertionError(f"{self.waiting()} rows still wait after {steps} steps")

    def waiting(self):
        return self.ledger.store.count("outbox", {"state": "waiting"})

    def dead(self):
        return self.ledger.store.find("outbox", {"state": "dead"})


def peer_row(name="tinh", connector="htttn-v2", **settings):
    return {
        "peer": name,
        "connector": connector,
        "name": "Tỉnh",
        "state": "active",
        "settings_json": json.dumps(settings),
        "number": 0,
        "cursor": "",
        "since_ms": NOW_MS,
    }


def run(story):
    return asyncio.run(story)
