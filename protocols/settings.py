"""Settings and orders of one node: signed online, therefore able to narrow and nothing else."""

from collections import namedtuple

from protocols import canonical
from protocols.dates import format_time
from protocols.errors import RemoteFault
from protocols.fields import Fields, refuse
from protocols.limits import (
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    MANIFEST_BYTES_MAX,
    ORDER_KIND_BYTES_MAX,
    ORDERS_MAX,
)
from protocols.policy import read_bands
from protocols.units import take_node, take_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.policy import Policy

SETTINGS_FORMAT = "chieng-settings/1"
ORDERS_FORMAT = "chieng-orders/1"
SELF_TEST = "self-test"
UPLOAD_LOG = "upload-log"
RESTART = "restart"
UPDATE = "update"
ORDER_KINDS = (SELF_TEST, UPLOAD_LOG, RESTART, UPDATE)
# What only approvers may lay down (`protocols.mandates`, or a bundle's policy). Found in a manifest
# that the online key signed, it is an attempt to widen.
APPROVED_KINDS = ("zones", "inputs", "re-home", "move", "decommission")
_APPROVED_FIELDS = (
    "hamlet",
    "groups",
    "hubs",
    "move",
    "decommission",
    "inputs",
    "relays",
    "policy",
    "ceilings",
    "emergency_ceiling_percent",
    "emergency_in_quiet",
)


class Order(namedtuple("Order", ("id", "kind", "expires_s", "version"))):
    """Hold one thing the node is asked to do once, before `expires_s`.

    `version` names the image of an `update` and is 0 otherwise: the image itself is signed by the
    offline release key, and an older one is refused, so this key can only say when.
    """

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value = {"id": self.id, "kind": self.kind, "expires_s": self.expires_s}
        if self.version:
            value["version"] = self.version
        return value


class Settings(namedtuple("Settings", ("node", "unit", "sequence", "volume_percent", "quiet"))):
    """Hold a node's settings: a volume ceiling and quiet bands beside those of the policy."""

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        return {
            "format": SETTINGS_FORMAT,
            "node": self.node,
            "unit": self.unit,
            "sequence": self.sequence,
            "volume_percent": self.volume_percent,
            "quiet": [[format_time(start), format_time(end)] for start, end in self.quiet],
        }


class Orders(namedtuple("Orders", ("node", "unit", "sequence", "orders"))):
    """Hold a node's open orders."""

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        return {
            "format": ORDERS_FORMAT,
            "node": self.node,
            "unit": self.unit,
            "sequence": self.sequence,
            "orders": [order.to_dict() for order in self.orders],
        }


def narrow(policy: "Policy", settings: Settings | None) -> "Policy":
    """Return the policy under a node's settings: never louder, never fewer quiet hours.

    Emergencies keep to the policy alone, so that a stolen online key cannot silence them.
    """
    if settings is None:
        return policy
    return policy.narrowed(settings.volume_percent, settings.quiet)


def _whose(fields: Fields, unit: str | None, node: str | None) -> tuple[str, str]:
    """Return (node, unit) of a manifest, refusing another's than its path names."""
    for name in _APPROVED_FIELDS:
        if fields.has(name):
            text = fields.name(name) + ": only a unit's approvers may lay this down"
            remedy = "Withdraw it; find out who used the hub's key, and change the key."
            raise RemoteFault("settings.widening", text, remedy)
    own_node, own_unit = take_node(fields, "node"), take_unit(fields, "unit")
    if unit is not None and own_unit != unit:
        raise refuse(fields.name("unit"), "is another unit's", "Sign it for this node's unit.")
    if node is not None and own_node != node:
        raise refuse(fields.name("node"), "is another node's", "Sign it for this node.")
    return own_node, own_unit


def settings_from_dict(value: object, unit: str | None = None, node: str | None = None) -> Settings:
    """Return the settings of a decoded manifest; raises `RemoteFault("format.field")`."""
    fields = Fields(value, "settings")
    fields.choice("format", (SETTINGS_FORMAT,))
    own_node, own_unit = _whose(fields, unit, node)
    return Settings(
        own_node,
        own_unit,
        fields.integer("sequence", 1, JSON_INTEGER_MAX),
        fields.integer("volume_percent", 0, 100, 100),
        read_bands(fields, "quiet"),
    )


def orders_from_dict(value: object, unit: str | None = None, node: str | None = None) -> Orders:
    """Return the orders of a decoded manifest; raises `RemoteFault("format.field")`.

    A kind this version does not know is read all the same: that one order is refused by name, the
    others are carried out.
    """
    fields = Fields(value, "orders")
    fields.choice("format", (ORDERS_FORMAT,))
    own_node, own_unit = _whose(fields, unit, node)
    found: list[Order] = []
    seen: set[str] = set()
    for entry in fields.objects("orders", ORDERS_MAX):
        name = entry.id("id", ID_BYTES_MAX)
        if name in seen:
            raise refuse(entry.name("id"), "stands twice", "Give every order its own id.")
        seen.add(name)
        kind = entry.id("kind", ORDER_KIND_BYTES_MAX)
        expires_s = entry.integer("expires_s", 1, EPOCH_S_MAX)
        version = entry.integer("version", 1, JSON_INTEGER_MAX) if kind == UPDATE else 0
        found.append(Order(name, kind, expires_s, version))
    sequence = fields.integer("sequence", 1, JSON_INTEGER_MAX)
    return Orders(own_node, own_unit, sequence, tuple(found))


def read_settings(data: bytes, unit: str | None = None, node: str | None = None) -> Settings:
    """Return the settings in a manifest's bytes; raises `RemoteFault`."""
    return settings_from_dict(canonical.decode(data, MANIFEST_BYTES_MAX), unit, node)


def read_orders(data: bytes, unit: str | None = None, node: str | None = None) -> Orders:
    """Return the orders in a manifest's bytes; raises `RemoteFault`."""
    return orders_from_dict(canonical.decode(data, MANIFEST_BYTES_MAX), unit, node)


def build_settings(value: dict[str, object]) -> bytes:
    """Return the canonical bytes of settings, checked as a node will; `format` may be left out."""
    fields = dict(value)
    fields["format"] = SETTINGS_FORMAT
    return canonical.encode(settings_from_dict(fields).to_dict())


def build_orders(value: dict[str, object]) -> bytes:
    """Return the canonical bytes of orders that a node will carry out; `format` may be left out."""
    fields = dict(value)
    fields["format"] = ORDERS_FORMAT
    found = orders_from_dict(fields)
    for order in found.orders:
        if order.kind not in ORDER_KINDS:
            raise refuse("orders.kind", "is none of its words", "Use " + " or ".join(ORDER_KINDS))
    return canonical.encode(found.to_dict())
