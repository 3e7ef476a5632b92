"""`POST /v1/enrolments`: take what technicians and nodes bring, in any order, twice or late."""

from aiohttp import web

from hub import enrolments, timing
from hub.repository import envelope
from hub.services import SERVICES, Services
from hub.serving import read_body
from protocols import enrolment, keys, paper
from protocols.limits import PAPER_BYTES_MAX


async def post(request: web.Request) -> web.Response:
    """Take an enrolment from a socket and answer it."""
    body = await read_body(request, PAPER_BYTES_MAX)
    answer = await take(request.app[SERVICES], body)
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=answer, content_type="application/json", headers=headers)


async def take(services: Services, body: bytes) -> bytes:
    """Check, decide, store; return the hub's signed word.

    Raises `RemoteFault` for what is no enrolment of this hub's ticket, and the ledger's faults; a
    refusal for any other reason is an answer.
    """
    given = paper.read(body, enrolment.ENROLMENT)
    found = enrolment.read_enrolment(given)
    enrolments.check_signatures(found, given, hub_keys(services))
    now_s = services.now_s()
    today = timing.local_time(now_s, services.config.utc_offset_min).date().isoformat()
    arrival = enrolments.Arrival(given, found, given.digest(), today, now_s)
    verdict = await services.ledger.write(lambda store: enrolments.accept(store, arrival))
    key = services.answer_keys.current()
    return enrolment.build_answer(verdict, now_s, key.key_id, key.sign).encode()


def hub_keys(services: Services) -> dict[str, bytes]:
    """Return every key that ever signed tickets here: a ticket outlives a rotated key."""
    found: dict[str, bytes] = {}
    archive = services.repository.archive
    for version in range(1, archive.newest_version("root") + 1):
        root = archive.read("root", version).signed
        for key_id in envelope.keyids_of(root, "timestamp"):
            scheme, public = keys.parse(root.keys[key_id].to_dict())
            if scheme == keys.ED25519:
                found[key_id] = public
    return found


ROUTES = [web.post("/v1/enrolments", post)]
