"""Relay listed senders' emergencies without a person, where a unit has enabled it.

Two doors, both shut at first: the registrars delegate `auto-alert-<unit>` to the hub's own key
(`chieng-tool keys unit --auto-alert on`), and the hub lists the senders. Nodes hold what is relayed
to the bounds of `protocols.auto_alert`; what goes beyond them waits for an approver as ever.
"""

import asyncio
import json
import logging
from argparse import Namespace
from collections.abc import Collection
from typing import Any

from hub import audit, bulletins, facts, programme
from hub.mirror import accepting
from hub.services import Services
from hub.store import Row, Store
from protocols import alert, auto_alert
from protocols.errors import Fault, RemoteFault
from protocols.limits import AUTO_GAP_S_MIN, AUTO_LIFE_S_MAX, AUTO_PER_DAY_MAX

WHO, KEY = "command line", "automatic"
SENDERS_MAX = 8
_DAY_S = 86400
# A unit has fewer bulletins that moved within a day.
LOOKED_AT = 200
_log = logging.getLogger("chieng.mirror")


def senders(store: Store) -> dict[str, list[str]]:
    """Return the listed senders (peers) by unit."""
    return dict(facts.get(store, KEY, {}))


def set_listed(
    store: Store, unit: str, sender: str, is_listed: bool, who: str, now_s: int
) -> list[str]:
    """List a sender for a unit or take it off; return those listed now."""
    found = senders(store)
    if is_listed and store.get("peers", sender) is None:
        raise RemoteFault("automatic.sender", f"no peer {sender}", "Add it first.")
    others = [one for one in found.get(unit, []) if one != sender]
    found[unit] = sorted([*others, sender] if is_listed else others)
    if len(found[unit]) > SENDERS_MAX:
        raise RemoteFault("automatic.sender", f"{SENDERS_MAX} are listed", "Take one off.")
    facts.put(store, KEY, {one: names for one, names in found.items() if names})
    verb = "list" if is_listed else "end"
    audit.append(store, now_s, who, f"automatic.{verb}", unit, sender=sender)
    return found[unit]


def enabled(store: Store, services: Services) -> dict[str, list[str]]:
    """Return the units in which something sounds by itself, with whose words: shown in red."""
    return {
        unit: names
        for unit, names in senders(store).items()
        if unit in services.repository.units() and services.repository.unit(unit).auto_alert
    }


def shown(
    store: Store, services: Services, units: dict[str, Row], seen: Collection[str]
) -> list[tuple[str, list[str]]]:
    """Return names of units and senders for a page, of those units that the reader sees."""
    peers = {row["peer"]: row["name"] for row in store.find("peers")}
    found = enabled(store, services)
    return [
        (units[unit]["name"], [peers.get(one, one) for one in found[unit]])
        for unit in sorted(found)
        if unit in seen and unit in units
    ]


def manifest(store: Store, unit: str, now_s: int, adding: Row | None) -> programme.Manifest:
    """Return a unit's relayed alerts as they stand, checked as a node will check them."""
    version = facts.above(store, int(facts.get(store, f"{KEY}.{unit}", 0)) + 1)
    entries = programme.relayed(store, unit, now_s, adding)
    fields = {"version": version, "unit": unit, "issued_s": now_s, "alerts": entries}
    data = alert.build(fields)
    auto_alert.check(alert.read(data, unit))
    return programme.Manifest(version, data)


