"""Reports: what was heard, on the page, as CSV, as XLSX, and the year's report to print."""

from typing import Any, NamedTuple

from aiohttp import web

from hub import access, fault_texts, fleet, progress, reached, reports, roles, spreadsheets
from hub.answers import status_of
from hub.pages import page
from hub.services import SERVICES
from hub.store import Row, Store
from hub.translations import chosen
from hub.words import Words
from protocols.errors import RemoteFault

YEAR_MIN, YEAR_MAX = 2000, 2999


class Asked(NamedTuple):
    """Hold what a report is about: days (ISO or empty), a unit (or empty), what to sum by."""

    first: str
    last: str
    unit: str
    by: str

    def query(self, **changes: str) -> dict[str, str]:
        """Return the address's query."""
        now = self._replace(**changes)
        return {"from": now.first, "to": now.last, "unit": now.unit, "by": now.by}


def _asked(request: web.Request) -> Asked:
    asked = request.query
    by = asked.get("by", "unit")
    first, last = asked.get("from", "")[:10], asked.get("to", "")[:10]
    return Asked(first, last, asked.get("unit", "")[:40], by if by in reports.BY else "unit")


def _seen(store: Store, request: web.Request, unit: str) -> tuple[dict[str, Row], set[str]]:
    """Return the units in force, and those of the reader that a report is about."""
    units = access.units_today(store, request.app[SERVICES])
    mine = set(access.reader(request).reach(roles.VIEW, units))
    if unit:
        if unit not in mine:
            raise access.refused()
        mine &= set(fleet.subtree(units, unit))
    return units, mine


async def _report(request: web.Request, asked: Asked) -> dict[str, Any]:
    services = request.app[SERVICES]
    offset_min, now_ms = services.config.utc_offset_min, services.config.now_ms()
    when = reports.period(asked.first, asked.last, services.now_s(), offset_min)

    def ask(store: Store) -> dict[str, Any]:
        units, seen = _seen(store, request, asked.unit)
        lines, total = reports.lines(store, seen, when, asked.by, offset_min)
        known = reports.availability(store, units, seen, when, now_ms)
        there = reached.count(store, units, seen, when)
        return {"lines": lines, "total": total, "availability": known, "reached": there}

    found = await services.ledger.read(ask)
    asked = asked._replace(first=when.first.isoformat(), last=when.last.isoformat())
    return {**found, "asked": asked}


async def show(request: web.Request) -> web.Response:
    """Show a report of a period."""
    services, asked, fault = request.app[SERVICES], _asked(request), None
    units, mine = await services.ledger.read(lambda s: _seen(s, request, ""))
    try:
        found = await _report(request, asked)
    except RemoteFault as error:
        if error.code == "access.denied":
            raise
        fault = error
        found = {"asked": asked, "lines": [], "total": reports.Sums(), "availability": []}
        found["reached"] = None
    return page(
        request,
        "reports.html",
        status=status_of(fault) if fault else 200,
        units=sorted((units[one] for one in mine), key=lambda row: row["name"]),
        by=reports.BY,
        fault=fault_texts.explain(fault, chosen(request)) if fault else None,
        **found,
    )


def _table(request: web.Request, found: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return the head and the rows of a report for a spreadsheet."""
    translate, config = chosen(request), request.app[SERVICES].config
    words = Words(translate, config.now_ms(), config.utc_offset_min)
    by = found["asked"].by
    head = [words.report_by(by), *(words.report_sum(name) for name in reports.Sums._fields)]
    rows = [[words.report_label(by, line.label), *_numbers(line.sums)] for line in found["lines"]]
    return head, [*rows, [translate.get("Total"), *_numbers(found["total"])]]


def _numbers(sums: reports.Sums) -> list[Any]:
    return [*sums[:-1], round(sums.airtime_ms / 60_000, 1)]


def _file(data: bytes, media_type: str, asked: Asked, suffix: str) -> web.Response:
    name = f"chieng-{asked.first}-{asked.last}.{suffix}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Type": media_type,
        "Cache-Control": "no-store",
    }
    return web.Response(body=data, headers=headers)


async def export_csv(request: web.Request) -> web.Response:
    """Send a report as CSV that Excel opens."""
    found = await _report(request, _asked(request))
    head, rows = _table(request, found)
    data = spreadsheets.MARK + spreadsheets.csv_lines([head, *rows])
    return _file(data, "text/csv; charset=utf-8", found["asked"], "csv")


async def export_xlsx(request: web.Request) -> web.Response:
    """Send a report as XLSX."""
    found = await _report(request, _asked(request))
    head, rows = _table(request, found)
    data = spreadsheets.xlsx(head[0], head, rows)
    return _file(data, spreadsheets.XLSX, found["asked"], "xlsx")


async def show_year(request: web.Request) -> web.Response:
    """Show the year's report (December), made to be printed."""
    services = request.app[SERVICES]
    offset_min, now_ms = services.config.utc_offset_min, services.config.now_ms()
    today = reports.period("", "", services.now_s(), offset_min).last
    text = request.query.get("year", "")
    year = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else today.year
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise RemoteFault("report.period", "no such year", "Choose a year.")
    when = reports.period(f"{year}-01-01", f"{year}-12-31", services.now_s(), offset_min)
    unit = request.query.get("unit", "")[:40]

    def ask(store: Store) -> dict[str, Any]:
        units, seen = _seen(store, request, unit)
        parts = {}
        for by in ("unit", "class", "topic", "language"):
            parts[by], total = reports.lines(store, seen, when, by, offset_min)
        return {
            "unit": unit,
            "unit_name": units[unit]["name"] if unit else "",
            "parts": parts,
            "total": total,
            "availability": reports.availability(store, units, seen, when, now_ms),
            "progress": progress.count(
                store, fleet.in_force(units.values(), services.today()), seen
            ),
        }

    return page(request, "report_year.html", year=year, **await services.ledger.read(ask))


async def show_progress(request: web.Request) -> web.Response:
    """Show how far the plan's targets are reached."""
    services = request.app[SERVICES]

    def ask(store: Store) -> progress.Progress:
        units, seen = _seen(store, request, "")
        return progress.count(store, fleet.in_force(units.values(), services.today()), seen)

    return page(
        request,
        "progress.html",
        progress=await services.ledger.read(ask),
        station_percent=progress.STATION_PERCENT,
        board_percent=progress.BOARD_PERCENT,
    )


ROUTES = [
    web.get("/reports", show),
    web.get("/reports.csv", export_csv),
    web.get("/reports.xlsx", export_xlsx),
    web.get("/reports/year", show_year),
    web.get("/progress", show_progress),
]
