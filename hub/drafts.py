"""Drafts: an author's unsent forms, saved while they write, so that nothing typed is lost."""

import json
import re
import secrets
from typing import Any

from hub.store import Row, Store
from protocols.errors import RemoteFault
from protocols.hub_limits import DRAFTS_MAX

NAME = re.compile(r"d[0-9a-f]{12}")
_TITLE_LETTERS_MAX = 120


def new_name() -> str:
    """Return an opaque name for a new draft."""
    return "d" + secrets.token_hex(6)


def save(
    store: Store, draft: str, account: str, bulletin: str, fields: dict[str, Any], now_s: int
) -> None:
    """Keep a form's fields under a draft's name.

    Raises `RemoteFault("draft.foreign")` for somebody else's draft, `("draft.sent")` for one that
    has become a bulletin, `("draft.many")` when the author has too many.
    """
    titles = fields.get("title") or [""]
    kept = {
        "bulletin": bulletin,
        "title": str(titles[0]).strip()[:_TITLE_LETTERS_MAX],
        "fields_json": json.dumps(fields, ensure_ascii=False),
        "saved_s": now_s,
    }
    row = store.get("drafts", draft)
    if row is not None:
        _check(row, account)
        if row["state"] == "sent":
            raise RemoteFault("draft.sent", "this draft was sent already", "Open the bulletin.")
    if row is None or row["state"] != "open":
        _check_room(store, account)
    if row is None:
        store.add("drafts", {"draft": draft, "account": account, "state": "open", **kept})
    else:
        store.change("drafts", (draft,), {"state": "open", **kept})


def fields_of(store: Store, draft: str, account: str) -> dict[str, list[str]]:
    """Return what a draft holds; raises `RemoteFault("draft.foreign")`."""
    row = store.get("drafts", draft)
    if row is None:
        raise RemoteFault("draft.foreign", "there is no such draft", "Look at the list of drafts.")
    _check(row, account)
    return dict(json.loads(row["fields_json"]))


def end(store: Store, draft: str, account: str, state: str, now_s: int) -> None:
    """Mark a draft as `sent` or `dropped`; one that was never saved is no error."""
    row = store.get("drafts", draft)
    if row is not None:
        _check(row, account)
        store.change("drafts", (draft,), {"state": state, "saved_s": now_s})


def restore(store: Store, draft: str, account: str, now_s: int) -> Row:
    """Take back a draft that was discarded and return it.

    Raises `RemoteFault` with `draft.foreign`, `.sent` or `.many`.
    """
    fields_of(store, draft, account)
    row: Row = store.get("drafts", draft) or {}
    if row["state"] == "sent":
        raise RemoteFault("draft.sent", "this draft was sent already", "Open the bulletin.")
    if row["state"] == "dropped":
        _check_room(store, account)
        store.change("drafts", (draft,), {"state": "open", "saved_s": now_s})
    return row


def discarded(store: Store, draft: str, account: str) -> Row | None:
    """Return one's own draft that was discarded, or None for any other."""
    row = store.get("drafts", draft)
    is_it = row is not None and (row["account"], row["state"]) == (account, "dropped")
    return row if is_it else None


def _check_room(store: Store, account: str) -> None:
    if store.count("drafts", {"account": account, "state": "open"}) >= DRAFTS_MAX:
        raise RemoteFault("draft.many", "too many drafts are open", "Discard some first.")


def listed(store: Store, account: str, bulletin: str | None = None) -> list[Row]:
    """Return an author's open drafts, newest first; those of one bulletin when given."""
    where = {"account": account, "state": "open"}
    if bulletin is not None:
        where["bulletin"] = bulletin
    return store.find("drafts", where, order=["saved_s"], descending=True, limit=DRAFTS_MAX)


def _check(row: Row, account: str) -> None:
    if row["account"] != account:
        raise RemoteFault("draft.foreign", "the draft is another author's", "Write your own.")
