"""The province's page: how far behind it is, what it refused, what nobody knows or is sure of."""

import json
from typing import Any

from aiohttp import web

from hub import access, facts, form
from hub.mirror import outbox, peers
from hub.mirror.service import Mirror
from hub.pages import page
from hub.services import SERVICES, Services
from hub.store import Row, Store
from protocols.errors import Fault, RemoteFault

# What one page shows of each list, newest first.
LETTERS_MAX = 50
GAPS_MAX = 50
LETTER = r"/mirror/{peer:[a-z0-9][a-z0-9-]{0,39}}/letters/{letter:[0-9]{1,18}}"


def _shown(store: Store, now_ms: int) -> dict[str, Any]:
    """Return every peer with its figures and dead letters, and the gaps not yet filled."""
    found = peers.listed(store, now_ms)
    for peer in found:
        where = {"peer": peer["peer"], "state": "dead"}
        rows = store.find("outbox", where, order=["rank"], limit=LETTERS_MAX)
        peer["pull"] = facts.get(store, f"pull.{peer['peer']}")
        peer["letters"] = [{**row, "body": _pretty(row["body_json"])} for row in rows]
    where = {"state": ["open", "returning", "lost"]}
    gaps = store.find("gaps", where, order=["from_ms"], descending=True, limit=GAPS_MAX)
    names = {row["node"]: store.get("nodes", row["node"]) for row in gaps}
    for row in gaps:
        row["name"] = (names[row["node"]] or {}).get("name", row["node"])
    return {"peers": found, "gaps": gaps, "more_gaps": store.count("gaps", where) - len(gaps)}


def _pretty(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, indent=1)


async def _doubts(services: Services, row: Row) -> list[Any]:
    """Return what a peer's connector has inferred; nothing where its settings do not do."""
    try:
        connector = Mirror(services).connector(row)
    except (Fault, KeyError):
        return []
    found = connector.doubts()
    await connector.close()
    return found


async def show_mirror(request: web.Request) -> web.Response:
    """Show how far each province is behind, and what waits for a person."""
    services = request.app[SERVICES]
    values = await services.ledger.read(lambda s: _shown(s, services.config.now_ms()))
    for peer in values["peers"]:
        peer["doubts"] = await _doubts(services, peer)
    return page(request, "mirror.html", **values)


async def resend(request: web.Request) -> web.Response:
    """Send a letter that was put aside once more, corrected where its text was changed."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    peer, number = request.match_info["peer"], int(request.match_info["letter"])
    body = read_letter(sent.one("body")) if sent.one("body").strip() else None
    now_ms = services.config.now_ms()
    await services.ledger.write(lambda s: outbox.resend(s, peer, number, body, who.account, now_ms))
    raise web.HTTPSeeOther("/mirror")


def read_letter(text: str) -> dict[str, Any]:
    """Return a corrected letter; raises `RemoteFault("mirror.body")`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise RemoteFault("mirror.body", "the letter is no JSON object", "Look at the signs.")
    return value


ROUTES = [web.get("/mirror", show_mirror), web.post(LETTER, resend)]
