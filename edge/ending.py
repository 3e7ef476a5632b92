"""End the agent in good order because the node itself asks for it, to be started again."""

import asyncio

# EX_TEMPFAIL: whatever started the agent starts it again (`edge.chooser`, systemd, a board's boot).
RESTART_CODE = 75


class Ending:
    """Run the agent's work until it is cancelled or `restart` is called."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._failure: Exception | None = None
        self.why = ""

    def restart(self, why: str) -> None:
        """Ask for a restart; the work is cancelled and cleans up after itself."""
        self.why = self.why or why
        self._asked.set()

    async def run(self, work: "object") -> None:
        """Run a coroutine; returns when it ended or a restart is due, raises what it raised."""
        running = asyncio.create_task(self._follow(work))
        try:
            await self._asked.wait()
        finally:
            running.cancel()
            try:
                await running
            except asyncio.CancelledError:
                pass
        if self._failure is not None:
            raise self._failure

    async def _follow(self, work: "object") -> None:
        try:
            await work  # type: ignore[misc]
        except Exception as error:
            self._failure = error
        self._asked.set()
