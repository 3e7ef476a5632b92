"""Where tasks write down what happened; the records task makes it durable and sends it."""


class Book:
    """Take facts."""

    def write(self, chain: str, kind: str, body: "dict[str, object]") -> None:
        """Note a fact of a chain (`records.PLAYS` or `records.HEALTH`) at this instant."""
        raise NotImplementedError
