"""Decide what becomes of an enrolment, in whatever order and however often it arrives.

Plain functions over the store port. What was accepted stays as it was decided; what was refused is
judged anew each time, since an administrator may have mended the cause meanwhile. A node that is
doubtful (its box was wiped, its ticket came late, the node it replaces still lives) is kept in
quarantine: it is known, its records wait at the node, and a person confirms or revokes it.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub import audit, fleet, tickets
from hub.mirror import telling
from hub.store import Row, Store
from protocols.enrolment import (
    ENROLLED,
    QUARANTINED,
    REFUSED,
    REPLACED,
    Enrolment,
    Verdict,
)
from protocols.errors import Fault, RemoteFault
from protocols.paper import Paper

WHO = "enrolment"
# An enrolment made in time may wait this long on a laptop: a storm, a holiday, a forgotten bag.
LATE_S_MAX = 60 * 86400
# The node that is to be replaced was in contact this recently: then it is hardly dead.
ALIVE_MS = 2 * 86400_000
WHY_WIPED = "enrolment.wiped"
WHY_LATE = "enrolment.late"
WHY_ALIVE = "enrolment.replaced_alive"


class Arrival(NamedTuple):
    """Hold one enrolment whose signatures were checked, and when it arrived."""

    paper: Paper
    found: Enrolment
    digest: str
    today: str
    now_s: int


def check_signatures(found: Enrolment, paper: Paper, hub_keys: dict[str, bytes]) -> None:
    """Check the node's signature and, by the hub's keys past and present, the ticket's.

    Raises `RemoteFault` (`enrolment.signature`, `ticket.signature`).
    """
    if not _signed(found.public_key, paper):
        raise RemoteFault(
            "enrolment.signature", "the node did not sign this", "Read it from the node again."
        )
    public = hub_keys.get(found.ticket.key_id)
    if public is None or not _signed(public, found.ticket_paper):
        raise RemoteFault(
            "ticket.signature", "this hub did not sign the ticket", "Send it to the hub it names."
        )


def _signed(public: bytes, paper: Paper) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(paper.signature, paper.message)
    except (InvalidSignature, ValueError):
        return False
    return True


def accept(store: Store, given: Arrival) -> Verdict:
    """Decide and store; the verdict names the node's state now, or why it is refused."""
    node = given.found.node
    known = store.get("enrolments", given.digest)
    if known is not None:
        row = store.get("nodes", node)
        return Verdict(given.digest, node, row["state"] if row else ENROLLED, "", "", "")
    try:
        why = _judge(store, given)
    except _Ended as ended:
        return Verdict(given.digest, node, REFUSED, ended.code, ended.message, ended.successor)
    except Fault as fault:
        _note_refusal(store, given, fault)
        return Verdict(given.digest, node, REFUSED, fault.code, fault.message, "")
    state = QUARANTINED if why else ENROLLED
    if store.find("enrolments", {"replaces": node}, limit=1):
        # The node that took this one's place arrived before it did.
        state = REPLACED
    _add(store, given, state, why)
    return Verdict(given.digest, node, state, why, "", "")


class _Ended(RemoteFault):
    """Refuse a unit that is no more, naming the one that took over."""

    successor = ""


def _judge(store: Store, given: Arrival) -> str:
    """Return why the node is doubtful, or nothing; raises what refuses it."""
    found = given.found
    _check_unit(store, given)
    held = store.get("nodes", found.node)
    if held is not None:
        if held["unit"] != found.unit or held["state"] not in (ENROLLED, QUARANTINED):
            raise RemoteFault(
                "enrolment.elsewhere",
                f"{found.node} is {held['state']} in unit {held['unit']}",
                "Wipe the node by its button and provision it anew.",
            )
    ticket = store.get("tickets", found.ticket.id)
    if ticket is None or ticket["state"] != "open":
        raise RemoteFault(
            "ticket.withdrawn", "this ticket is not valid any more", "Ask for a new ticket."
        )
    used = tickets.keys_of(store, found.ticket.id) | {found.public_key.hex()}
    if len(used) > found.ticket.count:
        raise RemoteFault(
            "ticket.used",
            f"the ticket was for {found.ticket.count} nodes, all have joined",
            "Ask for a new ticket.",
        )
    why = _check_dates(given)
    if found.hamlet and store.get("hamlets", found.unit, found.hamlet) is None:
        raise RemoteFault(
            "fleet.hamlet_id", f"no hamlet {found.hamlet}", "Add the hamlet at the hub."
        )
    if found.wipes:
        why = why or WHY_WIPED
    return why or _check_replaced(store, given)


