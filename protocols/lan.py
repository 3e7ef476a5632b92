"""What nodes and hubs say of themselves on a LAN (mDNS, RFC 6763): a hint to find, never to trust.

A service's words are `role` (`hub` or `node`), `unit` where there is one, and `serves` of a node
that hands its unit's files on to its neighbours.
"""

from collections import namedtuple

from protocols.errors import RemoteFault
from protocols.limits import ID_BYTES_MAX, LAN_WORDS_BYTES_MAX
from protocols.units import is_unit_id

SERVICE = "_chieng._tcp.local."
HUB = "hub"
NODE = "node"
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789-."


class Found(namedtuple("Found", ("role", "name", "unit", "serves", "address", "port"))):
    """One neighbour as it describes itself; `address` is dotted IPv4."""

    @property
    def base(self) -> str:
        """Return where it would answer."""
        return "http://%s:%d" % (self.address, self.port)


def words(role: str, unit: str = "", serves: bool = False) -> "dict[str, str]":
    """Return the words to announce."""
    said = {"role": role}
    if unit:
        said["unit"] = unit
    if serves:
        said["serves"] = "1"
    return said


def read(
    name: str, said: "dict[bytes, bytes | None]", addresses: "list[str]", port: "int | None"
) -> Found:
    """Return what somebody announces; raises `RemoteFault("neighbour.words")` for nonsense.

    `name` is the instance with or without the service's name behind it.
    """
    short = name[: -len(SERVICE) - 1] if name.endswith("." + SERVICE) else name
    size = sum([len(key) + len(value or b"") for key, value in said.items()])
    role, unit = _text(said, b"role"), _text(said, b"unit")
    is_good = (
        0 < len(short) <= ID_BYTES_MAX
        and all([letter in _NAME for letter in short])
        and size <= LAN_WORDS_BYTES_MAX
        and role in (HUB, NODE)
        and (not unit or is_unit_id(unit))
        and len(addresses) > 0
        and isinstance(port, int)
        and 0 < port < 65536
    )
    if not is_good:
        raise RemoteFault("neighbour.words", "a service that is none of ours", "Nothing to do")
    return Found(role, short, unit, _text(said, b"serves") == "1", addresses[0], port)


def _text(said: "dict[bytes, bytes | None]", key: bytes) -> str:
    try:
        return str(said.get(key) or b"", "ascii")
    except (UnicodeError, ValueError):
        return ""
