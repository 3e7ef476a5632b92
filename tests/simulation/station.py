"""One pole: a real node agent on simulated devices, a disk, a clock and a link of its own.

What survives a power cut is the disk, and the time where the clock has a battery. The agent is
`edge.main.Node`, built anew at every power-on.
"""

import asyncio
import math
from random import Random

from edge import config as configs
from edge.main import Node
from hw import ports
from hw.linux.inflate import Inflate
from hw.sim.amplifier import Amplifier
from hw.sim.decoder import Decoder
from hw.sim.entropy import Entropy
from hw.sim.storage import PowerCut
from protocols import canonical
from protocols.budget import CONTROL
from protocols.limits import RECORD_BATCH_BYTES_MAX
from protocols.outbox import Span
from protocols.records import CHAINS
from tests.simulation.card import Card
from tests.simulation.disk import Disk
from tests.simulation.keys import Identity
from tests.simulation.link import Link, Weather

DISK_BYTES = 48 * 1024 * 1024


class Clock(ports.Clock):
    """A board's clocks: a crystal of its own that starts at power-on, and an RTC.

    `rate` is how fast the crystal runs. `ahead_ms` is how far the RTC is ahead of the true time,
    None while it knows none.
    """

    def __init__(self, true_ms, rate, ahead_ms):
        self._true_ms = true_ms
        self._born_ms = true_ms()
        self._rate = rate
        self.ahead_ms = ahead_ms
        self.is_powered = True
        self._left = 100
        self._told = (-1, 0)

    def wall_ms(self):
        return None if self.ahead_ms is None else self._true_ms() + self.ahead_ms

    def ticks_ms(self):
        true_ms = self._true_ms()
        if true_ms != self._told[0]:
            self._told = (true_ms, int((true_ms - self._born_ms) * self._rate))
        return self._told[1]

    def set_wall_ms(self, wall_ms):
        self.ahead_ms = wall_ms - self._true_ms()

    async def sleep_ms(self, duration_ms):
        """Wait; without power time runs out at once, so that what is left of an agent ends."""
        if not self.is_powered:
            self._left -= 1
            if not self._left:
                raise asyncio.CancelledError
            self._born_ms -= duration_ms
            self._told = (-1, 0)
            await asyncio.sleep(0)
            return
        await asyncio.sleep(math.ceil(duration_ms / self._rate) / 1000)

    def alarm(self, duration_ms, ring):
        if not self.is_powered:
            return None
        return asyncio.get_running_loop().call_later(
            math.ceil(duration_ms / self._rate) / 1000, ring
        )


class Nobody:
    """Take any news and do nothing with it."""

    def __getattr__(self, name):
        return lambda *told: None


class Station:
    """A node, its power switch and its devices; `watch` is told what happens (see `judge`)."""

    def __init__(self, world, name, unit, hamlet, **fields):
        self.world = world
        self.name = name
        self.unit = unit
        self.hamlet = hamlet
        self.random = Random(f"{world.seed}/{name}")
        self.disk = Disk(self.random, fields.pop("disk_bytes", DISK_BYTES))
        self.weather = Weather()
        self.entropy = Entropy(f"{world.seed}/{name}".encode())
        self.key = Identity(self.entropy, world.notary)
        self.ppm = 0
        self.rtc_ahead_ms = None
        self.has_battery = True
        self.spent_bytes = 0
        self.node = None
        self.clock = None
        self.card = None
        self.boots = 0
        self._running = None
        value = {
            "node": name,
            "unit": unit,
            "hamlet": hamlet,
            "kind": "speaker",
            "hub": ["http://hub.example"],
            "data": "data",
            "root": "root.json",
            "sets_clock": True,
            "events": False,
            "status_s": 3600,
            "poll_s": 900,
            "audio": {"kind": "wav", "path": "x.wav"},
            "amplifier": {"kind": "modbus", "warm_up_ms": 1000},
        }
        value.update(fields)
        self.config = configs.read(canonical.encode(value))
        writer = self.disk.stage("root")
        writer.write(world.hub.root)
        writer.commit("metadata/root.json")

    @property
    def is_on(self):
        """Tell whether there is power."""
        return self._running is not None

    def power_on(self):
        """Boot the agent; nothing when it runs."""
        if self.is_on:
            return
        self.boots += 1
        self.disk.on_cut = self._power_gone
        self._running = asyncio.get_running_loop().create_task(self._live())

    async def _live(self):
        self.clock = Clock(self.world.true_ms, 1 + self.ppm / 1e6, self.rtc_ahead_ms)
        self.modem = Link(
            self.world.hub,
            self.random,
            self.weather,
            lambda *told: self.world.fetched(self, *told),
            lambda *told: self.world.exchanged(self, *told),
        )
        try:
            self.node = Node(self.config, False, self)
            self.world.watch(self)
            await self.node.run()
        except PowerCut:
            return

    async def power_off(self):
        """Take the power away now."""
        if self.is_on:
            self._power_gone()
            await self._bury()

    def _power_gone(self):
        """Stop everything in the middle of whatever it does."""
        self.disk.power_off()
        self.clock.is_powered = False
        self.modem.is_powered = False
        if self.card is not None:
            self.card.power_off()
        self.rtc_ahead_ms = self.clock.ahead_ms if self.has_battery else None
        self.world.cut(self)
        self._running.cancel()

    async def _bury(self):
        running, self._running = self._running, None
        await asyncio.gather(running, return_exceptions=True)
        self.disk.reboot()

    def drop(self):
        """Take everything away at the end of a run; nobody is told."""
        self.world = Nobody()
        self.disk.on_cut = None
        self.disk.power_off()
        if self.clock is not None:
            self.clock.is_powered = self.modem.is_powered = False

    async def reap(self):
        """Clean up after a cut that the disk's call counter made; tells whether there was one."""
        if self.is_on and not self.clock.is_powered:
            await self._bury()
            return True
        return False

    def waiting(self):
        """Return the records, by key, that the journal keeps while the SIM's bytes are spent."""
        node, found = self.node, {}
        if node.budget.allowed(CONTROL):
            return found
        for chain in CHAINS:
            for run in node.journal.runs(chain):
                for sequence in range(run.first, run.last + 1):
                    span = Span(run.epoch, 0, sequence, 1)
                    for data in node.journal.read(chain, span, RECORD_BATCH_BYTES_MAX) or ():
                        found[(self.name, chain, run.epoch, sequence)] = data
        return found

    # The kit that `edge.main.Node` takes its ports from.

    def Clock(self):
        return self.clock

    def link(self, tls_ca, interface):
        return self.modem

    def Verifier(self):
        return self.world.notary

    def Entropy(self):
        return self.entropy

    def Inflate(self):
        return Inflate()

    def storage(self, path, kind):
        return self.disk

    def identity(self, data, entropy):
        return self.key

    def decoder(self):
        return Decoder()

    def audio(self, settings, clock):
        self.card = Card(clock, lambda heard: self.world.heard(self, heard))
        return self.card

    def amplifier(self, settings, clock):
        return Amplifier(clock, self)

    def is_sounding(self):
        """Tell the amplifier whether there is something to amplify."""
        return self.card is not None and self.card.is_sounding()