def _check_unit(store: Store, given: Arrival) -> None:
    units = fleet.units_on(store, given.today)
    if given.found.unit in units:
        return
    rows = store.find("units", {"unit": given.found.unit}, order=["valid_from"])
    ended = _Ended(
        "enrolment.unit_ended",
        f"unit {given.found.unit} is no more",
        "Use a ticket of its successor.",
    )
    ended.successor = (rows[-1]["successor"] or "") if rows else ""
    raise ended


def _check_dates(given: Arrival) -> str:
    ticket, found = given.found.ticket, given.found
    if given.now_s <= ticket.expires_s:
        return ""
    made_s = found.made_ms // 1000 if found.made_ms is not None else found.laptop_s
    if made_s > ticket.expires_s or given.now_s > ticket.expires_s + LATE_S_MAX:
        raise RemoteFault("ticket.expired", "the ticket had expired", "Ask for a new ticket.")
    # The date is the node's own word, so a person looks at it.
    return WHY_LATE


def _check_replaced(store: Store, given: Arrival) -> str:
    old = store.get("nodes", given.found.replaces) if given.found.replaces else None
    if old is None:
        return ""
    if old["unit"] != given.found.unit:
        raise RemoteFault(
            "enrolment.replaces", f"{old['node']} stands in another unit", "Check the old node."
        )
    status = store.get("node_status", old["node"]) or {}
    if given.now_s * 1000 - (status.get("contact_ms") or 0) < ALIVE_MS:
        return WHY_ALIVE
    return ""


def _add(store: Store, given: Arrival, state: str, why: str) -> None:
    found = given.found
    if store.get("nodes", found.node) is None:
        form = fleet.NodeForm(
            found.node,
            found.unit,
            found.name,
            found.kind,
            found.public_key,
            found.hamlet or None,
            found.groups,
            found.board or None,
            found.place_e6,
        )
        fleet.add_node(store, form, WHO, given.now_s, state)
    row: dict[str, Any] = {
        "enrolment": given.digest,
        "node": found.node,
        "public_key": found.public_key.hex(),
        "ticket": found.ticket.id,
        "unit": found.unit,
        "replaces": found.replaces or None,
        "technician": found.technician,
        "received_s": given.now_s,
        "why": why,
        "paper": given.paper.encode(),
    }
    store.add("enrolments", row)
    store.change("enrolment_refusals", (found.node,), {"state": "settled"})
    audit.append(
        store, given.now_s, WHO, "node." + state, found.node, ticket=found.ticket.id, why=why
    )
    if found.replaces and state == ENROLLED:
        _replace(store, found.replaces, given.now_s)


def _replace(store: Store, old: str, now_s: int) -> None:
    row = store.get("nodes", old)
    if row is not None and row["state"] in (ENROLLED, QUARANTINED):
        store.change("nodes", (old,), {"state": REPLACED})
        audit.append(store, now_s, WHO, "node.replaced", old)
        telling.node(store, old, now_s * 1000)


def _note_refusal(store: Store, given: Arrival, fault: Fault) -> None:
    row: Row = {
        "node": given.found.node,
        "unit": given.found.unit,
        "name": given.found.name,
        "technician": given.found.technician,
        "code": fault.code,
        "message": fault.message,
        "at_s": given.now_s,
        "state": "open",
    }
    if not store.change("enrolment_refusals", (given.found.node,), row):
        store.add("enrolment_refusals", row)


def confirm(store: Store, node: str, who: str, now_s: int) -> None:
    """Let a node out of quarantine; the node it replaces, if any, is replaced now."""
    row = store.get("nodes", node)
    if row is None or row["state"] != QUARANTINED:
        raise RemoteFault("fleet.node_id", f"{node} is not in quarantine", "Check the id.")
    store.change("nodes", (node,), {"state": ENROLLED})
    audit.append(store, now_s, who, "node.confirm", node)
    telling.node(store, node, now_s * 1000)
    for one in store.find("enrolments", {"node": node}):
        if one["replaces"]:
            _replace(store, one["replaces"], now_s)


def waiting(store: Store, seen: Collection[str] | None = None) -> list[Row]:
    """Return the nodes in quarantine with the reason and the technician, for the first page."""
    found = []
    where = {"state": QUARANTINED, **fleet.within(seen)}
    for row in store.find("nodes", where, order=["unit", "name"], limit=100):
        papers = store.find("enrolments", {"node": row["node"]}, limit=1)
        paper = papers[0] if papers else {"why": "", "technician": "", "enrolment": ""}
        told = {name: paper[name] for name in ("why", "technician", "enrolment")}
        found.append({**row, **told})
    return found


def refused(store: Store, seen: Collection[str] | None = None) -> list[Row]:
    """Return enrolments that were refused and not mended since, newest first."""
    where = {"state": "open", **fleet.within(seen)}
    return store.find("enrolment_refusals", where, order=["at_s"], descending=True, limit=50)
