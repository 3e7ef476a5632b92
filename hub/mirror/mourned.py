"""Days of mourning that a province asks for: never in force by themselves.

They arrive as an offer to each unit; who may approve there puts them before himself as a change of
the unit's frame (`hub.frame`), sees what nodes would do of it, and signs, as he would sign his own.
"""

import json
from typing import Any

from hub import frame, mourning
from hub.mirror import telling
from hub.store import Row, Store
from protocols.errors import RemoteFault

KIND = "mourning"


def read(body: dict[str, Any]) -> frame.Body:
    """Return the days that a directive asks for; raises `RemoteFault` (`mourning.*`, `timing.*`).

    Its own title stands where it does not say who is mourned.
    """
    asked = body.get("mourning") or {}
    name = asked.get("name") or body.get("title") or ""
    return mourning.read(name, asked.get("from") or "", asked.get("until") or "")


def is_over(body: frame.Body, store: Store, now_s: int) -> bool:
    """Tell whether the last day has passed on the province's calendar."""
    return bool(body["until"] < telling.local_day(store, now_s * 1000))


def ask(store: Store, row: Row, unit: str, who: str, now_s: int) -> str:
    """Put the days of a supply before a unit's approver; return the name of the change."""
    body = read(json.loads(row["body_json"]))
    if is_over(body, store, now_s):
        raise RemoteFault("mourning.over", "these days are over", "Decline it.")
    return frame.ask(store, unit, frame.MOURNING, frame.new_entry(), body, who, now_s)


def change_of(store: Store, offer: Row) -> Row | None:
    """Return the change that was made of an offer."""
    return store.get("frame_changes", offer["made"]) if offer["made"] else None


def take_back(store: Store, supply: Row, now_s: int) -> bool:
    """Withdraw what nobody signed of a supply; tell whether some unit's signed days still hold."""
    left = False
    where = {"peer": supply["peer"], "supply": supply["supply"]}
    for offer in store.find("offers", where):
        change = change_of(store, offer)
        if change is None:
            continue
        if change["state"] == frame.WAITING:
            frame.move(store, change["change"], "withdraw", now_s)
        held = frame.in_force(store, change["entry"])
        is_ahead = held is not None and not is_over(held["body"], store, now_s)
        left = left or is_ahead or change["state"] == frame.APPROVED
    return left


def are_signed(store: Store, supply: Row, now_s: int) -> bool:
    """Tell whether every unit that took the days has signed them, and all have answered.

    Where a change was withdrawn unsigned, the offer is open again.
    """
    where, signed = {"peer": supply["peer"], "supply": supply["supply"]}, True
    for offer in store.find("offers", where):
        change = change_of(store, offer) if offer["state"] == "taken" else None
        if change is not None and change["state"] == frame.WITHDRAWN:
            fields = {"state": "open", "made": None, "who": None, "changed_s": now_s}
            store.change("offers", (offer["peer"], offer["supply"], offer["unit"]), fields)
        is_open = offer["state"] == "open" or (
            change is not None and change["state"] not in (frame.IN_FORCE, frame.REPLACED)
        )
        signed = signed and not is_open
    return signed
