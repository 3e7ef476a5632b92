"""What a CAP message puts into the emergency form, and what stays fixed whatever the form says."""

from typing import Any

from hub import bulletins, programme, timing
from hub.cap import intake, message
from hub.store import Row, Store

# What the form's own field takes.
TITLE_LETTERS = 120


def values(store: Store, name: str, unit: str, now_s: int) -> dict[str, Any]:
    """Return form values of an open message for a unit; raises `RemoteFault("cap.*")`.

    Only a Vietnamese part fills the text: a Vietnamese voice cannot read another language.
    """
    row = intake.open_message(store, name, now_s)
    given = intake.given_of(store, row)
    info = given.in_vietnamese()
    left_s = row["ends_s"] - now_s
    hours = min(max(1, -(-left_s // 3600)), timing.ALERT_HOURS_MAX)
    places = {one["unit"]: one["hamlets"] for one in intake.places(row)}
    chosen = unit or next(iter(places), "")
    return {
        "cap": name,
        "unit": chosen,
        "title": info.title()[:TITLE_LETTERS] if info else "",
        "text": info.words() if info else "",
        "hamlets": [f"{chosen}/{one}" for one in places.get(chosen, [])],
        "hours": str(hours),
        "drill": bool(row["drill"]),
    }


def fixed(store: Store, row: Row, unit: str, when: timing.Timing) -> timing.Timing:
    """Return an alert's times as its message binds them: its end, its drill, what it corrects."""
    bound = {**when, "ends_s": row["ends_s"], "drill": bool(when["drill"] or row["drill"])}
    if row["kind"] == message.UPDATE and "replaces" not in when:
        older = [
            programme.item_id(one)
            for one in intake.on_air(store, row["message"], unit)
            if one["state"] == bulletins.PUBLISHED
        ]
        if older:
            bound["replaces"] = older
    return bound
