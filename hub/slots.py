"""Slots: the named times of a unit's day, into which bulletins, offers and relays are put.

A slot has a kind (own programme, relay of a broadcaster, matter of the province, a campaign whose
bulletins take turns: `hub.programme_rules`), times of day,
weekdays, days on which it holds, and a length. A bulletin in it begins within the slot or not at
all. Its timing keeps what its author wanted (`slot`) beside the times that follow from it, so a
slot that moves takes its bulletins along.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from hub import day_form, frame, timing
from hub.frame import Body, Frame
from hub.store import Row, Store
from hub.timing import Timing
from protocols.errors import RemoteFault
from protocols.policy import Policy

OWN, RELAY, PROVINCE, CAMPAIGN = "own", "relay", "province", "campaign"
KINDS = (OWN, RELAY, PROVINCE, CAMPAIGN)
# Where a campaign's bulletins stand among normal ones that are due at the same moment.
FIRST, USUAL, AFTER = "first", "usual", "after"
ORDERS = (FIRST, USUAL, AFTER)
# What a relay slot plays on days for which nothing new came.
NOTHING, LAST = "nothing", "last"
AGAIN = (NOTHING, LAST)
NAME_LETTERS_MAX = 60
MINUTES_MAX = 240
DAY_S = 86400


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("slot." + code, message, remedy)


def read(given: Body) -> Body:
    """Return a slot's body checked: `name kind times weekdays from until minutes`, and of a relay
    `source`, `again` and perhaps `automatic`: its recordings play without a signature for each.

    `until` may be empty: the slot holds until it is ended; so may `source`. Raises `RemoteFault`
    (`slot.*`, `timing.*`).
    """
    name = " ".join(str(given["name"]).split())
    if not 1 <= len(name) <= NAME_LETTERS_MAX:
        raise _refuse("name", "no name, or too long", f"Write at most {NAME_LETTERS_MAX} letters.")
    if given["kind"] not in KINDS:
        raise _refuse("kind", "no such kind of slot", "Choose one.")
    if not 1 <= given["minutes"] <= MINUTES_MAX:
        raise _refuse("minutes", "the length is wrong", f"Choose 1 to {MINUTES_MAX} minutes.")
    when = timing.daily(
        given["times"], given["weekdays"], given["from"], given["until"] or given["from"]
    )
    body = {"name": name, "kind": given["kind"], "minutes": given["minutes"], **when}
    lunar_days, excepted = given.get("lunar", ()), given.get("except", ())
    body.update(_days_of(body, lunar_days, excepted))
    del body["mode"]
    if given["kind"] == RELAY:
        again = given.get("again") if given.get("again") in AGAIN else NOTHING
        body.update(source=str(given.get("source") or ""), again=again)
        if given.get("automatic"):
            if not body["source"]:
                raise _refuse("automatic", "no source is chosen", "Choose whose recordings play.")
            body["automatic"] = True
    if given["kind"] == CAMPAIGN:
        order = given.get("order") if given.get("order") in ORDERS else USUAL
        share = given.get("share", 1)
        if not 1 <= share <= len(body["times"]):
            raise _refuse("share", "the share is wrong", "Choose 1 to as many as it has times.")
        body.update(share=share, order=order)
    return {**body, "until": body["until"] if given["until"] else ""}


def _days_of(body: Body, lunar_days: Sequence[str], excepted: Sequence[str]) -> Body:
    """Return lunar days and days left out, checked over a year where no end is given."""
    year = date.fromisoformat(body["from"]) + timedelta(days=timing.DAYS_MAX)
    found = timing.on_days({**body, "until": year.isoformat()}, lunar_days, excepted)
    return {name: found[name] for name in ("lunar", "except") if name in found}


def fit(when: Timing, slot: Body) -> Timing | None:
    """Return a timing as its slot stands; None where the slot holds on none of its days."""
    wanted = when["slot"]
    first = max(wanted["from"], slot["from"])
    last = min(wanted["until"], slot["until"] or wanted["until"])
    if last < first:
        return None
    found = {
        "mode": "daily",
        "times": slot["times"],
        "weekdays": slot["weekdays"],
        "from": first,
        "until": last,
        "late_max_s": slot["minutes"] * 60,
        "slot": {**wanted, "name": slot["name"]},
    }
    try:
        return timing.on_days(found, slot.get("lunar", ()), slot.get("except", ()))
    except RemoteFault:
        return None


def into(store: Store, unit: str, entry: str, first: str, last: str) -> Timing:
    """Return the timing of a bulletin in a slot from a first to a last day.

    Raises `RemoteFault("slot.none")` where the slot is not in force or holds on none of the days.
    """
    slot = frame.of(store, unit).slots.get(entry)
    days = timing.daily(["00:00"], [1], first, last)
    wanted = {"id": entry, "from": days["from"], "until": days["until"]}
    found = None if slot is None else fit({"slot": wanted}, slot)
    if found is None:
        raise none()
    return found


def none() -> RemoteFault:
    """Return the fault of a slot that does not hold."""
    return _refuse("none", "the slot does not hold on these days", "Choose another slot or days.")


def next_day(body: Body, now_s: int, offset_min: int) -> str:
    """Return the next local day on which a slot still has all its times ahead.

    Raises `RemoteFault("slot.none")` when none comes within a year.
    """
    today = timing.local_time(now_s, offset_min).date()
    for days in range(timing.DAYS_MAX):
        day = today + timedelta(days=days)
        ahead = timing.moment_s(day.isoformat(), body["times"][0], offset_min) > now_s
        if ahead and holds(body, day):
            return day.isoformat()
    raise none()


def holds(body: Body, day: date) -> bool:
    """Tell whether a slot holds on a day."""
    return timing.plays_on(body, day)


class Doubt(NamedTuple):
    """Hold what is odd about a slot: `code` is `quiet` or `overlap`, `what` a time or a slot."""

    code: str
    what: str


def doubts(entry: str, body: Body, held: Frame, policy: Policy) -> list[Doubt]:
    """Return what speaks against a slot: nights that are quiet, other slots at the same time."""
    found = []
    for first_s, last_s in _spans(body):
        if any(policy.is_quiet("normal", one % DAY_S) for one in range(first_s, last_s, 60)):
            found.append(Doubt("quiet", _clock(first_s)))
    for other, its in sorted(held.slots.items(), key=lambda pair: pair[1]["name"]):
        if CAMPAIGN in (body["kind"], its["kind"]):
            continue
        if other != entry and _share_a_day(body, its) and _share_a_time(body, its):
            found.append(Doubt("overlap", its["name"]))
    return found


def _spans(body: Body) -> list[tuple[int, int]]:
    found = []
    for clock in body["times"]:
        hour, minute = clock.split(":")[:2]
        start_s = int(hour) * 3600 + int(minute) * 60
        found.append((start_s, start_s + body["minutes"] * 60))
    return found


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"


def _share_a_day(one: Body, other: Body) -> bool:
    ends = [text for text in (one["until"], other["until"]) if text]
    if ends and min(ends) < max(one["from"], other["from"]):
        return False
    return bool(set(one["weekdays"]) & set(other["weekdays"]))


def _share_a_time(one: Body, other: Body) -> bool:
    return any(
        first < their_last and their_first < last
        for first, last in _spans(one)
        for their_first, their_last in _spans(other)
    )


def of_day(held: Frame, day: date) -> list[tuple[str, str, Body]]:
    """Return (time of day, entry, slot) of the slots of a day, in order."""
    return sorted(
        (clock, entry, body)
        for entry, body in held.slots.items()
        if holds(body, day)
        for clock in body["times"]
    )


def refresh(rows: Sequence[Row], held: Frame) -> list[Row]:
    """Return bulletins with the times of their slots as these stand; without those whose slot
    holds no more.
    """
    found = []
    for row in rows:
        wanted = row["timing"].get("slot")
        if wanted is None:
            found.append(row)
        elif wanted["id"] in held.slots:
            when = fit(row["timing"], held.slots[wanted["id"]])
            if when is not None:
                found.append({**row, "timing": when})
    return found


def latest(rows: Sequence[Row], held: Frame) -> list[Row]:
    """Return bulletins without the days of a relay slot on which a later one plays instead."""
    found: list[Row] = []
    following: dict[str, str] = {}
    for row in sorted(rows, key=_age, reverse=True):
        wanted = row["timing"].get("slot")
        if wanted is None or held.slots[wanted["id"]].get("again") != LAST:
            found.append(row)
            continue
        when, after = row["timing"], following.get(wanted["id"], "")
        following[wanted["id"]] = min(after or when["from"], when["from"])
        if after:
            last = (date.fromisoformat(after) - timedelta(days=1)).isoformat()
            when = {**when, "until": min(when["until"], last)}
        if when["from"] <= when["until"]:
            found.append({**row, "timing": when})
    kept = {row["bulletin"]: row for row in found}
    return [kept[row["bulletin"]] for row in rows if row["bulletin"] in kept]


def _age(row: Row) -> tuple[str, int, str]:
    return row["timing"].get("from", ""), row["created_s"], row["bulletin"]


def kept(body: Body) -> dict[str, Any]:
    """Return what a form shows of a slot."""
    return {**body, "times": " ".join(body["times"]), **day_form.shown(body)}
