"""The public keys of nodes that spoke lately, so that a signature is checked without asking.

A key may have changed since: whatever is stored asks for it again in its own transaction
(`ingest.accept`), so this only saves the question, never answers it.
"""

# A province has some ten thousand nodes; a key and its name take 300 bytes.
KEYS_MAX = 20_000


class NodeKeys:
    """Remember keys (64 hex digits) by node; those noted first go first."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def get(self, node: str) -> str | None:
        """Return the key that a node had when it was noted."""
        return self._keys.get(node)

    def note(self, node: str, public_key: str) -> None:
        """Remember a node's key as the database names it."""
        self._keys.pop(node, None)
        while len(self._keys) >= KEYS_MAX:
            del self._keys[next(iter(self._keys))]
        self._keys[node] = public_key
