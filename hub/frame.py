"""The frame of a unit's programme: slots and what else holds beside its bulletins.

Nobody changes it at once. A change is asked for, shown with what would come of it, and put in force
by an approver's signature over the bundle that carries it (`hub.publishing`). An entry's newest
change in force says what holds; undoing asks for the body before it.
"""

import json
import secrets
from typing import Any, NamedTuple

from hub import audit, timing
from hub.store import Row, Store
from protocols.errors import RemoteFault

WAITING, APPROVED, IN_FORCE = "waiting", "approved", "in_force"
REPLACED, WITHDRAWN = "replaced", "withdrawn"
SLOT, MOURNING, MOVE = "slot", "mourning", "move"
# A frame is read by people; a bundle holds as many rules.
ENTRIES_MAX = 64

# A pair that is not listed is the error.
_NEXT = {
    (WAITING, "approve"): APPROVED,
    (WAITING, "withdraw"): WITHDRAWN,
    (APPROVED, "publish"): IN_FORCE,
    (APPROVED, "void"): WAITING,
    (IN_FORCE, "replace"): REPLACED,
}
_PREFIX = "k"

Body = dict[str, Any]


class Frame(NamedTuple):
    """Hold the bodies in force by entry, kind by kind."""

    slots: dict[str, Body]
    mourning: dict[str, Body]
    moves: dict[str, Body]


def is_change(subject: str) -> bool:
    """Tell whether a publication's subject is a change of the frame, and no bulletin."""
    return subject.startswith(_PREFIX)


def new_entry() -> str:
    """Return an opaque name for a new entry."""
    return "e" + secrets.token_hex(6)


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("frame." + code, message, remedy)


def of(store: Store, unit: str, changing: Row | None = None) -> Frame:
    """Return what holds in a unit, or what would hold with a change that still waits."""
    found: dict[str, dict[str, Body]] = {SLOT: {}, MOURNING: {}, MOVE: {}}
    rows = store.find("frame_changes", {"unit": unit, "state": IN_FORCE}, order=["created_s"])
    if changing is not None:
        rows = [row for row in rows if row["entry"] != changing["entry"]] + [changing]
    for row in rows:
        body = json.loads(row["body_json"])
        if body is not None:
            found[row["kind"]][row["entry"]] = body
    return Frame(found[SLOT], found[MOURNING], found[MOVE])


def ask(
    store: Store, unit: str, kind: str, entry: str, body: Body | None, who: str, now_s: int
) -> str:
    """Keep a change (None ends the entry) until somebody signs it; return its name.

    A change of the same entry that still waits is withdrawn. Raises `RemoteFault("frame.*")`.
    """
    held = store.find("frame_changes", {"unit": unit, "state": [IN_FORCE, WAITING, APPROVED]})
    own = [row for row in held if row["entry"] == entry]
    known = store.find("frame_changes", {"entry": entry}, limit=1)
    if any(row["unit"] != unit or row["kind"] != kind for row in known) or not (known or body):
        raise gone()
    ahead = {row["entry"] for row in held if not _is_over(row, now_s)}
    if len(ahead | {entry}) > ENTRIES_MAX:
        raise _refuse("many", f"{ENTRIES_MAX} entries stand already", "End some of them first.")
    for row in own:
        if row["state"] == WAITING:
            move(store, row["change"], "withdraw", now_s)
    name = _PREFIX + secrets.token_hex(6)
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    row = {"change": name, "entry": entry, "unit": unit, "kind": kind, "body_json": text}
    row.update(state=WAITING, who=who, created_s=now_s, changed_s=now_s)
    store.add("frame_changes", row)
    audit.append(store, now_s, who, "frame.ask", name, unit=unit, entry=entry, body=body)
    return name


def _is_over(row: Row, now_s: int) -> bool:
    """Tell whether a change's entry has ended, or ended by its own last day before yesterday."""
    body = json.loads(row["body_json"])
    yesterday = timing.local_time(now_s - 2 * 86400, 0).date().isoformat()
    return body is None or bool(body["until"] and body["until"] < yesterday)


def gone() -> RemoteFault:
    """Return the fault of an entry or a change that is not there any more."""
    return _refuse("gone", "it has changed or ended", "Load the page again and look.")


def get(store: Store, change: str) -> Row:
    """Return a change with its body decoded; raises `RemoteFault("frame.gone")`."""
    row = store.get("frame_changes", change)
    if row is None:
        raise gone()
    return {**row, "body": json.loads(row["body_json"])}


def in_force(store: Store, entry: str) -> Row | None:
    """Return the change of an entry that holds now, its body decoded; None where it ended."""
    rows = store.find("frame_changes", {"entry": entry, "state": IN_FORCE}, limit=1)
    if not rows or rows[0]["body_json"] == "null":
        return None
    return {**rows[0], "body": json.loads(rows[0]["body_json"])}


def before(store: Store, change: Row) -> Body | None:
    """Return what held of an entry before a change, or holds while it waits; None for nothing."""
    if change["state"] in (WAITING, APPROVED):
        row = in_force(store, change["entry"])
        return None if row is None else dict(row["body"])
    where = {"entry": change["entry"], "state": [REPLACED, IN_FORCE]}
    rows = store.find("frame_changes", where, order=["created_s", "changed_s"])
    names = [row["change"] for row in rows]
    if change["change"] not in names or names.index(change["change"]) == 0:
        return None
    body: Body | None = json.loads(rows[names.index(change["change"]) - 1]["body_json"])
    return body


def first_s(bodies: list[Body | None], offset_min: int) -> int:
    """Return when the first of some bodies begins to hold (Unix seconds), 0 for none."""
    days = [body["from"] for body in bodies if body is not None]
    return timing.moment_s(min(days), "00:00", offset_min) if days else 0


def waiting(store: Store, units: list[str]) -> list[Row]:
    """Return the changes of some units that wait for a signature, oldest first."""
    where = {"unit": units, "state": [WAITING, APPROVED]}
    rows = store.find("frame_changes", where, order=["created_s"], limit=200)
    return [{**row, "body": json.loads(row["body_json"])} for row in rows]


def move(store: Store, change: str, trigger: str, now_s: int) -> Row:
    """Move a change along the table and return its row as it was."""
    row = get(store, change)
    state = _NEXT.get((row["state"], trigger))
    if state is None:
        raise gone()
    store.change("frame_changes", (change,), {"state": state, "changed_s": now_s})
    return row


def publish(store: Store, change: str, now_s: int) -> Row:
    """Note that a change holds now, in place of what held before; return its row."""
    row = move(store, change, "publish", now_s)
    where = {"entry": row["entry"], "state": IN_FORCE}
    for older in store.find("frame_changes", where):
        if older["change"] != change:
            move(store, older["change"], "replace", now_s)
    return row
