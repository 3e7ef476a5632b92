"""Tell which loudspeakers an emergency has not sounded at, and which fell silent during one."""

from hub import bulletins, emergency, fleet, notices
from hub.store import Above, Row, Store

# An alert is fetched at once and sounds within a minute; a poor link is forgiven this much.
UNHEARD_S = 600
_SOUNDED = ("air", "proven")


def on_air(store: Store, now_s: int) -> list[Row]:
    """Return the emergencies that are on air: one question, however many bulletins there are."""
    where = {"state": bulletins.PUBLISHED, "until_s": Above(now_s)}
    where["bulletin_versions.class"] = "emergency"
    rows = store.find("bulletins", where, join="bulletin_versions")
    return [bulletins.current(store, row["bulletin"]) for row in rows]


def look(store: Store, units: dict[str, Row], now_ms: int) -> frozenset[str]:
    """Note what emergencies on air have not reached in time, and what they reached after all.

    Returns the units in which an emergency is on air.
    """
    covered: set[str] = set()
    for row in on_air(store, now_ms // 1000):
        covered.update(fleet.subtree(units, row["unit"]))
        published_s = emergency.published_s(store, row)
        if published_s is not None and now_ms >= (published_s + UNHEARD_S) * 1000:
            _one(store, units, row, now_ms)
    return frozenset(covered)


def _one(store: Store, units: dict[str, Row], row: Row, now_ms: int) -> None:
    where = {"code": notices.UNHEARD, "subject": row["bulletin"]}
    # The last word about each node counts.
    told = {one["node"]: one["is_over"] for one in store.each("notices", where)}
    for node in emergency.progress(store, units, row, now_ms)["nodes"]:
        name, sounded = node["node"], node["stage"] in _SOUNDED
        if node["kind"] == "speaker" and not sounded and name not in told:
            notices.note(store, name, notices.UNHEARD, now_ms, now_ms, row["bulletin"])
        elif sounded and told.get(name) == 0:
            notices.over(store, name, notices.UNHEARD, now_ms, now_ms)
