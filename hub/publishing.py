"""Approve and publish: durable intent first, then the repository, then the mark.

Theory of operation. Approval is a signature, so the signed request itself is what is stored, in one
transaction with the bulletin's new state (`approved`). Only then is the repository touched. A crash
before the transaction leaves the bulletin waiting for approval; a crash after it leaves a row that
`recover` completes at the next start, from the stored bytes alone: the version inside them can be
published once only, whoever tries how often.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from hub import audit, bulletins, frame, programme, slot_bulletins, timing
from hub.blobs import Blobs
from hub.cap import intake
from hub.config import Config
from hub.mirror import accepting
from hub.relay import automatic
from hub.repository import request as requests
from hub.repository.repository import Repository
from hub.repository.request import Request
from hub.store import Ledger, Row, Store
from protocols import auto_alert
from protocols.errors import Fault, RemoteFault

_log = logging.getLogger("chieng.hub")

RENEW_S = 3600


class Signature(NamedTuple):
    """Hold one approver's opened key for the moment of signing."""

    approver: str
    signer: Any


class Outcome(NamedTuple):
    """Say whether nodes can have it now, and how many signatures are still missing."""

    published: bool
    missing: int


class Publisher:
    """Publish approved bulletins, one at a time."""

    def __init__(self, config: Config, ledger: Ledger, repository: Repository, blobs: Blobs):
        self._config = config
        self._ledger = ledger
        self._blobs = blobs
        self._repository = repository
        self._one = asyncio.Lock()

    async def approve(
        self,
        bulletin: str,
        signatures: Sequence[Signature],
        action: str = "publish",
        heard: int | None = None,
    ) -> Outcome:
        """Sign a bulletin (or, with action `recall`, its removal) and publish it.

        `heard` is the version that the approver was shown; another one is not signed for him.
        Raises `RemoteFault` and leaves the bulletin as it was when a signature does not count or
        something was published in between.
        """
        async with self._one:
            await self._complete_all()
            row = await self._ledger.read(lambda s: bulletins.current(s, bulletin))
            if heard is not None:
                bulletins.check_version(row, heard)
            if action == "publish":
                await self._ledger.read(lambda s: intake.check_open(s, bulletin))
            waiting = await self._ledger.read(lambda s: _open_of(s, bulletin))
            if waiting is not None:
                name = await self._sign_more(waiting, signatures)
            else:
                name = await self._sign_first(row, signatures, action)
            return await self._complete(name)

    async def approve_change(self, change: str, signatures: Sequence[Signature]) -> Outcome:
        """Sign a change of a unit's frame and publish the bundle that carries it.

        Raises `RemoteFault` and leaves it waiting when a signature does not count.
        """
        async with self._one:
            await self._complete_all()
            return await self._complete(await self._sign_change(change, signatures))

    async def recover(self) -> None:
        """Complete what a crash left and renew what runs out; call it at start."""
        async with self._one:
            await self._complete_all()
            await asyncio.to_thread(self._repository.refresh, self._now_s())

    async def run(self) -> None:
        """Renew the hub's own signatures in time, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.recover()
            except Fault as fault:
                _log.error("renewal: %s", fault)

    def _now_s(self) -> int:
        return self._config.now_ms() // 1000

    async def _sign_first(self, row: Row, signatures: Sequence[Signature], action: str) -> str:
        """Store a new signed request together with the bulletin's new state; return its name."""
        now_s, offset = self._now_s(), self._config.utc_offset_min
        trigger = "approve" if action == "publish" else "recall"
        unit, kind, bulletin = row["unit"], programme.kind_of(row), row["bulletin"]
        when = row["timing"]
        if action == "publish":
            await asyncio.to_thread(self._check_blobs, row)
            when = _fixed(row, now_s, self._config)
            adding: Row | None = {**row, "timing": when}
        else:
            adding = None
        without = "" if adding else bulletin
        made = await self._ledger.read(
            lambda s: programme.manifest(s, unit, kind, now_s, offset, adding, without)
        )
        change = await asyncio.to_thread(self._propose, unit, kind, made.data, now_s)
        change.sign([one.signer for one in signatures])
        publication = _publication(unit, kind, made.version, bulletin, change, signatures, now_s)
        publication["action"], name = action, str(publication["publication"])

        def intend(store: Store) -> None:
            bulletins.check_version(bulletins.move(store, bulletin, trigger, now_s), row["version"])
            store.add("publications", publication)
            if adding is not None:
                fields = {"timing_json": json.dumps(when)}
                store.change("bulletin_versions", (bulletin, row["version"]), fields)
                over_s = programme.until_s(adding, offset)
                store.change("bulletins", (bulletin,), {"until_s": over_s})
            for one in signatures:
                audit.append(store, now_s, one.approver, f"bulletin.{trigger}", bulletin, by=name)

        await self._ledger.write(intend)
        return name

    async def _sign_change(self, change: str, signatures: Sequence[Signature]) -> str:
        """Store a signed request together with the change's new state; return its name."""
        now_s, offset = self._now_s(), self._config.utc_offset_min
        row = await self._ledger.read(lambda s: frame.get(s, change))
        unit = row["unit"]
        made = await self._ledger.read(
            lambda s: programme.manifest(s, unit, "bundle", now_s, offset, changing=row)
        )
        request = await asyncio.to_thread(self._propose, unit, "bundle", made.data, now_s)
        request.sign([one.signer for one in signatures])
        stored = _publication(unit, "bundle", made.version, change, request, signatures, now_s)

        def intend(store: Store) -> None:
            frame.move(store, change, "approve", now_s)
            store.add("publications", stored)
            for one in signatures:
                name = stored["publication"]
                audit.append(store, now_s, one.approver, "frame.approve", change, by=name)

        await self._ledger.write(intend)
        return str(stored["publication"])

    async def _sign_more(self, waiting: Row, signatures: Sequence[Signature]) -> str:
        """Add further signatures to a request that waits for them; return its name."""
        change = requests.read(waiting["request"])
        change.sign([one.signer for one in signatures])
        known = json.loads(waiting["approvers_json"])
        names = known + [one.approver for one in signatures if one.approver not in known]
        fields = {"request": change.to_bytes(), "approvers_json": json.dumps(names), "missing": 0}

        def intend(store: Store) -> None:
            store.change("publications", (waiting["publication"],), fields)
            for one in signatures:
                audit.append(
                    store, self._now_s(), one.approver, "bulletin.cosign", waiting["bulletin"]
                )

        await self._ledger.write(intend)
        return str(waiting["publication"])

    def _check_blobs(self, row: Row) -> None:
        """Hash every file again: what is signed must be what was heard."""
        for one in bulletins.files(row):
            if not self._blobs.bring(one["sha256"]) or not self._blobs.verify(one["sha256"]):
                raise RemoteFault(
                    "bulletin.blob", f"{one['sha256']} is missing or damaged", "Make it again."
                )

    def _propose(self, unit: str, kind: str, manifest: bytes, now_s: int) -> Request:
        if kind == "alerts":
            return self._repository.propose_alerts(unit, manifest, now_s)
        return self._repository.propose_bundle(unit, manifest, now_s)

    async def _complete_all(self) -> None:
        rows = await self._ledger.read(
            lambda s: s.find("publications", {"state": "approved", "missing": 0})
        )
        for row in sorted(rows, key=lambda row: (row["approved_s"], row["publication"])):
            try:
                await self._complete(row["publication"])
            except RemoteFault as fault:
                _log.error("%s was not published: %s", row["publication"], fault)

    async def _complete(self, name: str) -> Outcome:
        """Bring one stored request to the repository and mark what became of it."""
        row = await self._ledger.read(lambda s: s.get("publications", name))
        if row is None:
            raise RemoteFault("bulletin.unknown", f"no publication {name}", "Load the page again.")
        now_s = self._now_s()
        try:
            missing = await asyncio.to_thread(self._push, requests.read(row["request"]), now_s)
        except Fault as fault:
            if fault.whose == "world":
                raise
            code = fault.code
            await self._ledger.write(lambda s: _void(s, row, code, now_s))
            raise RemoteFault(
                "bulletin.not_signed", f"{name}: {fault.message}", "Approve it once more."
            ) from fault
        if missing:
            await self._ledger.write(
                lambda s: s.change("publications", (name,), {"missing": missing})
            )
            return Outcome(False, missing)
        offset = self._config.utc_offset_min
        await self._ledger.write(lambda s: _mark(s, row, now_s, offset))
        return Outcome(True, 0)

    def _push(self, change: Request, now_s: int) -> int:
        """Publish a request unless it is published already; return the missing signatures."""
        archive = self._repository.archive
        archive.reload()
        path = self._repository.layout.role_file(change.role, change.version)
        if path.exists():
            there = archive.read(change.role, change.version)
            if there.signed_bytes == change.metadata.signed_bytes:
                self._repository.refresh(now_s)
                return 0
        return self._repository.publish([change], now_s).missing


