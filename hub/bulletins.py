"""Bulletins: what an author wrote, and the states it goes through until nodes have it."""

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from hub import audit, fleet, pictures, variants
from hub.folding import words
from hub.store import Row, Store
from hub.timing import Timing
from protocols.errors import LocalFault, RemoteFault
from protocols.hub_limits import BULLETIN_TEXT_BYTES_MAX

MAKING, READY, FAILED = "making", "ready", "failed"
APPROVED, PUBLISHED, WITHDRAWN = "approved", "published", "withdrawn"
RECALLING, RECALLED = "recalling", "recalled"
RETURNED = "returned"
CLASSES = ("normal", "priority", "emergency")

# A pair that is not listed is the error.
_NEXT = {
    (MAKING, "made"): READY,
    (MAKING, "fail"): FAILED,
    (MAKING, "edit"): MAKING,
    (FAILED, "edit"): MAKING,
    (READY, "edit"): MAKING,
    (FAILED, "withdraw"): WITHDRAWN,
    (READY, "withdraw"): WITHDRAWN,
    (READY, "return"): RETURNED,
    (RETURNED, "edit"): MAKING,
    (RETURNED, "withdraw"): WITHDRAWN,
    (READY, "approve"): APPROVED,
    (APPROVED, "publish"): PUBLISHED,
    (APPROVED, "void"): READY,
    (PUBLISHED, "recall"): RECALLING,
    (RECALLING, "publish"): RECALLED,
    (PUBLISHED, "replace"): RECALLED,
    (RECALLING, "void"): PUBLISHED,
}
TRIGGERS = tuple(sorted({trigger for _, trigger in _NEXT}))
STATES = tuple(sorted({state for state, _ in _NEXT} | set(_NEXT.values())))


class Draft(NamedTuple):
    """Hold what the form said; `upload` is the SHA-256 of a recording or None.

    `making` may hold `speed` (words a minute), `reading` (what the voice says instead of the
    normalised text), `cut_ms` (start and end of a recording, end None for its own), and
    `pictures_only` (boards show no text). `pictures` are as `hub.pictures.checked` takes them,
    `variants` as `hub.variants.checked` does; `supplier` is an organisation or empty.
    """

    unit: str
    title: str
    language: str
    legal_class: str
    text: str
    board_text: str
    voice: str
    upload: str | None
    hamlets: Sequence[str]
    timing: Timing
    topic: str = ""
    making: Mapping[str, Any] = MappingProxyType({})
    pictures: Sequence[Mapping[str, Any]] = ()
    variants: Sequence[Mapping[str, Any]] = ()
    supplier: str = ""


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("bulletin." + code, message, remedy)


def create(store: Store, bulletin: str, draft: Draft, who: str, now_s: int) -> None:
    """Keep a new bulletin in state `making`; raises `RemoteFault("bulletin.*")`."""
    clean = _checked(store, draft)
    row = {"bulletin": bulletin, "unit": draft.unit, "version": 1, "state": MAKING}
    store.add("bulletins", dict(row, created_s=now_s, changed_s=now_s, until_s=None))
    store.add("bulletin_versions", _version(bulletin, 1, clean, now_s))
    audit.append(store, now_s, who, "bulletin.create", bulletin, title=clean.title)


def edit(
    store: Store, bulletin: str, draft: Draft, who: str, now_s: int, seen: int | None = None
) -> int:
    """Keep a new version of an unpublished bulletin and return its number.

    `seen` is the version that the writer began from; raises `RemoteFault("bulletin.newer")` when
    somebody else has saved since.
    """
    clean = _checked(store, draft)
    known = store.get("bulletins", bulletin)
    if known is not None and seen is not None and seen != known["version"]:
        raise _refuse("newer", "somebody saved in between", "Compare both, then save again.")
    row = move(store, bulletin, "edit", now_s)
    if row["unit"] != draft.unit:
        raise _refuse("unit", "a bulletin stays in its unit", "Write a new bulletin there.")
    older = current(store, bulletin)["timing"]
    if clean.timing["mode"] == "alert":
        # What came from a sender keeps its end, and stays a drill if it was one.
        names = ("replaces", "ends_s", "drill") if "ends_s" in older else ("replaces",)
        kept = {name: older[name] for name in names if older.get(name)}
        clean = clean._replace(timing={**clean.timing, **kept})
    version = int(row["version"]) + 1
    store.change("bulletins", (bulletin,), {"version": version})
    store.add("bulletin_versions", _version(bulletin, version, clean, now_s))
    audit.append(store, now_s, who, "bulletin.edit", bulletin, version=version, title=clean.title)
    return version


