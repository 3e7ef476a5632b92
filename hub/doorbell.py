"""Hubs of one PostgreSQL tell each other that something is published: NOTIFY and LISTEN.

A hint, never the only way: a connection may be cut without a word, so who listens looks now and
then all the same, and more often while nothing is heard.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

CHANNEL = "chieng_published"
AGAIN_S, AGAIN_S_MAX = 1.0, 60.0
_CONNECT_S = 10

_log = logging.getLogger("chieng.hub")


def ring(address: str) -> None:
    """Tell whoever listens; what cannot be told is found by looking."""
    # Only hubs on PostgreSQL need its driver.
    import psycopg  # noqa: PLC0415

    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=_CONNECT_S, application_name="chieng-ring"
        ) as connection:
            connection.execute(f"NOTIFY {CHANNEL}")
    except psycopg.Error as error:
        _log.warning("other hubs were not told: %s", error)


class Listener:
    """Hold one connection that listens; call `heard()` for every ring, loss and return."""

    def __init__(self, address: str, heard: Callable[[], None]):
        self._address = address
        self._heard = heard
        self.is_listening = False

    async def run(self) -> None:
        """Listen until cancelled; connect anew after ever longer pauses."""
        import psycopg  # noqa: PLC0415

        wait_s = AGAIN_S
        while True:
            try:
                async with aclosing(self._rings()) as rings:
                    async for _ in rings:
                        wait_s = AGAIN_S
                        self._heard()
            except (psycopg.Error, OSError) as error:
                said = (str(error).splitlines() or [""])[0]
                _log.warning("other hubs are not heard: %s; again in %.0f s", said, wait_s)
            finally:
                self.is_listening = False
            self._heard()
            # Several hubs do not come back to a server in one moment.
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311
            wait_s = min(wait_s * 2, AGAIN_S_MAX)

    async def _rings(self) -> AsyncGenerator[None]:
        """Yield once when it listens, as something may have been missed, and for every ring."""
        from psycopg import AsyncConnection, conninfo  # noqa: PLC0415

        # A server that vanished is missed after half a minute.
        where = conninfo.make_conninfo(
            self._address,
            connect_timeout=_CONNECT_S,
            application_name="chieng-companion",
            keepalives_idle=15,
            keepalives_interval=5,
            keepalives_count=3,
        )
        async with await AsyncConnection.connect(where, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.is_listening = True
            yield
            async for _ in connection.notifies():
                yield
