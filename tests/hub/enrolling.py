"""Nodes that enrol at a hub in tests: keys, tickets, papers."""

import hashlib

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import enrolment_api, issuing, tickets
from protocols import enrolment
from protocols.enrolment import Ticket

COMMUNE = "03.k7f2"


class NewNode:
    """A node with its own key."""

    def __init__(self, seed):
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
        self.public = self.key.public_key().public_bytes_raw()
        self.id = enrolment.node_id(self.public)

    def enrolment(self, ticket, **fields):
        """Return a signed enrolment paper."""
        body = {
            "node": self.id,
            "public_key": self.public.hex(),
            "ticket": ticket.value(),
            "unit": ticket.body.value("unit"),
            "hamlet": "lang-kon",
            "name": "Cụm " + self.id,
            "kind": "speaker",
            "wipes": 0,
            "made_ms": ticket.body.value("issued_s") * 1000 + 1000,
            "clock": "rtc",
            "technician": "Kỹ thuật viên 1",
            "checks": [],
            **fields,
        }
        return enrolment.build(body, self.key.sign)


async def ticket(services, count=1, unit=COMMUNE, days=30, name="ve-1"):
    """Issue a ticket and return its paper."""
    key, now_s = services.answer_keys.current(), services.now_s()
    root = hashlib.sha256(issuing.root_bytes(services)).hexdigest()
    made = Ticket(name, unit, now_s, now_s + days * 86400, count, root, key.key_id)
    return await services.ledger.write(lambda s: tickets.new(s, key, made, "test"))


NODE = NewNode(b"cua-xa")


async def install(services):
    """Let a node enrol by a ticket; return what names both in paths, and its paper."""
    given = NODE.enrolment(await ticket(services, count=9))
    await enrolment_api.take(services, given.encode())
    return {"enrolment": given.digest(), "node": NODE.id}, given.encode()


def form_for(path, brought):
    """Return a form that does what a route of installations is for, on the commune."""
    if path == "/installations/files":
        form = aiohttp.FormData()
        form.add_field("files", brought, filename="a.json")
        return form
    return {"unit": COMMUNE, "count": "1", "days": "1", "node": NODE.id}
