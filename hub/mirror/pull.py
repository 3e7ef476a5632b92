"""Take what a peer asks for: page by page after a cursor, media by range, each thing once."""

import asyncio
import functools
import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub import automatic, facts
from hub.mirror import offers, supply
from hub.mirror.connector import Connector, Page, Trouble
from hub.mirror.pace import Pace
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import UPLOAD_BYTES_MAX

_log = logging.getLogger("chieng.mirror")

EVERY_S = 30
# While the sound of an alert that nobody signs is being made.
HURRIED_S = 1
SLICE = 256 * 1024
# What says that no other file comes down either.
_GENERAL = ("mirror.link", "mirror.login", "mirror.busy")
# A file whose bytes are wrong this often is given up; the reason goes back to the sender.
WRONG_MAX = 3


class Puller:
    """Pull from one peer."""

    def __init__(
        self, services: Services, peer: str, connector: Connector, chance: Callable[[], float]
    ):
        self._services = services
        self._ledger = services.ledger
        self._peer = peer
        self._connector = connector
        self._pace = Pace(chance)
        self._wrong: dict[str, int] = {}
        self.is_hurried = False
        self._noted: str | None = ""
        # Set when the peer has sent something by itself.
        self.news = services.news.setdefault(peer, asyncio.Event())

    async def run(self) -> None:
        """Pull until cancelled; `news` makes it look at once."""
        while True:
            wait_s: float = EVERY_S
            self.is_hurried = False
            try:
                lacking = await self.step()
                self._pace.passed()
                await self._note(lacking)
                wait_s = HURRIED_S if self.is_hurried else EVERY_S
            except Trouble as trouble:
                now_ms = self._services.config.now_ms()
                self._pace.failed(now_ms, trouble.retry_after_ms)
                wait_s = (self._pace.until_ms - now_ms) / 1000
                _log.warning("%s: %s", self._peer, trouble)
                await self._note(trouble)
            except Fault as fault:
                _log.error("%s: %s", self._peer, fault)
            self.news.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self.news.wait()
            except TimeoutError:
                pass

    async def _note(self, trouble: Trouble | None) -> None:
        """Say on the page why nothing comes down, and since when; only a change is written."""
        code = None if trouble is None else trouble.code
        if code == self._noted:
            return
        now_ms = self._services.config.now_ms()
        await self._ledger.write(lambda s: note_trouble(s, self._peer, trouble, now_ms))
        self._noted = code

    async def step(self) -> Trouble | None:
        """Take every new directive, then the media they name, and make what is to be made.

        What needs no media never waits for some. Returns why a file did not come, if one did not;
        raises `Trouble` when nothing comes.
        """
        is_last = False
        while not is_last:
            peer = await self._ledger.read(lambda s: s.get("peers", self._peer))
            if peer is None:
                return None
            page = await self._connector.pull(peer["cursor"])
            made = await self._ledger.write(functools.partial(self._keep, peer=peer, page=page))
            self._ask(made)
            is_last = page.is_last
        await self._settle()
        lacking = None
        received = await self._rows("received")
        for row in received:
            try:
                await self._fetch(row)
            except Trouble as trouble:
                if trouble.code in _GENERAL:
                    raise
                _log.warning("%s: %s: %s", self._peer, row["supply"], trouble)
                lacking = lacking or trouble
        if received:
            await self._settle()
        return lacking

    async def _settle(self) -> None:
        """Make what is to be made, and follow what has been."""
        for row in await self._rows("waiting"):
            await self._make(row)
        self.is_hurried = await automatic.relay(self._services, self._peer)
        now_s = self._services.now_s()
        await self._ledger.write(lambda s: offers.follow(s, self._peer, now_s))

    def _keep(self, store: Store, peer: Row, page: Page) -> list[str]:
        now_s, offset = self._services.now_s(), self._services.config.utc_offset_min
        made = []
        for one in page.directives:
            made += offers.take(store, peer, one, now_s, offset)
        moved = {"cursor": page.cursor, "pulled_ms": now_s * 1000}
        store.change("peers", (self._peer,), moved)
        return made

    def _ask(self, made: list[str]) -> None:
        """Have bulletins made; after a kill production finds them by itself."""
        for name in made:
            self._services.production.ask(name, 1)

    async def _rows(self, state: str) -> list[Row]:
        where = {"peer": self._peer, "state": state}
        return await self._ledger.read(lambda s: s.find("supplies", where, order=["received_s"]))

    async def _fetch(self, row: Row) -> None:
        """Fetch a supply's media where the last attempt ended; check them whole."""
        media: dict[str, Any] = json.loads(row["body_json"])["media"]
        try:
            url, sha256, length = _checked(media)
        except RemoteFault as fault:
            await self._refuse(row, f"{fault.code}: {fault.message}")
            return
        blobs = self._services.blobs
        if not await blobs.fetch(sha256):
            draft = self._services.config.work / f"media-{sha256}"
            await self._download(draft, url, length)
            if _digest(draft) != sha256:
                draft.unlink()
                self._wrong[sha256] = self._wrong.get(sha256, 0) + 1
                if self._wrong[sha256] >= WRONG_MAX:
                    await self._refuse(row, "supply.media: the file is not what its hash says")
                return
            await asyncio.to_thread(blobs.put_file, draft)
            draft.unlink()
        self._ask(await self._ledger.write(lambda s: self._arrived(s, row["supply"])))

    def _arrived(self, store: Store, name: str) -> list[str]:
        now_s, offset = self._services.now_s(), self._services.config.utc_offset_min
        supply.arrived(store, self._peer, name, now_s)
        row = store.get("supplies", self._peer, name)
        return [] if row is None else offers.by_rules(store, row, now_s, offset)

    async def _download(self, draft: Path, url: str, length: int) -> None:
        while True:
            have = _length(draft)
            if have >= length:
                return
            piece = await self._connector.fetch(url, have, min(SLICE, length - have))
            if not piece:
                raise Trouble("mirror.media", f"{url} ends early", "It is tried again by itself.")
            with draft.open("ab") as file:
                file.write(piece)

    async def _refuse(self, row: Row, reason: str) -> None:
        now_s = self._services.now_s()
        await self._ledger.write(lambda s: supply.change(s, row, "refused", now_s, reason))

    async def _make(self, row: Row) -> None:
        """Write the bulletins of a priority or emergency supply, one for each of its units."""
        if row["kind"] not in ("bulletin", "emergency"):
            return
        now_s, offset = self._services.now_s(), self._services.config.utc_offset_min
        for unit in json.loads(row["units_json"]):

            def write(store: Store, unit: str = unit) -> str | None:
                known = {"peer": row["peer"], "supply": row["supply"], "unit": unit}
                if store.count("supply_bulletins", known):
                    return None
                made = supply.make(store, row, unit, self._peer, now_s, offset)
                store.change("offers", (*known.values(),), {"made": made, "changed_s": now_s})
                return made

            try:
                name = await self._ledger.write(write)
            except RemoteFault as fault:
                await self._refuse(row, f"{fault.code}: {fault.message}")
                return
            if name is not None:
                self._services.production.ask(name, 1)


def note_trouble(store: Store, peer: str, trouble: Trouble | None, now_ms: int) -> None:
    """Keep why a peer's directives do not come down, or that they do."""
    name = f"pull.{peer}"
    before = facts.get(store, name)
    if trouble is None:
        if before is not None:
            facts.put(store, name, None)
        return
    since_ms = before["since_ms"] if before else now_ms
    said = {"since_ms": since_ms, "code": trouble.code, "message": trouble.message[:500]}
    facts.put(store, name, said)


def _checked(media: dict[str, Any]) -> tuple[str, str, int]:
    url, sha256, length = media.get("url"), media.get("sha256"), media.get("length")
    is_hash = (
        isinstance(sha256, str) and len(sha256) == 64 and not set(sha256) - set("0123456789abcdef")
    )
    if not isinstance(url, str) or not is_hash or not isinstance(length, int):
        raise RemoteFault("supply.media", "the file is not named by hash and length", "-")
    if not 1 <= length <= UPLOAD_BYTES_MAX:
        raise RemoteFault("supply.media", f"{length} bytes are too many", "-")
    return url, str(sha256), length


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(SLICE):
            digest.update(piece)
    return digest.hexdigest()
