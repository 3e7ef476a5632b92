"""The pages' frame: context, rendering, faults in the reader's language, the first page."""

import hashlib
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from hub import (
    access,
    automatic,
    bulletins,
    fault_texts,
    fleet,
    installations,
    metrics,
    page_guard,
    roles,
)
from hub.answers import Handler, fault_answer, json_faults, not_found, status_of, unexpected
from hub.assets import ASSETS
from hub.cap import intake
from hub.mirror import peers
from hub.node_now import Programmes
from hub.overview import overview
from hub.relay import automatic as recordings
from hub.services import SERVICES
from hub.store import Store
from hub.translations import COOKIE, LANGUAGES, chosen
from hub.words import Words
from protocols.errors import Fault

PROGRAMMES = web.AppKey("programmes", Programmes)
TEMPLATES = web.AppKey("templates", jinja2.Environment)
# A province this far behind is named on the first page.
BEHIND_MS = 300_000
# What the first page names of CAP messages that wait.
CAP_MAX = 5
COOKIE_S = 365 * 86400

_log = logging.getLogger("chieng.hub")


def templates() -> jinja2.Environment:
    """Return the template environment: everything escaped, nothing undefined."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(request: web.Request, name: str, **values: Any) -> str:
    """Render a template in the reader's language."""
    config = request.app[SERVICES].config
    translations = chosen(request)
    hours, minutes = divmod(abs(config.utc_offset_min), 60)
    sign = "-" if config.utc_offset_min < 0 else "+"
    context = {
        "_": translations.get,
        "lang": translations.language,
        "words": Words(translations, config.now_ms(), config.utc_offset_min),
        "asset": request.app[ASSETS].url,
        "same_page": _same_page(request),
        "offset": f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else ""),
        "reader": request.get(access.READER),
        "explain_node": lambda code: fault_texts.explain_node(code, translations),
        "explain_code": lambda code: fault_texts.explain_code(code, translations),
    }
    return request.app[TEMPLATES].get_template(name).render({**context, **values})


def _same_page(request: web.Request) -> str:
    """Return the beginning of a page's own address in another language; what was sent is not."""
    if request.method not in ("GET", "HEAD"):
        return "/?"
    kept = request.rel_url.without_query_params("lang")
    return str(kept) + ("&" if kept.query_string else "?")


def page(request: web.Request, name: str, status: int = 200, **values: Any) -> web.Response:
    """Answer with a whole page; remember the language that was asked for."""
    text = render(request, name, **values)
    response = web.Response(text=text, content_type="text/html", status=status)
    response.headers["Cache-Control"] = "no-store"
    response.enable_compression()
    asked = request.query.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(COOKIE, str(asked), max_age=COOKIE_S, samesite="Lax", httponly=True)
    return response


def page_with(request: web.Request, name: str, fault: Fault | None, **values: Any) -> web.Response:
    """Answer with a page that shows what went wrong with what was sent, if anything did."""
    if fault is None:
        return page(request, name, fault=None, **values)
    # What is missing at the hub for this one thing to be done (a passphrase's key) is no breakdown.
    status = 422 if fault.whose == "local" else status_of(fault)
    said = fault_texts.explain(fault, chosen(request))
    return page(request, name, status=status, fault=said, **values)


def part(request: web.Request, name: str, **values: Any) -> web.Response:
    """Answer with a part of a page that is asked for again and again; 304 when unchanged."""
    text = render(request, name, **values)
    etag = hashlib.sha256(text.encode()).hexdigest()[:16]
    headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
    if any(match.value == etag for match in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    response = web.Response(text=text, content_type="text/html", headers=headers)
    response.enable_compression()
    return response


@web.middleware
async def page_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Guard the pages and answer their faults as a page; node-facing paths answer JSON."""
    if request.path.startswith("/v1/"):
        return await json_faults(request, handler)
    try:
        page_guard.check(request, request.app[SERVICES].config.public_name)
        return await handler(request)
    except Fault as fault:
        if fault.whose != "remote":
            _log.error("%s %s: %s", request.method, request.path, fault)
        return _fault_page(request, fault)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return _fault_page(request, not_found())
    except web.HTTPException:
        raise
    except Exception:
        return _fault_page(request, unexpected(request))


def _fault_page(request: web.Request, fault: Fault) -> web.Response:
    if request.path == "/healthz":
        return fault_answer(fault)
    if fault.code == "access.signed_out" and request.path.startswith("/parts/"):
        return web.Response(status=401, headers={"X-Reload": "1", "X-State": "signed-out"})
    said = fault_texts.explain(fault, chosen(request))
    return page(request, "fault.html", status=status_of(fault), fault=said)


def _count(store: Store, units: Collection[str] | None, state: str) -> int:
    return store.count("bulletins", {"state": state, **fleet.within(units)})


async def _overview(request: web.Request) -> dict[str, Any]:
    services, who = request.app[SERVICES], access.reader(request)
    programmes, config = request.app[PROGRAMMES], services.config

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        seen = who.bounds(roles.VIEW, units)
        told = peers.listed(store, config.now_ms())
        mine = who.reach(roles.ALARM, units)
        asked = intake.waiting(store, mine, config.now_ms() // 1000, CAP_MAX)
        found = overview(store, programmes, config.now_ms(), units, seen)
        visible = units if seen is None else seen
        return {
            **found,
            "cap": asked if who.may(roles.ALARM) else [],
            "behind": [one for one in told if one["lag_ms"] > BEHIND_MS],
            "automatic": automatic.shown(store, services, units, visible),
            "relaying": recordings.shown(store, units, visible),
            "to_sign": _count(store, who.bounds(roles.APPROVE, units), bulletins.READY)
            if who.may(roles.APPROVE)
            else 0,
            "returned": _count(store, who.bounds(roles.WRITE, units), bulletins.RETURNED)
            if who.may(roles.WRITE)
            else 0,
            "unconfirmed": installations.unconfirmed(store, who, units),
        }

    return await services.ledger.read(ask)


async def show_overview(request: web.Request) -> web.Response:
    """Show the first page."""
    return page(request, "overview.html", **await _overview(request))


async def show_overview_part(request: web.Request) -> web.Response:
    """Show what changes on the first page."""
    return part(request, "overview_part.html", **await _overview(request))


ROUTES = [
    web.get("/", show_overview),
    web.get("/parts/overview", show_overview_part),
    web.get("/healthz", metrics.healthz),
]
