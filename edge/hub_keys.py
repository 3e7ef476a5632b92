"""Know the keys by which the hub signs its answers: those of the trusted root's timestamp role."""

from hw.ports import Storage
from protocols import canonical, keys
from protocols.errors import RemoteFault
from protocols.limits import ROOT_BYTES_MAX

ROOT = "metadata/root.json"


def read_hub_keys(storage: Storage) -> "dict[str, bytes]":
    """Return the Ed25519 public keys of the timestamp role by key id; none when none is trusted.

    The stored root was verified before it was stored (`protocols/trust.py`). Other key types sign
    metadata, not answers: the profile of `protocols/http_signature.py` is Ed25519 alone.
    """
    reader = storage.open(ROOT)
    if reader is None:
        return {}
    try:
        root = canonical.decode_reader(reader.read, ROOT_BYTES_MAX)
    finally:
        reader.close()
    return hub_keys_of(root)


def hub_keys_of(root: object) -> "dict[str, bytes]":
    """Return the Ed25519 public keys of the timestamp role in a decoded root."""
    found = {}
    try:
        signed = root["signed"]  # type: ignore[index]
        for key_id in signed["roles"]["timestamp"]["keyids"]:
            try:
                scheme, public = keys.parse(signed["keys"][key_id])
            except RemoteFault:
                continue
            if scheme == keys.ED25519:
                found[key_id] = public
    except (KeyError, TypeError):
        return {}
    return found
