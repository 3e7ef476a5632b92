"""`POST /v1/records`: take what a node did, and answer once it is on disk."""

import hashlib

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub import ingest
from hub.services import SERVICES, Services
from hub.serving import read_body
from protocols import http_signature, records
from protocols.errors import RemoteFault
from protocols.fields import is_id
from protocols.limits import ID_BYTES_MAX, RECORD_BATCH_BYTES_MAX


async def post(request: web.Request) -> web.Response:
    """Verify, store, then acknowledge a batch (RFC 9421; answers are signed too)."""
    services = request.app[SERVICES]
    body = await read_body(request, RECORD_BATCH_BYTES_MAX)
    signed = http_signature.read_request(
        request.method,
        http_signature.authority(request.host, request.secure),
        request.path,
        _headers(request),
        hashlib.sha256(body).digest(),
    )
    row = await services.ledger.read(lambda store: ingest.node_for(store, signed.key_id))
    _check(row["public_key"], signed)
    batch = records.read_batch(body)
    if batch.node != signed.key_id:
        raise RemoteFault(
            "records.signature", "the batch is another node's", "Send only your own records."
        )
    contact = ingest.Contact(signed.nonce, signed.created_s, services.config.now_ms())
    if not is_id(signed.nonce, ID_BYTES_MAX):
        raise RemoteFault("signature.format", "the nonce is no id", "Use 1 to 64 letters.")
    verdict = await services.ledger.write(lambda store: ingest.accept(store, batch, contact))
    if verdict.outcome == records.FORK:
        raise RemoteFault(
            ingest.FORK,
            f"{batch.chain} {batch.epoch}: not the history stored here",
            "Start a new epoch and keep the old journal for the technician.",
        )
    answer = records.build_answer(
        batch.chain, batch.epoch, verdict.position, services.config.now_ms(), signed.nonce
    )
    return _signed_answer(services, request, answer, signed.nonce)


def _headers(request: web.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        if lower in headers and lower in ("content-digest", "signature", "signature-input"):
            raise RemoteFault("signature.format", f"{lower} stands twice", "Send it once.")
        headers[lower] = value
    return headers


def _check(public_key: str, signed: http_signature.Signed) -> None:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    try:
        key.verify(signed.signature, signed.base)
    except InvalidSignature:
        raise RemoteFault(
            "records.signature",
            "the signature is not by this node's registered key",
            "Register the node's present key at the hub.",
        ) from None


def _signed_answer(
    services: Services, request: web.Request, body: bytes, nonce: str
) -> web.Response:
    key = services.answer_keys.current()
    headers = http_signature.answer_headers(
        200,
        body,
        request.headers["content-digest"],
        key.key_id,
        nonce,
        services.now_s(),
        key.sign,
    )
    headers["Cache-Control"] = "no-store"
    return web.Response(body=body, content_type="application/json", headers=headers)


ROUTES = [web.post("/v1/records", post)]
