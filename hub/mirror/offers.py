"""What each unit's own people say to what a province sends: accept, decline, acknowledge, confirm.

Every unit that a supply concerns answers for itself, and the sender is told each answer. A normal
bulletin is taken by a person, into times that he chooses, or by a rule that he laid down before
("always accept into ..."); either way the bulletin waits for the approver's signature. A command
becomes an order that the hub signs, after a code from the administrator's telephone.
"""

import json
import logging
import secrets
from collections.abc import Iterable
from typing import Any

from hub import audit, bulletins, frame, orders, slots, timing
from hub.mirror import mourned, supply, telling
from hub.mirror.directive import Directive
from hub.store import Row, Store
from hub.timing import Timing
from protocols.errors import RemoteFault

_log = logging.getLogger("chieng.mirror")

# How a unit's answer is told to the sender.
_TOLD = {"taken": "taken", "declined": "refused", "acknowledged": "done"}
_WITHDRAWABLE = (bulletins.READY, bulletins.FAILED, bulletins.RETURNED)
REASON_LETTERS_MAX = 500
RULES_MAX = 50
# A rule looks this far ahead for its next time: each weekday comes once.
_AHEAD_DAYS = 8


def _gone() -> RemoteFault:
    return RemoteFault("offer.gone", "it was answered or cancelled", "Load the page again.")


def take(store: Store, peer: Row, given: Directive, now_s: int, offset_min: int) -> list[str]:
    """Keep a directive once, for every unit it concerns; return the bulletins a rule made of it."""
    row = supply.receive(store, peer, given, now_s, offset_min)
    if row is None:
        return []
    for unit in json.loads(row["units_json"]) if row["state"] in supply.OPEN else []:
        offer = {"peer": row["peer"], "supply": row["supply"], "unit": unit, "state": "open"}
        offer.update(made=None, reason=None, who=None, changed_s=now_s)
        store.add("offers", offer)
    if row["kind"] == "cancel" and row["state"] != "refused":
        _close(store, row["peer"], str(given.body["cancels"]), now_s)
    return by_rules(store, row, now_s, offset_min)


def _close(store: Store, peer: str, name: str, now_s: int) -> None:
    """Close what nobody has answered yet of a supply that its sender cancelled."""
    for one in store.find("offers", {"peer": peer, "supply": name, "state": "open"}):
        fields = {"state": "cancelled", "changed_s": now_s}
        store.change("offers", (peer, name, one["unit"]), fields)


def by_rules(store: Store, row: Row, now_s: int, offset_min: int) -> list[str]:
    """Take an offer for every unit that has a rule for it; return the bulletins made.

    What cannot become a bulletin stays open: a person sees it, and nothing behind it waits.
    """
    if row["state"] != "offered" or row["kind"] != "bulletin":
        return []
    topic, made = json.loads(row["body_json"]).get("topic") or "", []
    where = {"peer": row["peer"], "supply": row["supply"], "state": "open"}
    for offer in store.find("offers", where):
        held = store.find("offer_rules", {"unit": offer["unit"], "ended_s": 0}, order=["since_s"])
        fits = [one for one in held if one["peer"] == row["peer"] and one["topic"] in ("", topic)]
        # The rule for the very topic before the rule for all of them.
        fits.sort(key=lambda one: (one["topic"] == "", one["since_s"], one["rule"]))
        try:
            if fits:
                when = _rule_time(store, fits[0], now_s, offset_min)
                made.append(_accept(store, row, offer, when, fits[0]["who"], now_s, offset_min))
        except RemoteFault as fault:
            _log.warning("%s: %s for %s: %s", row["peer"], row["supply"], offer["unit"], fault)
    return made


def _rule_time(store: Store, rule: Row, now_s: int, offset_min: int) -> Timing:
    """Return when what a rule takes plays: the next day of its slot, or its own next times."""
    if not rule["slot"]:
        return next_time(rule, now_s, offset_min)
    return next_in_slot(store, rule["unit"], rule["slot"], now_s, offset_min)


def next_in_slot(store: Store, unit: str, entry: str, now_s: int, offset_min: int) -> Timing:
    """Return the next day of a slot that leaves time to sign; raises `RemoteFault("slot.none")`."""
    slot = frame.of(store, unit).slots.get(entry)
    if slot is None:
        raise slots.none()
    day = slots.next_day(slot, now_s + supply.SLOT_LEAD_S, offset_min)
    return slots.into(store, unit, entry, day, day)


def next_time(rule: Row, now_s: int, offset_min: int) -> Timing:
    """Return the next times of a rule: all that are left of the next day that has some."""
    times, weekdays = json.loads(rule["times_json"]), json.loads(rule["weekdays_json"])
    for days in range(_AHEAD_DAYS):
        local = timing.local_time(now_s + supply.SLOT_LEAD_S + days * 86400, offset_min)
        left = [clock for clock in times if days or clock > f"{local:%H:%M}"]
        if local.isoweekday() in weekdays and left:
            day = local.date().isoformat()
            return timing.daily(left, [local.isoweekday()], day, day)
    raise RemoteFault("timing.times", "the rule names no time", "Lay it down again.")


