"""What changed between two versions of a bulletin, word by word."""

import difflib
import re
from typing import Any, NamedTuple

from hub.store import Row

SAME, ADDED, GONE = "same", "added", "gone"
# Beyond this, comparing words takes seconds: whole lines are compared.
WORDS_MAX = 4000
TEXTS = ("title", "text", "board_text")
OTHERS = (
    "class",
    "language",
    "topic",
    "supplier",
    "voice",
    "upload_sha256",
    "pictures",
    "hamlets",
    "timing",
    "making",
)


class Piece(NamedTuple):
    """Hold a stretch of text that is `same`, `added` or `gone`."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[Piece]:
    """Return the stretches that lead from an old text to a new one."""
    before, after = (re.findall(r"\s+|\S+", text) for text in (old, new))
    if len(before) + len(after) > WORDS_MAX:
        before, after = (text.splitlines(keepends=True) for text in (old, new))
    found: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for what, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if what == "equal":
            found.append(Piece(SAME, "".join(before[old_from:old_to])))
            continue
        if old_to > old_from:
            found.append(Piece(GONE, "".join(before[old_from:old_to])))
        if new_to > new_from:
            found.append(Piece(ADDED, "".join(after[new_from:new_to])))
    return found


def texts(old: Row, new: Row) -> dict[str, list[Piece]]:
    """Return the differences of the texts that changed, by field."""
    return {name: compare(old[name], new[name]) for name in TEXTS if old[name] != new[name]}


def languages(old: Row, new: Row) -> dict[str, list[Piece]]:
    """Return the differences of the texts in other languages that changed, by language."""
    before, after = (
        {one["language"]: "\n".join(_told(one)) for one in row["variants"]} for row in (old, new)
    )
    return {
        tag: compare(before.get(tag, ""), after.get(tag, ""))
        for tag in sorted({*before, *after})
        if before.get(tag) != after.get(tag)
    }


def _told(variant: Row) -> list[str]:
    texts = [variant["title"], variant["text"], variant.get("board_text", "")]
    return [one for one in texts if one]


def _recordings(row: Row) -> list[Any]:
    return [[one[name] for name in ("language", "upload", "cut_ms")] for one in row["variants"]]


def others(old: Row, new: Row) -> list[str]:
    """Return the other fields that changed."""
    found = [name for name in OTHERS if old[name] != new[name]]
    return found + ["variants"] * (_recordings(old) != _recordings(new))
