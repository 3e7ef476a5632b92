"""Send one peer's outbox, a batch at a time.

Every step asks the database anew, sends, and stores what the peer said in one transaction; nothing
is remembered that a kill may not take. The pace decides when and how much (`hub.mirror.pace`).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from hub.mirror import outbox, telling
from hub.mirror.connector import LATER, REFUSED, TAKEN, Connector, Letter, Trouble, Verdict
from hub.mirror.pace import Pace
from hub.store import Ledger, Row, Store
from protocols.errors import Fault

_log = logging.getLogger("chieng.mirror")

# How often an empty outbox is looked at.
IDLE_MS = 2000
SOON_MS = 0


class Pump:
    """Move letters from the outbox of `peer` to its connector."""

    def __init__(
        self,
        ledger: Ledger,
        peer: str,
        connector: Connector,
        now_ms: Callable[[], int],
        chance: Callable[[], float],
    ):
        self._ledger = ledger
        self._peer = peer
        self._connector = connector
        self._now_ms = now_ms
        self.pace = Pace(chance)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                wait_ms = await self.step()
            except Fault as fault:
                _log.error("%s: %s", self._peer, fault)
                wait_ms = IDLE_MS
            await asyncio.sleep(wait_ms / 1000)

    async def step(self) -> int:
        """Send at most one batch; return how many milliseconds to wait before the next."""
        now_ms = self._now_ms()
        if self.pace.until_ms > now_ms:
            return self.pace.until_ms - now_ms
        size, held = self.pace.size, self.pace.held(now_ms)
        rows = await self._ledger.read(lambda s: outbox.due(s, self._peer, size, held))
        if not rows:
            next_ms = self.pace.next_ms(now_ms)
            return IDLE_MS if next_ms is None else min(IDLE_MS, next_ms - now_ms)
        rows = self.pace.alone(rows)
        letters = [
            Letter(
                row["number"],
                row["key"],
                row["kind"],
                row["subject"],
                row["at_ms"],
                telling.decoded(row),
            )
            for row in rows
        ]
        try:
            verdicts = await self._connector.send(letters)
        except Trouble as trouble:
            return await self._failed(rows, trouble)
        return await self._answered(rows, verdicts)

    async def _failed(self, rows: Sequence[Row], trouble: Trouble) -> int:
        now_ms = self._now_ms()
        first = rows[0]
        self.pace.halve()
        if trouble.is_batch and len(rows) > 1:
            # The peer answers, so the smaller batch may go at once.
            return SOON_MS
        message = f"{trouble.message}"
        # Only an answer about this very record may blame it: a link that is down blames nobody.
        is_blamed = trouble.code in ("mirror.server", "mirror.refused")
        if len(rows) == 1 and is_blamed and self.pace.strike(first["number"]):
            await self._ledger.write(
                lambda s: outbox.bury(s, self._peer, first["number"], message, now_ms)
            )
            return SOON_MS
        self.pace.failed(now_ms, trouble.retry_after_ms)
        if len(rows) == 1 and is_blamed:
            # Others get their turn first.
            self.pace.hold(first["subject"], self.pace.until_ms)
        await self._ledger.write(
            lambda s: outbox.note_failure(s, self._peer, trouble.code, message, now_ms)
        )
        return self.pace.until_ms - now_ms

    async def _answered(self, rows: Sequence[Row], verdicts: Sequence[Verdict]) -> int:
        now_ms = self._now_ms()
        said = {one.key: one for one in verdicts}
        taken, refused = [], []
        for row in rows:
            verdict = said.get(row["key"])
            if verdict is None or verdict.outcome == LATER:
                if verdict is not None:
                    self.pace.hold(row["subject"], now_ms)
            elif verdict.outcome == TAKEN:
                taken.append(row["number"])
            elif verdict.outcome == REFUSED:
                refused.append((row["number"], verdict.reason))

        def settle(store: Store) -> None:
            if taken or refused:
                outbox.confirm(store, self._peer, taken, now_ms)
            else:
                outbox.note_failure(store, self._peer, "mirror.later", "nothing taken", now_ms)
            for number, reason in refused:
                outbox.bury(store, self._peer, number, reason, now_ms)

        await self._ledger.write(settle)
        if taken or refused:
            self.pace.passed(taken)
            return SOON_MS
        self.pace.failed(now_ms)
        return self.pace.until_ms - now_ms
