"""The calendar: what each day will bring to a unit's loudspeakers, also as iCalendar."""

from datetime import date, timedelta
from typing import Any

from aiohttp import web

from hub import (
    access,
    bulletins,
    calendar,
    fault_texts,
    form,
    frame,
    mourning,
    moves,
    roles,
    slots,
    timing,
)
from hub.answers import not_found
from hub.calendar import DAY_MS, DAYS_MAX, Where
from hub.pages import PROGRAMMES, page
from hub.services import SERVICES
from hub.store import Row, Store
from hub.translations import chosen
from hub.words import WEEKDAYS
from protocols.errors import Fault

# So many nodes of a unit stand to choose from; every node's page leads to its calendar.
NODES_MAX = 300
MONTH, PLACES = "month", "places"
VIEWS = {"day": 1, "week": 7, "fortnight": DAYS_MAX, MONTH: 31, PLACES: 1}
DEFAULT = "week"


def _where(store: Store, request: web.Request) -> tuple[Where | None, list[Any]]:
    """Return which unit, hamlet and node are looked at, and the units of the reader in order."""
    units = access.units_today(store, request.app[SERVICES])
    mine = access.reader(request).reach(roles.VIEW, units)
    shown = sorted(
        (units[one] for one in mine), key=lambda row: (row["parent"] is None, row["name"])
    )
    if not shown:
        return None, []
    node = _node(store, request)
    unit = node["unit"] if node else request.query.get("unit", "") or shown[0]["unit"]
    if unit not in mine:
        raise access.refused()
    if node:
        return Where(units, unit, node["hamlet"] or "", node), shown
    hamlet = request.query.get("hamlet", "")
    if hamlet and store.get("hamlets", unit, hamlet) is None:
        raise not_found()
    return Where(units, unit, hamlet), shown


def _node(store: Store, request: web.Request) -> Row | None:
    """Return the node looked at; one of another unit than is asked for counts no more."""
    name, unit = request.query.get("node", ""), request.query.get("unit", "")
    if not name:
        return None
    found = store.get("nodes", name)
    if found is None:
        raise not_found()
    return None if unit and unit != found["unit"] else found


def _first_day(request: web.Request, today: date) -> date:
    try:
        return date.fromisoformat(request.query.get("from", "")[:10])
    except ValueError:
        return today


def _window(request: web.Request, days: int) -> tuple[date, int, int]:
    """Return the first day and the moments (ms) between which the days lie; never the past."""
    services = request.app[SERVICES]
    offset_min, now_ms = services.config.utc_offset_min, services.config.now_ms()
    today = timing.local_time(now_ms // 1000, offset_min).date()
    first = max(today, min(_first_day(request, today), today + timedelta(days=timing.DAYS_MAX)))
    from_ms = timing.moment_s(first.isoformat(), "00:00", offset_min) * 1000
    return first, max(from_ms, now_ms), from_ms + days * DAY_MS


def _shown(store: Store, request: web.Request, view: str) -> dict[str, Any]:
    services, programmes = request.app[SERVICES], request.app[PROGRAMMES]
    where, shown = _where(store, request)
    if where is None:
        return {"where": None}
    _, from_ms, until_ms = _window(request, VIEWS[view])
    hamlets = store.find("hamlets", {"unit": where.unit}, order=["name"])
    places: list[calendar.AtPlace] = []
    found, trouble = [], None
    try:
        found = calendar.entries(store, programmes, where, from_ms, until_ms)
        if view == PLACES and where.node:
            places = [calendar.AtPlace((where.node["name"],), found)]
        elif view == PLACES:
            places = calendar.by_place(store, programmes, where, hamlets, from_ms, until_ms)
    except Fault as fault:
        trouble = fault_texts.explain(fault, chosen(request))
    held, chain = frame.of(store, where.unit), where.chain()
    days = calendar.by_day(found, from_ms, VIEWS[view], services.config.utc_offset_min)
    dates = {day: date.fromisoformat(day) for day, _ in days}
    rows = store.find("bulletins", {"unit": where.unit, "state": bulletins.READY}, limit=50)
    return {
        "where": where,
        "units": shown,
        "hamlets": hamlets,
        "nodes": store.find(
            "nodes", {"unit": where.unit, "state": "enrolled"}, order=["name"], limit=NODES_MAX
        ),
        "trouble": trouble,
        "days": days,
        "weeks": calendar.weeks(days),
        "places": places,
        "slots": {day: slots.of_day(held, one) for day, one in dates.items()},
        "mourning": {day: mourning.of_day(store, chain, one) for day, one in dates.items()},
        "changes": frame.waiting(store, [where.unit]),
        "may_write": access.reader(request).allows(roles.WRITE, where.units, where.unit),
        "waiting": [bulletins.current(store, row["bulletin"]) for row in rows],
    }


async def show(request: web.Request) -> web.Response:
    """Show the days ahead of a unit, or of one hamlet."""
    view = request.query.get("view", DEFAULT)
    view = view if view in VIEWS else DEFAULT
    first, _, _ = _window(request, VIEWS[view])
    values = await request.app[SERVICES].ledger.read(lambda s: _shown(s, request, view))
    return page(
        request,
        "calendar.html",
        view=view,
        views=VIEWS,
        weekdays=[chosen(request).get(day) for day in WEEKDAYS],
        first=first,
        before=first - timedelta(days=VIEWS[view]),
        after=first + timedelta(days=VIEWS[view]),
        **values,
    )


async def ask_move(request: web.Request) -> web.Response:
    """Keep another time for one broadcast until somebody signs it."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    bulletin, programmes = sent.one("bulletin"), request.app[PROGRAMMES]
    at, to = (sent.one("day"), sent.one("time")), (sent.one("to_day"), sent.one("to_time"))

    def keep(store: Store) -> str:
        row = store.get("bulletins", bulletin)
        if row is None:
            raise not_found()
        access.require(store, services, who, roles.WRITE, row["unit"])
        published = programmes.bundle(store, row["unit"])
        wanted = None if sent.one("drop") else to
        return moves.ask(store, published, bulletin, at, wanted, who.account, now_s)

    raise web.HTTPSeeOther(f"/frame/changes/{await services.ledger.write(keep)}")


async def export(request: web.Request) -> web.Response:
    """Send the fortnight ahead as iCalendar."""
    services, programmes = request.app[SERVICES], request.app[PROGRAMMES]
    _, from_ms, until_ms = _window(request, DAYS_MAX)
    now_ms = services.config.now_ms()

    def ask(store: Store) -> bytes:
        where, _ = _where(store, request)
        if where is None:
            raise not_found()
        found = calendar.entries(store, programmes, where, from_ms, until_ms)
        name = where.node["name"] if where.node else where.units[where.unit]["name"]
        return calendar.icalendar(found, str(name), now_ms)

    headers = {
        "Content-Type": "text/calendar; charset=utf-8",
        "Content-Disposition": 'attachment; filename="chieng.ics"',
        "Cache-Control": "no-store",
    }
    return web.Response(body=await services.ledger.read(ask), headers=headers)


ROUTES = [
    web.get("/calendar", show),
    web.post("/calendar/moves", ask_move),
    web.get("/calendar.ics", export),
]
