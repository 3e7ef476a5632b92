"""How long things are kept, and erasing what is older.

Records and plays are evidence and statistics, the audit log is who did what; all three may name a
person only indirectly (an approver's id, a technician's name). Messages are others' CAP files,
supplies what a province sent.
Nothing is kept for less than half a year. The audit log is erased from its front alone, and an
anchor keeps the rest verifiable.
"""

import asyncio
import logging
from typing import Any, NamedTuple

from hub import audit, bulletins, facts, sessions
from hub.mirror import supply
from hub.store import Ledger, Row, Store
from hub.uploads import Uploads
from protocols.errors import Fault, RemoteFault

_log = logging.getLogger("chieng.hub")

DAY_S = 86400
# The law wants logs for half a year; ten years is more than anybody asked for.
DAYS_MIN, DAYS_MAX = 183, 3660
# Rows erased in one transaction: others write in between.
BATCH = 500
# A CAP message stands in four tables, a supply in three.
MESSAGES_BATCH = 100
# Behind every name there is.
_LAST = "~"
# A hub that is restarted every night sweeps all the same.
FIRST_SWEEP_S = 300
SWEEP_S = 24 * 3600
# What an author has sent or thrown away, and letters, may be asked about for a month.
EDITING_S = 30 * DAY_S


class Kept(NamedTuple):
    """Say how many days each kind of row is kept."""

    records: int = 400
    plays: int = 1830
    audit: int = 1830
    refusals: int = 183
    messages: int = 1830
    supplies: int = 1830


# What is erased by age alone: the column that says how old it is, and its unit in a second.
_AGES = {"plays": ("started_ms", 1000), "refusals": ("at_s", 1)}
_TABLES = {"plays": "plays", "refusals": "enrolment_refusals"}


def kept(store: Store) -> Kept:
    """Return the settings in force."""
    return Kept(**facts.get(store, facts.RETENTION, {}))


def set_kept(store: Store, wanted: Kept, who: str, now_s: int) -> None:
    """Change how long things are kept; raises `RemoteFault("retention.days")`."""
    for name, days in wanted._asdict().items():
        if not DAYS_MIN <= days <= DAYS_MAX:
            raise RemoteFault(
                "retention.days",
                f"{name}: {days} days",
                f"Choose {DAYS_MIN} to {DAYS_MAX} days.",
            )
    facts.put(store, facts.RETENTION, wanted._asdict())
    audit.append(store, now_s, who, "retention.set", "hub", **wanted._asdict())


def holdings(store: Store) -> dict[str, Any]:
    """Return what is kept: how many rows of each kind, and how old the oldest is (seconds)."""
    first = store.find("audit", limit=1)
    play = store.find("plays", order=["started_ms"], limit=1)
    return {
        "records": store.count("records"),
        "plays": store.count("plays"),
        "audit": store.count("audit"),
        "refusals": store.count("enrolment_refusals"),
        "messages": store.count("cap_messages"),
        "supplies": store.count("supplies"),
        "oldest_play_s": play[0]["started_ms"] // 1000 if play else None,
        "oldest_audit_s": first[0]["at_s"] if first else None,
    }


async def sweep(ledger: Ledger, who: str, now_s: int) -> dict[str, int]:
    """Erase everything older than the settings allow; return how many rows of each kind."""
    days = await ledger.read(kept)
    gone = dict.fromkeys(Kept._fields, 0)
    for name, (column, unit) in _AGES.items():
        below = (now_s - getattr(days, name) * DAY_S) * unit
        gone[name] = await _erase(ledger, _TABLES[name], {}, column, below)
    below_ms = (now_s - days.records * DAY_S) * 1000
    for chain in await ledger.read(lambda s: _old_chains(s, below_ms)):
        gone["records"] += await _erase(ledger, "records", chain, "received_ms", below_ms)
    await _erase(ledger, "sessions", {}, "created_s", now_s - sessions.LIFE_S)
    while more := await ledger.write(lambda s: _erase_messages(s, now_s - days.messages * DAY_S)):
        gone["messages"] += more
    below_s = now_s - days.supplies * DAY_S
    while more := await ledger.write(lambda s: _erase_supplies(s, below_s)):
        gone["supplies"] += more
    over_s = now_s - EDITING_S
    await _erase(ledger, "drafts", {"state": ["sent", "dropped"]}, "saved_s", over_s)
    await _erase(ledger, "dispatches", {"state": ["sent", "dead"]}, "created_ms", over_s * 1000)
    await _erase(ledger, "uploads", {"state": ["done", "dropped"]}, "created_s", over_s)
    while more := await ledger.write(lambda s: _erase_audit(s, now_s - days.audit * DAY_S)):
        gone["audit"] += more
    if any(gone.values()):
        await ledger.write(lambda s: audit.append(s, now_s, who, "retention.erase", "hub", **gone))
    return gone