def _publication(
    unit: str,
    kind: str,
    version: int,
    subject: str,
    change: Request,
    signatures: Sequence[Signature],
    now_s: int,
) -> Row:
    """Return the row of a signed request, of a bulletin or a change of the frame (`subject`)."""
    return {
        "publication": f"{unit}-{kind}-{version}",
        "unit": unit,
        "kind": kind,
        "action": "publish",
        "version": version,
        "bulletin": subject,
        "approvers_json": json.dumps([one.approver for one in signatures]),
        "state": "approved",
        "request": change.to_bytes(),
        "missing": 0,
        "approved_s": now_s,
        "published_s": None,
    }


def _open_of(store: Store, bulletin: str) -> Row | None:
    rows = store.find("publications", {"bulletin": bulletin, "state": "approved"}, limit=1)
    return rows[0] if rows else None


def _fixed(row: Row, now_s: int, config: Config) -> dict[str, Any]:
    when: dict[str, Any] = row["timing"]
    timing.check_future(when, now_s, config.utc_offset_min)
    if when["mode"] == "alert":
        return {**when, "sent_s": now_s}
    return timing.fix(when, now_s, config.start_lead_s, config.utc_offset_min)


def _mark(store: Store, row: Row, now_s: int, offset_min: int) -> None:
    store.change(
        "publications", (row["publication"],), {"state": "published", "published_s": now_s}
    )
    audit.append(store, now_s, "hub", "publication.publish", row["publication"])
    if frame.is_change(row["bulletin"]):
        automatic.let_in(store, frame.publish(store, row["bulletin"], now_s), now_s)
        slot_bulletins.follow(store, row["unit"], now_s, offset_min)
        return
    bulletins.move(store, row["bulletin"], "publish", now_s)
    if row["action"] == "publish":
        _end_replaced(store, row["bulletin"], now_s)
    accepting.published(store, row["bulletin"], row["action"], now_s * 1000)


def _end_replaced(store: Store, bulletin: str, now_s: int) -> None:
    """Take the alerts that a correction names off the air, together with its publication."""
    for item in bulletins.current(store, bulletin)["timing"].get("replaces", []):
        name = item.removeprefix(auto_alert.PREFIX).rsplit(".", 1)[0]
        older = store.get("bulletins", name)
        if older is not None and older["state"] == bulletins.PUBLISHED:
            bulletins.move(store, name, "replace", now_s)
            audit.append(store, now_s, "hub", "bulletin.replace", name, by=bulletin)


def _void(store: Store, row: Row, code: str, now_s: int) -> None:
    if frame.is_change(row["bulletin"]):
        frame.move(store, row["bulletin"], "void", now_s)
    else:
        bulletins.move(store, row["bulletin"], "void", now_s)
    store.change("publications", (row["publication"],), {"state": "void"})
    audit.append(store, now_s, "hub", "publication.void", row["publication"], code=code)
