"""Who joins which unit by whose leave: the ticket, the enrolment, and what the hub says of it.

A *ticket* is signed by the hub's online key (the `timestamp` role's): so many nodes may join this
unit until that day, trusting this root. An *enrolment* is signed by the node's own new key and
holds the ticket, where the node stands, and what the technician's checks read: the acceptance sheet
is this very paper, printed. The hub's *answer* is signed as its tickets are.

A node's id follows from its key, so two technicians without signal never choose the same.
"""

import binascii
import hashlib
from collections import namedtuple

from protocols.errors import RemoteFault
from protocols.fields import Fields, refuse
from protocols.limits import (
    CHECK_READINGS_MAX,
    CHECKS_MAX,
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    SERVICE_NAME_BYTES_MAX,
    TARGET_NAMES_MAX,
    TICKET_COUNT_MAX,
    TITLE_BYTES_MAX,
)
from protocols.paper import Paper, read, seal, take
from protocols.phrase import phrase
from protocols.units import take_node, take_unit

TICKET = "chieng-ticket/1"
ENROLMENT = "chieng-enrolment/1"
ANSWER = "chieng-enrolment-answer/1"

# What becomes of a node at the hub.
ENROLLED = "enrolled"
QUARANTINED = "quarantined"
REVOKED = "revoked"
REPLACED = "replaced"
REFUSED = "refused"
STATES = (ENROLLED, QUARANTINED, REVOKED, REPLACED)

GOOD = "good"
BAD = "bad"
ABSENT = "absent"

Ticket = namedtuple(
    "Ticket", ("id", "unit", "issued_s", "expires_s", "count", "root_sha256", "key_id")
)
"""Leave for `count` nodes to join `unit` until `expires_s`; `key_id` names the signer's TUF key."""

Check = namedtuple("Check", ("name", "verdict", "readings"))
"""One thing tried at the node: `GOOD`, `BAD` or `ABSENT`, with whole-number readings by name."""


class Enrolment(
    namedtuple(
        "Enrolment",
        (
            "node",
            "public_key",
            "ticket",
            "ticket_paper",
            "unit",
            "hamlet",
            "name",
            "kind",
            "board",
            "groups",
            "replaces",
            "wipes",
            "made_ms",
            "clock",
            "technician",
            "laptop_s",
            "place_e6",
            "checks",
            "photo_sha256",
        ),
    )
):
    """Hold a node's wish to join.

    `photo_sha256` is the hash of a picture on the sheet, or empty;
    `public_key` is 32 bytes; `board` like `192x64x1` or empty; `replaces` the id of the node whose
    place it takes, or empty; `wipes` how often this box lost its key by the held button; `made_ms`
    the node's time, or None; `place_e6` (latitude, longitude) in millionths of a degree, or None.
    """


def node_id(public_key: bytes) -> str:
    """Return the id of the node that holds a key."""
    return "n-" + str(binascii.hexlify(hashlib.sha256(public_key).digest()[:6]), "ascii")


def spoken(public_key: bytes) -> str:
    """Return a key's fingerprint as syllables to compare."""
    return phrase(hashlib.sha256(public_key).digest())


def build_ticket(ticket: Ticket, sign: "object") -> Paper:
    """Return the signed ticket; `ticket.key_id` names the key behind `sign`."""
    body = {name: value for name, value in zip(_TICKET_FIELDS, ticket)}
    return seal(TICKET, body, sign)


_TICKET_FIELDS = ("id", "unit", "issued_s", "expires_s", "count", "root_sha256", "key_id")


def read_ticket(paper: Paper) -> Ticket:
    """Return what a ticket says; raises `RemoteFault("format.field")`."""
    fields = paper.body
    return Ticket(
        fields.id("id", ID_BYTES_MAX),
        take_unit(fields, "unit"),
        fields.integer("issued_s", 0, EPOCH_S_MAX),
        fields.integer("expires_s", 0, EPOCH_S_MAX),
        fields.integer("count", 1, TICKET_COUNT_MAX),
        fields.text("root_sha256", 64, 64),
        fields.text("key_id", 1, 64),
    )


def check_ticket(ticket: Ticket, unit: str, root_sha256: str, now_s: "int | None") -> None:
    """Refuse a ticket that does not fit; `now_s` None leaves its dates to the hub.

    Raises `RemoteFault` (`ticket.unit`, `ticket.root`, `ticket.expired`).
    """
    if ticket.unit != unit:
        message = "the ticket is for unit " + ticket.unit + ", the node stands in " + unit
        raise RemoteFault("ticket.unit", message, "Choose the ticket of this unit.")
    if ticket.root_sha256 != root_sha256:
        message = "the ticket belongs to another root of trust"
        raise RemoteFault("ticket.root", message, "Ask the hub for a new ticket and its kit.")
    if now_s is not None and now_s > ticket.expires_s:
        message = "the ticket has expired"
        raise RemoteFault("ticket.expired", message, "Ask the administrator for a new ticket.")


