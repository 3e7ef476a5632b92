"""The as-run record play by play: a page, and a file for spreadsheets."""

from functools import partial
from typing import Any

from aiohttp import web

from hub import access, play_list, roles, spreadsheets
from hub.pages import page
from hub.play_list import Bounds
from hub.services import SERVICES
from hub.store import Row, Store
from hub.translations import Translations, chosen
from hub.words import Words


def _bounds(request: web.Request, store: Store) -> Bounds:
    services, who = request.app[SERVICES], access.reader(request)
    units = access.units_today(store, services)
    return Bounds(units, who.bounds(roles.VIEW, units), services.config.utc_offset_min)


async def show(request: web.Request) -> web.Response:
    """Show the plays that the address asks for."""
    asked = play_list.read(request.query)

    def ask(store: Store) -> dict[str, Any]:
        return play_list.page(store, asked, _bounds(request, store))

    found = await request.app[SERVICES].ledger.read(ask)
    return page(request, "plays.html", ends=tuple(play_list.ENDS), **found)


async def export_csv(request: web.Request) -> web.StreamResponse:
    """Send all plays that the address asks for as CSV that Excel opens, part by part."""
    services, translate = request.app[SERVICES], chosen(request)
    config, asked = services.config, play_list.read(request.query)._replace(after=None)
    words = Words(translate, config.now_ms(), config.utc_offset_min)
    response = web.StreamResponse()
    response.content_type, response.charset = "text/csv", "utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="chieng-plays.csv"'
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(request)
    await response.write(spreadsheets.MARK + spreadsheets.csv_lines([_head(translate)]))
    following: play_list.Asked | None = asked
    while following is not None:
        rows, following = await services.ledger.read(partial(_part, request, following))
        await response.write(spreadsheets.csv_lines([_line(words, row) for row in rows]))
    await response.write_eof()
    return response


def _part(
    request: web.Request, asked: play_list.Asked, store: Store
) -> tuple[list[Row], play_list.Asked | None]:
    return play_list.file_part(store, asked, _bounds(request, store))


def _head(translate: Translations) -> list[str]:
    _ = translate.get
    return [_("Played"), _("Until"), _("Title"), _("Class"), _("Node"), _("Id"), _("Unit"),
            _("Seconds"), _("Evidence"), _("Remark"), _("Watts")]  # fmt: skip


def _line(words: Words, row: Row) -> list[Any]:
    began, ended = (f"{words.local(row[name]):%Y-%m-%d %H:%M:%S}" for name in _TIMES)
    seconds = round((row["ended_ms"] - row["started_ms"]) / 1000)
    watts = "" if row["milliwatts"] is None else row["milliwatts"] / 1000
    return [began, ended, row["title"], words.legal_class(row["class"]), row["name"] or row["node"],
            row["node"], row["unit_name"], seconds, words.evidence(_of_kind(row))["text"],
            words.outcome(row), watts]  # fmt: skip


_TIMES = ("started_ms", "ended_ms")


def _of_kind(row: Row) -> Row:
    """Return a play with the kind of its node; one that is not known any more had a voice."""
    return {**row, "kind": row["kind"] or "speaker"}


ROUTES = [web.get("/reports/plays", show), web.get("/reports/plays.csv", export_csv)]
