"""Feel mains, supply and temperature, raise what is wrong, and tell health records.

Mains lost with the node still up means a battery carries it: said at once, because the people of
the grid and the commune want to know.
"""

from edge.book import Book
from edge.faults import Faults
from edge.supervisor import Task
from hw import ports
from protocols.errors import WorldFault
from protocols.records import HEALTH

LOOK_MS = 500
# A value must be wrong for so many looks: contactors bounce and a starting amplifier dips a supply.
_LOOKS = 6
# Boards throttle at 80 degrees; boxes in the sun reach 70.
TEMPERATURE_MILLICELSIUS_MAX = 78_000


class SensesTask(Task):
    """Look at the inputs twice a second; records tell them now and then, and changed mains."""

    name = "senses"

    def __init__(
        self,
        inputs: ports.Inputs,
        clock: ports.Clock,
        faults: Faults,
        book: Book,
        tell_ms: int,
        supply_millivolts_min: int,
    ):
        self._inputs = inputs
        self._clock = clock
        self._faults = faults
        self._book = book
        self._tell_ms = tell_ms
        self._tell_ticks = 0
        self._told: dict[str, int] = {}
        self._supply_min = supply_millivolts_min
        self._wrong: dict[str, int] = {}
        self.latest: dict[str, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.latest = await self._inputs.read()
            self._judge()
            self._tell()
            await self._clock.sleep_ms(LOOK_MS)

    def _tell(self) -> None:
        now_ms = self._clock.ticks_ms()
        same = self._told.get("mains") == self.latest.get("mains")
        if not self.latest or (same and now_ms < self._tell_ticks):
            return
        self._tell_ticks = now_ms + self._tell_ms
        self._told = self.latest
        body: dict[str, object] = {}
        body.update(self.latest)
        self._book.write(HEALTH, "senses", body)

    def _judge(self) -> None:
        found = self.latest
        supply = found.get("supply_millivolts")
        degrees = found.get("temperature_millicelsius")
        low = supply is not None and supply < self._supply_min
        hot = degrees is not None and degrees > TEMPERATURE_MILLICELSIUS_MAX
        self._state("power.mains", found.get("mains") == 0, "the mains are gone", _MAINS)
        self._state("power.supply", low, "the supply has %s mV" % supply, _SUPPLY)
        self._state("node.hot", hot, "the box is at %s thousandths of a degree" % degrees, _HOT)
        places = ["inputs." + name for name, _ in self._inputs.faults()]
        for name, fault in self._inputs.faults():
            self._faults.note("inputs." + name, fault)
        self._faults.keep_only("inputs.", places)

    def _state(self, code: str, is_wrong: bool, text: str, remedy: str) -> None:
        """Raise a fault that lasts, clear one that has gone."""
        count = self._wrong.get(code, 0) + 1 if is_wrong else 0
        self._wrong[code] = min(count, _LOOKS)
        if count >= _LOOKS:
            self._faults.note(code, WorldFault(code, text, remedy))
        elif not count:
            self._faults.clear(code)


_MAINS = "Call the grid's office if the neighbours have power; the battery carries the node."
_SUPPLY = "Charge or replace the battery."
_HOT = "Shade the box and clear its vents."