async def run(
    ledger: Ledger, uploads: Uploads, now_ms: Any, first_s: float = FIRST_SWEEP_S
) -> None:
    """Sweep once a day until cancelled."""
    await asyncio.sleep(first_s)
    while True:
        try:
            await sweep(ledger, "hub", now_ms() // 1000)
            await uploads.sweep(now_ms() // 1000)
        except (Fault, OSError) as fault:
            _log.error("retention: %s", fault)
        await asyncio.sleep(SWEEP_S)


async def _erase(ledger: Ledger, table: str, where: Row, column: str, below: int) -> int:
    total = 0
    while True:
        count = await ledger.write(lambda s: s.erase(table, where, column, below, BATCH))
        total += count
        if count < BATCH:
            return total


def _old_chains(store: Store, below_ms: int) -> list[Row]:
    """Return the chains whose first record is too old; a chain is asked by its key alone."""
    found: list[Row] = []
    after: list[object] | None = None
    while True:
        heads = store.find("record_heads", after=after, limit=1000)
        for head in heads:
            chain = {name: head[name] for name in ("node", "chain", "epoch")}
            first = store.find("records", chain, limit=1)
            if first and first[0]["received_ms"] < below_ms:
                found.append(chain)
        if len(heads) < 1000:
            return found
        after = [heads[-1][name] for name in ("node", "chain", "epoch")]


def _erase_messages(store: Store, below_s: int) -> int:
    """Erase the oldest CAP messages with their files, and what links them to others."""
    rows = store.find("cap_messages", order=["received_s"], limit=MESSAGES_BATCH)
    old = [row["message"] for row in rows if row["received_s"] < below_s]
    for name in old:
        own = {"message": name}
        for table, key in (("cap_bulletins", "bulletin"), ("cap_references", "target")):
            for row in store.find(table, own):
                store.erase(table, {**own, key: row[key]}, "message", name + "~", 1)
        store.erase("cap_files", own, "message", name + "~", 1)
        store.erase("cap_messages", own, "received_s", below_s, 1)
    return len(old)


def _erase_supplies(store: Store, below_s: int) -> int:
    """Erase what a province sent and is long over, with its offers; return how many."""
    count = 0
    for row in store.each("supplies", order=["changed_s"]):
        if row["changed_s"] >= below_s or count == MESSAGES_BATCH:
            break
        own = {"peer": row["peer"], "supply": row["supply"]}
        links = store.find("supply_bulletins", own)
        names = [one["bulletin"] for one in links]
        if not _is_over(row, below_s) or any(_is_live(store, one, below_s) for one in names):
            continue
        for one in names:
            store.erase("supply_bulletins", {"bulletin": one}, "bulletin", one + _LAST, 1)
        store.erase("offers", own, "unit", _LAST, BATCH)
        store.erase("supplies", own, "changed_s", below_s, 1)
        count += 1
    return count


def _is_over(row: Row, below_s: int) -> bool:
    """Tell whether nobody can still answer a supply."""
    if row["state"] in supply.OPEN:
        return row["expires_s"] is not None and row["expires_s"] < below_s
    return True


def _is_live(store: Store, bulletin: str, below_s: int) -> bool:
    """Tell whether a bulletin plays, or may yet."""
    row = store.get("bulletins", bulletin)
    if row is None or row["state"] in (bulletins.WITHDRAWN, bulletins.RECALLED):
        return False
    has_ended = row["until_s"] is not None and row["until_s"] < below_s
    return row["state"] != bulletins.PUBLISHED or not has_ended


def _erase_audit(store: Store, below_s: int) -> int:
    """Erase the oldest entries up to the first one that is young enough; leave an anchor."""
    old = []
    for row in store.find("audit", limit=BATCH):
        if row["at_s"] >= below_s:
            break
        old.append(row)
    if not old:
        return 0
    facts.put(store, facts.AUDIT_ANCHOR, [old[-1]["sequence"], old[-1]["hash"]])
    return store.erase("audit", {}, "sequence", old[-1]["sequence"] + 1, len(old))
