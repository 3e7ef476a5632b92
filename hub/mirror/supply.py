"""Decide what becomes of a directive: an offer, a bulletin that waits for its signature, an order.

A normal bulletin is offered: the unit chooses when it plays. A priority one is written into the
unit's next programme, an emergency into the emergency path; both wait for the signature of the
unit's approver, since approval is a signature and no link has one. What was asked twice is done
once; every turn is told back as a receipt. States: received (media on the way), offered, waiting
(for a person), taken, done, refused, cancelled.
"""

import json
from datetime import timedelta
from typing import Any

from hub import audit, bulletins, fleet, production, timing
from hub.bulletins import Draft
from hub.mirror import mourned, telling
from hub.mirror.directive import Directive
from hub.store import Row, Store
from hub.timing import Timing
from protocols.errors import RemoteFault

KINDS = ("bulletin", "emergency", "cancel", "command", "directive", mourned.KIND)
OPEN = ("received", "offered", "waiting")
# Where a unit has no programme yet, the usual hours of a station.
USUAL = ("05:30", "11:00", "17:00")
# A leader needs a moment to listen before the slot comes.
SLOT_LEAD_S = 900
ALERT_HOURS = 2
ALERT_GAP_MIN = 10


def receive(store: Store, peer: Row, given: Directive, now_s: int, offset_min: int) -> Row | None:
    """Keep a directive once; returns its row, or None when it was here before."""
    name = given.supply
    if not name or store.get("supplies", peer["peer"], name) is not None:
        return None
    body = given.body
    row: Row = {
        "peer": peer["peer"],
        "supply": name,
        "kind": given.kind if given.kind in KINDS else "directive",
        "class": "emergency" if given.kind == "emergency" else body.get("class"),
        "title": _title(body),
        "units_json": "[]",
        "body_json": json.dumps(body, ensure_ascii=False),
        "state": "received",
        "reason": None,
        "received_s": now_s,
        "changed_s": now_s,
        "expires_s": body.get("expires_s"),
    }
    try:
        _judge(store, row, given, now_s, offset_min)
    except RemoteFault as fault:
        row.update(state="refused", reason=f"{fault.code}: {fault.message}")
    store.add("supplies", row)
    audit.append(store, now_s, peer["peer"], f"supply.{row['state']}", name, kind=row["kind"])
    telling.receipt(store, row, now_s * 1000)
    return row


def _title(body: dict[str, Any]) -> str:
    return (body["title"] or "").strip()[:200] or "-"


def _refuse(code: str, message: str) -> RemoteFault:
    return RemoteFault("supply." + code, message, "Tell the sender.")


def _judge(store: Store, row: Row, given: Directive, now_s: int, offset_min: int) -> None:
    """Fill in state and units of a new row; raises `RemoteFault("supply.*")`."""
    if given.kind not in KINDS:
        raise _refuse("kind", "an unknown kind of directive")
    if row["expires_s"] is not None and row["expires_s"] <= now_s:
        raise _refuse("expired", "it came after its own end")
    if given.kind == "cancel":
        _cancel(store, row, given.body, now_s)
    elif given.kind in ("directive", mourned.KIND):
        row["state"] = "offered"
        if given.kind == mourned.KIND:
            days = mourned.read(given.body)
            row["title"] = days["name"]
            if mourned.is_over(days, store, now_s):
                raise _refuse("expired", "the days of mourning are over")
        row["units_json"] = json.dumps(_units(store, given.body, now_s, offset_min, given.kind))
    elif given.kind == "command":
        _command(store, row, given.body)
    else:
        if row["class"] not in bulletins.CLASSES:
            raise _refuse("class", "no legal class")
        row["units_json"] = json.dumps(_units(store, given.body, now_s, offset_min))
        if not given.body.get("media"):
            if not (given.body["text"] or "").strip():
                raise _refuse("empty", "neither text nor sound")
            row["state"] = "waiting" if row["class"] != "normal" else "offered"


def _units(
    store: Store, body: dict[str, Any], now_s: int, offset_min: int, kind: str = ""
) -> list[str]:
    """Return the units that the areas name: by code and code list, on today's date."""
    today = timing.local_time(now_s, offset_min).date().isoformat()
    known = fleet.units_on(store, today)
    found: list[str] = []
    for area in body["areas"]:
        code, system = (area["code"], area["system"]) if area else (None, None)
        hits = [
            unit
            for unit, row in known.items()
            if unit == code
            or (row["code"] == code and (system is None or row["code_system"] == system))
        ]
        if len(hits) != 1:
            raise _refuse("area", f"{code} of list {system or '-'} names {len(hits)} units here")
        found += hits
    if not found:
        if kind not in ("directive", mourned.KIND):
            raise _refuse("area", "no area is named")
        # What is said to nobody by name is said to everybody.
        found = list(known)
    return sorted(set(found))


def _cancel(store: Store, row: Row, body: dict[str, Any], now_s: int) -> None:
    target = store.get("supplies", row["peer"], body["cancels"]) if body["cancels"] else None
    if target is None:
        raise _refuse("cancel", "what it cancels was never here")
    row["title"], row["units_json"] = target["title"], target["units_json"]
    if cancelled(store, row, now_s):
        row["state"] = "done"
    else:
        # Only its approvers' signature takes it off the air.
        row["state"] = "waiting"


