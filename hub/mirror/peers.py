"""Peers: who is told, by which connector, and what each new one must be told first."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub import audit, bulletins
from hub.mirror import mapping, outbox, telling
from hub.mirror.connector import Connector
from hub.mirror.file_drop import FileDrop
from hub.mirror.htttn_v2 import Account, HtttnV2
from hub.mirror.wire import HttpWire
from hub.store import Conflict, Row, Store
from protocols.errors import LocalFault, RemoteFault

CONNECTORS = ("htttn-v2", "file-drop")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
# Plays told to a new peer per transaction.
PAGE = 500


def add(store: Store, peer: Row, who: str, now_ms: int) -> None:
    """Add a peer and tell it every node and every schedule in force; raises `RemoteFault`.

    `peer` holds `peer`, `connector`, `name` and `settings`.
    """
    if not _NAME.fullmatch(peer["peer"]) or peer["connector"] not in CONNECTORS:
        raise RemoteFault("mirror.peer", "no such name or connector", "Use a-z, 0-9, dash.")
    row = {
        "peer": peer["peer"],
        "connector": peer["connector"],
        "name": peer["name"],
        "state": "active",
        "settings_json": json.dumps(peer["settings"], ensure_ascii=False),
        "number": 0,
        "cursor": "",
        "since_ms": now_ms,
    }
    try:
        store.add("peers", row)
    except Conflict:
        raise RemoteFault("mirror.peer", f"{peer['peer']} is there already", "Use it.") from None
    audit.append(store, now_ms // 1000, who, "mirror.add", peer["peer"], by=peer["connector"])
    for node in store.each("nodes"):
        telling.node(store, node["node"], now_ms)
    for one in store.each("bulletins", {"state": bulletins.PUBLISHED}):
        found = bulletins.current(store, one["bulletin"])
        if found["class"] != "emergency" and (found["until_s"] or 0) * 1000 > now_ms:
            telling.schedule(store, found, "accepted", now_ms)


def backfill(store: Store, peer: str, since_ms: int, after: list[object] | None, now_ms: int) -> (
    list[object] | None
):  # fmt: skip
    """Tell a peer a page of older plays; returns where to go on, or None at the end."""
    start: list[object] = after or [since_ms, "", "", 0]
    rows = store.find("plays", order=["started_ms"], after=start, limit=PAGE)
    for row in rows:
        node = store.get("nodes", row["node"])
        held = store.get("records", row["node"], "plays", row["epoch"], row["sequence"])
        if node is not None and held is not None:
            fact = telling.play_fact(node, {**row, "hash": held["hash"]})
            target = store.get("peers", peer)
            if target is not None:
                outbox.tell_to(store, target, [fact], now_ms)
    if len(rows) < PAGE:
        return None
    last = rows[-1]
    return [last["started_ms"], last["node"], last["epoch"], last["sequence"]]


def set_state(store: Store, peer: str, state: str, who: str, now_ms: int) -> None:
    """Pause a peer or go on; a paused one is told nothing more, and the pause is on record."""
    if not store.change("peers", (peer,), {"state": state}):
        raise RemoteFault("mirror.peer", f"no peer {peer}", "List them.")
    audit.append(store, now_ms // 1000, who, f"mirror.{state}", peer)


def listed(store: Store, now_ms: int) -> list[dict[str, Any]]:
    """Return every peer with how far behind it is."""
    return [outbox.figures(store, row, now_ms) for row in store.find("peers")]


def keep_secret(folder: Path, peer: str, secret: str) -> None:
    """Keep a peer's password outside of the database, mode 0600."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / peer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)


def read_secret(folder: Path, peer: str) -> str:
    """Return a peer's password."""
    try:
        return (folder / peer).read_text().strip()
    except OSError as error:
        raise LocalFault(
            "mirror.secret", f"the password of {peer} is missing", "Give it again."
        ) from error


def mapping_of(row: Row) -> mapping.Mapping:
    """Return a peer's mapping: its own file, or the one shipped."""
    own = json.loads(row["settings_json"]).get("mapping")
    return mapping.read(Path(own) if own else mapping.shipped("htttn_v2"))


def connect(
    row: Row, secrets: Path, sign: Callable[[bytes], tuple[str, bytes]], now_ms: Callable[[], int]
) -> Connector:
    """Return the connector of a peer; raises `LocalFault` when its settings do not do."""
    settings = json.loads(row["settings_json"])
    if row["connector"] == "file-drop":
        return FileDrop(Path(settings["folder"]), settings.get("public_key", ""), sign, now_ms)
    account = Account(
        settings["url"],
        settings["source_id"],
        settings["source_name"],
        settings["target_id"],
        row["name"],
        settings["user"],
        read_secret(secrets, row["peer"]),
    )
    return HtttnV2(account, mapping_of(row), HttpWire(), now_ms)
