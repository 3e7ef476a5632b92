"""Organisations: their list, with what a registrar changes, and the report of who supplied what."""

from typing import Any

from aiohttp import web

from hub import access, fleet, form, organisations, reports, roles, spreadsheets
from hub.code_lists import LIST_BYTES_MAX
from hub.form import Form
from hub.pages import page, page_with
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import N_, chosen
from protocols.errors import Fault, RemoteFault

_HEAD = (
    N_("Organisation"),
    N_("Unit"),
    N_("Bulletins written"),
    N_("Published"),
    N_("Newest titles"),
)
ORGANISATION = r"{organisation:[a-z0-9][a-z0-9-]{1,30}}"


def _listed(store: Store, services: Services, who: roles.Reader) -> dict[str, Any]:
    units = access.units_today(store, services)
    rows = organisations.of_units(store, who.reach(roles.VIEW, units))
    mine = who.reach(roles.ARRANGE, units)
    authors: dict[str, list[str]] = {}
    for row in rows:
        where = {"unit": roles.SUPPLIER + row["organisation"], "ended_s": 0}
        names = [store.get("accounts", one["account"]) for one in store.find("grants", where)]
        authors[row["organisation"]] = [str(one["name"]) for one in names if one]
    return {
        "rows": [{**row, "unit_name": units[row["unit"]]["name"]} for row in rows],
        "authors": authors,
        "closed": [
            {**row, "unit_name": units[row["unit"]]["name"]}
            for row in organisations.closed(store, mine)
        ],
        "mine": mine,
        "units": sorted(
            (units[unit] for unit in mine if units[unit]["valid_to"] is None),
            key=lambda row: row["name"],
        ),
    }


async def _page(
    request: web.Request, fault: Fault | None = None, done: dict[str, int] | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    values = await services.ledger.read(lambda s: _listed(s, services, who))
    return page_with(request, "organisations.html", fault, done=done, **values)


async def show(request: web.Request) -> web.Response:
    """List the organisations of the units that a reader sees."""
    return await _page(request)


async def add(request: web.Request) -> web.Response:
    """Add one, or all of a CSV list."""
    services, who = request.app[SERVICES], access.reader(request)
    now_s, data, sent = services.now_s(), b"", Form()
    if request.content_type == "multipart/form-data":
        files = await form.read_files(request, "file", 1, LIST_BYTES_MAX)
        data = files[0][1] if files else b""
    else:
        sent = await form.read(request)

    def decide(store: Store) -> dict[str, int]:
        given = organisations.read(data) if not sent.fields else []
        asked = {one["unit"] for one in given} or {sent.one("unit")}
        for unit in sorted(asked):
            access.require(store, services, who, roles.ARRANGE, unit)
        if given:
            return organisations.take(store, given, who.account, now_s)
        organisations.add(store, sent.one("name"), sent.one("unit"), who.account, now_s)
        return {"added": 1, "renamed": 0}

    try:
        done = await services.ledger.write(decide)
    except RemoteFault as fault:
        if fault.code == "access.denied":
            raise
        return await _page(request, fault)
    return await _page(request, done=done)


async def change(request: web.Request) -> web.Response:
    """Rename one, let it belong to another unit, close it, or open a closed one again."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    name = request.match_info["organisation"]

    def decide(store: Store) -> None:
        if sent.one("verb") == "close":
            organisations.close(store, name, who.account, now_s)
        elif sent.one("verb") == "reopen":
            organisations.reopen(store, name, who.account, now_s)
        else:
            if unit := sent.one("unit"):
                access.require(store, services, who, roles.ARRANGE, unit)
                organisations.move(store, name, unit, who.account, now_s)
            organisations.rename(store, name, sent.one("name"), who.account, now_s)

    try:
        await services.ledger.write(decide)
    except RemoteFault as fault:
        if fault.code == "access.denied":
            raise
        return await _page(request, fault)
    raise web.HTTPSeeOther("/organisations")


# Who supplied what


async def _supplied(request: web.Request) -> dict[str, Any]:
    services, asked = request.app[SERVICES], request.query
    offset_min = services.config.utc_offset_min
    first, last = asked.get("from", "")[:10], asked.get("to", "")[:10]
    when = reports.period(first, last, services.now_s(), offset_min)

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        mine = access.reader(request).reach(roles.VIEW, units)
        seen, unit = set(mine), asked.get("unit", "")[:40]
        if unit:
            if unit not in mine:
                raise access.refused()
            seen &= set(fleet.subtree(units, unit))
        lines, others = organisations.supplied(store, units, seen, when)
        shown: list[Row] = sorted((units[one] for one in mine), key=lambda row: row["name"])
        return {"lines": lines, "others": others, "units": shown, "unit": unit}

    found = await services.ledger.read(ask)
    return {**found, "first": when.first.isoformat(), "last": when.last.isoformat()}


async def show_supplied(request: web.Request) -> web.Response:
    """Show which organisation supplied what in a period, and which supplied nothing."""
    return page(request, "supplied.html", **await _supplied(request))


async def export_supplied(request: web.Request) -> web.Response:
    """Send that as CSV that Excel opens."""
    found, translate = await _supplied(request), chosen(request).get
    head = [translate(one) for one in _HEAD]
    rows = [[*line[:4], "; ".join(line.titles)] for line in found["lines"]]
    data = spreadsheets.MARK + spreadsheets.csv_lines([head, *rows])
    headers = {
        "Content-Disposition": f'attachment; filename="chieng-{found["first"]}-supplied.csv"',
        "Content-Type": "text/csv; charset=utf-8",
        "Cache-Control": "no-store",
    }
    return web.Response(body=data, headers=headers)


ROUTES = [
    web.get("/organisations", show),
    web.post("/organisations", add),
    web.post(f"/organisations/{ORGANISATION}", change),
    web.get("/reports/supplied", show_supplied),
    web.get("/reports/supplied.csv", export_supplied),
]