def cancelled(store: Store, row: Row, now_s: int) -> bool:
    """Withdraw what a cancel names as far as it is not on air; tell whether nothing is left."""
    name = json.loads(row["body_json"])["cancels"]
    target = store.get("supplies", row["peer"], name)
    if target is None:
        return True
    are_days = target["kind"] == mourned.KIND
    left = are_days and mourned.take_back(store, target, now_s)
    where = {"peer": row["peer"], "supply": target["supply"]}
    for link in store.find("supply_bulletins", where):
        bulletin = bulletins.current(store, link["bulletin"])
        if bulletin["state"] in (bulletins.READY, bulletins.FAILED, bulletins.RETURNED):
            bulletins.withdraw(store, link["bulletin"], row["peer"], now_s)
        elif bulletin["state"] not in (bulletins.WITHDRAWN, bulletins.RECALLED):
            left = True
    if not left and (
        target["state"] in (*OPEN, "taken") or (are_days and target["state"] == "done")
    ):
        change(store, target, "cancelled", now_s)
    return not left


def _command(store: Store, row: Row, body: dict[str, Any]) -> None:
    order = body.get("command") or {}
    node = store.get("nodes", order.get("node")) if order.get("node") else None
    if node is None or node["state"] != "enrolled":
        raise _refuse("node", f"no active node {order.get('node')}")
    if order.get("command") != "volume":
        raise _refuse("command", "only the volume is known as a command")
    value = str(order.get("value", ""))
    if not value.isdigit() or int(value) > 100:
        raise _refuse("command", "a volume is 0 to 100")
    row["state"], row["units_json"] = "waiting", json.dumps([node["unit"]])
    row["title"] = f"{node['name']}: {int(value)} %"


def change(store: Store, row: Row, state: str, now_s: int, reason: str | None = None) -> None:
    """Move a supply on and tell its sender."""
    fields = {"state": state, "changed_s": now_s, "reason": reason}
    store.change("supplies", (row["peer"], row["supply"]), fields)
    telling.receipt(store, {**row, **fields}, now_s * 1000)


def arrived(store: Store, peer: str, name: str, now_s: int) -> None:
    """Note that a supply's media are here, byte for byte."""
    row = store.get("supplies", peer, name)
    if row is not None and row["state"] == "received":
        change(store, row, "offered" if row["class"] == "normal" else "waiting", now_s)


def make(
    store: Store,
    row: Row,
    unit: str,
    who: str,
    now_s: int,
    offset_min: int,
    when: Timing | None = None,
) -> str:
    """Write a bulletin of a supply for one unit, at `when` or in its next programme.

    Returns its name. Raises `RemoteFault`; asking twice for one unit returns the same bulletin.
    """
    where = {"peer": row["peer"], "supply": row["supply"], "unit": unit}
    held = store.find("supply_bulletins", where, limit=1)
    if held:
        return str(held[0]["bulletin"])
    body = json.loads(row["body_json"])
    media = body.get("media") or {}
    draft = Draft(
        unit,
        row["title"],
        body.get("language") or "vi-VN",
        row["class"],
        body.get("text") or "",
        "",
        "vi-VN",
        media.get("sha256"),
        (),
        when or _timing(store, row, body, unit, now_s, offset_min),
        str(body.get("topic") or "")[:100],
    )
    name = production.new_name()
    bulletins.create(store, name, draft, who, now_s)
    link = {"bulletin": name, "peer": row["peer"], "supply": row["supply"], "unit": unit}
    store.add("supply_bulletins", link)
    return name


def _timing(
    store: Store, row: Row, body: dict[str, Any], unit: str, now_s: int, offset_min: int
) -> Timing:
    if row["class"] == "emergency":
        hours = ALERT_HOURS
        if row["expires_s"] is not None:
            hours = min(max(1, -(-(row["expires_s"] - now_s) // 3600)), timing.ALERT_HOURS_MAX)
        return timing.alert(hours, ALERT_GAP_MIN, bool(body.get("drill")))
    wanted = body.get("schedule") or {}
    if wanted.get("day") and wanted.get("time"):
        when = timing.once(wanted["day"], wanted["time"])
        if timing.last_start_s(when, offset_min) > now_s + SLOT_LEAD_S:
            return when
    return next_programme(store, unit, now_s, offset_min)


def next_programme(store: Store, unit: str, now_s: int, offset_min: int) -> Timing:
    """Return the next time of day at which a unit broadcasts anyway."""
    clocks: set[str] = set()
    for one in store.find("bulletins", {"unit": unit, "state": bulletins.PUBLISHED}):
        when = bulletins.current(store, one["bulletin"])["timing"]
        if when["mode"] == "daily" and (one["until_s"] or 0) > now_s:
            clocks.update(when["times"])
    start = timing.local_time(now_s + SLOT_LEAD_S, offset_min)
    for days in (0, 1):
        day = (start + timedelta(days=days)).date().isoformat()
        for clock in sorted(clocks or USUAL):
            if days or clock > f"{start:%H:%M}":
                return timing.once(day, clock)
    raise _refuse("slot", "no time of day is known")
