"""Take a CAP message once, and say what became of it.

States: waiting (for a person), used (a bulletin was made of it), done (a cancel with nothing left
on the air), dismissed (a person put it aside), ignored (drafts, acknowledgements, private ones),
refused, expired, elsewhere (no place of ours), cancelled and replaced (by a later message, also by
one that came first). A message counts against another only if it is its sender's, is not trusted
less, and is no drill where the other is none.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from hub import audit, bulletins
from hub.cap import decision, message, reader, senders
from hub.cap.areas import Found
from hub.cap.message import Message, Reference
from hub.store import Row, Store
from protocols.errors import LocalFault, RemoteFault

OPEN = ("waiting", "used")
# A bulletin that nobody signed yet is withdrawn with its message; a signed one waits for a person.
_UNSIGNED = (bulletins.READY, bulletins.FAILED, bulletins.RETURNED)
# Rows looked at for one list: more wait only where somebody floods the hub.
LOOKED_AT = 500
ON_AIR = (bulletins.APPROVED, bulletins.PUBLISHED, bulletins.RECALLING)


class Arrival(NamedTuple):
    """Say how a file came: `way` is file, page, feed or push, `who` brought it."""

    way: str
    source: str | None
    who: str
    now_s: int


def id_of(reference: Reference) -> str:
    """Return our name of a message: what CAP calls unique, sender, identifier and time together."""
    text = f"{reference.sender},{reference.identifier},{reference.sent_s}"
    return "c" + hashlib.sha256(text.encode()).hexdigest()[:16]


def receive(
    store: Store, given: Message, data: bytes, found: Found, arrival: Arrival
) -> tuple[Row, bool]:
    """Keep a message; return its row and whether it is new.

    What is here already stays, unless it is still open and now comes on a way that counts more:
    then somebody else's words under the same name give way.
    """
    name = id_of(given.own_reference())
    trust = senders.trust(store, given.sender, arrival.way, arrival.source)
    older = store.get("cap_messages", name)
    is_better = older is not None and older["trust"] < trust and older["state"] != "used"
    if older is not None and not is_better:
        return older, False
    row = _row(name, given, found, arrival, trust)
    if older is None:
        store.add("cap_messages", row)
        store.add("cap_files", {"message": name, "data": data})
    else:
        store.change("cap_messages", (name,), row)
        store.change("cap_files", (name,), {"data": data})
    for target in {id_of(one) for one in given.references}:
        if store.get("cap_references", name, target) is None:
            store.add("cap_references", {"message": name, "target": target})
    if row["state"] == "waiting":
        _meet(store, row, given, arrival.now_s)
    kept = store.get("cap_messages", name) or row
    audit.append(
        store,
        arrival.now_s,
        arrival.who,
        "cap.receive",
        name,
        sender=given.sender,
        identifier=given.identifier,
        way=arrival.way,
        state=kept["state"],
    )
    return kept, True


def _row(name: str, given: Message, found: Found, arrival: Arrival, trust: int) -> Row:
    verdict = decision.decide(given, arrival.now_s)
    state, why = verdict.state, verdict.why
    if state == "waiting" and given.kind != message.CANCEL and found.is_said and not found.places:
        state = "elsewhere"
    return {
        "message": name,
        "identifier": given.identifier,
        "sender": given.sender,
        "sent_s": given.sent_s,
        "kind": given.kind,
        "class": verdict.legal_class,
        "drill": int(verdict.drill),
        "signed": int(given.signed),
        "title": given.title()[:200],
        "places_json": json.dumps(found.to_json()),
        "way": arrival.way,
        "source": arrival.source,
        "who": arrival.who,
        "trust": trust,
        "state": state,
        "why": why,
        "other": None,
        "received_s": arrival.now_s,
        "changed_s": arrival.now_s,
        "ends_s": verdict.ends_s,
    }


def _meet(store: Store, row: Row, given: Message, now_s: int) -> None:
    """Let a new message count against earlier ones, and those that came too early against it."""
    links = store.find("cap_references", {"target": row["message"]})
    for later in _rows(store, (link["message"] for link in links)):
        names = {id_of(one) for one in given_of(store, later).references}
        if row["message"] in names and _counts(later, row):
            _end(store, row, later, now_s)
            return
    if given.kind not in (message.UPDATE, message.CANCEL):
        return
    left = False
    for older in _rows(store, (id_of(one) for one in given.references)):
        if _counts(row, older):
            left |= _end(store, older, row, now_s)
        elif older["state"] in OPEN:
            # A person sees both and decides.
            left = True
    if given.kind == message.CANCEL and not left:
        move(store, row["message"], "done", now_s)


def _rows(store: Store, names: Iterable[str]) -> list[Row]:
    found = [store.get("cap_messages", name) for name in names]
    return [row for row in found if row is not None]


def _counts(later: Row, older: Row) -> bool:
    return bool(
        later["kind"] in (message.UPDATE, message.CANCEL)
        and later["state"] not in ("ignored", "refused")
        and later["sender"] == older["sender"]
        and later["trust"] >= older["trust"]
        and later["drill"] <= older["drill"]
    )


def _end(store: Store, older: Row, later: Row, now_s: int) -> bool:
    """End a message by a later one; tell whether something of it is still on air."""
    left = False
    for bulletin in made_of(store, older["message"]):
        if bulletin["state"] in _UNSIGNED:
            bulletins.withdraw(store, bulletin["bulletin"], later["sender"], now_s)
        left |= bulletin["state"] in (*ON_AIR, bulletins.MAKING)
    if older["state"] in (*OPEN, "elsewhere"):
        state = "cancelled" if later["kind"] == message.CANCEL else "replaced"
        move(store, older["message"], state, now_s, later["message"])
    return left


def given_of(store: Store, row: Row) -> Message:
    """Return what a stored message says."""
    file = store.get("cap_files", row["message"])
    if file is None:
        raise LocalFault("cap.file", f"{row['message']} lacks its file", "Restore a backup.")
    return reader.read(file["data"])


def made_of(store: Store, name: str, unit: str | None = None) -> list[Row]:
    """Return the bulletins made of a message, newest versions."""
    where = {"message": name} if unit is None else {"message": name, "unit": unit}
    links = store.find("cap_bulletins", where)
    return [bulletins.current(store, link["bulletin"]) for link in links]


def earlier(store: Store, name: str) -> list[Row]:
    """Return the messages that a message names, as far as they came, and those these name."""
    found: dict[str, Row] = {}
    todo = [name]
    while todo and len(found) < 64:
        for link in store.find("cap_references", {"message": todo.pop()}):
            row = store.get("cap_messages", link["target"])
            if row is not None and row["message"] not in found and row["message"] != name:
                found[row["message"]] = row
                todo.append(row["message"])
    return list(found.values())


def on_air(store: Store, name: str, unit: str | None = None) -> list[Row]:
    """Return the bulletins on air that were made of what a message replaces or cancels."""
    own = store.get("cap_messages", name) or {}
    return [
        bulletin
        for row in earlier(store, name)
        if row["sender"] == own.get("sender")
        for bulletin in made_of(store, row["message"], unit)
        if bulletin["state"] in ON_AIR
    ]


def move(store: Store, name: str, state: str, now_s: int, other: str | None = None) -> None:
    """Note what became of a message."""
    fields = {"state": state, "changed_s": now_s, "other": other}
    store.change("cap_messages", (name,), fields)


def open_message(store: Store, name: str, now_s: int) -> Row:
    """Return a message that may still be broadcast; raises `RemoteFault("cap.*")`."""
    row = store.get("cap_messages", name)
    if row is None:
        raise RemoteFault("cap.unknown", "there is no such message", "Look at the list again.")
    if row["state"] not in OPEN or row["kind"] == message.CANCEL:
        raise RemoteFault("cap.closed", f"the message is {row['state']}", "Look what came after.")
    if row["ends_s"] <= now_s:
        raise RemoteFault("cap.over", "the message has ended", "Ask its sender for a new one.")
    return row


def use(store: Store, row: Row, unit: str, bulletin: str, now_s: int) -> None:
    """Note that a bulletin was made of a message for a unit."""
    link = {"bulletin": bulletin, "message": row["message"], "unit": unit}
    store.add("cap_bulletins", link)
    move(store, row["message"], "used", now_s)


def check_open(store: Store, bulletin: str) -> None:
    """Refuse to sign what its sender has cancelled or replaced; raises `RemoteFault`."""
    link = store.get("cap_bulletins", bulletin)
    row = store.get("cap_messages", link["message"]) if link else None
    if row is not None and row["state"] in ("cancelled", "replaced"):
        raise RemoteFault("cap.closed", f"the message is {row['state']}", "Look what came after.")


def listed(
    store: Store, units: Collection[str], now_s: int, limit: int, only: Row | None = None
) -> list[Row]:
    """Return the newest messages that some units may see, with their `places`, `over` when ended.

    `only` narrows them by columns.
    """
    rows = store.find("cap_messages", only, order=["received_s"], descending=True, limit=LOOKED_AT)
    found = []
    for row in rows:
        row["places"] = places(row)
        if is_for(row, units):
            row["over"] = row["ends_s"] <= now_s
            found.append(row)
    return found[:limit]


def places(row: Row) -> list[dict[str, Any]]:
    """Return the units and hamlets that a message is for."""
    found: list[dict[str, Any]] = json.loads(row["places_json"])
    return found


def is_for(row: Row, units: Collection[str]) -> bool:
    """Tell whether a message (with its `places`) names one of some units, or none at all."""
    return not row["places"] or any(place["unit"] in units for place in row["places"])


def waiting(store: Store, units: Collection[str], now_s: int, limit: int) -> list[Row]:
    """Return the newest messages for some units about which nobody has decided."""
    rows = listed(store, units, now_s, limit, {"state": "waiting"})
    return [row for row in rows if not row["over"]]


def dismiss(store: Store, name: str, who: str, now_s: int) -> None:
    """Put a message aside, and on record who did."""
    row = store.get("cap_messages", name)
    if row is None or row["state"] not in ("waiting", "elsewhere"):
        raise RemoteFault("cap.closed", "the message does not wait", "Look at the list again.")
    move(store, name, "dismissed", now_s)
    audit.append(store, now_s, who, "cap.dismiss", name, identifier=row["identifier"])
