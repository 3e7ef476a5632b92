"""The tree of units: its page, and the import of a dated tree with a preview before it is done."""

import asyncio
import re
from typing import Any

from aiohttp import web

from hub import access, fleet, form, roles, unit_files, unit_plan, variants
from hub.answers import not_found
from hub.folding import fold
from hub.pages import page, page_with
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.words import LANGUAGES
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import UNITS_FILE_BYTES_MAX
from protocols.limits import SERVICE_NAME_BYTES_MAX

UNIT = r"{unit:[a-z0-9]{1,8}\.[a-z0-9]{1,16}}"
_IMPORT = "/units/import"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _tree(store: Store, services: Services, who: Reader, text: str) -> dict[str, Any]:
    """Return the units a reader sees, in tree order; with words only those that fit them."""
    units = access.units_today(store, services)
    seen, words = who.reach(roles.VIEW, units), fold(text).split()
    order = sorted(seen, key=lambda one: [*reversed(fleet.ancestors(units, one)), one])
    today = services.today()
    found = []
    for unit in order:
        row = units[unit]
        known = fold(f"{row['name']} {row['code'] or ''} {unit}")
        if not all(word in known for word in words):
            continue
        depth = 0 if words else sum(1 for one in fleet.ancestors(units, unit) if one in seen)
        found.append({**row, "depth": depth, "is_ended": _is_ended(row, today)})
    return {"rows": found, "text": text, "mayarrange": who.everywhere(roles.ARRANGE)}


def _is_ended(row: Row, today: str) -> bool:
    return row["valid_to"] is not None and row["valid_to"] <= today


async def show_tree(request: web.Request) -> web.Response:
    """Show the tree of today, or what fits the words of a search."""
    services, who = request.app[SERVICES], access.reader(request)
    text = " ".join(request.query.get("q", "")[:SERVICE_NAME_BYTES_MAX].split())
    return page(
        request,
        "units.html",
        **await services.ledger.read(lambda s: _tree(s, services, who, text)),
    )


# One unit


def _unit(store: Store, services: Services, who: Reader, unit: str) -> dict[str, Any]:
    history = store.find("units", {"unit": unit}, order=["valid_from"])
    if not history:
        raise not_found()
    units = access.units_today(store, services)
    names = {row["unit"]: row["name"] for row in store.find("units", order=["valid_from"])}
    came = {row["unit"] for row in store.find("units", {"successor": unit})}
    held = store.find("grants", {"unit": unit, "ended_s": 0}, order=["role"])
    staff = [(row["role"], found["name"]) for row in held if (found := _account(store, row))]
    below = fleet.subtree(units, unit) or [unit]
    return {
        "unit": {**history[-1], **units.get(unit, {})},
        "history": history,
        "names": names,
        "came": sorted(came),
        "staff": staff,
        "approvers": store.find("approvers", {"unit": unit, "state": "active"}),
        "nodes": store.count("nodes", {"unit": below, "state": "enrolled"}),
        "hamlets": store.find("hamlets", {"unit": unit}, order=["name"]),
        "orders": variants.orders(store, unit),
        "mayarrange": who.allows(roles.ARRANGE, units, unit),
        "mayregister": who.allows(roles.REGISTER, units, unit),
    }


def _account(store: Store, grant: Row) -> Row | None:
    row = store.get("accounts", grant["account"])
    return row if row and row["state"] == "active" else None