def _offer(store: Store, peer: str, name: str, unit: str, *states: str) -> tuple[Row, Row]:
    row, offer = store.get("supplies", peer, name), store.get("offers", peer, name, unit)
    if row is None or offer is None or offer["state"] not in states:
        raise _gone()
    return row, offer


def accept(
    store: Store, key: tuple[str, str, str], when: Timing | None, who: str, now_s: int, offset: int
) -> str:
    """Take an offer (`key`: peer, supply, unit) into `when`, or into the next programme.

    Returns the bulletin's name; raises `RemoteFault("offer.gone")`.
    """
    row, offer = _offer(store, *key, "open")
    if row["state"] not in ("offered", "taken", "done") or row["kind"] != "bulletin":
        raise _gone()
    return _accept(store, row, offer, when, who, now_s, offset)


def _accept(
    store: Store,
    row: Row,
    offer: Row,
    when: Timing | None,
    who: str,
    now_s: int,
    offset_min: int,
) -> str:
    name = supply.make(store, row, offer["unit"], who, now_s, offset_min, when)
    _answer(store, row, offer["unit"], "taken", who, now_s, made=name)
    return name


def decline(store: Store, key: tuple[str, str, str], reason: str, who: str, now_s: int) -> None:
    """Say no, with the reason that the sender is told; what was made of it is withdrawn."""
    row, offer = _offer(store, *key, "open", "taken")
    clean = " ".join(reason.split())[:REASON_LETTERS_MAX]
    if not clean:
        raise RemoteFault("offer.reason", "no reason is given", "Say why.")
    if offer["state"] == "taken" and row["kind"] == "command":
        raise _gone()
    if offer["made"] and row["kind"] == mourned.KIND:
        frame.move(store, offer["made"], "withdraw", now_s)
    where = {"peer": row["peer"], "supply": row["supply"], "unit": offer["unit"]}
    for link in store.find("supply_bulletins", where):
        if bulletins.current(store, link["bulletin"])["state"] not in _WITHDRAWABLE:
            raise _gone()
        bulletins.withdraw(store, link["bulletin"], who, now_s)
    _answer(store, row, offer["unit"], "declined", who, now_s, reason=clean)


def acknowledge(store: Store, key: tuple[str, str, str], who: str, now_s: int) -> None:
    """Note that a unit has read a directive."""
    row, offer = _offer(store, *key, "open")
    if row["kind"] != "directive":
        raise _gone()
    _answer(store, row, offer["unit"], "acknowledged", who, now_s)


def mourn(store: Store, key: tuple[str, str, str], who: str, now_s: int) -> str:
    """Put the days of mourning of an offer before the unit's approver; return the change's name."""
    row, offer = _offer(store, *key, "open")
    if row["kind"] != mourned.KIND or row["state"] not in ("offered", "taken", "done"):
        raise _gone()
    made = mourned.ask(store, row, offer["unit"], who, now_s)
    _answer(store, row, offer["unit"], "taken", who, now_s, made=made)
    return made


def command(store: Store, key: tuple[str, str, str], who: str, now_s: int) -> str:
    """Make an order of a command; return the node whose settings are to be published."""
    row, offer = _offer(store, *key, "open")
    if row["kind"] != "command" or row["state"] != "waiting":
        raise _gone()
    asked = json.loads(row["body_json"])["command"]
    where = {"node": asked["node"], "channel": "settings"}
    before = store.find("orders", where, order=["sequence"], descending=True, limit=1)
    quiet = json.loads(before[0]["detail_json"])["quiet"] if before else []
    made = orders.narrow(store, asked["node"], int(asked["value"]), quiet, who, now_s)
    _answer(store, row, offer["unit"], "taken", who, now_s, made=made["name"])
    return str(asked["node"])


def wants_code(peer: Row) -> bool:
    """Tell whether a peer's commands ask for a code from a telephone; they do unless set free."""
    return bool(json.loads(peer["settings_json"]).get("command_code", True))


