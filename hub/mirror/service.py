"""Keep a pump and a puller running for every active peer, and look after time itself."""

import asyncio
import contextlib
import logging
import random
from typing import Any

from hub import facts
from hub.config import Config
from hub.ending import end
from hub.mirror import peers, pull, watch
from hub.mirror.connector import Connector
from hub.mirror.pump import Pump
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import Fault

_log = logging.getLogger("chieng.mirror")

# How often peers are compared with what runs.
LOOK_S = 5


def secrets_folder(config: Config) -> Any:
    """Return where the passwords of peers are kept."""
    return config.data / "keys" / "peers"


class Mirror:
    """Run the mirror of one hub."""

    def __init__(self, services: Services):
        self._services = services
        self._running: dict[str, tuple[str, Connector, list[asyncio.Task[None]]]] = {}

    def connector(self, row: Row) -> Connector:
        """Return a new connector to a peer."""
        services = self._services

        def sign(message: bytes) -> tuple[str, bytes]:
            key = services.answer_keys.current()
            return key.key_id, key.sign(message)

        return peers.connect(row, secrets_folder(services.config), sign, services.config.now_ms)

    async def run(self) -> None:
        """Run until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                rows = await self._services.ledger.read(lambda s: s.find("peers"))
                await self._reconcile({row["peer"]: row for row in rows})
                await asyncio.sleep(LOOK_S)
        finally:
            for name in list(self._running):
                await self._stop(name)
            await end([watching])

    async def _watch(self) -> None:
        while True:
            try:
                await self._services.ledger.write(self._look)
            except Fault as fault:
                _log.error("watch: %s", fault)
            await asyncio.sleep(watch.EVERY_S)

    def _look(self, store: Store) -> None:
        config = self._services.config
        if facts.get(store, facts.UTC_OFFSET_MIN) != config.utc_offset_min:
            facts.put(store, facts.UTC_OFFSET_MIN, config.utc_offset_min)
        watch.look(store, config.now_ms())

    async def _reconcile(self, rows: dict[str, Row]) -> None:
        for name in list(self._running):
            row = rows.get(name)
            kept = self._running[name]
            is_same = row is not None and _digest(row) == kept[0]
            if not is_same or any(task.done() for task in kept[2]):
                await self._stop(name)
        for name, row in rows.items():
            if row["state"] == "active" and name not in self._running:
                try:
                    self._start(name, row)
                except (Fault, KeyError) as fault:
                    _log.error("%s: %s", name, fault)

    def _start(self, name: str, row: Row) -> None:
        services, connector = self._services, self.connector(row)
        now_ms = services.config.now_ms
        pump = Pump(services.ledger, name, connector, now_ms, random.random)
        puller = pull.Puller(services, name, connector, random.random)
        tasks = [asyncio.create_task(pump.run()), asyncio.create_task(puller.run())]
        self._running[name] = (_digest(row), connector, tasks)

    async def _stop(self, name: str) -> None:
        _, connector, tasks = self._running.pop(name)
        await end(tasks)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                _log.error("%s: %r", name, task.exception())
        with contextlib.suppress(Fault):
            await connector.close()


def _digest(row: Row) -> str:
    return "\n".join([row["state"], row["connector"], row["name"], row["settings_json"]])
