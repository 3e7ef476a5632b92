"""Topics (lĩnh vực) as the province's own list names them: imported, dated, never in code."""

from hub import audit, code_lists
from hub.store import Row, Store
from protocols.errors import RemoteFault

WHO = "command line"
COLUMNS = ("code", "name")


def read(data: bytes) -> dict[str, str]:
    """Return names by code of a CSV list (`code,name`); raises `RemoteFault("list.broken")`."""
    return {one["code"]: one["name"] for one in code_lists.read(data, COLUMNS)}


def take(store: Store, given: dict[str, str], version: str, day: str, now_s: int) -> dict[str, int]:
    """Put a list in force from a day on; what it lacks ends, what it renames gets a new row."""
    held = in_force(store, day)
    ended = {code: row for code, row in held.items() if given.get(code) != row["name"]}
    for code, row in ended.items():
        store.change("topics", (code, row["valid_from"]), {"valid_to": day})
    added = 0
    for code, name in given.items():
        if code in held and code not in ended:
            continue
        fields = {"valid_to": None, "name": name, "list_version": version}
        if not store.change("topics", (code, day), fields):
            store.add("topics", {"topic": code, "valid_from": day, **fields})
        added += 1
    counts = {"topics": len(given), "added": added, "ended": len(ended)}
    audit.append(store, now_s, WHO, "topics.import", version, **counts)
    return counts


def in_force(store: Store, day: str) -> dict[str, Row]:
    """Return the topics in force on a day by code."""
    return {
        row["topic"]: row
        for row in store.find("topics", order=["valid_from"])
        if row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"])
    }


def names(store: Store) -> dict[str, str]:
    """Return what every topic that was ever in a list is, or was last, called, by code."""
    return {row["topic"]: str(row["name"]) for row in store.find("topics", order=["valid_from"])}


def check(store: Store, topic: str, day: str, bulletin: str = "") -> None:
    """Raise `RemoteFault("form.topic")` for a topic not in force; a bulletin may keep its own."""
    if not topic or topic in in_force(store, day):
        return
    known = store.get("bulletins", bulletin)
    kept = store.get("bulletin_versions", bulletin, known["version"]) if known else None
    if kept is None or kept["topic"] != topic:
        raise RemoteFault("form.topic", f"no topic {topic!r} in force", "Choose one of the list.")
