"""What happens to poles, links, disks and clocks, drawn from the seed.

A run has some kinds of trouble and not others (a fault that hides another must not hide it always).
Everything that is broken is mended by the end of the trouble, and then the fleet must recover.
"""

import asyncio

from tests.simulation.link import DOWN, HALF_OPEN, PORTAL, UP

KINDS = ("partition", "weather", "power", "torn", "full", "flips", "clock", "hub", "restore")
HOUR_MS = 3_600_000
# Where bits flip: everything a node keeps.
FOLDERS = ("blobs/", "pcm/", "candidates/", "manifests/", "metadata/", "state/", "journal/")


class Trouble:
    """Break one station's surroundings, one thing at a time."""

    def __init__(self, world, random, kinds, mean_ms):
        self._world = world
        self._random = random
        self._kinds = kinds
        self._mean_ms = mean_ms

    async def run(self, station, until_ms):
        """Break and mend until a time; what is broken then is mended by `mend`."""
        kinds = [kind for kind in self._kinds if kind not in ("hub", "restore")]
        while kinds:
            await asyncio.sleep(self._random.expovariate(1 / self._mean_ms) / 1000)
            if self._world.true_ms() >= until_ms:
                return
            kind = self._random.choice(kinds)
            self._world.judge.note(station.name, kind)
            self._world.judge.counts["faults"] += 1
            await getattr(self, "_" + kind)(station)

    async def run_hub(self, until_ms):
        """Stop the hub, and put older copies of its database in place, until a time."""
        backup = self._world.hub.copy()
        while "hub" in self._kinds or "restore" in self._kinds:
            await asyncio.sleep(self._random.expovariate(1 / (4 * self._mean_ms)) / 1000)
            if self._world.true_ms() >= until_ms:
                return
            self._world.judge.counts["faults"] += 1
            if "hub" in self._kinds:
                self._world.judge.note("hub", "down")
                self._world.hub.is_up = False
                await asyncio.sleep(self._random.randrange(60, 6 * 3600))
                self._world.hub.is_up = True
            if "restore" in self._kinds and self._random.random() < 0.5:
                self._world.judge.note("hub", "restored")
                self._world.hub.restore(backup)
                self._world.judge.restored()
            backup = self._world.hub.copy()

    def mend(self, station):
        """Give a station back everything but its time."""
        weather = station.weather
        weather.state, weather.delay_ms, weather.bytes_per_s = UP, 120, 100_000
        weather.loss = weather.cut = weather.twice = weather.spoil = 0.0
        station.disk.filler_bytes = 0
        station.disk.cut_at = None

    async def _pause(self, low_s, high_s):
        await asyncio.sleep(low_s + self._random.random() * (high_s - low_s))

    async def _partition(self, station):
        station.weather.state = self._random.choice((DOWN, DOWN, HALF_OPEN, PORTAL))
        await self._pause(10, self._random.choice((300, 4 * 3600, 20 * 3600)))
        station.weather.state = UP

    async def _weather(self, station):
        weather, draw = station.weather, self._random.random
        weather.loss, weather.cut = 0.5 * draw(), 0.4 * draw()
        weather.twice, weather.spoil = 0.4 * draw(), 0.2 * draw()
        weather.delay_ms = 50 + 3000 * draw() ** 3
        weather.bytes_per_s = 1500 + 100_000 * draw() ** 3
        await self._pause(600, 12 * 3600)
        self.mend(station)

    async def _power(self, station):
        if self._random.random() < 0.5:
            await self._until_it_sounds(station)
        await station.power_off()
        await self._pause(1, self._random.choice((10, 600, 10 * 3600)))
        station.power_on()

    async def _until_it_sounds(self, station):
        """Wait some hours for the middle of a play."""
        for _ in range(6 * 360):
            await asyncio.sleep(10)
            if station.is_on and station.is_sounding():
                await self._pause(0, 90)
                return

    async def _torn(self, station):
        """Cut the power inside one of the next storage calls, whenever that comes."""
        station.disk.cut_within(40)
        for _ in range(240):
            await asyncio.sleep(30)
            if await station.reap():
                station.power_on()
                return
        station.disk.cut_at = None

    async def _full(self, station):
        left = self._random.choice((0, 2000, 100_000))
        station.disk.filler_bytes = max(0, station.disk.free_bytes() - left)
        await self._pause(60, 8 * 3600)
        station.disk.filler_bytes = 0

    async def _flips(self, station):
        for _ in range(self._random.randrange(1, 4)):
            name = station.disk.flip(self._random.choice(FOLDERS))
            if name is not None:
                self._world.judge.flipped.add(station.name)
                if name.startswith("journal/"):
                    self._world.judge.spoilt_journals.add(station.name)

    async def _clock(self, station):
        """Empty or misset the RTC; felt at the next boot, which comes at once half of the time."""
        drawn = self._random.choice((None, 0, 90_000, 5 * HOUR_MS, -5 * HOUR_MS, -40_000 * HOUR_MS))
        await station.power_off()
        station.rtc_ahead_ms = drawn
        station.ppm = self._random.randrange(-100, 100)
        station.power_on()
