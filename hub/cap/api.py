"""`POST /v1/cap`: take a CAP file from whoever holds a source's token."""

import logging

from aiohttp import web

from hub.cap import arriving, feed, senders
from hub.services import SERVICES
from hub.serving import read_body
from protocols.errors import RemoteFault
from protocols.hub_limits import CAP_BYTES_MAX

_log = logging.getLogger("chieng.cap")
TOKEN_BYTES_MAX = 128


async def post(request: web.Request) -> web.Response:
    """Keep one message; answer what it is called here and what became of it."""
    services = request.app[SERVICES]
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    source = None
    if 0 < len(token) <= TOKEN_BYTES_MAX:
        source = await services.ledger.read(lambda s: senders.of_token(s, token))
    if source is None:
        raise RemoteFault("cap.token", "no such token", "Ask the hub's administrator for one.")
    data, name = await read_body(request, CAP_BYTES_MAX), source["source"]
    now_ms = services.config.now_ms()
    try:
        row, is_new = await arriving.arrive(services, data, "push", name, name)
    except RemoteFault as fault:
        said = fault
        _log.warning("%s: %s", name, fault)
        await services.ledger.write(lambda s: feed.note(s, name, said, now_ms))
        raise
    await services.ledger.write(lambda s: feed.note(s, name, None, now_ms))
    answer = {"message": row["message"], "state": row["state"]}
    headers = {"Cache-Control": "no-store"}
    return web.json_response(answer, status=201 if is_new else 200, headers=headers)


ROUTES = [web.post("/v1/cap", post)]
