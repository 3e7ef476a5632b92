"""Feed the machine's watchdog while what the node is there for comes round.

A loop that hangs feeds nothing. A task that hangs alone (a driver that never answers) is told by
what it promised: every vital task says before each rest when it will be back (`Task.due_ms`). One
that crashed is in its supervisor's hands and safe, and starts again within a minute: no reason for
a reset, which would repeat for as long as a device is broken. No network and no hub is looked at.
"""

from edge.faults import Faults
from edge.supervisor import Task
from hw import ports
from hw.watchdog_port import Watchdog
from protocols.errors import Fault, LocalFault

# One turn of a vital task: opening a card, a slow disk, decoding a picture. Beyond this it hangs.
TURN_MS_MAX = 60_000
# Meals within the watchdog's time, so that one may be late.
_MEALS = 4
_RETRY_MS = 30_000


class WatchdogTask(Task):
    """Feed one watchdog; `tasks` are those of the node."""

    name = "watchdog"

    def __init__(self, watchdog: Watchdog, clock: ports.Clock, faults: Faults, tasks: "list[Task]"):
        self._watchdog = watchdog
        self._clock = clock
        self._faults = faults
        self._tasks = [task for task in tasks if task.is_vital]

    async def run(self) -> None:
        """Arm, look and feed until cancelled; whoever cancels disarms when all else has ended."""
        while True:
            await self._clock.sleep_ms(self._meal())

    def _meal(self) -> int:
        """Feed if all is well; returns how long until the next meal (ms)."""
        wait_ms = _RETRY_MS
        try:
            wait_ms = self._watchdog.open() // _MEALS
            stuck = self._stuck()
            if stuck is None:
                self._watchdog.feed()
        except Fault as fault:
            self._faults.note("watchdog", fault)
            return wait_ms
        if stuck is None:
            self._faults.clear("watchdog")
        else:
            text = stuck + " hangs; the watchdog is not fed and will reset the machine"
            remedy = "tell the maker if this repeats; look at the device that this task drives"
            self._faults.note("watchdog", LocalFault("agent.stuck", text, remedy))
        return wait_ms

    def _stuck(self) -> "str | None":
        now_ms = self._clock.ticks_ms()
        for task in self._tasks:
            if task.due_ms is not None and now_ms - task.due_ms > TURN_MS_MAX:
                return task.name
        return None
