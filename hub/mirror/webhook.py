"""`POST /v1/peers/<peer>/directives`: what a peer sends at once instead of waiting to be asked.

The body is a page of directives in the peer's own words. `X-Chieng-Signature: t=<unix seconds>,
v1=<hex>` holds the HMAC-SHA256, under the peer's webhook secret, of the time, a dot and the body.
Every directive counts once by its id, so a replay changes nothing and the cursor stays where it is:
what was pushed comes again with the next pull and is known. A cancel of something that is not here
yet is left to the pull, which keeps the order.
"""

import hashlib
import hmac
import json
import re
import secrets

from aiohttp import web

from hub import audit
from hub.mirror import offers, peers
from hub.mirror.connector import Connector
from hub.mirror.directive import Directive
from hub.mirror.service import Mirror, secrets_folder
from hub.services import SERVICES, Services
from hub.serving import read_body
from hub.store import Row, Store
from protocols.errors import LocalFault, RemoteFault
from protocols.hub_limits import WEBHOOK_AGE_S_MAX, WEBHOOK_BYTES_MAX, WEBHOOK_DIRECTIVES_MAX

HEADER = "X-Chieng-Signature"
_FORM = re.compile(r"t=([0-9]{1,11}),v1=([0-9a-f]{64})")
_SUFFIX = ".webhook"


def signature(secret: str, sent_s: int, body: bytes) -> str:
    """Return the header's value for a body that is sent at a time."""
    mac = hmac.new(secret.encode(), f"{sent_s}.".encode() + body, hashlib.sha256)
    return f"t={sent_s},v1={mac.hexdigest()}"


def new_secret(services: Services, peer: str) -> str:
    """Return a new webhook secret of a peer, kept as its password is; the older one ends."""
    secret = secrets.token_urlsafe(32)
    peers.keep_secret(secrets_folder(services.config), peer + _SUFFIX, secret)
    return secret


def _refused() -> RemoteFault:
    return RemoteFault("webhook.signature", "the signature does not fit", "Check the secret.")


def check(services: Services, peer: str, header: str, body: bytes) -> None:
    """Raise `RemoteFault("webhook.signature")` unless the body is the peer's, and fresh."""
    found = _FORM.fullmatch(header)
    if found is None or abs(services.now_s() - int(found[1])) > WEBHOOK_AGE_S_MAX:
        raise _refused()
    try:
        secret = peers.read_secret(secrets_folder(services.config), peer + _SUFFIX)
    except LocalFault:
        raise _refused() from None
    if not hmac.compare_digest(signature(secret, int(found[1]), body), header):
        raise _refused()


def read(connector: Connector, body: bytes) -> list[Directive]:
    """Return the directives of a body; raises `RemoteFault("webhook.body")`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    found = value.get("DanhSach", value.get("directives")) if isinstance(value, dict) else None
    if not isinstance(found, list) or len(found) > WEBHOOK_DIRECTIVES_MAX:
        raise RemoteFault("webhook.body", "no list of directives", "Send a page as it is pulled.")
    return [connector.directive(one) for one in found if isinstance(one, dict)]


def _keep(store: Store, services: Services, peer: Row, given: list[Directive]) -> list[str]:
    now_s, offset = services.now_s(), services.config.utc_offset_min
    made: list[str] = []
    for one in given:
        early = one.kind == "cancel" and not store.get(
            "supplies", peer["peer"], one.body["cancels"] or ""
        )
        if not early:
            made += offers.take(store, peer, one, now_s, offset)
    audit.append(store, now_s, peer["peer"], "webhook.take", peer["peer"], directives=len(given))
    return made


async def post(request: web.Request) -> web.Response:
    """Take what a peer sends."""
    services, name = request.app[SERVICES], request.match_info["peer"]
    body = await read_body(request, WEBHOOK_BYTES_MAX)
    check(services, name, request.headers.get(HEADER, ""), body)
    peer = await services.ledger.read(lambda s: s.get("peers", name))
    if peer is None or peer["state"] != "active":
        raise _refused()
    try:
        connector = Mirror(services).connector(peer)
    except KeyError:
        raise LocalFault("mirror.peer", f"{name} lacks settings", "Add it anew.") from None
    try:
        given = read(connector, body)
    finally:
        await connector.close()
    made = await services.ledger.write(lambda s: _keep(s, services, peer, given))
    for bulletin in made:
        services.production.ask(bulletin, 1)
    # Media and drafts follow at once.
    if name in services.news:
        services.news[name].set()
    return web.json_response({"taken": len(given)}, status=202)


ROUTES = [web.post("/v1/peers/{peer:[a-z0-9][a-z0-9-]{0,39}}/directives", post)]
