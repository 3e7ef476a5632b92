"""Decide what a batch of records changes: store what continues, refuse a fork.

Plain functions over the store port. The tables `node_status`, `faults` and `plays` are derived here
from records, so pages never read records themselves.
"""

import json
from typing import Any, NamedTuple

from hub import notices, orders, standing
from hub.mirror import following, gaps
from hub.standing import is_count as _is_count
from hub.store import Key, Row, Store
from protocols import records
from protocols.errors import RemoteFault

# Contacts that carry no new record count only with a nonce not seen among the last of this many
# and a clock near ours: a replayed batch must not make a silent node look alive.
NONCES_KEPT = 32
CLOCK_NEAR_S = 600

# A reason as `faults.code`; the page has a Vietnamese text for each.
FORK = "records.fork"
HOLE = "records.hole"

# Why the records of a node are refused; it keeps them and asks again later.
_REFUSALS = {
    "revoked": ("records.revoked", "was revoked", "Enrol the node again with a new key."),
    "replaced": ("records.replaced", "was replaced", "Take it down, or wipe and enrol it again."),
    "quarantined": (
        "records.quarantined",
        "is in quarantine",
        "Let an administrator confirm it; its records wait at the node.",
    ),
}


class Contact(NamedTuple):
    """Say how a verified batch reached us: its nonce, the sender's clock and ours.

    `carried`: a person brought it, so the node itself was not in contact. `public_key`: by which
    key it was found signed, without asking the database; None when that was asked.
    """

    nonce: str
    created_s: int | None
    now_ms: int
    carried: bool = False
    public_key: str | None = None


def node_for(store: Store, node: str) -> Row:
    """Return an enrolled node; raises `RemoteFault` (`records.*`) for any other."""
    row = store.get("nodes", node)
    if row is None:
        raise RemoteFault(
            "records.unknown_node", f"no node is called {node!r}", "Register the node at the hub."
        )
    if row["state"] in _REFUSALS:
        code, said, remedy = _REFUSALS[row["state"]]
        raise RemoteFault(code, f"{node} {said}", remedy)
    return row


def not_signed() -> RemoteFault:
    """Return the fault of a request by another key than the node's."""
    return RemoteFault(
        "records.signature",
        "the signature is not by this node's registered key",
        "Register the node's present key at the hub.",
    )


def reads(batch: records.Batch) -> list[tuple[str, Key]]:
    """Return the rows that `accept` will want, so that those of many batches are read at once."""
    wanted: list[tuple[str, Key]] = [
        ("nodes", (batch.node,)),
        ("record_heads", (batch.node, batch.chain, batch.epoch)),
        ("node_status", (batch.node,)),
    ]
    kinds = {entry.record.kind for entry in batch.entries}
    return wanted + [("node_words", (batch.node, one)) for one in kinds & set(standing.KEPT_WORDS)]


def accept(store: Store, batch: records.Batch, contact: Contact) -> records.Verdict:
    """Store what a batch adds and return the verdict with the position to acknowledge.

    A fork stores nothing but the fault; the caller refuses it.
    """
    node = node_for(store, batch.node)
    if contact.public_key not in (None, node["public_key"]):
        raise not_signed()
    key = (batch.node, batch.chain, batch.epoch)
    head = store.get("record_heads", *key)
    position = head["position"] if head else 0
    head_hash = head["hash"] if head else records.FIRST_PREVIOUS

    def held(sequence: int) -> str | None:
        row = store.get("records", *key, sequence)
        return None if row is None else str(row["hash"])

    verdict = records.admit(batch, position, head_hash, held)
    if verdict.outcome == records.FORK:
        message = f"{batch.chain} {batch.epoch}: two histories under one key"
        note_fault(store, batch.node, batch.chain, FORK, message, contact.now_ms, contact.now_ms)
        gaps.lost(store, batch.node, "fork", None, None, contact.now_ms)
        store.change("node_status", (batch.node,), _faults_of(store, batch.node))
        return verdict
    if verdict.hole:
        message = f"{batch.chain} {batch.epoch}: {verdict.hole[0]} to {verdict.hole[1]} are lost"
        note_fault(store, batch.node, batch.chain, HOLE, message, contact.now_ms, contact.now_ms)
    if verdict.entries:
        _store_entries(store, verdict.entries, contact.now_ms)
    if verdict.position > position:
        moved = {"position": verdict.position, "hash": verdict.entries[-1].hash}
        if not store.change("record_heads", key, moved):
            store.add(
                "record_heads",
                dict(zip(("node", "chain", "epoch"), key, strict=True), **moved),
            )
    before = store.get("node_status", batch.node) or {}
    changes, plays = _derive(store, node, verdict.entries, contact)
    if verdict.hole or any(entry.record.kind == "fault" for entry in verdict.entries):
        changes.update(_faults_of(store, batch.node))
    _note_contact(store, batch.node, contact, changes, fresh=bool(verdict.entries))
    following.batch(store, node, verdict, plays, before, contact.now_ms, contact.carried)
    return verdict


