"""What stands in a pack, in which order, and what is refused by its name.

A pack is an uncompressed tar (`protocols/tar.py`). First its papers: `metadata/<file>` as served
under a unit's metadata address, and manifests as `targets/<sha256>`; then media as
`blobs/<sha256>`. Nothing in it is believed: papers answer the requests of the ordinary TUF client,
media are hashed before they are visible.
"""

from protocols import tar
from protocols.errors import RemoteFault
from protocols.limits import (
    JSON_INTEGER_MAX,
    MANIFEST_BYTES_MAX,
    METADATA_BYTES_MAX,
    PACK_PAPERS_BYTES_MAX,
    PACK_PAPERS_MAX,
    ROOT_ROTATIONS_MAX,
)

METADATA = "metadata/"
TARGETS = "targets/"
BLOBS = "blobs/"
SUFFIX = ".pack"

PAPER = "paper"
BLOB = "blob"

_REMEDY = "Fetch the pack again, or write the stick again."
_HEX = "0123456789abcdef"


def have(root: int, timestamp: int) -> str:
    """Return the text that says what a node holds (0 for nothing)."""
    return str(root) + "." + str(timestamp)


def read_have(text: str) -> tuple[int, int]:
    """Return (root, timestamp) versions; raises `RemoteFault("pack.have")`."""
    parts = text.split(".")
    found = []
    for part in parts:
        if not 1 <= len(part) <= 16 or not all("0" <= letter <= "9" for letter in part):
            break
        found.append(int(part))
    if len(parts) != 2 or len(found) != 2 or max(found) > JSON_INTEGER_MAX:
        raise RemoteFault("pack.have", "have is not <root>.<timestamp>", "Write have=1.42.")
    return found[0], found[1]


def is_digest(text: str) -> bool:
    """Tell whether a text is a SHA-256 in lower-case hex."""
    if len(text) != 64:
        return False
    for letter in text:
        if letter not in _HEX:
            return False
    return True


class Rules:
    """Admit the members of one pack in order."""

    def __init__(self) -> None:
        self._papers: set[str] = set()
        self._papers_bytes = 0
        self._is_media = False

    def admit(self, name: str, length: int) -> str:
        """Return `PAPER` or `BLOB`.

        Raises `RemoteFault`: `pack.name` (no such place), `pack.twice`, `pack.order` (a paper after
        media), `pack.length` (a paper or all papers too long), `pack.count`.
        """
        folder, mark, base = name.partition("/")
        if folder + mark == BLOBS and is_digest(base):
            self._is_media = True
            return BLOB
        if folder + mark == METADATA and base.endswith(".json") and "/" not in base:
            bytes_max = METADATA_BYTES_MAX
        elif folder + mark == TARGETS and is_digest(base):
            bytes_max = MANIFEST_BYTES_MAX
        else:
            raise RemoteFault("pack.name", "pack: a member has no place", _REMEDY)
        if self._is_media:
            raise RemoteFault("pack.order", "pack: a paper stands after media", _REMEDY)
        if name in self._papers:
            raise RemoteFault("pack.twice", "pack: " + name[:80] + " stands twice", _REMEDY)
        self._papers_bytes += length
        if length > bytes_max or self._papers_bytes > PACK_PAPERS_BYTES_MAX:
            raise RemoteFault("pack.length", "pack: its papers are too long", _REMEDY)
        if len(self._papers) >= PACK_PAPERS_MAX + ROOT_ROTATIONS_MAX:
            raise RemoteFault("pack.count", "pack: holds too many papers", _REMEDY)
        self._papers.add(name)
        return PAPER


class Intake:
    """Turn the bytes of a pack into admitted events.

    `receive(data)` returns a list of `(PAPER | BLOB, name, length)`, `(tar.DATA, bytes)`,
    `(tar.MEMBER_END,)` and at last `(tar.PACK_END,)`. Raises `RemoteFault("pack.*")`.
    """

    def __init__(self) -> None:
        self._tar = tar.PackReader()
        self._rules = Rules()

    @property
    def is_complete(self) -> bool:
        """Tell whether the end marker was read."""
        return self._tar.is_complete

    def receive(self, data: bytes) -> "list[tuple[object, ...]]":
        """Take the next bytes and return what they complete."""
        events = self._tar.receive(data)
        for index, event in enumerate(events):
            if event[0] == tar.MEMBER:
                name, length = str(event[1]), int(str(event[2]))
                events[index] = (self._rules.admit(name, length), name, length)
        return events
