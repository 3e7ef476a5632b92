"""Where tasks write down what happened; the records task makes it durable and sends it."""


class Book:
    """Take facts."""

    def write(self, chain: str, kind: str, body: "dict[str, object]") -> None:
        """Note a fact of a chain (`records.PLAYS` or `records.HEALTH`) at this instant."""
        raise NotImplementedError

    def write_memo(self, chain: str, number: int, data: bytes) -> None:
        """Keep a number, and some bytes (none: the last ones hold), until a play is recorded."""
        raise NotImplementedError

    def memo(self, chain: str) -> "tuple[int, bytes]":
        """Return what is kept so; no bytes when nothing is."""
        raise NotImplementedError
