"""Installations: tickets handed out, what technicians bring home, and who a node is to the hub."""

import base64
import io
from typing import Any

import segno
from aiohttp import web

from hub import (
    access,
    enrolments,
    form,
    homecoming,
    installations,
    issuing,
    roles,
    tickets,
)
from hub.answers import not_found
from hub.homecoming import Outcome
from hub.pages import page, page_with
from hub.services import SERVICES, Services
from hub.store import Row, Store
from protocols import enrolment
from protocols.errors import Fault, RemoteFault
from protocols.limits import HUBS_MAX
from protocols.paper import Paper

_HERE = "/installations"
_TICKET = _HERE + "/tickets/{ticket:[a-z0-9-]{1,64}}"
_SHEET = _HERE + "/enrolments/{enrolment:[0-9a-f]{64}}"
_NODE = _HERE + "/nodes/{node:[a-z0-9][a-z0-9-]{0,63}}"
DAYS, COUNT = 30, 1


def _shown(store: Store, services: Services, who: roles.Reader) -> dict[str, Any]:
    units = access.units_today(store, services)
    found = installations.shown(store, who.bounds(roles.INSPECT, units), services.now_s())
    found["unit_names"] = {row["unit"]: row["name"] for row in store.find("units")}
    found["administered"] = who.reach(roles.ADMINISTER, units)
    found["offered"] = sorted(found["administered"], key=lambda unit: str(units[unit]["name"]))
    return found


