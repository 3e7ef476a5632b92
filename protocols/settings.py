"""Settings and orders of one node: signed online, therefore able to narrow and nothing else."""

from collections import namedtuple

from protocols import canonical
from protocols.dates import format_time
from protocols.fields import Fields, refuse
from protocols.limits import (
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    MANIFEST_BYTES_MAX,
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
ORDER_KINDS = (SELF_TEST, UPLOAD_LOG, RESTART)

Order = namedtuple("Order", ("id", "kind", "expires_s"))
"""One thing the node is asked to do once, before `expires_s`."""


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
            "orders": [
                {"id": order.id, "kind": order.kind, "expires_s": order.expires_s}
                for order in self.orders
            ],
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
    """Return the orders of a decoded manifest; raises `RemoteFault("format.field")`."""
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
        kind = entry.choice("kind", ORDER_KINDS)
        found.append(Order(name, kind, entry.integer("expires_s", 1, EPOCH_S_MAX)))
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
    """Return the canonical bytes of orders, checked as a node will; `format` may be left out."""
    fields = dict(value)
    fields["format"] = ORDERS_FORMAT
    return canonical.encode(orders_from_dict(fields).to_dict())
