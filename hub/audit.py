"""The audit log: append-only, each entry hashed over the one before."""

import hashlib
import json
from typing import Any

from hub import facts
from hub.store import Row, Store

FIRST_PREVIOUS = "0" * 64
# Entries checked per page of a verification.
_PAGE = 1000


def append(store: Store, at_s: int, who: str, action: str, subject: str, **detail: Any) -> None:
    """Note who did what to which subject; call it inside the transaction that does it."""
    newest = store.find("audit", descending=True, limit=1)
    if newest:
        sequence, previous = newest[0]["sequence"], newest[0]["hash"]
    else:
        sequence, previous = _anchor(store)
    entry: Row = {
        "sequence": sequence + 1,
        "at_s": at_s,
        "who": who,
        "action": action,
        "subject": subject,
        "detail_json": json.dumps(detail, ensure_ascii=False, sort_keys=True),
        "previous": previous,
    }
    store.add("audit", dict(entry, hash=_hash(entry)))


def _anchor(store: Store) -> tuple[int, str]:
    sequence, previous = facts.get(store, facts.AUDIT_ANCHOR, [0, FIRST_PREVIOUS])
    return int(sequence), str(previous)


def first_broken(store: Store) -> int | None:
    """Return the sequence of the first entry that does not follow, or None when all do.

    The chain begins where retention has left it.
    """
    sequence, previous = _anchor(store)
    while True:
        page = store.find("audit", after=[sequence], limit=_PAGE)
        for row in page:
            sequence += 1
            if row["sequence"] != sequence or row["previous"] != previous:
                return sequence
            if row["hash"] != _hash(row):
                return sequence
            previous = row["hash"]
        if len(page) < _PAGE:
            return None


def _hash(row: Row) -> str:
    fields = ("sequence", "at_s", "who", "action", "subject", "detail_json", "previous")
    line = json.dumps([row[name] for name in fields], ensure_ascii=False)
    return hashlib.sha256(line.encode()).hexdigest()
