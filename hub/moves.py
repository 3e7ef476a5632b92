"""One broadcast of a bulletin at another time, or left out, once it is published.

A move names the day and time at which the bulletin's rules would play it. Where they no longer do
(its slot has moved), the move says nothing. Nodes read plain rules: the day is left out of the
bulletin's own, and what remains of that day and what moved are rules of one day.
"""

from datetime import date, timedelta
from typing import Any

from hub import bulletins, frame, timing
from hub.frame import Body, Frame
from hub.store import Store
from protocols import schedule
from protocols.bundle import Bundle
from protocols.errors import RemoteFault

Rule = dict[str, Any]
Moment = tuple[str, str]


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("move." + code, message, remedy)


def ask(
    store: Store,
    published: Bundle | None,
    bulletin: str,
    at: Moment,
    to: Moment | None,
    who: str,
    now_s: int,
) -> str:
    """Ask for a broadcast (day and time) at another moment, or for none; return the change's name.

    Raises `RemoteFault` (`move.*`, `timing.*`).
    """
    row = bulletins.current(store, bulletin)
    if row["state"] != bulletins.PUBLISHED or published is None:
        raise _refuse("state", "only published bulletins move", "Change its own times.")
    offset = published.utc_offset_min
    first = timing.once(*at)
    if not _is_published(published, bulletin, (first["date"], first["time"])):
        raise _refuse("gone", "it does not play then", "Load the calendar again.")
    at = (first["date"], first["time"])
    held, entry = frame.of(store, row["unit"]), frame.new_entry()
    for name, body in held.moves.items():
        if body["bulletin"] == bulletin and (body["to_date"], body["to_time"]) == at:
            # What was moved before moves on; its own time stays what its rules say.
            entry, at = name, (body["date"], body["time"])
    if to == at:
        return frame.ask(store, row["unit"], frame.MOVE, entry, None, who, now_s)
    body = {"name": row["title"], "bulletin": bulletin, "date": at[0], "time": at[1]}
    body.update(to_date="", to_time="")
    if to is not None:
        when = timing.once(*to)
        timing.check_future(when, now_s, offset)
        last = timing.local_time(now_s, offset).date() + timedelta(days=timing.DAYS_MAX)
        if when["date"] > last.isoformat():
            raise _refuse("far", "too far ahead", f"Choose a day within {timing.DAYS_MAX} days.")
        body.update(to_date=when["date"], to_time=when["time"])
    days = [at[0], body["to_date"] or at[0]]
    body.update({"from": min(days), "until": max(days)})
    return frame.ask(store, row["unit"], frame.MOVE, entry, body, who, now_s)


def _is_published(published: Bundle, bulletin: str, at: Moment) -> bool:
    at_ms = timing.moment_s(*at, published.utc_offset_min) * 1000
    found = schedule.occurrences(published.rules, at_ms, at_ms + 1, published.utc_offset_min)
    named = f"{bulletin}."
    return any(one.start_ms == at_ms and one.rule.items[0].startswith(named) for one in found)


def _on(rule: Rule, day: str) -> bool:
    """Tell whether a bundle's rule holds on a day."""
    if not rule["from"] <= day <= rule["until"] or day in rule.get("except", ()):
        return False
    if date.fromisoformat(day).isoweekday() not in rule.get("weekdays", range(1, 8)):
        return False
    return not rule.get("dates") or day in rule["dates"]


def _plays(rules: list[Rule], at: Moment) -> bool:
    return any(at[1] in rule["times"] and _on(rule, at[0]) for rule in rules)


def of(held: Frame, bulletin: str, today: str) -> list[Body]:
    """Return the moves of a bulletin that are not over, in order."""
    found = [
        body
        for body in held.moves.values()
        if body["bulletin"] == bulletin and body["until"] >= today
    ]
    return sorted(found, key=lambda body: (body["date"], body["time"]))


def apply(rules: list[Rule], moves: list[Body]) -> list[Rule]:
    """Return a bulletin's rules with some of its broadcasts moved or left out."""
    found = list(rules)
    valid = [one for one in moves if _plays(rules, (one["date"], one["time"]))]
    for number, day in enumerate(sorted({one["date"] for one in valid})):
        gone = {one["time"] for one in valid if one["date"] == day}
        found = [piece for rule in found for piece in _without(rule, day, gone, number)]
    once: Rule = {name: rules[0][name] for name in ("items", "late_max_s") if name in rules[0]}
    for number, one in enumerate(one for one in valid if one["to_time"]):
        name = f"{rules[0]['id']}.m{number}"
        days = {"from": one["to_date"], "until": one["to_date"]}
        found.append({**once, "id": name, "times": [one["to_time"]], **days})
    return found


def _without(rule: Rule, day: str, gone: set[str], number: int) -> list[Rule]:
    """Return a rule without some times of a day: the rule without that day, and the day's rest."""
    if not _on(rule, day) or not gone & set(rule["times"]):
        return [rule]
    found = []
    if rule["from"] != rule["until"]:
        found.append({**rule, "except": sorted([*rule.get("except", []), day])})
    left = [clock for clock in rule["times"] if clock not in gone]
    if left:
        plain: Rule = {name: rule[name] for name in ("items", "late_max_s") if name in rule}
        days = {"from": day, "until": day}
        found.append({**plain, "id": f"{rule['id']}.d{number}", "times": left, **days})
    return found


def last_s(held: Frame, bulletin: str, offset_min: int) -> int:
    """Return when a bulletin's last move plays (Unix seconds), 0 without one."""
    moments = [
        timing.moment_s(body["to_date"], body["to_time"], offset_min)
        for body in held.moves.values()
        if body["bulletin"] == bulletin and body["to_time"]
    ]
    return max(moments, default=0)
