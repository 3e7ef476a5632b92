"""The outbox: rows of what peers have not confirmed, written with what they tell.

Theory of operation. `tell` runs inside the transaction of the fact, so there is neither a fact that
no peer is told nor a word about something that never happened. A row's number only grows, also over
a restored backup, so a receiver can tell a newer state from an older one; a row's key is made from
what it tells, so the same fact told twice counts once. A confirmed row is erased: a crash between
the peer's answer and the erasing sends it again, under the same key.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hub import audit
from hub.store import Row, Store
from protocols.errors import RemoteFault

# In this order kinds go out: an alert's news does not wait behind a year of plays.
KINDS = ("alert", "receipt", "gap", "node", "schedule", "play", "day")
RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
# Numbers are the wall clock in microseconds at least, so that a restored hub goes on above.
TICKS_PER_MS = 1000
# Rows looked through for one batch when many subjects are held back: pages of at least this many.
PAGE = 500
PAGES_MAX = 64
_END = 2**62


class Fact(NamedTuple):
    """Hold one thing to tell; `key` is its identity for ever, `at_ms` when it was so."""

    kind: str
    subject: str
    key: str
    at_ms: int
    body: dict[str, Any]


def active(store: Store) -> list[Row]:
    """Return the peers that are told."""
    return store.find("peers", {"state": "active"})


def tell(store: Store, facts: Sequence[Fact], now_ms: int) -> None:
    """Put facts into the outbox of every active peer."""
    if facts:
        for peer in active(store):
            tell_to(store, peer, facts, now_ms)


def tell_to(store: Store, peer: Row, facts: Sequence[Fact], now_ms: int) -> None:
    """Put facts into one peer's outbox; `peer` is its row, whose number goes on."""
    first = max(peer["number"] + 1, now_ms * TICKS_PER_MS)
    rows = [
        {
            "peer": peer["peer"],
            "number": first + place,
            "rank": RANKS[fact.kind],
            "kind": fact.kind,
            "subject": fact.subject,
            "key": fact.key,
            "at_ms": fact.at_ms,
            "told_ms": now_ms,
            "body_json": json.dumps(fact.body, ensure_ascii=False),
            "state": "waiting",
            "reason": None,
            "dead_ms": None,
        }
        for place, fact in enumerate(facts)
    ]
    store.add_many("outbox", rows)
    last = {"number": first + len(rows) - 1}
    store.change("peers", (peer["peer"],), last)
    peer.update(last)


def tell_state(
    store: Store,
    kind: str,
    subject: str,
    body: dict[str, Any],
    now_ms: int,
    passing: Sequence[str] = (),
) -> None:
    """Tell a subject's state to the peers that heard another one last.

    Fields named in `passing` are told, but their change alone is none.
    """
    lasting = {name: value for name, value in body.items() if name not in passing}
    text = json.dumps(lasting, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    for peer in active(store):
        heard = store.get("told", peer["peer"], subject)
        if heard is not None and heard["digest"] == digest:
            continue
        if heard is None:
            store.add("told", {"peer": peer["peer"], "subject": subject, "digest": digest})
        else:
            store.change("told", (peer["peer"], subject), {"digest": digest})
        key = f"{subject}/{now_ms}/{digest[:12]}"
        tell_to(store, peer, [Fact(kind, subject, key, now_ms, body)], now_ms)


def due(store: Store, peer: str, count: int, held: Iterable[str] = ()) -> list[Row]:
    """Return the next rows for one batch: of one kind, in order, without held subjects."""
    away = set(held)
    after: list[object] | None = None
    found: list[Row] = []
    most = max(count, PAGE) if away else count
    for _ in range(PAGES_MAX):
        page = store.find(
            "outbox",
            {"peer": peer, "state": "waiting"},
            order=["rank"],
            after=after,
            limit=most,
        )
        found += [row for row in page if row["subject"] not in away]
        if found or len(page) < most:
            break
        after = [page[-1]["rank"], peer, page[-1]["number"]]
    return [row for row in found[:count] if row["rank"] == found[0]["rank"]]


def confirm(store: Store, peer: str, numbers: Sequence[int], now_ms: int) -> None:
    """Erase rows that the peer has, and note that something got through."""
    for start in range(0, len(numbers), 500):
        part = list(numbers[start : start + 500])
        where = {"peer": peer, "number": part}
        store.erase("outbox", where, "number", _END, len(part))
    through = {"sent_ms": now_ms, "failing_ms": None, "failure_code": None, "failure": None}
    store.change("peers", (peer,), through)


def bury(store: Store, peer: str, number: int, reason: str, now_ms: int) -> None:
    """Put a row aside for a person, with the peer's own reason."""
    fields = {"state": "dead", "reason": reason[:500], "dead_ms": now_ms}
    store.change("outbox", (peer, number), fields)


def note_failure(store: Store, peer: str, code: str, message: str, now_ms: int) -> None:
    """Note why nothing gets through; the first failure says since when."""
    row = store.get("peers", peer)
    if row is None:
        return
    fields: Row = {"failure_code": code, "failure": message[:500]}
    if row["failing_ms"] is None:
        fields["failing_ms"] = now_ms
    store.change("peers", (peer,), fields)


def resend(
    store: Store, peer: str, number: int, body: dict[str, Any] | None, who: str, now_ms: int
) -> None:
    """Send a dead row again, corrected when `body` is given; raises `RemoteFault`."""
    row = store.get("outbox", peer, number)
    if row is None or row["state"] != "dead":
        raise RemoteFault("mirror.letter", "there is no such letter", "Load the page again.")
    fields: Row = {"state": "waiting", "reason": None, "dead_ms": None}
    changed = body is not None and body != json.loads(row["body_json"])
    if changed:
        fields["body_json"] = json.dumps(body, ensure_ascii=False)
    store.change("outbox", (peer, number), fields)
    audit.append(
        store, now_ms // 1000, who, "mirror.resend", row["key"], peer=peer, changed=changed
    )


def figures(store: Store, peer: Row, now_ms: int) -> dict[str, Any]:
    """Return how far behind a peer is: rows waiting and dead, and the oldest's age."""
    oldest_ms = None
    waiting = {"peer": peer["peer"], "state": "waiting"}
    for rank in range(len(KINDS)):
        rows = store.find("outbox", {**waiting, "rank": rank}, limit=1)
        if rows and (oldest_ms is None or rows[0]["told_ms"] < oldest_ms):
            oldest_ms = rows[0]["told_ms"]
    return {
        **peer,
        "waiting": store.count("outbox", waiting),
        "dead": store.count("outbox", {"peer": peer["peer"], "state": "dead"}),
        "oldest_ms": oldest_ms,
        "lag_ms": 0 if oldest_ms is None else max(0, now_ms - oldest_ms),
    }
