"""Days of mourning: music and entertainment are silent, what informs goes on.

They stand in the policy of the unit that signs them and hold for every unit under it; the node does
the silencing (`protocols.policy`), item by item: `solemn` ones go on. What is fit for such days is
said here: whatever is urgent, what a broadcaster sends (it mourns itself), and what has a topic
that is no entertainment. A bulletin without a topic is silent: nobody knows that it is no music.
"""

from collections.abc import Collection
from datetime import date
from typing import Any

from hub import audit, facts, frame, slots, timing, topics
from hub.frame import Body, Frame
from hub.slots import RELAY
from hub.store import Row, Store
from protocols.errors import RemoteFault

DAYS_MAX = 30
ENTERTAINMENT = "entertainment_topics"
# Days of mourning that a node reads (`protocols.limits.MOURNING_MAX`), less what a policy holds.
KEPT_MAX = 12


def read(name: str, first: str, last: str) -> Body:
    """Return a body of mourning, checked; raises `RemoteFault` (`mourning.*`, `timing.*`)."""
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= slots.NAME_LETTERS_MAX:
        raise RemoteFault("mourning.name", "no name, or too long", "Write for whom it is.")
    days = timing.daily(["00:00"], [1], first, last)
    span = date.fromisoformat(days["until"]) - date.fromisoformat(days["from"])
    if span.days >= DAYS_MAX:
        raise RemoteFault("mourning.days", "too many days", f"Choose at most {DAYS_MAX} days.")
    return {"name": clean, "from": days["from"], "until": days["until"]}


def days(held: Frame, today: str) -> list[list[str]]:
    """Return the days of mourning that are not over, as a policy lists them."""
    found = sorted(
        [body["from"], body["until"]] for body in held.mourning.values() if body["until"] >= today
    )
    if len(found) > KEPT_MAX:
        raise RemoteFault("mourning.many", "too many days of mourning", "End some of them.")
    return found


def entertainment(store: Store) -> list[str]:
    """Return the topics that are silent in mourning."""
    return list(facts.get(store, ENTERTAINMENT, []))


def set_entertainment(store: Store, codes: Collection[str], who: str, now_s: int) -> None:
    """Say which topics are music and entertainment; each unit's next bundle carries it."""
    known = topics.names(store)
    chosen = sorted({code for code in codes if code in known})
    facts.put(store, ENTERTAINMENT, chosen)
    audit.append(store, now_s, who, "mourning.topics", "hub", topics=chosen)


def is_solemn(row: Row, held: Frame, silent: Collection[str]) -> bool:
    """Tell whether a bulletin goes on in mourning."""
    if row["class"] != "normal":
        return True
    slot = held.slots.get((row["timing"].get("slot") or {}).get("id", ""))
    if slot is not None and slot["kind"] == RELAY:
        return True
    return bool(row["topic"]) and row["topic"] not in silent


def of_day(store: Store, chain: list[str], day: date) -> list[str]:
    """Return for whom a unit mourns on a day: its own days and those of the units above."""
    text, found = day.isoformat(), []
    for unit in chain:
        for body in frame.of(store, unit).mourning.values():
            if body["from"] <= text <= body["until"]:
                found.append(str(body["name"]))
    return found


def shown(
    store: Store, chain: list[str], names: dict[str, Any], today: str
) -> list[dict[str, Any]]:
    """Return the days of mourning that hold for a unit and are not over, with who signed them."""
    found = [
        {"entry": entry, "body": body, "unit": unit, "unit_name": names.get(unit, unit)}
        for unit in chain
        for entry, body in frame.of(store, unit).mourning.items()
        if body["until"] >= today
    ]
    return sorted(found, key=lambda one: (one["body"]["from"], one["entry"]))
