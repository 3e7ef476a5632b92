"""Which broadcasters a unit's bundle lets in: its view and packs alone carry their recordings.

Recordings come several times a day; whoever has not let them in shall not pay for them.
"""

import functools
import json
from pathlib import Path

from hub.repository.layout import Layout
from protocols.units import bundle_path, relay_path


def sources(layout: Layout, unit: str, sha256: str | None) -> tuple[str, ...]:
    """Return the broadcasters that a unit's bundle of this hash lets in."""
    if sha256 is None:
        return ()
    try:
        return _read(layout.target_file(bundle_path(unit), sha256))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()


@functools.lru_cache(maxsize=1024)
def _read(path: Path) -> tuple[str, ...]:
    """Read a file whose name is its hash: it never changes."""
    return tuple(map(str, json.loads(path.read_bytes())["policy"].get("relays", ())))


def is_wanted(path: str, named: tuple[str, ...]) -> bool:
    """Tell whether a target is none of a broadcaster, or of one that is let in."""
    return not path.startswith("relays/") or path in map(relay_path, named)