def _timed(row: Row, now_s: int) -> dict[str, Any]:
    """Return a bulletin's timing within the bounds: hours and gap are cut down to them."""
    when = row["timing"]
    hours = min(when["hours"], AUTO_LIFE_S_MAX // 3600)
    gap_min = max(when["gap_min"], AUTO_GAP_S_MIN // 60) if when["gap_min"] else 0
    return {**when, "hours": hours, "gap_min": gap_min, "sent_s": now_s, "auto": True}


def _count_of_day(store: Store, unit: str, now_s: int) -> int:
    """Count what was relayed in a unit within a day."""
    where = {"unit": unit, "state": [bulletins.APPROVED, bulletins.PUBLISHED, bulletins.RECALLED]}
    rows = store.find("bulletins", where, order=["changed_s"], descending=True, limit=LOOKED_AT)
    timings = [bulletins.current(store, row["bulletin"])["timing"] for row in rows]
    return sum(1 for one in timings if one.get("auto") and one["sent_s"] > now_s - _DAY_S)


def _take(store: Store, row: Row, now_s: int) -> programme.Manifest:
    """Move a bulletin to `approved` by nobody's hand; raises when it is beyond the bounds."""
    unit, name = row["unit"], row["bulletin"]
    if _count_of_day(store, unit, now_s) >= AUTO_PER_DAY_MAX:
        raise RemoteFault("alert.auto_rate", "a day holds no more", "Let an approver sign it.")
    when = _timed(row, now_s)
    made = manifest(store, unit, now_s, {**row, "timing": when})
    bulletins.move(store, name, "approve", now_s)
    fields = {"timing_json": json.dumps(when)}
    store.change("bulletin_versions", (name, row["version"]), fields)
    over_s = programme.until_s({**row, "timing": when}, 0)
    store.change("bulletins", (name,), {"until_s": over_s})
    audit.append(store, now_s, "hub", "automatic.relay", name, unit=unit)
    return made


async def relay(services: Services, peer: str) -> bool:
    """Publish what a listed peer's emergencies have become; tell whether some is being made."""
    ledger, now_s = services.ledger, services.now_s()
    waits = False
    for row in await ledger.read(lambda s: _candidates(s, services, peer)):
        if row["state"] == bulletins.MAKING:
            waits = True
            continue
        try:
            if row["state"] == bulletins.READY:
                await ledger.write(lambda s, r=row: _take(s, r, now_s))  # type: ignore[misc]
            await _publish(services, row, "publish", now_s)
        except Fault as fault:
            # It waits for an approver like any other.
            _log.warning("%s is not relayed: %s", row["bulletin"], fault)
    for row in await ledger.read(lambda s: _cancelled(s, services, peer)):
        if row["state"] == bulletins.PUBLISHED:
            await ledger.write(lambda s, r=row: _end(s, r, peer, now_s))  # type: ignore[misc]
        await _publish(services, row, "recall", now_s)
    return waits


def _end(store: Store, row: Row, peer: str, now_s: int) -> None:
    """Begin to take off the air what its own sender cancels and nobody signed."""
    bulletins.move(store, row["bulletin"], "recall", now_s)
    audit.append(store, now_s, peer, "automatic.cancel", row["bulletin"], unit=row["unit"])


def _cancelled(store: Store, services: Services, peer: str) -> list[Row]:
    """Return the relayed alerts of a peer that are on air and that it cancels."""
    units, found = enabled(store, services), []
    for row in store.find("supplies", {"peer": peer, "state": "waiting", "kind": "cancel"}):
        name = json.loads(row["body_json"])["cancels"]
        for link in store.find("supply_bulletins", {"peer": peer, "supply": name}):
            one = bulletins.current(store, link["bulletin"])
            is_out = one["state"] in (bulletins.PUBLISHED, bulletins.RECALLING)
            if is_out and one["timing"].get("auto") and one["unit"] in units:
                found.append(one)
    return found


def _candidates(store: Store, services: Services, peer: str) -> list[Row]:
    """Return the emergencies of a peer that are made, or were taken before a crash."""
    listed = [unit for unit, names in enabled(store, services).items() if peer in names]
    found = []
    for row in store.find("supplies", {"peer": peer, "state": "waiting", "class": "emergency"}):
        links = store.find("supply_bulletins", {"peer": peer, "supply": row["supply"]})
        for link in links:
            one = bulletins.current(store, link["bulletin"])
            is_taken = one["state"] == bulletins.APPROVED and one["timing"].get("auto")
            if one["unit"] in listed and (
                is_taken or one["state"] in (bulletins.MAKING, bulletins.READY)
            ):
                found.append(one)
    return found


async def _publish(services: Services, row: Row, action: str, now_s: int) -> None:
    """Sign the unit's relayed alerts as they stand, then mark what is out or off the air."""
    unit, bulletin = row["unit"], row["bulletin"]

    def count(store: Store) -> programme.Manifest:
        made = manifest(store, unit, now_s, None)
        facts.put(store, f"{KEY}.{unit}", made.version)
        return made

    made = await services.ledger.write(count)
    await asyncio.to_thread(services.repository.sign_auto_alerts, unit, made.data, now_s)

    def mark(store: Store) -> None:
        bulletins.move(store, bulletin, "publish", now_s)
        accepting.published(store, bulletin, action, now_s * 1000)

    await services.ledger.write(mark)


async def command(services: Services, chosen: Namespace) -> object:
    """Carry out `chieng-hub automatic list | allow | end`."""
    now_s = services.now_s()
    if chosen.verb == "list":
        return await services.ledger.read(
            lambda s: {"listed": senders(s), "in_force": enabled(s, services)}
        )
    if not (chosen.unit and chosen.sender):
        raise RemoteFault("automatic.sender", "unit or sender is missing", "Give both.")
    is_listed = chosen.verb == "allow"
    if is_listed and not services.repository.unit(chosen.unit).auto_alert:
        raise RemoteFault(
            "automatic.role",
            f"the registrars have not delegated auto-alert-{chosen.unit}",
            "Let them run chieng-tool keys unit --auto-alert on first.",
        )
    names = await services.ledger.write(
        lambda s: set_listed(s, chosen.unit, chosen.sender, is_listed, WHO, now_s)
    )
    return {"unit": chosen.unit, "senders": names}
