"""The contract with mDNS; as `hw.ports`, of which it is a part in a file of its own."""

from protocols.lan import Found


class Announcer:
    """Announce this node on its LAN and hear its neighbours; nothing heard is trusted."""

    async def open(self, name: str, port: int, words: "dict[str, str]") -> None:
        """Announce (`words` as `protocols.lan.words`) and listen; raises `WorldFault("lan.mdns")`.

        `port` 0 listens only.
        """
        raise NotImplementedError

    def found(self) -> "list[Found]":
        """Return who is there now, at most `LAN_FOUND_MAX`, oneself left out, in a stable order."""
        raise NotImplementedError

    async def close(self) -> None:
        """Take the announcement back."""
        raise NotImplementedError
