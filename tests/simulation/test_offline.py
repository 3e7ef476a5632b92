"""Ninety days without a network: every slot plays at its hour, and all of it is told afterwards."""

import asyncio

from protocols.limits import JOURNAL_SEGMENTS_MAX
from tests.simulation.link import DOWN, UP
from tests.simulation.newsroom import POLICIES, Newsroom
from tests.simulation.province import COMMUNES, PROVINCE, UTC_OFFSET_MIN
from tests.simulation.world import DAY_MS, HOUR_MS, RECOVERY_MS, Scale, World, run

DAYS = 90
TIMES = ("05:30", "17:00")
# All that a node without a network has: a chip that is up to 0.9 s wrong at the weekly power cut,
# and a crystal that is up to 50 ppm wrong from then on.
AWAY_MS = 900 + 7 * DAY_MS * 50 // 1_000_000


class Offline(World):
    """One loudspeaker that hears of its programme once, and then of nothing; power goes weekly."""

    def slots(self):
        """Return when something must start, by the true time (ms)."""
        midnight = self.start_ms - (self.start_ms + UTC_OFFSET_MIN * 60_000) % DAY_MS
        found = []
        for day in range(DAYS + 1):
            for clock in TIMES:
                hours, minutes = (int(part) for part in clock.split(":"))
                found.append(midnight + day * DAY_MS + hours * HOUR_MS + minutes * 60_000)
        return [at for at in found if self.dark_ms <= at < self.dark_ms + DAYS * DAY_MS]

    async def _days(self):
        await self.hub.open()
        newsroom = Newsroom(self, self.random)
        for unit in (PROVINCE, COMMUNES[0]):
            await self.set_policy(unit, POLICIES[0])
        await newsroom.publish(COMMUNES[0], "normal", newsroom.daily(TIMES, DAYS + 10))
        self._spawn(self.hub.run())
        station = await self._build(0)
        await asyncio.sleep(HOUR_MS / 1000)
        self.dark_ms = self.true_ms()
        station.weather.state = DOWN
        for day in range(DAYS):
            if day % 7 == 3:
                await station.power_off()
                await asyncio.sleep(600)
                station.power_on()
                await asyncio.sleep(DAY_MS / 1000 - 600)
            else:
                await asyncio.sleep(DAY_MS / 1000)
        assert len(station.node.journal.runs("plays")) and station.boots == 14
        assert station.node.journal.segment_count() <= JOURNAL_SEGMENTS_MAX
        self.check_slots()
        station.weather.state = UP
        await asyncio.sleep(RECOVERY_MS / 1000)

    def check_slots(self):
        """Match every stretch of sound with one slot, and every slot with one stretch."""
        starts = [
            ended_ms - (heard.ended_ticks - heard.started_ticks)
            for _, _, heard, ended_ms in self.judge._heard
        ]
        starts = [at for at in starts if at >= self.dark_ms]
        slots = self.slots()
        assert len(slots) == DAYS * len(TIMES) and len(starts) == len(slots)
        for slot, start in zip(slots, starts, strict=True):
            assert abs(start - slot) <= AWAY_MS, (slot, start)


def test_ninety_days_offline():
    outcome = run(Scale(1, DAYS, ()), 5, Offline)
    assert outcome.fault is None
    assert outcome.counts["plays"] == DAYS * len(TIMES)
