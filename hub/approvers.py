"""Approvers and registrars: keys that rest here only wrapped, opened for the moment of signing."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hub import audit, fleet
from hub.publishing import Signature
from hub.repository import wrapped_key
from hub.store import Conflict, Row, Store
from protocols.errors import RemoteFault

# argon2id takes 64 MiB each: more at once would let a login storm exhaust the machine.
OPENING_MAX = 2


class Sheet(NamedTuple):
    """Hold what is shown once and printed: whose key, and its passphrase."""

    holder: str
    passphrase: str


class NewApprover(NamedTuple):
    """Hold a fresh approver: the row to store and the sheet to hand over."""

    row: Row
    sheet: Sheet


class KeyOpener:
    """Open wrapped keys, a few at a time."""

    def __init__(self) -> None:
        self._few = asyncio.Semaphore(OPENING_MAX)

    async def open(self, row: Row | None, passphrase: str) -> Signature:
        """Return a row's key opened; raises a `Fault` ("keys.*") for a wrong passphrase."""
        if row is None or row["state"] != "active":
            raise RemoteFault("approval.approver", "no such approver", "Choose who approves.")
        document = json.loads(row["wrapped_json"])
        signer = await self.few(wrapped_key.unwrap_signer, document, passphrase)
        return Signature(row["approver"], signer)

    async def few(self, work: Callable[..., Any], *given: Any) -> Any:
        """Run other work with wrapped keys, no more of it at once than of all."""
        async with self._few:
            return await asyncio.to_thread(work, *given)


def generate(approver: str, unit: str, name: str) -> NewApprover:
    """Make a key for a new approver under a generated passphrase."""
    if not fleet.NAME_PATTERN.fullmatch(approver):
        raise RemoteFault(
            "approval.approver", f"{approver!r} is no approver id", "Use a-z, 0-9, dash."
        )
    signer, passphrase = wrapped_key.generate_signer(), wrapped_key.generate_passphrase()
    row = {
        "approver": approver,
        "unit": unit,
        "name": fleet.title(name, "name"),
        "key_id": signer.public_key.keyid,
        "wrapped_json": json.dumps(wrapped_key.wrap_signer(signer, passphrase, approver)),
        "state": "active",
    }
    return NewApprover(row, Sheet(approver, passphrase))


def keys_of(rows: Sequence[Row]) -> list[Any]:
    """Return the public keys of approvers' rows."""
    return [wrapped_key.public_key(json.loads(row["wrapped_json"])) for row in rows]


def active(store: Store, unit: str) -> list[Row]:
    """Return a unit's active approvers by id."""
    return store.find("approvers", {"unit": unit, "state": "active"})


def store_new(store: Store, rows: Sequence[Row], who: str, now_s: int) -> None:
    """Keep new approvers; raises `RemoteFault("approval.approver")` for a taken id."""
    for row in rows:
        try:
            store.add("approvers", row)
        except Conflict:
            raise RemoteFault(
                "approval.approver", f"{row['approver']} stands already", "Choose another id."
            ) from None
        audit.append(store, now_s, who, "approver.add", row["approver"], unit=row["unit"])
