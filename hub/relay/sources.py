"""Relay sources as the administrator keeps them, and how each of them is."""

import json
import re
from typing import Any

from hub import audit, fleet, timing
from hub.relay import fetch
from hub.store import Row, Store
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import RELAY_PER_DAY_MAX

FEED, STREAM = "feed", "stream"
KINDS = (FEED, STREAM)
SOURCES_MAX = 32
MINUTES_MAX = 120
# A file that is refused this often is given up.
TRIES_MAX = 5
# A title's bytes beside the broadcaster's name.
TITLE_BYTES_MAX = 180
DAY_S = 86400
# A broadcaster with nothing new for this long is said to be silent.
SILENT_S = 2 * DAY_S
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("relay." + code, message, remedy)


def add(store: Store, given: dict[str, Any], who: str, now_s: int) -> None:
    """Keep a source, or another description of it: `source kind name url private_ok minutes times
    weekdays`; the last two are those of a stream. Raises `RemoteFault` (`relay.*`, `timing.*`).
    """
    name = given["source"]
    if not _NAME.fullmatch(name):
        raise _refuse("id", f"{name!r} is no id", "Use a-z, 0-9, dash: vov1.")
    if given["kind"] not in KINDS:
        raise _refuse("kind", "neither feed nor stream", "Choose one.")
    fetch.check_url(given["url"], given["private_ok"])
    if not 1 <= given["minutes"] <= MINUTES_MAX:
        raise _refuse("minutes", "the length is wrong", f"Choose 1 to {MINUTES_MAX} minutes.")
    when: dict[str, Any] = {"times": [], "weekdays": []}
    if given["kind"] == STREAM:
        day = timing.local_time(now_s, 0).date().isoformat()
        when = timing.daily(given["times"], given["weekdays"], day, day)
    if store.get("relay_sources", name) is None and store.count("relay_sources") >= SOURCES_MAX:
        raise _refuse("many", f"{SOURCES_MAX} sources stand already", "Use one of them again.")
    row: Row = {"kind": given["kind"], "name": fleet.title(given["name"] or name, "name")}
    row.update(url=given["url"], private_ok=int(given["private_ok"]), minutes=given["minutes"])
    row.update(times_json=json.dumps(when["times"]), weekdays_json=json.dumps(when["weekdays"]))
    row.update(state="active", failing_s=None, failure_code=None)
    if not store.change("relay_sources", (name,), row):
        fresh = {"source": name, "since_s": now_s, "heard_s": None, "fresh_s": None}
        store.add("relay_sources", {**fresh, **row})
    audit.append(
        store, now_s, who, "relay.add", name, url=given["url"], private=bool(given["private_ok"])
    )


def close(store: Store, source: str, who: str, now_s: int) -> None:
    """End a source; what was recorded stays."""
    if not store.change("relay_sources", (source,), {"state": "closed"}):
        raise _refuse("unknown", "no such source", "Look at the list.")
    audit.append(store, now_s, who, "relay.close", source)


def active(store: Store) -> list[Row]:
    """Return the active sources by name, times and weekdays decoded."""
    rows = store.find("relay_sources", {"state": "active"}, order=["name"])
    return [_decoded(row) for row in rows]


def _decoded(row: Row) -> Row:
    times, weekdays = json.loads(row["times_json"]), json.loads(row["weekdays_json"])
    return {**row, "times": times, "weekdays": weekdays}


def listed(store: Store, now_s: int) -> list[Row]:
    """Return what a page shows: each active source, how it is, its newest recordings."""
    found = []
    for row in active(store):
        where = {"source": row["source"]}
        rows = store.find("relay_recordings", where, order=["changed_s"], descending=True, limit=5)
        kept = [{**one, "report": json.loads(one["report_json"] or "{}")} for one in rows]
        silent_s = row["fresh_s"] or row["since_s"]
        is_silent = row["failing_s"] is None and now_s - silent_s > SILENT_S
        found.append({**row, "recordings": kept, "silent_s": silent_s if is_silent else None})
    return found


def cut(title: str) -> str:
    """Return a title as far as a bulletin takes it."""
    return title.encode()[:TITLE_BYTES_MAX].decode(errors="ignore").strip()


def note(store: Store, source: str, fault: Fault | None, now_s: int) -> None:
    """Note that a source was heard, or since when and why it is not."""
    fields: Row = {"heard_s": now_s, "failing_s": None, "failure_code": None}
    if fault is not None:
        row = store.get("relay_sources", source) or {}
        fields = {"failing_s": row.get("failing_s") or now_s, "failure_code": fault.code}
    store.change("relay_sources", (source,), fields)


def tries_left(store: Store, source: str, recording: str) -> bool:
    """Tell whether a recording is still to be made."""
    row = store.get("relay_recordings", source, recording)
    return row is None or (row["state"] == "failed" and row["tries"] < TRIES_MAX)


def is_full(store: Store, source: str, recording: str, now_s: int) -> bool:
    """Tell whether a source brought as much within a day as it may, without this recording."""
    where, order = {"source": source}, ["changed_s"]
    rows = store.find(
        "relay_recordings", where, order=order, descending=True, limit=RELAY_PER_DAY_MAX
    )
    known = recording in [row["recording"] for row in rows]
    is_reached = len(rows) == RELAY_PER_DAY_MAX and rows[-1]["changed_s"] > now_s - DAY_S
    return is_reached and not known


def keep(
    store: Store, source: str, recording: str, title: str, made: dict[str, Any], now_s: int
) -> None:
    """Note what was recorded: `sha256` and `report`, or `failure_code`."""
    row = store.get("relay_recordings", source, recording)
    fields: Row = {"title": title, "changed_s": now_s, "tries": row["tries"] + 1 if row else 1}
    fields.update(state="failed" if made.get("failure_code") else "kept")
    fields.update(sha256=made.get("sha256"), failure_code=made.get("failure_code"))
    fields["report_json"] = json.dumps(made["report"]) if made.get("report") else None
    if row is None:
        store.add("relay_recordings", {"source": source, "recording": recording, **fields})
    else:
        store.change("relay_recordings", (source, recording), fields)
    if fields["state"] == "kept":
        store.change("relay_sources", (source,), {"fresh_s": now_s})
