"""What stands where on a stick that `chieng-tool stick write` prepared.

`chieng-stick.json` says that the stick is ours, so that a node never writes into an empty mount
point; `packs/<unit>.pack` is for every node of a unit; `records/` is what nodes send home
(`protocols/carried.py`). Alerts carried by hand stand beside (`protocols/offline_alert.py`).
"""

from protocols import canonical, fields, pack
from protocols.errors import RemoteFault
from protocols.limits import EPOCH_S_MAX, STICK_MARK_BYTES_MAX

MARK = "chieng-stick.json"
PACKS = "packs/"
FORMAT = "chieng-stick/1"


def pack_name(unit: str) -> str:
    """Return where a stick holds the pack of a unit."""
    return PACKS + unit + pack.SUFFIX


def is_handed(name: str) -> bool:
    """Tell whether a file in the root is a pack that came over the service cable.

    It is named by 32 digits of its hash, stands on the node's own disk, and goes when it was taken.
    """
    stem = name[: -len(pack.SUFFIX)]
    return name.endswith(pack.SUFFIX) and pack.is_digest(stem + stem)


def build_mark(written_s: int) -> bytes:
    """Return the mark of a stick that is written now (Unix seconds)."""
    return canonical.encode({"format": FORMAT, "written_s": written_s})


def read_mark(data: bytes) -> int:
    """Return when a stick was written; raises `RemoteFault` (`json.*`, `format.field`)."""
    take = fields.Fields(canonical.decode(data, STICK_MARK_BYTES_MAX), "stick")
    if take.text("format", 1, 32) != FORMAT:
        raise RemoteFault("format.field", "stick.format: is not ours", "Write the stick again.")
    return take.integer("written_s", 0, EPOCH_S_MAX)
