"""Check Ed25519 signatures of papers on a laptop."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols import canonical, keys
from protocols.errors import RemoteFault
from protocols.kit import Kit
from protocols.limits import ROOT_BYTES_MAX
from protocols.paper import Paper


def is_by(public: bytes, given: Paper) -> bool:
    """Tell whether a key signed a paper."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(given.signature, given.message)
    except (InvalidSignature, ValueError):
        return False
    return True


def hub_key(kit: Kit, key_id: object) -> bytes:
    """Return a key of the timestamp role in the kit's root; raises `RemoteFault("kit.key")`."""
    root = canonical.decode(kit.root, ROOT_BYTES_MAX)
    try:
        signed = root["signed"]  # type: ignore[index]
        if key_id in signed["roles"]["timestamp"]["keyids"]:
            scheme, public = keys.parse(signed["keys"][key_id])
            if scheme == keys.ED25519:
                return bytes(public)
    except (KeyError, TypeError):
        pass
    raise RemoteFault(
        "kit.key", "this is signed by a key that the root does not name", "Fetch a new kit."
    )


def check_hub(kit: Kit, given: Paper, what: str) -> None:
    """Raise `RemoteFault("kit.signature")` unless the kit's hub signed a paper."""
    if not is_by(hub_key(kit, given.body.value("key_id")), given):
        raise RemoteFault("kit.signature", f"the hub did not sign this {what}", "Fetch it again.")
