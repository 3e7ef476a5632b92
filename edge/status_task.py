"""Say now and then how this node is: what it holds, what it spends, what is wrong."""

from edge import small_heap
from edge.content import Parts
from edge.sim_budget import SimBudget
from edge.supervisor import Task
from hw import ports
from protocols import schedule
from protocols.records import HEALTH

# The hub is told of the next slot that starts within this.
_AHEAD_MS = 86_400_000


class StatusTask(Task):
    """Write a status record every `config.status_s` seconds, the first one soon after boot."""

    name = "status"

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        storage: ports.Storage,
        budget: SimBudget,
    ):
        self._parts = parts
        self._clock = clock
        self._storage = storage
        self._budget = budget

    async def run(self) -> None:
        """Write status records until cancelled."""
        while True:
            if self._clock.fault is not None:
                self._parts.faults.note("clock.rtc", self._clock.fault)
            else:
                self._parts.faults.clear("clock.rtc")
            self._parts.book.write(HEALTH, "status", self._status())
            await self._clock.sleep_ms(self._parts.config.status_s * 1000)

    def _status(self) -> "dict[str, object]":
        forecast = self._budget.forecast()
        body: dict[str, object] = {
            "versions": [[one.unit, one.version] for one in self._parts.manifests.bundles()],
            "free_bytes": self._storage.free_bytes(),
            "uptime_ms": self._clock.ticks_ms(),
            "floor_ms": self._parts.time.floor_ms,
            "faults": self._parts.faults.open_faults(),
            "spent_bytes": forecast.spent_bytes,
            "hub": self._parts.hubs.known()[0],
            "report_s": self._parts.config.status_s,
        }
        next_ms = self._next_start_ms()
        if next_ms is not None:
            body["next_start_ms"] = next_ms
        plan = self._budget.plan()
        if plan.period_bytes:
            body["sim_bytes"] = plan.period_bytes
            body["sim_expected_bytes"] = forecast.expected_bytes
        body.update(small_heap.report())
        if forecast.lasts_days is not None:
            body["sim_lasts_days"] = forecast.lasts_days
        return body

    def _next_start_ms(self) -> int | None:
        """Return when the next slot of the own unit starts here: silence after it is a fault."""
        now_ms = self._parts.time.now().wall_ms
        place = self._parts.config.place
        if now_ms is None or place.kind == "board":
            return None
        own = self._parts.manifests.bundles()[:1]
        in_ms = schedule.next_start_in_ms(own, now_ms, _AHEAD_MS, place)
        return None if in_ms is None else int(now_ms + in_ms)
