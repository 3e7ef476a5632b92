"""One seed: a province for some days, its troubles, and what must hold.

    run(Scale(nodes, days), seed) -> Outcome

The same seed gives the same trace.
"""

import asyncio
import gc
import time
from collections import namedtuple
from random import Random

from protocols import canonical
from tests.simulation import virtual_time
from tests.simulation.faults import KINDS, Trouble
from tests.simulation.judge import Broken, Judge
from tests.simulation.newsroom import Newsroom
from tests.simulation.notary import Notary
from tests.simulation.province import COMMUNES, HAMLETS, START_MS, Hub
from tests.simulation.station import Station

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Two rounds by night, with jitter, after the longest back-off, and then the media.
RECOVERY_MS = 4 * HOUR_MS
ROUNDS = 2
SETTLE_MS = 15 * 60_000
# A SIM that a few days of the newsroom can use up.
PLAN = {"period_bytes": 3_000_000, "reserve_bytes": 600_000}

Scale = namedtuple("Scale", "nodes days kinds has_budget", defaults=(0, 0, None, None))
"""How many nodes and days (0: drawn from the seed), which troubles, and whether a SIM has a plan
(None: drawn)."""

Outcome = namedtuple("Outcome", "seed node_days cpu_s steps trace counts fault")


class World:
    """Hold everything of one run."""

    def __init__(self, seed, scale):
        self.seed = seed
        self.random = Random(f"world/{seed}")
        self.start_ms = START_MS
        self.alert_blobs = set()
        self.fault = None
        self.stations = []
        self._loop = asyncio.get_running_loop()
        self.nodes = scale.nodes or self.random.randrange(1, 5)
        self.days = scale.days or self.random.randrange(1, 5)
        drawn = [kind for kind in KINDS if self.random.random() < 0.5]
        self.kinds = drawn if scale.kinds is None else list(scale.kinds)
        drawn = scale.kinds is None and self.random.random() < 0.2
        self.has_budget = drawn if scale.has_budget is None else scale.has_budget
        self.judge = Judge(self)
        self.notary = Notary()
        self.hub = Hub(seed, self.true_ms, self.notary)
        self.hub.took = self.judge.hub_took
        self._rounds = {}

    def true_ms(self):
        """Return the true time (Unix UTC, ms)."""
        return self.start_ms + self._loop.now_ms

    def fail(self, fault):
        """End the run with a breach, wherever it was noticed."""
        if self.fault is None:
            self.fault = fault
            self._loop.stop()

    def state_of(self, name):
        """Tell how a station is, for the report of a breach."""
        for station in self.stations:
            if station.name == name and station.node is not None:
                faults = station.node.faults.open_faults()
                return f"on {station.is_on}, boots {station.boots}, open faults {faults}"
        return ""

    # What stations and the hub tell.

    def watch(self, station):
        """Listen in on what a freshly booted agent puts into its journal."""
        journal, book = station.node.journal, station.node.book
        append, write, remove = journal.append, book.write, journal._remove

        def appended(name, clock, kind, body):
            entry = append(name, clock, kind, body)
            self.judge.appended(station, entry)
            return entry

        def written(chain, kind, body):
            write(chain, kind, body)
            if kind == "manifest" and body["path"].startswith("alerts/"):
                self._owe(station)

        def removed(chain, segment):
            if station.disk.filler_bytes and chain.is_acknowledged(segment):
                self.judge.spoilt_journals.add(station.name)
            remove(chain, segment)

        journal.append, book.write, journal._remove = appended, written, removed

    def _owe(self, station):
        for manifest in station.node.parts.manifests.alerts():
            for one in manifest.alerts:
                approved = self.judge._items.get(one.id)
                if approved is not None and (station.name, one.id) not in self.judge._complete:
                    self._spawn(self.judge.owe(station, approved, asyncio.sleep))

    def heard(self, station, heard):
        """Take a stretch of sound."""
        self.judge.heard(station, heard)

    def fetched(self, station, path, size):
        """Take body bytes that a link carried."""
        self.judge.fetched(station, path, size)

    def cut(self, station):
        """Take the news of a power cut."""
        station.spent_bytes += sum(station.modem.counters())
        self.judge.cut(station)

    def exchanged(self, station, method, path, status, body):
        """Take an answer of the hub on its way to a station."""
        self.judge.spent(station)
        if method == "POST" and status == 200:
            answer = canonical.decode(body, 4096)
            told = (answer["chain"], answer["epoch"], answer["position"])
            self.judge.acknowledged(station.name, *told)
        elif "/pack?" in path and status in (200, 204):
            self._rounds[station.name] = self._rounds.get(station.name, 0) + 1

    async def set_policy(self, unit, policy):
        """Give a unit its policy."""
        text = canonical.encode(policy).decode()
        row = {"unit": unit, "policy_json": text}
        await self.hub.services.ledger.write(lambda store: store.add("unit_policies", row))
        self.judge.policies[unit] = policy

    # The run.

    def _spawn(self, coro):
        return self._loop.create_task(coro)

    async def run(self):
        """Live through everything; a breach stops the loop, wherever it is noticed."""
        await self._days()
        self.judge.finish()

    async def close(self):
        """Let everything end that the run has left."""
        for station in self.stations:
            station.drop()
        everything = asyncio.all_tasks() - {asyncio.current_task()}
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)
        self.hub.close()

    async def _days(self):
        await self.hub.open()
        newsroom = Newsroom(self, self.random)
        await newsroom.start()
        self._spawn(self.hub.run())
        until_ms = self.start_ms + self.days * DAY_MS
        trouble = Trouble(self, self.random, self.kinds, 4 * HOUR_MS)
        breaking = []
        for number in range(self.nodes):
            station = await self._build(number)
            breaking.append(self._spawn(trouble.run(station, until_ms)))
        breaking.append(self._spawn(trouble.run_hub(until_ms)))
        breaking.append(self._spawn(newsroom.run(until_ms, 6 * HOUR_MS)))
        await asyncio.sleep(self.days * DAY_MS / 1000)
        await asyncio.gather(*breaking)
        await self._recover(trouble)

    async def _build(self, number):
        fields = {}
        if self.has_budget:
            fields["budget"] = PLAN
        unit = COMMUNES[number % len(COMMUNES)]
        hamlet = HAMLETS[number // len(COMMUNES) % len(HAMLETS)]
        station = Station(self, f"n{number}", unit, hamlet, **fields)
        station.ppm = self.random.randrange(-50, 50)
        station.has_battery = "clock" not in self.kinds or self.random.random() < 0.5
        station.rtc_ahead_ms = None if "clock" in self.kinds else self.random.randrange(-900, 900)
        await self.hub.register(station.name, unit, hamlet, station.key.public_key())
        self.stations.append(station)
        station.power_on()
        return station

    async def _recover(self, trouble):
        """Mend everything; two rounds later the fleet must be as if nothing had happened."""
        for station in self.stations:
            await station.reap()
            trouble.mend(station)
            station.power_on()
        self._rounds = {}
        for _ in range(RECOVERY_MS // 60_000):
            await asyncio.sleep(60)
            if all(self._rounds.get(one.name, 0) >= ROUNDS for one in self.stations):
                break
        else:
            slow = [one.name for one in self.stations if self._rounds.get(one.name, 0) < ROUNDS]
            self.judge.break_("no two rounds after the last fault", slow[0])
        await asyncio.sleep(SETTLE_MS / 1000)
        for station in self.stations:
            self._check_recovered(station)
        # What is on air now ends before the books are closed.
        for _ in range(120):
            if not any(station.card.is_sounding() for station in self.stations):
                break
            await asyncio.sleep(10)
        await asyncio.sleep(120)

    def _check_recovered(self, station):
        if self.has_budget:
            # What the plan does not pay for yet is not here yet.
            return
        parts = station.node.parts
        held = {one.unit: one.version for one in parts.manifests.bundles()}
        wanted = self.hub.versions(station.unit)
        if held != wanted:
            self.judge.break_("not converged", station.name, held, wanted)


def run(scale, seed, kind=World):
    """Run one seed in virtual time, in a world of a kind."""
    began = time.process_time()
    found = {}

    async def live():
        world = found["world"] = kind(seed, scale)
        try:
            await world.run()
        except Broken:
            # The world has kept it.
            return

    loop = virtual_time.VirtualLoop()
    gc.disable()
    try:
        loop.run_until_complete(live())
        # What ends after the run does so in no order.
        world, steps = found["world"], loop.steps
        loop.run_until_complete(world.close())
    finally:
        loop.close()
        gc.enable()
    fault = world.fault
    if fault is None and loop.errors:
        fault = "nobody caught: " + str(loop.errors[:3])
    spent = time.process_time() - began
    judge = world.judge
    return Outcome(
        seed,
        world.nodes * world.days,
        spent,
        steps,
        judge.trace.hexdigest(),
        dict(judge.counts, kinds=" ".join(world.kinds)),
        None if fault is None else str(fault),
    )
