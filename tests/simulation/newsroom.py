"""What the offices of a province publish, drawn from the seed."""

import asyncio

from hub import timing
from protocols.errors import RemoteFault
from tests.simulation.judge import Approved
from tests.simulation.province import COMMUNES, HAMLETS, PROVINCE, UTC_OFFSET_MIN, Sound

WEEK = [1, 2, 3, 4, 5, 6, 7]
SLOTS = ("05:30", "11:15", "17:00", "20:50", "21:29", "22:30", "04:40")
POLICIES = (
    {
        "quiet": [["21:30", "05:00"]],
        "ceilings": [["05:00", "22:00", 80]],
        "emergency_ceiling_percent": 100,
        "emergency_in_quiet": True,
    },
    {
        "quiet": [["12:00", "13:00"], ["21:00", "05:00"]],
        "ceilings": [["05:00", "07:00", 40], ["07:00", "21:00", 70]],
        "emergency_ceiling_percent": 90,
        "emergency_in_quiet": False,
    },
)


class Newsroom:
    """Publish bulletins and alerts, and recall some."""

    def __init__(self, world, random):
        self._world = world
        self._random = random
        self._count = 0

    def local_day(self, ahead_days=0):
        """Return a day (ISO) from today on."""
        at_s = self._world.true_ms() // 1000 + ahead_days * 86400
        return timing.local_time(at_s, UTC_OFFSET_MIN).date().isoformat()

    async def start(self):
        """Give every unit a policy and every commune a daily programme."""
        for number, unit in enumerate((PROVINCE, *COMMUNES)):
            await self._world.set_policy(unit, POLICIES[number % 2 if number else 0])
        for unit in COMMUNES:
            times = self._random.sample(SLOTS, 3)
            await self.publish(unit, "normal", self.daily(times, 400))

    def daily(self, times, days):
        """Return the timing of a programme."""
        return timing.daily(times, WEEK, self.local_day(), self.local_day(days))

    async def run(self, until_ms, mean_ms):
        """Publish now and then, until a time."""
        while True:
            await asyncio.sleep(self._random.expovariate(1 / mean_ms) / 1000)
            if self._world.true_ms() >= until_ms:
                return
            await self.do_something()

    async def do_something(self):
        """Publish one thing, or take one back."""
        draw = self._random.random()
        unit = self._random.choice((PROVINCE, *COMMUNES, *COMMUNES))
        if draw < 0.45:
            await self._alert(unit)
        elif draw < 0.7:
            await self.publish(unit, self._random.choice(("normal", "priority")), {"mode": "now"})
        else:
            days = self._random.randrange(1, 30)
            times = self._random.sample(SLOTS, self._random.randrange(1, 3))
            hamlets = (self._random.choice(HAMLETS),) if self._random.random() < 0.3 else ()
            await self.publish(unit, "normal", self.daily(times, days), hamlets)

    async def _alert(self, unit):
        gap_min = self._random.choice((0, 0, 10, 45))
        hours = self._random.randrange(1, 12)
        drill = self._random.random() < 0.2
        name = await self.publish(unit, "emergency", timing.alert(hours, gap_min, drill))
        if self._random.random() < 0.3:
            await asyncio.sleep(self._random.randrange(30, 3600))
            self._world.judge.cancelled[name + ".1"] = True
            await self._world.hub.approve(unit, name, "recall")

    async def publish(self, unit, legal_class, when, hamlets=()):
        """Publish one bulletin and tell the judge before any node can have it."""
        self._count += 1
        name = f"b{self._count}"
        seconds = self._random.randrange(5, 90)
        sound = Sound(seconds, f"{self._world.seed}/{name}")
        expires_ms = self._world.true_ms() + when.get("hours", 0) * 3_600_000
        repeats = bool(when.get("gap_min"))
        fields = (name + ".1", unit, legal_class, hamlets, seconds, repeats, expires_ms, None)
        self._world.judge.approve(sound, Approved(*fields))
        try:
            rendition = await self._world.hub.publish(unit, name, sound, legal_class, when, hamlets)
        except RemoteFault as fault:
            # Every day that was left of it is past: the approver is told so, and nothing airs.
            assert fault.code == "timing.past"
            return name
        if legal_class == "emergency":
            self._world.alert_blobs.add(rendition["sha256"])
        self._world.judge.note(unit, "published", name)
        return name
