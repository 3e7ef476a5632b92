"""The hub's tables.

Times end in `_s` or `_ms` (Unix UTC); days are ISO text; structured columns end in `_json`. Units
and their names are dated rows, so a merger is new rows, never a rewrite of old ones.
"""

from hub.schema import (
    accounts,
    cap,
    content,
    editing,
    fleet,
    frame,
    notify,
    offers,
    province,
    relay,
)
from hub.schema.base import PRIVATE, metadata

__all__ = (
    "PRIVATE",
    "accounts",
    "cap",
    "content",
    "editing",
    "fleet",
    "frame",
    "metadata",
    "notify",
    "offers",
    "province",
    "relay",
)
