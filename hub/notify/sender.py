"""Make letters when they are due and carry them to mail server and webhooks."""

import asyncio
import logging
import random
from functools import partial

from aiohttp.abc import AbstractResolver

from hub import translations
from hub.mirror import peers
from hub.notify import dispatches, letter, mail, post, subscriptions
from hub.notify.dispatches import Undelivered
from hub.notify.mail import Server
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import LocalFault

_log = logging.getLogger("chieng.notify")

LOOK_S = 10


class Sender:
    """Send one hub's notices."""

    def __init__(self, services: Services, resolver: AbstractResolver | None = None):
        self._services = services
        self._resolver = resolver
        self._said = translations.load()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Make every letter that is due, then try what waits, each letter apart from the others."""
        ledger, offset_min = self._services.ledger, self._services.config.utc_offset_min
        now_ms = self._services.config.now_ms()
        clock, today = subscriptions.clock(now_ms, offset_min), self._services.today()
        for name in await ledger.read(lambda s: dispatches.ready(s, today, now_ms, clock)):
            await ledger.write(partial(dispatches.compose, name=name, today=today, now_ms=now_ms))
        if not await ledger.read(lambda s: dispatches.is_due(s, now_ms)):
            return
        claimed = await ledger.write(lambda s: dispatches.claim(s, now_ms))
        async with asyncio.TaskGroup() as group:
            for row, subscription in claimed:
                group.create_task(self._one(row, subscription))

    async def _one(self, row: Row, subscription: Row) -> None:
        name, ledger = row["dispatch"], self._services.ledger
        try:
            answer = await self.deliver(row, subscription)
        except Undelivered as why:
            _log.warning("%s: %s", subscription["subscription"], why)
            failure, now_ms = why, self._services.config.now_ms()
            await ledger.write(lambda s: dispatches.failed(s, name, failure, now_ms, random.random))
            return
        now_ms = self._services.config.now_ms()
        await ledger.write(lambda s: dispatches.sent(s, name, answer, now_ms))

    async def deliver(self, row: Row, subscription: Row) -> str:
        """Carry one letter; return the server's answer. Raises `Undelivered`."""
        server = await self._services.ledger.read(mail.read)
        look = self._look(subscription, server)
        secrets = subscriptions.folder(self._services)
        if subscription["way"] == subscriptions.MAIL:
            if server is None:
                raise Undelivered("notify.unset", "no mail server")
            message = letter.mail(row, subscription["target"], server.sender, look)
            return await mail.deliver(server, secrets, message, subscription["target"])
        try:
            secret = peers.read_secret(secrets, subscription["subscription"])
        except LocalFault as fault:
            raise Undelivered("notify.unset", fault.message) from fault
        body = letter.post(row, subscription["unit"], look)
        now_s, private_ok = self._services.now_s(), bool(subscription["private_ok"])
        return await post.deliver(
            subscription["target"], private_ok, secret, row["dispatch"], body, now_s, self._resolver
        )

    def _look(self, subscription: Row, server: Server | None) -> letter.Look:
        config = self._services.config
        pages = server.pages if server else ""
        if not pages and config.public_name:
            pages = "https://" + config.public_name
        return letter.Look(self._said[subscription["language"]], config.utc_offset_min, pages)

    async def test(self, name: str) -> str:
        """Send a test of a subscription now; return the server's answer.

        Raises `Undelivered`, `RemoteFault` (`notify.gone`, `notify.soon`).
        """
        now_ms = self._services.config.now_ms()

        def note(store: Store) -> Row:
            return subscriptions.note_test(store, name, now_ms // 1000)

        row = await self._services.ledger.write(note)
        return await self.deliver(dispatches.made(name, letter.trial(), now_ms), row)