def _faults_of(store: Store, node: str) -> Row:
    return {"open_faults": store.count("faults", {"node": node, "cleared_ms": None})}


def _store_entries(store: Store, entries: list[records.Entry], now_ms: int) -> None:
    store.add_many(
        "records",
        [
            {
                "node": entry.record.node,
                "chain": entry.record.chain,
                "epoch": entry.record.epoch,
                "sequence": entry.record.sequence,
                "hash": entry.hash,
                "kind": entry.record.kind,
                "received_ms": now_ms,
                "record": entry.data,
            }
            for entry in entries
        ],
    )


def _derive(
    store: Store, node: Row, entries: list[records.Entry], contact: Contact
) -> tuple[Row, list[Row]]:
    """Fill `plays` and `faults` from new records.

    Returns what changes in the node's status, and the plays, each with its record's `hash`.
    """
    changes: Row = {}
    plays: list[Row] = []
    hashes: list[str] = []
    for entry in entries:
        record = entry.record
        changes["clock"] = record.clock
        if record.kind in ("play", "show"):
            play = _play(record, node["unit"])
            if play is not None:
                plays.append(play)
                hashes.append(entry.hash)
        elif record.kind == "fault":
            _node_fault(store, record, contact)
        elif record.kind in ("order", "rehome"):
            orders.report(store, record, contact.now_ms // 1000)
        elif record.kind == "boot" and record.at_ms is not None:
            changes["boot_ms"] = record.at_ms
        elif record.kind == "on-air" and record.at_ms is not None:
            changes.update(_on_air(record.body, record.at_ms))
        elif record.kind == "status":
            changes.update(standing.of_status(record.body))
        standing.keep(store, record, contact.now_ms)
        version = _version(record, node["unit"])
        if version is not None:
            changes["bundle_version"] = version
    store.add_many("plays", plays)
    if plays:
        last = max(plays, key=lambda play: (play["ended_ms"], play["sequence"]))
        changes["play_title"] = last["title"]
        changes["play_ended_ms"] = last["ended_ms"]
        changes["play_grade"] = last["grade"]
    return changes, [{**row, "hash": one} for row, one in zip(plays, hashes, strict=True)]


def _play(record: records.Record, unit: str) -> Row | None:
    """Return the as-run row of a play record, or None when its body names no times."""
    body: dict[str, Any] = record.body
    evidence = body.get("evidence")
    evidence = evidence if isinstance(evidence, dict) else {}
    started, ended, grade = body.get("started_ms"), body.get("ended_ms"), evidence.get("grade", 0)
    if not _is_count(started) or not _is_count(ended):
        return None
    scheduled, milliwatts = body.get("scheduled_ms"), evidence.get("milliwatts")
    return {
        "node": record.node,
        "epoch": record.epoch,
        "sequence": record.sequence,
        "unit": _text(body.get("unit"), unit),
        "item": _text(body.get("item"), "-"),
        "title": _text(body.get("title"), "-"),
        "class": _text(body.get("class"), "normal"),
        "scheduled_ms": scheduled if _is_count(scheduled) else None,
        "started_ms": started,
        "ended_ms": ended,
        "outcome": _text(body.get("outcome"), "failed"),
        "resumed": int(body.get("resumed") is True),
        "grade": grade if _is_count(grade) and grade <= 4 else 0,
        "milliwatts": milliwatts if _is_count(milliwatts) else None,
    }


def _on_air(body: dict[str, Any], at_ms: int) -> Row:
    left_ms = body["left_ms"] if _is_count(body.get("left_ms")) else 0
    return {
        "air_title": _text(body.get("title"), "-"),
        "air_class": _text(body.get("class"), "normal"),
        "air_ms": at_ms,
        "air_until_ms": at_ms + left_ms,
    }


def _version(record: records.Record, unit: str) -> int | None:
    """Return the version of the unit's bundle that a status record names."""
    versions = record.body.get("versions") if record.kind == "status" else None
    for pair in versions if isinstance(versions, list) else ():
        if isinstance(pair, list) and len(pair) == 2 and pair[0] == unit and _is_count(pair[1]):
            return int(pair[1])
    return None


def _node_fault(store: Store, record: records.Record, contact: Contact) -> None:
    code = _text(record.body.get("code"), "fault.unnamed")
    place = _text(record.body.get("place"), code)
    if place in records.CHAINS:
        # Under a chain's name stands what the hub itself found, which no node may clear.
        place = "node." + place
    # A node whose clock is unknown still has faults: ours then says when.
    at_ms = record.at_ms or contact.now_ms
    message = _text(record.body.get("message"), "-")
    is_cleared = record.body.get("state") == "cleared"
    if not is_cleared:
        orders.refuse_sent(store, record.node, place, code, message, contact.now_ms // 1000)
    row = store.get("faults", record.node, place)
    if contact.carried and row and at_ms < max(row["last_ms"], row["cleared_ms"] or 0):
        # A stick came after later news.
        return
    if is_cleared:
        if row is not None and row["cleared_ms"] is None:
            notices.over(store, record.node, row["code"], at_ms, contact.now_ms)
        store.change("faults", (record.node, place), {"cleared_ms": at_ms})
    else:
        note_fault(store, record.node, place, code, message, at_ms, contact.now_ms)


def note_fault(
    store: Store, node: str, place: str, code: str, message: str, at_ms: int, now_ms: int
) -> None:
    """Open the fault at a place of a node, or count it again; another code begins anew."""
    row = store.get("faults", node, place)
    if row is None:
        opened = {"node": node, "place": place, "code": code, "message": message}
        times = {"first_ms": at_ms, "last_ms": at_ms, "count": 1, "cleared_ms": None}
        store.add("faults", {**opened, **times})
        notices.note(store, node, code, at_ms, now_ms)
        return
    changes: Row = {"message": message, "last_ms": max(at_ms, row["last_ms"])}
    if row["cleared_ms"] is not None or row["code"] != code:
        changes.update(code=code, first_ms=at_ms, count=1, cleared_ms=None)
        notices.note(store, node, code, at_ms, now_ms)
    else:
        changes["count"] = row["count"] + 1
    store.change("faults", (node, place), changes)


def _note_contact(store: Store, node: str, contact: Contact, changes: Row, fresh: bool) -> None:
    row = store.get("node_status", node)
    if row is not None and contact.carried:
        old = _outdated(row, contact, changes)
        changes = {name: value for name, value in changes.items() if name not in old}
    nonces = json.loads(row["nonces_json"]) if row else []
    near = (
        contact.created_s is not None
        and abs(contact.created_s * 1000 - contact.now_ms) <= CLOCK_NEAR_S * 1000
    )
    if not contact.carried and (fresh or (near and contact.nonce not in nonces)):
        changes["contact_ms"] = contact.now_ms
    if contact.nonce not in nonces:
        changes["nonces_json"] = json.dumps([*nonces, contact.nonce][-NONCES_KEPT:])
    changes.update(standing.follow(row or {}, changes))
    if row is None:
        store.add("node_status", {"node": node, "nonces_json": "[]", **changes})
    elif changes:
        store.change("node_status", (node,), changes)


def _outdated(row: Row, contact: Contact, changes: Row) -> set[str]:
    """Return which changes are older than what stands: batches by hand come in any order."""
    old: set[str] = set()
    if (row["play_ended_ms"] or 0) > changes.get("play_ended_ms", 0):
        old |= {"play_title", "play_ended_ms", "play_grade"}
    if (row["air_ms"] or 0) > changes.get("air_ms", 0):
        old |= {"air_title", "air_class", "air_ms", "air_until_ms"}
    if (row["boot_ms"] or 0) > changes.get("boot_ms", 0):
        old.add("boot_ms")
    if (row["contact_ms"] or 0) > (contact.created_s or 0) * 1000:
        old |= {"clock", "bundle_version", "report_s", "slot_ms", "budget_low"}
    return old


def _text(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) and value else otherwise
