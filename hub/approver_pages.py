"""The registrar's page of a unit: who signs for it, who comes, who leaves."""

from typing import Any

from aiohttp import web

from hub import access, approvers, fault_texts, form, founding, staffing
from hub.answers import not_found, status_of
from hub.approvers import NewApprover
from hub.pages import page
from hub.services import SERVICES
from hub.store import Row, Store
from hub.translations import chosen
from hub.unit_pages import UNIT
from protocols.errors import Fault, RemoteFault

PATH = f"/units/{UNIT}/approvers"


async def _page(request: web.Request, fault: Fault | None = None, **more: Any) -> web.Response:
    services, unit = request.app[SERVICES], request.match_info["unit"]

    def ask(store: Store) -> tuple[list[Row], Row | None]:
        rows = store.find("approvers", {"unit": unit}, order=["state", "name"])
        return rows, access.units_today(store, services).get(unit)

    rows, row = await services.ledger.read(ask)
    if row is None:
        raise not_found()
    status = status_of(fault) if fault and fault.whose != "local" else 422 if fault else 200
    given: dict[str, Any] = {"sheet": None, "lost": [], "typed": {"approver": "", "name": ""}}
    return page(
        request,
        "approvers.html",
        status=status,
        fault=fault_texts.explain(fault, chosen(request)) if fault else None,
        unit=row,
        active=[one for one in rows if one["state"] == "active"],
        left=[one for one in rows if one["state"] == "left"],
        threshold=staffing.threshold(services, unit),
        **{**given, **more},
    )


async def show(request: web.Request) -> web.Response:
    """Show who signs for a unit."""
    return await _page(request)


async def hire(request: web.Request) -> web.Response:
    """Let somebody sign for the unit; the passphrase is shown once, to be printed."""
    sent = await form.read(request)
    typed = {name: sent.one(name).strip() for name in ("approver", "name")}
    unit, opener = request.match_info["unit"], request.app[SERVICES].opener
    try:
        fresh = await opener.few(approvers.generate, typed["approver"], unit, typed["name"])
        lost = await _carry_out(request, sent, fresh, "")
    except Fault as fault:
        return await _page(request, fault, typed=typed)
    return await _page(request, sheet=fresh, lost=lost)


async def leave(request: web.Request) -> web.Response:
    """Take somebody's right to sign; somebody who stays may sign the programme again."""
    sent = await form.read(request)
    try:
        if not sent.one("leaves"):
            raise RemoteFault("approver.gone", "nobody is chosen", "Choose who leaves.")
        lost = await _carry_out(request, sent, None, sent.one("leaves"))
    except Fault as fault:
        return await _page(request, fault)
    return await _page(request, lost=lost)


async def _carry_out(
    request: web.Request, sent: form.Form, comes: NewApprover | None, leaves: str
) -> list[str]:
    services, who = request.app[SERVICES], access.reader(request).account
    unit, passphrase = request.match_info["unit"], sent.one("registrar").strip()
    registrar = await services.opener.few(founding.open_registrar, services.config, passphrase)
    stays = None
    if sent.one("approver_stays"):
        row = await services.ledger.read(lambda s: s.get("approvers", sent.one("approver_stays")))
        if row is not None and (row["unit"] != unit or row["approver"] == leaves):
            row = None
        opened = await services.opener.open(row, sent.one("passphrase").strip())
        stays = opened.signer
    change = staffing.Change(unit, sent.number("threshold", 1), comes, leaves)
    return await staffing.carry_out(services, change, registrar, stays, who)


ROUTES = [web.get(PATH, show), web.post(PATH, hire), web.post(PATH + "/leave", leave)]
