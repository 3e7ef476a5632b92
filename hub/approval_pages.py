"""What waits for a signature: sign many with one passphrase, or return one with a comment."""

import json
from typing import Any

from aiohttp import web

from hub import (
    access,
    audit,
    bulletins,
    fault_texts,
    form,
    frame,
    organisations,
    roles,
    topics,
    variants,
)
from hub.pages import page_with
from hub.publishing import Signature
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import chosen
from protocols.errors import Fault, RemoteFault

NAME = r"{bulletin:b[0-9a-f]{12}}"
COMMENT_LETTERS_MAX = 1000
# A commune's day has a dozen bulletins; more than this is no list that anybody hears through.
SHOWN_MAX = 200


def returned_because(store: Store, bulletin: str) -> str:
    """Return the comment with which a bulletin was returned last; it stands in the audit log."""
    where = {"action": "bulletin.return", "subject": bulletin}
    rows = store.find("audit", where, descending=True, limit=1)
    return str(json.loads(rows[0]["detail_json"])["comment"]) if rows else ""


def _waiting(store: Store, services: Services, who: roles.Reader) -> dict[str, Any]:
    units = access.units_today(store, services)
    mine = who.reach(roles.APPROVE, units)
    where = {"unit": sorted(mine), "state": [bulletins.READY, bulletins.APPROVED]}
    rows = store.find("bulletins", where, order=["changed_s"], limit=SHOWN_MAX)
    found = [bulletins.current(store, row["bulletin"]) for row in rows]
    found = [row for row in found if row["state"] == bulletins.READY or _lacks(store, row)]
    return {
        "rows": [{**row, "unit_name": units[row["unit"]]["name"]} for row in found],
        "topics": topics.names(store),
        "suppliers": {
            row["bulletin"]: organisations.name_of(store, row["supplier"]) for row in found
        },
        "lacking": {row["bulletin"]: variants.lacking(store, units, row) for row in found},
        "changes": frame.waiting(store, sorted(mine)),
        "unit_names": {unit: row["name"] for unit, row in units.items()},
        "approvers": store.find("approvers", {"unit": sorted(mine), "state": "active"}),
    }


def _lacks(store: Store, row: Row) -> bool:
    where = {"bulletin": row["bulletin"], "state": "approved"}
    return any(one["missing"] for one in store.find("publications", where))


async def _page(
    request: web.Request, fault: Fault | None = None, results: list[dict[str, Any]] | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    values = await services.ledger.read(lambda s: _waiting(s, services, who))
    return page_with(request, "approvals.html", fault, results=results or [], **values)


async def show(request: web.Request) -> web.Response:
    """List what waits for a signature."""
    return await _page(request)


async def sign(request: web.Request) -> web.Response:
    """Sign every chosen bulletin with one passphrase; each is told its own result."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    try:
        row = await services.ledger.read(lambda s: s.get("approvers", sent.one("approver")))
        if row is not None:
            own = row["unit"]
            await services.ledger.read(
                lambda s: access.require(s, services, who, roles.APPROVE, own)
            )
        if not sent.all("bulletin"):
            raise RemoteFault("approval.none", "no bulletin is chosen", "Choose some.")
        signature = await services.opener.open(row, sent.one("passphrase"))
    except Fault as fault:
        if fault.code == "access.denied":
            raise
        return await _page(request, fault)
    results = []
    for one in sent.all("bulletin")[:SHOWN_MAX]:
        results.append(await _sign_one(request, one, own, signature))
    return await _page(request, results=results)


async def _sign_one(
    request: web.Request, heard: str, unit: str, signature: Signature
) -> dict[str, Any]:
    """Sign one `<bulletin>.<version>` of a unit, unless it has changed since the list was shown."""
    services, name = request.app[SERVICES], heard.partition(".")[0]
    title = name
    try:
        row = await services.ledger.read(lambda s: bulletins.current(s, name))
        if row["unit"] != unit:
            raise RemoteFault("approval.approver", "another unit's", "Choose who approves.")
        title = row["title"]
        if f"{name}.{row['version']}" != heard or row["class"] == "emergency":
            raise RemoteFault("bulletin.state", "it has changed", "Load the page again and look.")
        outcome = await services.publisher.approve(name, [signature], heard=row["version"])
    except Fault as fault:
        return {"title": title, "fault": fault_texts.explain(fault, chosen(request)), "missing": 0}
    return {"title": title, "fault": None, "missing": outcome.missing}


async def give_back(request: web.Request) -> web.Response:
    """Return a bulletin to its author with a comment."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    sent = await form.read(request)
    comment, who = sent.one("comment").strip()[:COMMENT_LETTERS_MAX], access.reader(request).account
    if not comment:
        raise RemoteFault("approval.comment", "no comment", "Say what is to be changed.")

    def decide(store: Store) -> None:
        now_s = services.now_s()
        row = bulletins.move(store, name, "return", now_s)
        version = row["version"]
        bulletins.check_version(row, sent.number("version", -1))
        audit.append(store, now_s, who, "bulletin.return", name, comment=comment, version=version)

    await services.ledger.write(decide)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


ROUTES = [
    web.get("/approvals", show),
    web.post("/approvals", sign),
    web.post(f"/bulletins/{NAME}/return", give_back),
]