async def _page(
    request: web.Request, fault: Fault | None = None, outcomes: list[Outcome] | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    values = await services.ledger.read(lambda s: _shown(s, services, who))
    config = services.config
    name = config.public_name or request.host
    address = f"{'https' if config.public_name else request.scheme}://{name}"
    return page_with(
        request, "installations.html", fault, outcomes=outcomes or [],
        address=address, days=DAYS, count=COUNT, **values,
    )  # fmt: skip


async def show(request: web.Request) -> web.Response:
    """Show tickets, enrolments and the nodes that wait for a person."""
    return await _page(request)


# Tickets and kits


async def issue(request: web.Request) -> web.Response:
    """Issue a ticket and show it."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    unit = sent.one("unit")
    await services.ledger.read(lambda s: access.require(s, services, who, roles.ADMINISTER, unit))
    count, days = sent.number("count", COUNT), sent.number("days", DAYS)
    try:
        made = await issuing.issue_ticket(services, unit, count, days, who.account)
    except Fault as fault:
        return await _page(request, fault)
    raise web.HTTPSeeOther(f"{_HERE}/tickets/{made.body.value('id')}")


async def _ticket(request: web.Request) -> Row:
    services, name = request.app[SERVICES], request.match_info["ticket"]
    row = await services.ledger.read(lambda s: installations.ticket(s, name, services.now_s()))
    if row is None:
        raise not_found()
    return row


async def show_ticket(request: web.Request) -> web.Response:
    """Show one ticket with its picture to scan."""
    services, who = request.app[SERVICES], access.reader(request)
    row = await _ticket(request)

    def ask(store: Store) -> tuple[str, bool]:
        units = access.units_today(store, services)
        rows = store.find("units", {"unit": row["unit"]})
        return rows[-1]["name"], who.allows(roles.ADMINISTER, units, row["unit"])

    unit_name, may_withdraw = await services.ledger.read(ask)
    picture = _picture(row["paper"].decode())
    return page(
        request, "ticket.html", ticket=row, picture=picture, unit_name=unit_name,
        may_withdraw=may_withdraw,
    )  # fmt: skip


def _picture(text: str) -> str:
    """Return a QR code as a `data:` address."""
    out = io.BytesIO()
    segno.make(text, error="l", micro=False).save(out, kind="svg", scale=3, border=4, light="#fff")
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


def _file(data: bytes, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=data, content_type="application/json", headers=headers)


async def send_ticket(request: web.Request) -> web.Response:
    """Send a ticket as a file."""
    row = await _ticket(request)
    return _file(row["paper"], f"{row['ticket']}.ticket.json")


async def withdraw(request: web.Request) -> web.Response:
    """Let no further node join by a ticket."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = request.match_info["ticket"], services.now_s()
    await services.ledger.write(lambda s: tickets.withdraw(s, name, who.account, now_s))
    raise web.HTTPSeeOther(f"{_HERE}/tickets/{name}")


async def send_kit(request: web.Request) -> web.Response:
    """Send what a technician takes along: units, the root, and the tickets he may use."""
    services, who = request.app[SERVICES], access.reader(request)
    hubs = request.query.get("hub", "").split()
    if not 1 <= len(hubs) <= HUBS_MAX or not all(one.startswith("http") for one in hubs):
        return await _page(request, RemoteFault("visit.hub", "no address of a hub", "Name one."))

    def ask(store: Store) -> list[Paper]:
        seen = who.bounds(roles.SERVICE, access.units_today(store, services))
        return installations.open_papers(store, seen, services.now_s())

    papers = await services.ledger.read(ask)
    return _file(await issuing.make_kit(services, hubs, papers), "chieng-kit.json")


# What comes home


async def bring(request: web.Request) -> web.Response:
    """Take enrolments and records that a person brings, each judged by itself."""
    services, who = request.app[SERVICES], access.reader(request)
    files = await form.read_files(request, "files", homecoming.FILES_MAX, homecoming.FILE_BYTES_MAX)
    brought, outcomes = homecoming.sort(files)

    def check(store: Store) -> None:
        units = access.units_today(store, services)
        for one in brought:
            node = store.get("nodes", one.node)
            unit = one.unit or (node["unit"] if node else None)
            if unit is not None and not who.allows(roles.SERVICE, units, unit):
                raise access.refused()

    await services.ledger.read(check)
    for one in brought:
        outcomes.append(await homecoming.take(services, one))
    nothing = RemoteFault("visit.nothing", "no file was chosen", "Choose files.")
    return await _page(request, None if files else nothing, outcomes)


# Sheets, and who a node is


async def show_sheet(request: web.Request) -> web.Response:
    """Show an acceptance sheet."""
    services, digest = request.app[SERVICES], request.match_info["enrolment"]
    found = await services.ledger.read(lambda s: installations.sheet(s, digest))
    if found is None:
        raise not_found()
    row, said = found
    spoken = enrolment.spoken(said.public_key)
    names = await services.ledger.read(
        lambda s: {one["unit"]: one["name"] for one in s.find("units", {"unit": said.unit})}
    )
    return page(
        request, "sheet.html", row=row, said=said, spoken=spoken,
        unit_name=names.get(said.unit, said.unit),
    )  # fmt: skip


async def send_sheet(request: web.Request) -> web.Response:
    """Send the paper that the node signed; `chieng-tool verify-sheet` reads it."""
    services, digest = request.app[SERVICES], request.match_info["enrolment"]
    row = await services.ledger.read(lambda s: s.get("enrolments", digest))
    if row is None:
        raise not_found()
    return _file(row["paper"], f"{row['node']}.enrolment.json")


async def confirm(request: web.Request) -> web.Response:
    """Let a node out of quarantine."""
    services, who = request.app[SERVICES], access.reader(request)
    node, now_s = request.match_info["node"], services.now_s()
    try:
        await services.ledger.write(lambda s: enrolments.confirm(s, node, who.account, now_s))
    except Fault as fault:
        return await _page(request, fault)
    raise web.HTTPSeeOther(_HERE)


async def revoke(request: web.Request) -> web.Response:
    """Refuse a node from now on, and silence it by its own settings."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, node = await form.read(request), request.match_info["node"]
    row = await services.ledger.read(lambda s: s.get("nodes", node))
    if row is None:
        raise not_found()
    if sent.one("node").strip() != node:
        fault = RemoteFault("visit.node_name", "the node's id was not repeated", "Type it again.")
        return await _page(request, fault)
    try:
        await issuing.revoke(services, node, who.account)
    except Fault as fault:
        return await _page(request, fault)
    raise web.HTTPSeeOther(_HERE)


ROUTES = [
    web.get(_HERE, show),
    web.post(_HERE + "/tickets", issue),
    web.get(_TICKET, show_ticket),
    web.get(_TICKET + "/file", send_ticket),
    web.post(_TICKET + "/withdraw", withdraw),
    web.get(_HERE + "/kit", send_kit),
    web.post(_HERE + "/files", bring),
    web.get(_SHEET, show_sheet),
    web.get(_SHEET + "/file", send_sheet),
    web.post(_NODE + "/confirm", confirm),
    web.post(_NODE + "/revoke", revoke),
]
