"""Serve the desk on a socket, with a switchboard beside it under `/_tinh/`."""

import asyncio
import json
from typing import Any

from aiohttp import web

from tools.province import schema
from tools.province.desk import BODY_BYTES_MAX, KINDS, Answer, Desk


async def _carry(request: web.Request, answer: Answer) -> web.Response:
    if answer.delay_ms:
        await asyncio.sleep(answer.delay_ms / 1000)
    if answer.is_lost and request.transport is not None:
        request.transport.abort()
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def create_app(desk: Desk) -> web.Application:
    """Build the province's application."""

    async def api(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        answer = desk.handle(request.method, request.path, request.query, headers, body)
        return await _carry(request, answer)

    async def published(_request: web.Request) -> web.Response:
        return web.json_response(schema.document())

    async def faults(request: web.Request) -> web.Response:
        if request.method == "POST":
            wrong = desk.faults.turn_text(await request.text())
            if wrong:
                return web.json_response({"MoTa": wrong}, status=400)
        return web.json_response(desk.faults.as_dict())

    async def view(request: web.Request) -> web.Response:
        kind = KINDS.get(request.match_info["kind"])
        if kind is None:
            return web.json_response(desk.store.tallies())
        found = desk.store.records if request.query.get("het") else desk.store.states
        return _listed(found(kind))

    async def direct(request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
        except (ValueError, RecursionError) as error:
            return web.json_response({"MoTa": f"JSON: {error}"}, status=400)
        wrong = desk.direct(wanted) if isinstance(wanted, dict) else "JSON: an object is wanted"
        return web.json_response({"MoTa": wrong}, status=400 if wrong else 200)

    async def keep(request: web.Request) -> web.Response:
        return web.json_response({"MaBam": desk.keep(await request.read())})

    # Bodies arrive as they were sent: the desk itself inflates them, within its bound.
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.add_routes(
        [
            web.get("/openapi.json", published),
            web.route("*", "/_tinh/loi", faults),
            web.get("/_tinh/xem/{kind}", view),
            web.post("/_tinh/chi-thi", direct),
            web.post("/_tinh/tep", keep),
            web.route("*", "/{rest:.*}", api),
        ]
    )
    return app


def _listed(found: list[dict[str, Any]]) -> web.Response:
    text = json.dumps(found, ensure_ascii=False)
    return web.Response(text=text, content_type="application/json")
