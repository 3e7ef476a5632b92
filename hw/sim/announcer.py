"""A LAN in memory: everyone on one `Air` hears everyone else."""

from hw import announcer_port
from protocols.lan import Found, read
from protocols.limits import LAN_FOUND_MAX


class Air:
    """Hold who announces, by name."""

    def __init__(self) -> None:
        self.said: dict[str, Found] = {}


class Announcer(announcer_port.Announcer):
    """Announce on an `Air`, from one address."""

    def __init__(self, air: Air, address: str):
        self._air = air
        self._address = address
        self._name = ""

    async def open(self, name: str, port: int, words: "dict[str, str]") -> None:
        """Announce and listen."""
        self._name = name
        if port:
            said: dict[bytes, bytes | None] = {
                key.encode(): value.encode() for key, value in words.items()
            }
            self._air.said[name] = read(name, said, [self._address], port)

    def found(self) -> "list[Found]":
        """Return who is there now."""
        names = sorted(self._air.said)
        return [self._air.said[name] for name in names if name != self._name][:LAN_FOUND_MAX]

    async def close(self) -> None:
        """Take the announcement back."""
        self._air.said.pop(self._name, None)
