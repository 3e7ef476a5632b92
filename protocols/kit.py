"""What a technician takes along where there is no signal: units, hamlets, addresses, the root.

The kit is one paper signed as tickets are, by the `timestamp` key of the root inside it; people
compare that root's phrase. It may hold tickets as well, so that one file is enough.
"""

from collections import namedtuple

from protocols import paper
from protocols.enrolment import TICKET
from protocols.fields import Fields, refuse
from protocols.limits import (
    CONFIG_PATH_BYTES_MAX,
    EPOCH_S_MAX,
    HUBS_MAX,
    ID_BYTES_MAX,
    KIT_BYTES_MAX,
    KIT_HAMLETS_MAX,
    KIT_TICKETS_MAX,
    KIT_UNITS_MAX,
    ROOT_BYTES_MAX,
    TITLE_BYTES_MAX,
)
from protocols.paper import Paper
from protocols.units import check_unit, take_unit

KIT = "chieng-kit/1"

Place = namedtuple("Place", ("unit", "name", "above", "hamlets", "is_ended", "successor"))
"""A unit: the names of what stands above it, nearest first; hamlets as (id, name); whether it has
ended, and the unit that took over, or empty."""

Kit = namedtuple("Kit", ("issued_s", "key_id", "hubs", "root", "places", "tickets"))
"""Hold a kit: `root` the bytes of the trusted root, `places` by unit, `tickets` as papers."""


def build(body: "dict[str, object]", sign: "object") -> Paper:
    """Return a signed kit."""
    made = paper.seal(KIT, body, sign)
    read(made.encode())
    return made


def read(data: bytes) -> "tuple[Kit, Paper]":
    """Return a kit and its paper; raises `RemoteFault` (`json.*`, `format.field`)."""
    found = paper.read(data, KIT, KIT_BYTES_MAX)
    fields = found.body
    hubs = []
    for value in fields.entries("hubs", 1, HUBS_MAX):
        if not isinstance(value, str) or len(value) > CONFIG_PATH_BYTES_MAX:
            raise refuse(fields.name("hubs"), "is no address", "Make the kit again.")
        hubs.append(value)
    places = {}
    for one in fields.objects("units", KIT_UNITS_MAX):
        place = _place(one)
        places[place.unit] = place
    tickets = []
    for value in fields.entries("tickets", 0, KIT_TICKETS_MAX, True):
        tickets.append(paper.take(value, TICKET))
    kit = Kit(
        fields.integer("issued_s", 0, EPOCH_S_MAX),
        fields.text("key_id", 1, 64),
        tuple(hubs),
        fields.text("root", 2, ROOT_BYTES_MAX).encode(),
        places,
        tuple(tickets),
    )
    return kit, found


def _place(fields: Fields) -> Place:
    above = []
    for value in fields.entries("above", 0, 8, True):
        above.append(str(value))
    hamlets = []
    for one in fields.objects("hamlets", KIT_HAMLETS_MAX):
        hamlets.append((one.id("id", ID_BYTES_MAX), one.text("name", 1, TITLE_BYTES_MAX)))
    successor = fields.text("successor", 0, ID_BYTES_MAX, "")
    if successor:
        check_unit(successor, fields.name("successor"))
    return Place(
        take_unit(fields, "unit"),
        fields.text("name", 1, TITLE_BYTES_MAX),
        tuple(above),
        tuple(hamlets),
        fields.flag("is_ended", False),
        successor,
    )
