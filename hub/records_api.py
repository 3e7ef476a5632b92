"""`POST /v1/records`: take what a node did, and answer once it is on disk."""

import hashlib
from typing import NamedTuple

from aiohttp import web

from hub import ingest
from hub.services import SERVICES, Services
from hub.serving import read_body
from protocols import http_signature, records
from protocols.carried import CARRIER
from protocols.errors import RemoteFault
from protocols.fields import is_id
from protocols.limits import ID_BYTES_MAX, RECORD_BATCH_BYTES_MAX


class Post(NamedTuple):
    """Hold one request as it arrived; header names are lower-case."""

    method: str
    authority: str
    path: str
    headers: dict[str, str]
    body: bytes


async def post(request: web.Request) -> web.Response:
    """Take a batch from a socket and answer it."""
    body = await read_body(request, RECORD_BATCH_BYTES_MAX)
    authority = http_signature.authority(request.host, request.secure)
    given = Post(request.method, authority, request.path, _headers(request), body)
    headers, answer = await take(request.app[SERVICES], given)
    return web.Response(body=answer, content_type="application/json", headers=headers)


async def take(services: Services, given: Post) -> tuple[dict[str, str], bytes]:
    """Verify, store, then acknowledge a batch (RFC 9421; answers are signed too).

    Returns the answer's headers and body. Raises `RemoteFault` ("records.*", "signature.*") for
    what is refused, and the ledger's faults; then nothing was acknowledged.
    """
    signed = http_signature.read_request(
        given.method,
        given.authority,
        given.path,
        given.headers,
        hashlib.sha256(given.body).digest(),
    )
    public_key = await _key_of(services, signed)
    batch = records.read_batch(given.body)
    if batch.node != signed.key_id:
        raise RemoteFault(
            "records.signature", "the batch is another node's", "Send only your own records."
        )
    # Unsigned, and can only make less of a contact, which whoever could drop it can, too.
    carried = CARRIER in given.headers
    now_ms = services.config.now_ms()
    contact = ingest.Contact(signed.nonce, signed.created_s, now_ms, carried, public_key)
    if not is_id(signed.nonce, ID_BYTES_MAX):
        raise RemoteFault("signature.format", "the nonce is no id", "Use 1 to 64 letters.")
    verdict = await services.ledger.write_small(
        lambda store: ingest.accept(store, batch, contact), ingest.reads(batch)
    )
    if verdict.outcome == records.FORK:
        raise RemoteFault(
            ingest.FORK,
            f"{batch.chain} {batch.epoch}: not the history stored here",
            "Start a new epoch and keep the old journal for the technician.",
        )
    answer = records.build_answer(
        batch.chain, batch.epoch, verdict.position, services.config.now_ms(), signed.nonce
    )
    digest = given.headers["content-digest"]
    return _signed(services, digest, answer, signed.nonce), answer


async def _key_of(services: Services, signed: http_signature.Signed) -> str:
    """Return the sender's registered key, by which the request is signed."""
    node = signed.key_id
    known = services.node_keys.get(node)
    if known is not None and _fits(services, known, signed):
        return known
    row = await services.ledger.read(lambda store: ingest.node_for(store, node))
    public_key = str(row["public_key"])
    if not _fits(services, public_key, signed):
        raise ingest.not_signed()
    services.node_keys.note(node, public_key)
    return public_key


def _fits(services: Services, public_key: str, signed: http_signature.Signed) -> bool:
    return services.is_signed(bytes.fromhex(public_key), signed.signature, signed.base)


def _headers(request: web.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        if lower in headers and lower in ("content-digest", "signature", "signature-input"):
            raise RemoteFault("signature.format", f"{lower} stands twice", "Send it once.")
        headers[lower] = value
    return headers


def _signed(services: Services, digest: str, body: bytes, nonce: str) -> dict[str, str]:
    """Return the headers of an answer to the request with this digest."""
    key = services.answer_keys.current()
    headers = http_signature.answer_headers(
        200, body, digest, key.key_id, nonce, services.now_s(), key.sign
    )
    headers["Cache-Control"] = "no-store"
    return headers


ROUTES = [web.post("/v1/records", post)]