async def _unit_page(
    request: web.Request, fault: Fault | None = None, typed: dict[str, str] | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    unit = request.match_info["unit"]
    values = await services.ledger.read(lambda s: _unit(s, services, who, unit))
    blank = dict.fromkeys(unit_files.HAMLET_COLUMNS, "")
    return page_with(
        request,
        "unit.html",
        fault,
        languages=LANGUAGES,
        typed={**blank, **(typed or {})},
        **values,
    )


async def show_unit(request: web.Request) -> web.Response:
    """Show a unit: names and codes by date, who took over, hamlets, staff, approvers."""
    return await _unit_page(request)


async def put_hamlet(request: web.Request) -> web.Response:
    """Add a hamlet, change its name, people and point, or remove one that nothing names."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    unit = request.match_info["unit"]
    typed = {name: sent.one(name) for name in unit_files.HAMLET_COLUMNS} | {"unit": unit}

    def decide(store: Store) -> None:
        if not store.find("units", {"unit": unit}, limit=1):
            raise not_found()
        if row is None:
            fleet.remove_hamlet(store, unit, typed["hamlet"], who.account, now_s)
        else:
            unit_plan.put_hamlet(store, row, who.account, now_s)

    is_removed = sent.one("verb") == "remove"
    try:
        row = None if is_removed else unit_files.hamlet(typed)
        await services.ledger.write(decide)
    except RemoteFault as fault:
        if fault.code == "http.not_found":
            raise
        return await _unit_page(request, fault, None if is_removed else typed)
    raise web.HTTPSeeOther(f"/units/{unit}#hamlets")


async def put_languages(request: web.Request) -> web.Response:
    """Note which languages the unit, or a hamlet of it, asks for, in order."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s, unit = await form.read(request), services.now_s(), request.match_info["unit"]
    asked = [one for one in sent.all("language") if one]

    def decide(store: Store) -> None:
        if not store.find("units", {"unit": unit}, limit=1):
            raise not_found()
        variants.ask(store, unit, sent.one("hamlet"), asked, who.account, now_s)

    try:
        await services.ledger.write(decide)
    except RemoteFault as fault:
        return await _unit_page(request, fault)
    raise web.HTTPSeeOther(f"/units/{unit}#languages")


# Import


async def _import_page(
    request: web.Request, fault: Fault | None = None, **values: Any
) -> web.Response:
    place = (fault.line, fault.field) if isinstance(fault, unit_files.Wrong) else None
    shown = {"plan": None, "file": "", "digest": "", "done": None, **values}
    return page_with(request, "unit_import.html", fault, place=place, **shown)


async def show_import(request: web.Request) -> web.Response:
    """Show how to bring a file of units or hamlets."""
    return await _import_page(request)


async def take_file(request: web.Request) -> web.Response:
    """Show what a file would change; with `digest`, the plan that was shown, do it."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request, services.blobs), services.now_s()
    file, digest = sent.upload or sent.one("file"), sent.one("digest")
    try:
        given = unit_files.read(await asyncio.to_thread(_bytes, services, file))
        wanted = await services.ledger.read(lambda s: unit_plan.plan(s, given))
        if not digest:
            return await _import_page(request, plan=wanted, file=file, digest=wanted.digest())
        done = await services.ledger.write(
            lambda s: _carry_out(s, given, digest, who.account, now_s)
        )
    except unit_files.Wrong as fault:
        return await _import_page(request, fault)
    except RemoteFault as fault:
        if fault.code != "units.changed":
            raise
        return await _import_page(request, fault, plan=wanted, file=file, digest=wanted.digest())
    return await _import_page(request, done=done.counts())


def _carry_out(
    store: Store, given: unit_files.Read, digest: str, who: str, now_s: int
) -> unit_plan.Plan:
    wanted = unit_plan.plan(store, given)
    if wanted.digest() != digest:
        raise RemoteFault("units.changed", "the plan is another by now", "Look at it again.")
    unit_plan.apply(store, wanted, who, now_s)
    return wanted


def _bytes(services: Services, sha256: str) -> bytes:
    if not _SHA256.fullmatch(sha256) or not services.blobs.bring(sha256):
        raise unit_files.Wrong("file", 0, "", "no file came")
    with services.blobs.path(sha256).open("rb") as file:
        return file.read(UNITS_FILE_BYTES_MAX + 1)


ROUTES = [
    web.get("/units", show_tree),
    web.get(_IMPORT, show_import),
    web.post(_IMPORT, take_file),
    web.get(f"/units/{UNIT}", show_unit),
    web.post(f"/units/{UNIT}/hamlets", put_hamlet),
    web.post(f"/units/{UNIT}/languages", put_languages),
]