def move(store: Store, bulletin: str, trigger: str, now_s: int) -> Row:
    """Move a bulletin along the table and return its row as it was."""
    row = store.get("bulletins", bulletin)
    if row is None:
        raise _refuse("unknown", "there is no such bulletin", "Go back to the list.")
    state = _NEXT.get((row["state"], trigger))
    if state is None:
        raise _refuse("state", "this is not possible any more", "Load the page again and look.")
    store.change("bulletins", (bulletin,), {"state": state, "changed_s": now_s})
    return row


def check_version(row: Row, seen: int) -> None:
    """Raise `RemoteFault("bulletin.state")` where a bulletin is no longer what a person saw."""
    if row["version"] != seen:
        raise _refuse("state", "it has changed", "Load the page again and look.")


def current(store: Store, bulletin: str) -> Row:
    """Return a bulletin with the fields of its newest version, JSON columns decoded."""
    row = store.get("bulletins", bulletin)
    if row is None:
        raise _refuse("unknown", "there is no such bulletin", "Go back to the list.")
    version = store.get("bulletin_versions", bulletin, row["version"])
    if version is None:
        raise LocalFault("bulletin.version", f"{bulletin} lacks its version", "Restore a backup.")
    found: Row = dict(version, **row)
    return _decoded(found)


def is_heard(row: Row) -> bool:
    """Tell whether a bulletin has sound; one of pictures or board words alone has none."""
    return bool(row["text"] or row["upload_sha256"])


def files(row: Row) -> list[dict[str, Any]]:
    """Return every file of a version that nodes fetch."""
    found = [*row["renditions"], *(one for size in row["frames"] for one in frames(size))]
    return found + [file for one in row["variants"] for file in one["renditions"]]


def frames(size: Row) -> list[dict[str, Any]]:
    """Return every picture of one size of board: for everybody, and for orders of languages."""
    sets = [size, *size.get("tongues", [])]
    return [one for shown in sets for one in shown["frames"]]


def versions(store: Store, bulletin: str) -> list[Row]:
    """Return every version of a bulletin, newest first, JSON columns decoded."""
    rows = store.find("bulletin_versions", {"bulletin": bulletin}, descending=True, limit=200)
    return [_decoded(row) for row in rows]


def _decoded(row: Row) -> Row:
    for name in ("making", "pictures", "variants", "hamlets", "timing", "renditions", "frames"):
        row[name] = json.loads(row.pop(name + "_json"))
    return row


def made(store: Store, bulletin: str, version: int, made_of: dict[str, Any], now_s: int) -> bool:
    """Attach renditions, frames and the reading; tell whether that version still counts."""
    row = store.get("bulletins", bulletin)
    if row is None or (row["state"], row["version"]) != (MAKING, version):
        return False
    changes = {
        "renditions_json": json.dumps(made_of["renditions"]),
        "frames_json": json.dumps(made_of["frames"]),
        "variants_json": json.dumps(made_of.get("variants", []), ensure_ascii=False),
        "spoken": made_of["spoken"],
        "fault_code": None,
    }
    store.change("bulletin_versions", (bulletin, version), changes)
    move(store, bulletin, "made", now_s)
    return True


def failed(store: Store, bulletin: str, version: int, code: str, now_s: int) -> bool:
    """Note why a version could not be made; tell whether it still counts."""
    row = store.get("bulletins", bulletin)
    if row is None or (row["state"], row["version"]) != (MAKING, version):
        return False
    store.change("bulletin_versions", (bulletin, version), {"fault_code": code})
    move(store, bulletin, "fail", now_s)
    return True


