"""Keep every task of the agent alive: a crash is reported, made safe, and the task starts again."""

import asyncio

from hw.ports import Clock

RESTART_MS_MIN = 1_000
RESTART_MS_MAX = 60_000
# A task that ran this long was healthy: its next crash waits the shortest time again.
HEALTHY_MS = 600_000
# Longer than the last item's fade and a relay that does not answer.
ENDING_MS = 10_000


class Task:
    """One thing the agent does for as long as it runs."""

    name = "task"
    # Whether the node is of no use while this task hangs (`edge.watchdog_task`).
    is_vital = False
    # When it will have come round at the latest (ticks); None while nothing is to be waited for.
    due_ms: "int | None" = None

    async def run(self) -> None:
        """Do the work; called anew after every crash. Returning ends the task for good."""
        raise NotImplementedError

    async def make_safe(self) -> None:
        """Put what the task drives into its safe state; called after a crash and at the end."""

    async def rest(self, bell: "object", clock: Clock, duration_ms: int) -> None:
        """Wait for a `Bell` or an `Inbox`, or for a duration, and be due by its end."""
        self.due_ms = clock.ticks_ms() + duration_ms
        await bell.wait(clock, duration_ms)  # type: ignore[attr-defined]
        self.due_ms = clock.ticks_ms()


class Reporter:
    """Be told what went wrong."""

    def task_failed(self, name: str, error: Exception) -> None:
        """Note an exception that left a task; must not raise."""
        raise NotImplementedError

    def task_well(self, name: str) -> None:
        """Note that a task that had failed has run well since; must not raise."""
        raise NotImplementedError


class Supervisor:
    """Run tasks side by side until cancelled."""

    def __init__(self, clock: Clock, reporter: Reporter):
        self._clock = clock
        self._reporter = reporter
        self._is_ending = False

    async def run(self, tasks: list[Task]) -> None:
        """Run every task; returns when all have ended, makes all safe when cancelled."""
        running = []
        left = [len(tasks)]
        over = asyncio.Event()
        for task in tasks:
            running.append(asyncio.create_task(self._hold(task, left, over)))
        try:
            # Not the tasks themselves: a cancellation would go to the first of them alone.
            if tasks:
                await over.wait()
        finally:
            self._is_ending = True
            for one in running:
                one.cancel()
            pressing = asyncio.create_task(self._press(running))
            for one in running:
                try:
                    await one
                except asyncio.CancelledError:
                    continue
            pressing.cancel()

    async def _hold(self, task: Task, left: "list[int]", over: asyncio.Event) -> None:
        """Keep a task; the last one to end says that all is over."""
        try:
            await self._keep(task)
        finally:
            left[0] -= 1
            if not left[0]:
                over.set()

    async def _press(self, running: "list[asyncio.Task[None]]") -> None:
        """Cancel again what has not ended, after the time that an orderly end takes.

        `asyncio.wait_for` of CPython before 3.12 swallows a cancellation that meets the end of what
        it waits for: the task would run on alone, and the node never start again.
        """
        while True:
            await self._clock.sleep_ms(ENDING_MS)
            for one in running:
                if not one.done():
                    one.cancel()

    async def _keep(self, task: Task) -> None:
        pause_ms = RESTART_MS_MIN
        watching = None
        while True:
            began_ms = self._clock.ticks_ms()
            task.due_ms = began_ms if task.is_vital else None
            try:
                await task.run()
                return
            except asyncio.CancelledError:
                # Whatever else was cancelled within a task and waited for is a crash like any.
                if self._is_ending:
                    raise
                self._reporter.task_failed(task.name, RuntimeError("cancelled by nobody"))
            except Exception as error:
                self._reporter.task_failed(task.name, error)
            finally:
                if watching is not None:
                    watching.cancel()
                await self._make_safe(task)
                task.due_ms = None
            if self._clock.ticks_ms() - began_ms >= HEALTHY_MS:
                pause_ms = RESTART_MS_MIN
            await self._clock.sleep_ms(pause_ms)
            pause_ms = min(pause_ms * 2, RESTART_MS_MAX)
            watching = asyncio.create_task(self._watch(task))

    async def _watch(self, task: Task) -> None:
        """Say so when a task that was started again lasts."""
        await self._clock.sleep_ms(HEALTHY_MS)
        self._reporter.task_well(task.name)

    async def _make_safe(self, task: Task) -> None:
        try:
            await task.make_safe()
        except Exception as error:
            self._reporter.task_failed(task.name, error)
