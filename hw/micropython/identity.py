"""The node's own key in the board's storage."""

from hw import ports
from protocols import ed25519
from protocols.errors import LocalFault, WorldFault

_SEED_BYTES = 32


class Identity(ports.Identity):
    """Hold the node's Ed25519 key; made from the entropy port at first use.

    The stored file holds the 32-byte seed, then the 32-byte public key, which tells a damaged file
    from a whole one; it is committed before the key is first used. A board has no users: whoever
    opens its flash has the key, and losing a node is answered by revoking it.
    """

    def __init__(self, storage: ports.Storage, entropy: ports.Entropy, name: str = "identity.key"):
        """Load the key, or make it; raises `WorldFault` (`identity.damaged`)."""
        reader = storage.open(name)
        if reader is None:
            seed = entropy.random_bytes(_SEED_BYTES)
            writer = storage.stage(name)
            writer.write(seed + ed25519.public(seed))
            writer.commit(name)
            reader = storage.open(name)
        content = b"" if reader is None else _read(reader)
        self._storage = storage
        self._name = name
        self._seed: bytes | None = content[:_SEED_BYTES]
        self._public = ed25519.public(content[:_SEED_BYTES])
        if content[_SEED_BYTES:] != self._public:
            raise WorldFault(
                "identity.damaged",
                name + " is not a whole key",
                "Wipe the node and enrol it again: the key cannot be recovered",
            )

    def public_key(self) -> bytes:
        """Return the 32 public bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""
        if self._seed is None:
            raise LocalFault("identity.gone", "the key was destroyed", "Enrol the node anew.")
        return ed25519.sign(self._seed, message)

    def forget(self) -> None:
        """Destroy the key; zeros take its place first where the store writes in place."""
        self._seed = None
        length = self._storage.size(self._name)
        if length is not None:
            try:
                self._storage.patch(self._name, 0, bytes(length))
            except LocalFault:
                # Slots are written once each; the dead one is the first to be written over.
                pass
            self._storage.remove(self._name)


def _read(reader: ports.Reader) -> bytes:
    content = b""
    while len(content) <= 2 * _SEED_BYTES:
        piece = reader.read(4 * _SEED_BYTES)
        if not piece:
            break
        content += piece
    reader.close()
    return content
