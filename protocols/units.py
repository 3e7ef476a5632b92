"""Unit ids and the TUF target paths that belong to a unit.

A unit id is opaque and permanent: `<group>.<random>` (`03.k7f2`). Paths are flat because `*` in a
TUF delegation never crosses a slash.
"""

from protocols.fields import Fields, is_id, refuse
from protocols.limits import GROUP_BYTES_MAX, NODE_ID_BYTES_MAX, UNIT_RANDOM_BYTES_MAX

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def _is_word(text: str, bytes_max: int) -> bool:
    if not 1 <= len(text) <= bytes_max:
        return False
    for letter in text:
        if letter not in _LETTERS:
            return False
    return True


def is_unit_id(text: str) -> bool:
    """Tell whether a text is `<group>.<random>`, both of a-z and 0-9."""
    parts = text.split(".")
    return (
        len(parts) == 2
        and _is_word(parts[0], GROUP_BYTES_MAX)
        and _is_word(parts[1], UNIT_RANDOM_BYTES_MAX)
    )


def is_node_id(text: str) -> bool:
    """Tell whether a text can name a node in a target path."""
    return is_id(text, NODE_ID_BYTES_MAX)


def group(unit: str) -> str:
    """Return the group of a unit id."""
    return unit[: unit.index(".")]


def check_unit(value: object, path: str) -> str:
    """Return a value that is a unit id; raises `RemoteFault("format.field")`."""
    if not isinstance(value, str) or not is_unit_id(value):
        raise refuse(path, "is no unit id", "Write <group>.<random>, such as 03.k7f2.")
    return value


def take_unit(fields: Fields, field: str) -> str:
    """Return the unit id that stands in a field."""
    return check_unit(fields.value(field), fields.name(field))


def take_node(fields: Fields, field: str) -> str:
    """Return the node id that stands in a field."""
    return fields.id(field, NODE_ID_BYTES_MAX)


def bundle_path(unit: str) -> str:
    """Return the target path of a unit's programme."""
    return "units/" + unit + "/bundle.json"


def mandates_path(unit: str) -> str:
    """Return the target path of what a unit's approvers lay down about its nodes."""
    return "units/" + unit + "/mandates.json"


def alert_path(unit: str) -> str:
    """Return the target path of a unit's alerts."""
    return "alerts/" + unit + "/alert.json"


def auto_alert_path(unit: str) -> str:
    """Return the target path of alerts relayed from a unit's listed senders."""
    return "alerts/" + unit + "/auto.json"


def relay_path(source: str) -> str:
    """Return the target path of a broadcaster's recordings."""
    return "relays/" + source + "/media.json"


def image_path(board: str) -> str:
    """Return the target path of a board's application image."""
    return "firmware/" + board + "/image.json"


def settings_path(unit: str, node: str) -> str:
    """Return the target path of a node's settings."""
    return "nodes/" + unit + "/" + node + "/settings.json"


def orders_path(unit: str, node: str) -> str:
    """Return the target path of a node's orders."""
    return "nodes/" + unit + "/" + node + "/orders.json"
