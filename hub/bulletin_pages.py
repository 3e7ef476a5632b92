"""The pages of a bulletin: hear it, approve it, follow it, take it back."""

from typing import Any

from aiohttp import web

from hub import (
    access,
    approvers,
    bulletin_list,
    bulletins,
    calendar,
    form,
    organisations,
    overview,
    programme,
    roles,
    topics,
    variants,
)
from hub.answers import not_found
from hub.approval_pages import returned_because
from hub.pages import PROGRAMMES, page, page_with, part
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store
from protocols.errors import Fault

NAME = r"{bulletin:b[0-9a-f]{12}}"


async def show_list(request: web.Request) -> web.Response:
    """Show the bulletins that the address asks for."""
    services, who = request.app[SERVICES], access.reader(request)
    asked = bulletin_list.read(request.query)
    clock = bulletin_list.Clock(services.now_s(), services.config.utc_offset_min)

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        seen = who.bounds(roles.VIEW, units)
        return bulletin_list.page(store, asked, clock, units, seen)

    return page(request, "bulletins.html", **await services.ledger.read(ask))


async def _row(request: web.Request) -> Row:
    name = request.match_info["bulletin"]
    return await request.app[SERVICES].ledger.read(lambda s: bulletins.current(s, name))


def _shown(store: Store, services: Services, bulletin: str, who: Reader) -> dict[str, Any]:
    row, config = bulletins.current(store, bulletin), services.config
    units = access.units_today(store, services)
    hamlets = [store.get("hamlets", row["unit"], name) for name in row["hamlets"]]
    waiting = store.find("publications", {"bulletin": bulletin, "state": "approved"}, limit=1)
    return {
        "row": row,
        "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
        "topic_name": topics.names(store).get(row["topic"], row["topic"]),
        "lacking": variants.lacking(store, units, row),
        "unwritten": variants.unwritten(store, units, row) if row["frames"] else [],
        "hamlet_names": [hamlet["name"] for hamlet in hamlets if hamlet],
        "approvers": approvers.active(store, row["unit"]),
        "may_write": organisations.writable(who, units, row),
        "supplier": organisations.name_of(store, row["supplier"]),
        "may_approve": who.allows(roles.APPROVE, units, row["unit"]),
        "missing": waiting[0]["missing"] if waiting else 0,
        "comment": returned_because(store, bulletin)
        if row["state"] in (bulletins.RETURNED, bulletins.READY)
        else "",
        "quiet": programme.quiet_hours(
            store, row, services.now_s(), config.start_lead_s, config.utc_offset_min
        ),
        **overview.reach(store, row),
    }


def _conflicts(store: Store, request: web.Request, row: Row) -> list[calendar.Conflict]:
    """Return what the bulletin would miss or displace; nothing where that cannot be told."""
    services, config = request.app[SERVICES], request.app[SERVICES].config
    hamlet = row["hamlets"][0] if row["hamlets"] else ""
    where = calendar.Where(access.units_today(store, services), row["unit"], hamlet)
    timed = (services.now_s(), config.start_lead_s, config.utc_offset_min)
    try:
        return calendar.conflicts(store, request.app[PROGRAMMES], where, row, *timed)
    except Fault:
        return []


async def _bulletin_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    who = access.reader(request)

    def ask(store: Store) -> dict[str, Any]:
        shown = _shown(store, services, name, who)
        return {**shown, "conflicts": _conflicts(store, request, shown["row"])}

    values = await services.ledger.read(ask)
    return page_with(request, "bulletin.html", fault, **values)


async def show(request: web.Request) -> web.Response:
    """Show one bulletin."""
    return await _bulletin_page(request)


async def show_part(request: web.Request) -> web.Response:
    """Show what changes on a bulletin's page; a new state asks for the whole page."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    who = access.reader(request)
    values = await services.ledger.read(lambda s: _shown(s, services, name, who))
    response = part(request, "bulletin_part.html", **values)
    response.headers["X-Reload"] = "1"
    response.headers["X-State"] = values["row"]["state"]
    return response


async def _sign(request: web.Request, action: str) -> web.Response:
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    sent = await form.read(request)
    try:
        approver = sent.one("approver")
        row = await services.ledger.read(lambda s: s.get("approvers", approver))
        signature = await services.opener.open(row, sent.one("passphrase"))
        await services.publisher.approve(name, [signature], action, sent.version())
    except Fault as fault:
        return await _bulletin_page(request, fault)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


async def approve(request: web.Request) -> web.Response:
    """Sign and publish."""
    return await _sign(request, "publish")


async def recall(request: web.Request) -> web.Response:
    """Sign and take off the air."""
    return await _sign(request, "recall")


async def withdraw(request: web.Request) -> web.Response:
    """Take back a bulletin that nobody approved."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    now_s, who = services.now_s(), access.reader(request)

    def decide(store: Store) -> None:
        units = access.units_today(store, services)
        if not organisations.writable(who, units, bulletins.current(store, name)):
            raise access.refused()
        bulletins.withdraw(store, name, who.account, now_s)

    try:
        await services.ledger.write(decide)
    except Fault as fault:
        return await _bulletin_page(request, fault)
    raise web.HTTPSeeOther("/")


async def rendition(request: web.Request) -> web.StreamResponse:
    """Play the very bytes that nodes fetch."""
    row = await _row(request)
    tongue = request.query.get("language", "")
    files = row["renditions"]
    for variant in row["variants"]:
        if variant["language"] == tongue:
            files = variant["renditions"]
    for one in files:
        if one["profile"] == request.match_info["profile"]:
            media_type = str(one["media_type"]).split(";", maxsplit=1)[0]
            return await _blob(request, one["sha256"], media_type)
    raise not_found()


async def frame(request: web.Request) -> web.StreamResponse:
    """Show the very picture that boards fetch."""
    row = await _row(request)
    number = int(request.match_info["number"])
    for size in row["frames"]:
        found = bulletins.frames(size)
        if size["profile"] == request.match_info["profile"] and number < len(found):
            return await _blob(request, found[number]["sha256"], "image/png")
    raise not_found()


async def _blob(request: web.Request, sha256: str, media_type: str) -> web.FileResponse:
    headers = {"Content-Type": media_type, "Cache-Control": "private, no-cache"}
    path = await request.app[SERVICES].blobs.fetched(sha256)
    return web.FileResponse(path, headers=headers)


ROUTES = [
    web.get("/bulletins", show_list),
    web.get(f"/bulletins/{NAME}", show),
    web.post(f"/bulletins/{NAME}/approve", approve),
    web.post(f"/bulletins/{NAME}/recall", recall),
    web.post(f"/bulletins/{NAME}/withdraw", withdraw),
    web.get(f"/bulletins/{NAME}/renditions/{{profile}}", rendition),
    web.get(f"/bulletins/{NAME}/frames/{{profile}}/{{number:[0-9]{{1,3}}}}", frame),
    web.get(f"/parts/bulletins/{NAME}", show_part),
]