def build(body: "dict[str, object]", sign: "object") -> Paper:
    """Return a signed enrolment after checking that it reads; the keys are `Enrolment`'s."""
    paper = seal(ENROLMENT, body, sign)
    read_enrolment(paper)
    return paper


def read_enrolment(paper: Paper) -> Enrolment:
    """Return what an enrolment says; its signature is to be checked with `public_key`.

    Raises `RemoteFault` (`format.field`, `enrolment.node`, `ticket.unit`).
    """
    fields = paper.body
    ticket_paper = take(fields.value("ticket"), TICKET)
    ticket = read_ticket(ticket_paper)
    try:
        public_key = binascii.unhexlify(fields.text("public_key", 64, 64))
    except ValueError:
        raise refuse(fields.name("public_key"), "is not hex", "Read the node's identity again.")
    found = Enrolment(
        take_node(fields, "node"),
        public_key,
        ticket,
        ticket_paper,
        take_unit(fields, "unit"),
        fields.id("hamlet", ID_BYTES_MAX, ""),
        fields.text("name", 1, SERVICE_NAME_BYTES_MAX),
        fields.choice("kind", ("speaker", "board")),
        fields.text("board", 0, 16, ""),
        fields.ids("groups", TARGET_NAMES_MAX, ID_BYTES_MAX),
        fields.id("replaces", ID_BYTES_MAX, ""),
        fields.integer("wipes", 0, 1 << 30),
        fields.integer("made_ms", 0, EPOCH_S_MAX * 1000) if fields.has("made_ms") else None,
        fields.text("clock", 1, 16),
        fields.text("technician", 1, SERVICE_NAME_BYTES_MAX),
        fields.integer("laptop_s", 0, EPOCH_S_MAX, 0),
        _place(fields),
        _checks(fields),
        fields.text("photo_sha256", 0, 64, ""),
    )
    if found.node != node_id(public_key):
        message = found.node + " is not the id of this key"
        raise RemoteFault("enrolment.node", message, "Let the node make its enrolment again.")
    if found.unit != ticket.unit:
        message = "the ticket is for another unit"
        raise RemoteFault("ticket.unit", message, "Choose the ticket of this unit.")
    return found


def _place(fields: Fields) -> "tuple[int, int] | None":
    if not fields.has("place_e6"):
        return None
    inner = fields.nested("place_e6")
    return (
        inner.integer("latitude", -90_000_000, 90_000_000),
        inner.integer("longitude", -180_000_000, 180_000_000),
    )


def _checks(fields: Fields) -> "tuple[Check, ...]":
    found = []
    for one in fields.objects("checks", CHECKS_MAX):
        readings = one.nested("readings")
        if len(readings.values) > CHECK_READINGS_MAX:
            raise refuse(readings.path, "holds too many readings", "Use the tool's own checks.")
        numbers = {}
        for name in sorted(readings.values):
            numbers[name] = readings.integer(name, -JSON_INTEGER_MAX, JSON_INTEGER_MAX)
        verdict = one.choice("verdict", (GOOD, BAD, ABSENT))
        found.append(Check(one.id("name", ID_BYTES_MAX), verdict, numbers))
    return tuple(found)


def check_values(checks: "list[Check]") -> "list[object]":
    """Return checks in an enrolment's form."""
    return [{"name": one.name, "verdict": one.verdict, "readings": one.readings} for one in checks]


Verdict = namedtuple("Verdict", ("enrolment", "node", "state", "code", "message", "successor"))
"""The hub's word on an enrolment (its digest): `state` of `STATES` or `REFUSED`; why, or empty; and
the unit that took over, where one did."""


def build_answer(verdict: Verdict, at_s: int, key_id: str, sign: "object") -> Paper:
    """Return the hub's signed word."""
    body = {
        "enrolment": verdict.enrolment,
        "node": verdict.node,
        "state": verdict.state,
        "code": verdict.code,
        "message": verdict.message,
        "successor": verdict.successor,
        "at_s": at_s,
        "key_id": key_id,
    }
    return seal(ANSWER, body, sign)


def read_answer(data: bytes) -> "tuple[Verdict, Paper]":
    """Return the hub's word and its paper; raises `RemoteFault` (`json.*`, `format.field`)."""
    paper = read(data, ANSWER)
    fields = paper.body
    verdict = Verdict(
        fields.text("enrolment", 64, 64),
        take_node(fields, "node"),
        fields.choice("state", STATES + (REFUSED,)),
        fields.text("code", 0, ID_BYTES_MAX, ""),
        fields.text("message", 0, TITLE_BYTES_MAX, ""),
        fields.text("successor", 0, ID_BYTES_MAX, ""),
    )
    return verdict, paper
