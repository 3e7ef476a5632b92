"""Take what a person brings to the hub's page: enrolments off a laptop, records off a stick.

Each file is what a node signed, and is judged as if it had come over the link. One that is refused
says why and holds up no other; records come in the order in which they can be taken.
"""

from typing import NamedTuple

from hub import enrolment_api, records_api
from hub.records_api import Post
from hub.services import Services
from protocols import carried, enrolment, paper, records
from protocols.errors import Fault, RemoteFault
from protocols.limits import CARRIED_HEAD_BYTES_MAX, PAPER_BYTES_MAX, RECORD_BATCH_BYTES_MAX

FILES_MAX = 256
FILE_BYTES_MAX = CARRIED_HEAD_BYTES_MAX + RECORD_BATCH_BYTES_MAX

TAKEN = "taken"
WAITS = "waits"
REFUSED = "refused"


class Brought(NamedTuple):
    """Hold one readable file: its name, the node it is of, and an enrolment or a batch."""

    name: str
    node: str
    unit: str | None
    paper: bytes | None
    batch: carried.Request | None
    order: tuple[str, str, str, int]


class Outcome(NamedTuple):
    """Say what became of a file: `TAKEN`, `WAITS` or `REFUSED`; the node's state; why."""

    name: str
    node: str
    verdict: str
    state: str
    code: str
    successor: str


def sort(files: list[tuple[str, bytes]]) -> tuple[list[Brought], list[Outcome]]:
    """Return what can be taken, in order, and what is none of a node's papers."""
    found, strangers = [], []
    for name, data in files:
        try:
            found.append(_read(name, data))
        except Fault as fault:
            strangers.append(Outcome(name, "", REFUSED, "", _stranger(fault), ""))
    # Enrolments first: records of a node that nobody knows would be refused.
    return sorted(found, key=lambda one: (one.paper is None, one.order, one.name)), strangers


def _stranger(fault: Fault) -> str:
    return fault.code if fault.code == "carried.cut" else "visit.file"


def _read(name: str, data: bytes) -> Brought:
    if data.lstrip()[:1] == b"{":
        if len(data) > PAPER_BYTES_MAX:
            raise RemoteFault("visit.file", "too long for an enrolment", "Choose another file.")
        found = enrolment.read_enrolment(paper.read(data, enrolment.ENROLMENT))
        return Brought(name, found.node, found.unit, data, None, ("", "", "", 0))
    batch = carried.read(data)
    body = records.read_batch(batch.body)
    first = body.entries[0].record.sequence if body.entries else 0
    order = (body.node, body.chain, body.epoch, first)
    return Brought(name, body.node, None, None, batch, order)


async def take(services: Services, one: Brought) -> Outcome:
    """Take one file; a refusal is an outcome, the ledger's own faults are raised."""
    try:
        if one.batch is not None:
            return await _record(services, one, one.batch)
        return await _enrol(services, one, one.paper or b"")
    except RemoteFault as fault:
        return Outcome(one.name, one.node, REFUSED, "", fault.code, "")


async def _enrol(services: Services, one: Brought, data: bytes) -> Outcome:
    verdict, _ = enrolment.read_answer(await enrolment_api.take(services, data))
    refused = verdict.state == enrolment.REFUSED
    return Outcome(
        one.name,
        one.node,
        REFUSED if refused else TAKEN,
        "" if refused else verdict.state,
        verdict.code,
        verdict.successor,
    )


async def _record(services: Services, one: Brought, batch: carried.Request) -> Outcome:
    headers = {**batch.headers, carried.CARRIER: "page"}
    given = Post("POST", batch.host, batch.path, headers, batch.body)
    _, answer = await records_api.take(services, given)
    body = records.read_batch(batch.body)
    last = body.entries[-1].record.sequence if body.entries else 0
    position = records.read_answer(answer).position
    verdict = TAKEN if position >= last else WAITS
    return Outcome(one.name, one.node, verdict, "", "", "")
