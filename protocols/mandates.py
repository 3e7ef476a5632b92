"""Mandates: what a unit's approvers lay down about single nodes, in the unit's own role.

Where a node stands (hamlet, groups), which hubs it asks, which unit it belongs to, and whether it
is to wipe itself: none of this may rest on a key that lies open at the hub. Each entry has a number
of its own that only grows, so that a node carries an entry out once, whoever signs the manifest
anew for another node's sake.
"""

from collections import namedtuple

from protocols import canonical
from protocols.errors import RemoteFault
from protocols.fields import Fields, refuse
from protocols.hub_addresses import check_addresses
from protocols.limits import (
    HUBS_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    MANDATES_MAX,
    MANIFEST_BYTES_MAX,
    TARGET_NAMES_MAX,
)
from protocols.units import check_unit, take_node, take_unit

FORMAT = "chieng-mandates/1"


class Mandate(
    namedtuple("Mandate", ("node", "sequence", "hamlet", "groups", "hubs", "move", "decommission"))
):
    """Hold what is laid down about one node; None leaves a thing as it is.

    `groups` is a tuple of names, `hubs` a tuple of base addresses, best first, `move` the unit the
    node is to belong to, `decommission` true for a node that is to wipe itself.
    """

    def kind(self) -> str:
        """Return the word for what is laid down, the gravest first."""
        if self.decommission:
            return "decommission"
        if self.move is not None:
            return "move"
        return "re-home" if self.hubs is not None else "zones"

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {"node": self.node, "sequence": self.sequence}
        if self.hamlet is not None:
            value["hamlet"] = self.hamlet
        if self.groups is not None:
            value["groups"] = list(self.groups)
        if self.hubs is not None:
            value["hubs"] = list(self.hubs)
        if self.move is not None:
            value["move"] = self.move
        if self.decommission:
            value["decommission"] = True
        return value


class Mandates(namedtuple("Mandates", ("unit", "sequence", "nodes"))):
    """Hold one version of a unit's mandates; `nodes` is a dict by node id."""

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        return {
            "format": FORMAT,
            "unit": self.unit,
            "sequence": self.sequence,
            "nodes": [self.nodes[node].to_dict() for node in sorted(self.nodes)],
        }


def _addresses(entry: Fields) -> tuple[str, ...]:
    given = entry.entries("hubs", 1, HUBS_MAX)
    try:
        return check_addresses(given)
    except RemoteFault as fault:
        raise refuse(entry.name("hubs"), fault.message, fault.remedy)


def _mandate(entry: Fields, sequence: int) -> Mandate:
    groups = hubs = move = hamlet = None
    if entry.has("hamlet"):
        # An empty hamlet is a node that stands in none.
        hamlet = entry.text("hamlet", 0, ID_BYTES_MAX) and entry.id("hamlet", ID_BYTES_MAX)
    if entry.has("groups"):
        groups = entry.ids("groups", TARGET_NAMES_MAX, ID_BYTES_MAX)
    if entry.has("hubs"):
        hubs = _addresses(entry)
    if entry.has("move"):
        move = check_unit(entry.value("move"), entry.name("move"))
    return Mandate(
        take_node(entry, "node"),
        entry.integer("sequence", 1, sequence),
        hamlet,
        groups,
        hubs,
        move,
        entry.flag("decommission", False),
    )


def from_dict(value: object, unit: str | None = None) -> Mandates:
    """Return the mandates of a decoded manifest; raises `RemoteFault("format.field")`.

    With `unit`, those of another unit are refused.
    """
    fields = Fields(value, "mandates")
    fields.choice("format", (FORMAT,))
    own = take_unit(fields, "unit")
    if unit is not None and own != unit:
        raise refuse(fields.name("unit"), "is another unit's", "Sign it for this unit.")
    sequence = fields.integer("sequence", 1, JSON_INTEGER_MAX)
    nodes: dict[str, Mandate] = {}
    for entry in fields.objects("nodes", MANDATES_MAX):
        one = _mandate(entry, sequence)
        if one.node in nodes:
            raise refuse(entry.name("node"), "stands twice", "Write one entry for each node.")
        nodes[one.node] = one
    return Mandates(own, sequence, nodes)


def read(data: bytes, unit: str | None = None) -> Mandates:
    """Return the mandates in a manifest's bytes; raises `RemoteFault`."""
    return from_dict(canonical.decode(data, MANIFEST_BYTES_MAX), unit)


def build(value: dict[str, object]) -> bytes:
    """Return the canonical bytes of mandates, checked as a node will; `format` may be left out."""
    fields = dict(value)
    fields["format"] = FORMAT
    return canonical.encode(from_dict(fields).to_dict())
