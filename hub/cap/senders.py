"""Whose messages are listed, and on which way they come.

A sender's name in a file is only a word. It counts fully (`OWN_WAY`) when the message came over the
source that the sender is listed with, in part (`LISTED`) when a person brought the file, and not at
all otherwise. Whatever the trust, a person signs.
"""

import hashlib
import re
import secrets
from urllib.parse import urlsplit

from hub import audit, fleet
from hub.addresses import is_loopback
from hub.store import Conflict, Row, Store
from protocols.errors import RemoteFault
from protocols.hub_limits import CAP_WORD_BYTES_MAX

UNLISTED, LISTED, OWN_WAY = 0, 1, 2
SOURCES_MAX = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("cap." + code, message, remedy)


def trust(store: Store, sender: str, way: str, source: str | None) -> int:
    """Return how far a sender's name counts on a way."""
    row = store.get("cap_senders", sender)
    if row is None or row["state"] != "active":
        return UNLISTED
    if way in ("file", "page"):
        return LISTED
    return OWN_WAY if source is not None and row["source"] == source else UNLISTED


def list_sender(
    store: Store, sender: str, name: str, source: str | None, who: str, now_s: int
) -> None:
    """List a sender, or change it; raises `RemoteFault("cap.sender")` or `("cap.source")`."""
    is_name = 0 < len(sender.encode()) <= CAP_WORD_BYTES_MAX
    if not is_name or any(letter.isspace() or letter in ",<&" for letter in sender):
        raise _refuse("sender", f"{sender!r} is no sender", "Copy it from the alert's sender.")
    if source is not None and store.get("cap_sources", source) is None:
        raise _refuse("source", f"no source {source}", "Add the source first.")
    row = {"name": fleet.title(name or sender, "name"), "source": source, "state": "active"}
    if not store.change("cap_senders", (sender,), row):
        store.add("cap_senders", {"sender": sender, "since_s": now_s, **row})
    audit.append(store, now_s, who, "cap.sender.list", sender, source=source)


def close_sender(store: Store, sender: str, who: str, now_s: int) -> None:
    """Take a sender off the list."""
    if not store.change("cap_senders", (sender,), {"state": "closed"}):
        raise _refuse("sender", f"{sender!r} is not listed", "Look at the list.")
    audit.append(store, now_s, who, "cap.sender.close", sender)


def add_source(
    store: Store, source: str, kind: str, name: str, url: str | None, who: str, now_s: int
) -> str | None:
    """Add a feed or a token holder; return the new token, which is not kept."""
    if not _NAME.fullmatch(source):
        raise _refuse("source", f"{source!r} is no id", "Use a-z, 0-9, dash.")
    if store.count("cap_sources") >= SOURCES_MAX:
        raise _refuse("source", "too many sources", "Close those that are not used.")
    token = None
    if kind == "feed":
        _check_url(url or "")
    else:
        token = secrets.token_urlsafe(32)
    row = {
        "source": source,
        "kind": kind,
        "name": fleet.title(name or source, "name"),
        "url": url if kind == "feed" else None,
        "token_hash": digest(token) if token else None,
        "state": "active",
        "since_s": now_s,
    }
    try:
        store.add("cap_sources", row)
    except Conflict:
        raise _refuse("source", f"{source} is there already", "Use it, or another id.") from None
    audit.append(store, now_s, who, "cap.source.add", source, kind=kind, url=url)
    return token


def close_source(store: Store, source: str, who: str, now_s: int) -> None:
    """Hear nothing from a source any more."""
    if not store.change("cap_sources", (source,), {"state": "closed", "token_hash": None}):
        raise _refuse("source", f"no source {source}", "Look at the list.")
    audit.append(store, now_s, who, "cap.source.close", source)


def of_token(store: Store, token: str) -> Row | None:
    """Return the active source that holds a token."""
    rows = store.find("cap_sources", {"token_hash": digest(token), "state": "active"}, limit=1)
    return rows[0] if rows else None


def digest(token: str) -> str:
    """Return what is kept of a token: 256 bits of chance need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _check_url(url: str) -> None:
    """Refuse an address on which anybody between could write alerts."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise _refuse("url", f"{url!r} is no address", "Give https://…") from None
    if not host or (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host))):
        raise _refuse(
            "url", f"{url!r} can be changed on its way", "Give https://, or this machine's http://."
        )
