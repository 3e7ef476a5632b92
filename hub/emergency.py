"""What the emergency page asks: whom an alert can reach now, and how far it is at each node.

Own plain questions, so that nothing another page needs can keep an alert from being sent.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any

from hub import bulletins, fleet, programme
from hub.evidence import is_enough
from hub.folding import fold
from hub.store import Row, Store
from protocols.errors import RemoteFault

# A node asks at least every half hour; two missed polls and it may be gone.
ONLINE_MS = 3600_000
# How far an alert is at a node, in the order in which it gets there.
STAGES = ("waiting", "sent", "air", "proven")
OPEN = (bulletins.APPROVED, bulletins.PUBLISHED, bulletins.RECALLING)
WAITING = (bulletins.MAKING, bulletins.FAILED, bulletins.READY)


def confirm(typed: str, name: str) -> None:
    """Compare a typed name with the unit's; raises `RemoteFault("emergency.confirm")`.

    Capitals, accents and spaces do not count: hands tremble, and not every keyboard has them.
    """
    if _plain(typed) != _plain(name):
        raise RemoteFault(
            "emergency.confirm", "the typed name is not the unit's", "Type it as it stands there."
        )


def _plain(text: str) -> str:
    return fold(text).replace(" ", "")


def _wanted(store: Store, units: dict[str, Row], unit: str, hamlets: Collection[str]) -> list[Row]:
    """Return the nodes with their status, which is empty for those never heard of."""
    where = {"unit": fleet.subtree(units, unit), "state": "enrolled"}
    rows = store.each("nodes", where, order=["name"], join="node_status")
    return [row for row in rows if not hamlets or row["hamlet"] in hamlets]


def reach(
    store: Store, units: dict[str, Row], unit: str, hamlets: Collection[str], now_ms: int
) -> dict[str, Any]:
    """Count the nodes that an alert is for and those online, by kind of node."""
    nodes = _wanted(store, units, unit, hamlets)
    everyone: Counter[str] = Counter(row["kind"] for row in nodes)
    online: Counter[str] = Counter(row["kind"] for row in nodes if _is_online(row, now_ms))
    return {
        "all": len(nodes),
        "online": sum(online.values()),
        "kinds": [(kind, online[kind], everyone[kind]) for kind in sorted(everyone)],
    }


def _is_online(node: Row, now_ms: int) -> bool:
    contact_ms = node["contact_ms"]
    return contact_ms is not None and now_ms - contact_ms <= ONLINE_MS


def progress(store: Store, units: dict[str, Row], row: Row, now_ms: int) -> dict[str, Any]:
    """Return how far an alert is at each node it is for, and how many are that far or further."""
    nodes = _wanted(store, units, row["unit"], row["hamlets"])
    since_s = published_s(store, row)
    plays: dict[str, Row] = {}
    for play in store.each("plays", {"item": programme.item_id(row)}, order=["started_ms"]):
        best = plays.get(play["node"])
        if best is None or play["grade"] >= best["grade"]:
            plays[play["node"]] = play
    found = []
    for node in nodes:
        stage = _stage(row, node, plays.get(node["node"]), since_s)
        found.append({**node, "stage": stage, "online": _is_online(node, now_ms)})
    ranks = [STAGES.index(one["stage"]) for one in found]
    counts = [
        (name, sum(1 for rank in ranks if rank >= at)) for at, name in enumerate(STAGES) if at
    ]
    return {"nodes": found, "counts": counts, "all": len(found)}


def published_s(store: Store, row: Row) -> int | None:
    """Return since when nodes can have an alert; None before."""
    if row["timing"].get("auto") and row["timing"].get("sent_s"):
        return int(row["timing"]["sent_s"])
    where = {"bulletin": row["bulletin"], "action": "publish", "state": "published"}
    rows = store.find("publications", where, limit=1)
    return rows[0]["published_s"] if rows else None


def _stage(row: Row, node: Row, play: Row | None, since_s: int | None) -> str:
    if play is not None and play["outcome"] == "cut":
        return "air"
    if play is not None and play["outcome"] != "failed":
        return "proven" if is_enough(play["grade"], node["kind"]) else "air"
    if since_s is None:
        return "waiting"
    aired = node["air_class"] == "emergency" and node["air_title"] == row["title"]
    if aired and node["air_ms"] >= since_s * 1000:
        return "air"
    contact_ms = node["contact_ms"]
    return "sent" if contact_ms is not None and contact_ms >= since_s * 1000 else "waiting"


def listed(store: Store, units: Collection[str], now_s: int) -> list[Row]:
    """Return the alerts of some units that wait, are signed or on air, newest first."""
    where = {"unit": sorted(units), "state": [*WAITING, *OPEN]}
    rows = store.find("bulletins", where, order=["changed_s"], descending=True)
    live = [row for row in rows if row["until_s"] is None or row["until_s"] > now_s]
    found = [bulletins.current(store, row["bulletin"]) for row in live]
    return [row for row in found if row["class"] == "emergency"]


def replaceable(store: Store, bulletin: str, unit: str | None = None) -> Row:
    """Return an alert on air that a correction may replace; raises `RemoteFault`."""
    row = bulletins.current(store, bulletin)
    own = unit is None or row["unit"] == unit
    if row["class"] != "emergency" or row["state"] != bulletins.PUBLISHED or not own:
        raise RemoteFault(
            "emergency.replaces", "that alert is not on air", "Go back and send a new alert."
        )
    return row