def withdraw(store: Store, bulletin: str, who: str, now_s: int) -> None:
    """Take back a bulletin that nobody approved."""
    move(store, bulletin, "withdraw", now_s)
    audit.append(store, now_s, who, "bulletin.withdraw", bulletin)


def newest(store: Store, limit: int, units: Collection[str] | None = None) -> list[Row]:
    """Return the bulletins changed last, newest first; of some units when given."""
    where = None if units is None else {"unit": sorted(units)}
    rows = store.find("bulletins", where, order=["changed_s"], descending=True, limit=limit)
    return [current(store, row["bulletin"]) for row in rows]


def _clean_text(text: str) -> str:
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter == "\n" or ord(letter) >= 32).strip()


def _checked(store: Store, draft: Draft) -> Draft:
    if not store.find("units", {"unit": draft.unit}, limit=1):
        raise _refuse("unit", "no unit is chosen", "Choose the unit that speaks.")
    if not draft.title.strip():
        raise _refuse("title", "the title is empty", "Write a short title.")
    if draft.legal_class not in CLASSES:
        raise _refuse("class", "no class is chosen", "Choose normal, priority or emergency.")
    if (draft.legal_class == "emergency") != (draft.timing["mode"] == "alert"):
        raise _refuse("timing", "class and time do not fit", "Choose the class again.")
    text = _clean_text(draft.text)
    board_text = _clean_text(draft.board_text)
    is_seen = draft.legal_class != "emergency" and (board_text or draft.pictures)
    if not text and draft.upload is None and not is_seen:
        raise _refuse("empty", "there is nothing to play", "Write a text or choose a recording.")
    for one in (text, board_text):
        if len(one.encode()) > BULLETIN_TEXT_BYTES_MAX:
            raise _refuse("long", "the text is too long", "Make two bulletins of it.")
    for hamlet in draft.hamlets:
        if store.get("hamlets", draft.unit, hamlet) is None:
            raise _refuse("hamlet", "a hamlet is unknown", "Choose hamlets of this unit.")
    kept = pictures.checked(store, draft.pictures)
    draft = draft._replace(text=text, board_text=board_text, pictures=kept)
    title, given = fleet.title(draft.title, "title"), [dict(one) for one in draft.variants]
    for other in given:
        other["text"] = _clean_text(other["text"])
        other["board_text"] = _clean_text(other.get("board_text", ""))
    others = variants.checked(given, title, draft.language)
    is_spoken = any(one["text"] or one["upload"] for one in others)
    if is_spoken and not text and draft.upload is None:
        raise _refuse("empty", "variants of nothing", "Write a text or choose a recording.")
    return draft._replace(title=title, variants=others)


def search_text(
    bulletin: str, title: str, text: str, board_text: str, others: Sequence[Mapping[str, Any]]
) -> str:
    """Return what a bulletin is found by: the words of all its texts, and its id."""
    told = [one.get(name) or "" for one in others for name in ("title", "text", "board_text")]
    return " ".join(words(title, text, board_text, *told, bulletin))


def _version(bulletin: str, version: int, draft: Draft, now_s: int) -> Row:
    return {
        "bulletin": bulletin,
        "version": version,
        "title": draft.title,
        "language": draft.language,
        "topic": draft.topic,
        "class": draft.legal_class,
        "text": draft.text,
        "board_text": draft.board_text,
        "voice": draft.voice,
        "upload_sha256": draft.upload,
        "making_json": json.dumps(dict(draft.making), ensure_ascii=False),
        "supplier": draft.supplier,
        "pictures_json": json.dumps(list(draft.pictures), ensure_ascii=False),
        "variants_json": json.dumps(list(draft.variants), ensure_ascii=False),
        "search": search_text(bulletin, draft.title, draft.text, draft.board_text, draft.variants),
        "hamlets_json": json.dumps(list(draft.hamlets)),
        "timing_json": json.dumps(draft.timing),
        "renditions_json": "[]",
        "frames_json": "[]",
        "spoken": "",
        "fault_code": None,
        "created_s": now_s,
    }
