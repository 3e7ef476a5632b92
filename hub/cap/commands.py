"""What `chieng-hub cap` does: bring a file, list senders, add and close sources."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import Any

from hub.cap import arriving, senders
from hub.services import Services
from hub.store import Row, Store
from protocols.errors import LocalFault, RemoteFault
from protocols.hub_limits import CAP_BYTES_MAX

WHO = "command line"
_SHOWN = ("message", "sender", "identifier", "kind", "class", "drill", "title", "trust", "state",
          "why", "places_json")  # fmt: skip


async def cap(services: Services, chosen: Namespace) -> object:
    """Do what one `chieng-hub cap` asks for."""
    if chosen.verb == "list":
        return await services.ledger.read(_listed)
    if chosen.what is None:
        raise LocalFault("cap.words", "what?", f"Name it: chieng-hub cap {chosen.verb} …")
    if chosen.verb == "import":
        data = await asyncio.to_thread(_read, Path(chosen.what))
        row, is_new = await arriving.arrive(services, data, "file", None, WHO)
        return {**{name: row[name] for name in _SHOWN}, "new": is_new}
    now_s = services.now_s()
    return await services.ledger.write(lambda s: _change(s, chosen, now_s))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(CAP_BYTES_MAX + 1)
    if len(data) > CAP_BYTES_MAX:
        raise RemoteFault("cap.size", f"more than {CAP_BYTES_MAX} bytes", "Ask for a shorter file.")
    return data


def _change(store: Store, chosen: Namespace, now_s: int) -> object:
    what, name = chosen.what, chosen.name or ""
    if chosen.verb == "sender":
        senders.list_sender(store, what, name, chosen.source, WHO, now_s)
        return {"sender": what, "source": chosen.source}
    if chosen.verb == "unlist":
        senders.close_sender(store, what, WHO, now_s)
        return {"sender": what, "state": "closed"}
    if chosen.verb == "close":
        senders.close_source(store, what, WHO, now_s)
        return {"source": what, "state": "closed"}
    kind = "feed" if chosen.url else "push"
    token = senders.add_source(store, what, kind, name, chosen.url, WHO, now_s)
    # Shown once; only its hash is kept.
    return {"source": what, "kind": kind, **({"token": token} if token else {})}


def _listed(store: Store) -> dict[str, list[Row]]:
    rows = store.find("cap_messages", order=["received_s"], descending=True, limit=50)
    hidden = ("token_hash",)
    return {
        "sources": [
            {name: value for name, value in row.items() if name not in hidden}
            for row in store.find("cap_sources")
        ],
        "senders": store.find("cap_senders"),
        "messages": [{name: row[name] for name in _SHOWN} for row in rows],
    }


def add_arguments(command: Any) -> None:
    """Add the words of `chieng-hub cap`."""
    command.add_argument("verb", choices=("import", "list", "sender", "unlist", "source", "close"))
    command.add_argument("what", nargs="?", metavar="WHAT", help="a file, a sender, or a source")
    command.add_argument("--name", help="of the sender or source, for people")
    command.add_argument("--source", metavar="ID", help="the source on which a sender's come")
    command.add_argument("--url", help="a feed's address; without one a source gets a token")