def _answer(
    store: Store,
    row: Row,
    unit: str,
    state: str,
    who: str,
    now_s: int,
    made: str | None = None,
    reason: str | None = None,
) -> None:
    """Keep a unit's answer, tell it, and conclude the supply once every unit has answered."""
    fields = {"state": state, "made": made, "reason": reason, "who": who, "changed_s": now_s}
    store.change("offers", (row["peer"], row["supply"], unit), fields)
    audit.append(store, now_s, who, f"offer.{state}", row["supply"], unit=unit, peer=row["peer"])
    told = {**row, "state": _TOLD[state], "reason": reason}
    telling.receipt(store, told, now_s * 1000, made, unit)
    where = {"peer": row["peer"], "supply": row["supply"]}
    states = {one["state"] for one in store.find("offers", where)}
    if "taken" in states:
        whole = "taken"
    elif "open" in states or row["state"] not in supply.OPEN:
        return
    else:
        whole = "done" if "acknowledged" in states else "refused"
    if row["state"] in supply.OPEN:
        changes = {"state": whole, "reason": reason, "changed_s": now_s}
        store.change("supplies", (row["peer"], row["supply"]), changes)


def follow(store: Store, peer: str, now_s: int) -> None:
    """Settle what has turned out meanwhile: commands answered, days signed, cancels carried out."""
    for row in store.find("supplies", {"peer": peer, "state": "taken", "kind": "command"}):
        asked = json.loads(row["body_json"])["command"]
        where = {"peer": peer, "supply": row["supply"], "state": "taken"}
        for offer in store.find("offers", where):
            order = store.get("orders", asked["node"], offer["made"])
            if order is not None and order["state"] in orders.ENDS:
                done = order["state"] == "done"
                said = None if done else f"{order['code']}: {order['message']}"
                supply.change(store, row, "done" if done else "refused", now_s, said)
    for row in store.find("supplies", {"peer": peer, "state": "taken", "kind": mourned.KIND}):
        if mourned.are_signed(store, row, now_s):
            supply.change(store, row, "done", now_s)
    for row in store.find("supplies", {"peer": peer, "state": "waiting", "kind": "cancel"}):
        if supply.cancelled(store, row, now_s):
            supply.change(store, row, "done", now_s)
        _close(store, peer, json.loads(row["body_json"])["cancels"], now_s)


def lay_down(store: Store, rule: dict[str, Any], who: str, now_s: int) -> str:
    """Keep a rule: `unit`, `peer`, `topic` (empty: any), `slot`, or where that is empty `times` and
    `weekdays`; return its name.
    """
    entry = rule.get("slot") or None
    checked: dict[str, Any] = {"times": [], "weekdays": []}
    if entry is None:
        day = timing.local_time(now_s, 0).date().isoformat()
        checked = timing.daily(rule["times"], rule["weekdays"], day, day)
    elif entry not in frame.of(store, rule["unit"]).slots:
        raise slots.none()
    if store.get("peers", rule["peer"]) is None:
        raise RemoteFault("offer.rule", "no such sender", "Choose one.")
    held = {"unit": rule["unit"], "ended_s": 0}
    if store.count("offer_rules", held) >= RULES_MAX:
        raise RemoteFault("offer.rule", f"{RULES_MAX} rules stand already", "End some.")
    name = "r" + secrets.token_hex(6)
    row = {"rule": name, "unit": rule["unit"], "peer": rule["peer"], "topic": rule["topic"]}
    row.update(times_json=json.dumps(checked["times"]))
    row.update(weekdays_json=json.dumps(checked["weekdays"]), who=who, since_s=now_s, ended_s=0)
    row.update(slot=entry)
    store.add("offer_rules", row)
    audit.append(
        store, now_s, who, "offer.rule", rule["unit"], peer=rule["peer"], topic=rule["topic"]
    )
    return name


def end_rule(store: Store, name: str, unit: str, who: str, now_s: int) -> None:
    """End a rule of a unit; what it has taken stays."""
    row = store.get("offer_rules", name)
    if row is None or row["ended_s"] or row["unit"] != unit:
        raise _gone()
    store.change("offer_rules", (name,), {"ended_s": now_s})
    audit.append(store, now_s, who, "offer.rule_end", row["unit"], rule=name)


def listed(store: Store, units: Iterable[str], states: list[str], most: int) -> list[Row]:
    """Return offers of some units with their supplies, newest first."""
    where = {"unit": sorted(units), "state": states}
    rows = store.find("offers", where, order=["changed_s"], descending=True, limit=most)
    found = []
    for offer in rows:
        held = store.get("supplies", offer["peer"], offer["supply"])
        if held is not None:
            body = json.loads(held["body_json"])
            found.append({**held, "body": body, "offer": offer, "unit": offer["unit"]})
    return found


def shown_rule(row: Row) -> Row:
    """Return a rule with its times and weekdays decoded."""
    times, weekdays = json.loads(row["times_json"]), json.loads(row["weekdays_json"])
    return {**row, "times": times, "weekdays": weekdays}


def sound(store: Store, key: tuple[str, str, str]) -> str:
    """Return the SHA-256 of an offer's sound, or an empty text."""
    row, offer = store.get("supplies", *key[:2]), store.get("offers", *key)
    if row is None or offer is None:
        return ""
    media = json.loads(row["body_json"]).get("media") or {}
    return str(media.get("sha256") or "")
