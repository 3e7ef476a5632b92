"""An event loop whose time is a number: it jumps to the next timer instead of waiting for it.

Everything asyncio runs on it unchanged. Work for threads is done at once, in line, so that a run is
the same every time.
"""

import asyncio
import contextvars
from collections import deque
from heapq import heappop, heappush

_copy_context = contextvars.copy_context


class Stuck(RuntimeError):
    """Report that everybody waits for somebody: no timer is left."""


class Handle:
    """Hold one call until its turn, as `asyncio.Handle` does, with nothing for debugging."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback, args, context):
        self.callback = callback
        self.args = args
        self.context = _copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self):
        """Let the turn pass."""
        self.is_cancelled = True
        self.callback = self.args = None

    def cancelled(self):
        """Tell whether it was cancelled."""
        return self.is_cancelled


class VirtualLoop(asyncio.AbstractEventLoop):
    """Run callbacks in the order of their virtual times, and of their making at one time.

    `now` is the time in seconds, `now_ms` the same in whole milliseconds.
    """

    def __init__(self):
        self.now = 0.0
        self.now_ms = 0
        self._ready = deque()
        self._timers = []
        self._count = 0
        self._stopping = False
        self._closed = False
        self.errors = []
        self.steps = 0

    def time(self):
        """Return virtual seconds since the start."""
        return self.now

    def call_soon(self, callback, *args, context=None):
        handle = Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(self, delay, callback, *args, context=None):
        timer = Handle(callback, args, context)
        self._count += 1
        heappush(self._timers, (self.now + delay, self._count, timer))
        return timer

    def call_at(self, when, callback, *args, context=None):
        return self.call_later(when - self.now, callback, *args, context=context)

    def create_future(self):
        return asyncio.Future(loop=self)

    def create_task(self, coro, *, name=None, context=None):
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def run_in_executor(self, executor, func, *args):
        """Do the work now; nothing else happens meanwhile."""
        future = self.create_future()
        try:
            future.set_result(contextvars.copy_context().run(func, *args))
        except Exception as error:
            future.set_exception(error)
        return future

    def run_until_complete(self, coro):
        """Run until the coroutine ends or `stop`; return its result, None when stopped."""
        task = self.create_task(coro)
        self._run_until(task.done)
        return task.result() if task.done() else None

    def run_forever(self):
        """Run until `stop`."""
        self._run_until(lambda: False)

    def _run_until(self, is_over):
        self._stopping = False
        asyncio.events._set_running_loop(self)
        ready = self._ready
        try:
            while not self._stopping and not is_over():
                if not ready:
                    self._leap()
                self.steps += 1
                handle = ready.popleft()
                if not handle.is_cancelled:
                    self._call(handle)
        finally:
            asyncio.events._set_running_loop(None)

    def _leap(self):
        """Go on to the next timer, and to all that are due with it."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].is_cancelled:
            heappop(timers)
        if not timers:
            raise Stuck("no timer is left")
        self.now = max(self.now, timers[0][0])
        self.now_ms = round(self.now * 1000)
        while timers and timers[0][0] <= self.now:
            timer = heappop(timers)[2]
            if not timer.is_cancelled:
                ready.append(timer)

    def _call(self, handle):
        try:
            handle.context.run(handle.callback, *handle.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"message": "in a callback", "exception": error})

    def stop(self):
        self._stopping = True

    def is_running(self):
        return not self._closed

    def is_closed(self):
        return self._closed

    def close(self):
        self._closed = True
        self._ready.clear()
        self._timers.clear()

    def get_debug(self):
        return False

    def call_exception_handler(self, context):
        """Keep what nobody caught; the run fails with it."""
        self.errors.append(context)

    async def shutdown_asyncgens(self):
        pass

    async def shutdown_default_executor(self, timeout=None):
        pass
