"""What a unit's manifests say: every bulletin that is approved and not yet over."""

import json
from typing import Any, NamedTuple

from hub import (
    bulletins,
    facts,
    fleet,
    frame,
    mourning,
    moves,
    programme_rules,
    slots,
    timing,
    variants,
)
from hub.relay import automatic
from hub.store import Row, Store
from protocols import alert, auto_alert, bundle
from protocols.errors import RemoteFault
from protocols.fields import Fields
from protocols.limits import AUTO_AGE_S_MAX, PAGES_MAX
from protocols.policy import read_policy
from protocols.rules import check_time

# The programme's own validity: as long as its approver's signature (400 days by default).
VALID_S = 400 * 86400
# A node's clock may be behind ours when it takes a bundle.
CLOCK_SLACK_S = 3600
DWELL_S = 10
# A recalled alert's cancellation stays listed this long for nodes that come back late.
CANCEL_S = 86400
LIVE = (bulletins.APPROVED, bulletins.PUBLISHED)

DEFAULT_POLICY: dict[str, Any] = {
    "quiet": [["21:30", "05:00"]],
    "ceilings": [["05:00", "22:00", 80]],
    "emergency_ceiling_percent": 100,
    "emergency_in_quiet": True,
}


class Manifest(NamedTuple):
    """Hold a manifest's version and canonical bytes."""

    version: int
    data: bytes


def kind_of(bulletin: Row) -> str:
    """Return which manifest a bulletin stands in."""
    return "alerts" if bulletin["class"] == "emergency" else "bundle"


def manifest(
    store: Store,
    unit: str,
    kind: str,
    now_s: int,
    offset_min: int,
    adding: Row | None = None,
    without: str = "",
    changing: Row | None = None,
) -> Manifest:
    """Build a unit's next bundle or alerts, checked as a node will check them.

    `adding` is a bulletin (timing fixed) that is being approved, `without` the id of one that is
    being recalled, `changing` a change of the frame. Raises `RemoteFault` (`format.field`,
    `slot.none`).
    """
    version = next_version(store, unit, kind)
    rows = [row for row in _live(store, unit, now_s) if kind_of(row) == kind]
    rows = [row for row in rows if row["bulletin"] != without and not _is_auto(row)]
    if adding is not None:
        rows.append(adding)
    replaced = {name for row in rows for name in row["timing"].get("replaces", [])}
    rows = [row for row in rows if item_id(row) not in replaced]
    if kind == "alerts":
        alerts = [_alert(row) for row in rows] + _cancellations(store, unit, now_s, without)
        fields = {"version": version, "unit": unit, "issued_s": now_s, "alerts": alerts}
        return Manifest(version, alert.build(fields))
    held = frame.of(store, unit, changing)
    by_itself = automatic.marked(store, unit, held, changing)
    standing = automatic.without_recorded(store, slots.refresh(rows, held), by_itself)
    if adding is not None and adding["bulletin"] not in {row["bulletin"] for row in standing}:
        raise slots.none()
    standing = slots.latest(standing, held)
    data = bundle.build(_bundle(store, unit, version, standing, held, by_itself, now_s, offset_min))
    return Manifest(version, data)


def _is_auto(row: Row) -> bool:
    """Tell whether the hub relays a bulletin by itself (`hub.automatic`)."""
    return bool(row["timing"].get("auto"))


def relayed(store: Store, unit: str, now_s: int, adding: Row | None) -> list[dict[str, Any]]:
    """Return the entries of a unit's relayed alerts: those approved by nobody's hand."""
    live = [row for row in _live(store, unit, now_s) if _is_auto(row)]
    rows = [row for row in live if row["state"] != bulletins.RECALLING]
    if adding is not None:
        rows.append(adding)
    ended = [row for row in live if row["state"] == bulletins.RECALLING]
    for base in store.find("bulletins", {"unit": unit, "state": bulletins.RECALLED}):
        if base["changed_s"] + CANCEL_S > now_s:
            ended.append(bulletins.current(store, base["bulletin"]))
    cancels = [_cancel(row, row["changed_s"]) for row in ended if _is_auto(row)]
    return [_alert(row) for row in rows] + cancels


def next_version(store: Store, unit: str, kind: str) -> int:
    """Return the version that a unit's next manifest takes."""
    newest = store.find(
        "publications",
        {"unit": unit, "kind": kind},
        order=["version"],
        descending=True,
        limit=1,
    )
    return facts.above(store, newest[0]["version"] + 1 if newest else 1)


def until_s(row: Row, offset_min: int) -> int:
    """Return when a bulletin with a fixed timing is over (Unix seconds)."""
    when = row["timing"]
    if when["mode"] == "alert":
        end_s = int(when["sent_s"] + when["hours"] * 3600)
        return min(end_s, int(when.get("ends_s", end_s)))
    return timing.last_start_s(when, offset_min) + timing.BOARD_S


def _live(store: Store, unit: str, now_s: int) -> list[Row]:
    rows = store.find("bulletins", {"unit": unit, "state": [*LIVE, bulletins.RECALLING]})
    live = [row for row in rows if row["until_s"] is not None and row["until_s"] > now_s]
    return [bulletins.current(store, row["bulletin"]) for row in live]


def item_id(row: Row) -> str:
    """Return the item's id in manifests and records: bulletin and version."""
    prefix = auto_alert.PREFIX if _is_auto(row) else ""
    return f"{prefix}{row['bulletin']}.{row['version']}"


def record_ids(row: Row) -> list[str]:
    """Return every id under which nodes write down that a version was heard or shown."""
    name = item_id(row)
    count = len(_sets(row))
    tongues = [f"{name}.{one['language']}" for one in variants.heard(row)]
    return [name, *tongues, *(f"{name}.{number}" for number in range(count))]


def of_record(item: str) -> tuple[str, int, str]:
    """Return bulletin, version and what stands behind them of an item's id in a record."""
    bulletin, _, rest = item.removeprefix(auto_alert.PREFIX).partition(".")
    version, _, part = rest.partition(".")
    return bulletin, int(version) if version.isdigit() else 0, part


def _bundle(
    store: Store,
    unit: str,
    version: int,
    rows: list[Row],
    held: frame.Frame,
    by_itself: dict[str, frame.Body],
    now_s: int,
    offset_min: int,
) -> dict[str, Any]:
    today = timing.local_time(now_s, offset_min).date().isoformat()
    above = fleet.above(store, unit, today)
    heard = [row for row in rows if row["renditions"]]
    turns, silent = programme_rules.turns(heard), mourning.entertainment(store)
    own = policy(store, unit)
    days = [*own.get("mourning", []), *mourning.days(held, today)]
    filled, when = automatic.entries(by_itself, today)
    return {
        "version": version,
        "unit": unit,
        "ancestors": above,
        "issued_s": now_s,
        "valid_from_s": now_s - CLOCK_SLACK_S,
        "valid_until_s": now_s + VALID_S,
        "utc_offset_min": offset_min,
        "items": [
            item for row in heard for item in _items(row, mourning.is_solemn(row, held, silent))
        ]
        + filled,
        "rules": [
            {**rule, **_targets(row)}
            for row in heard
            for rule in moves.apply(
                programme_rules.of(row, _item_ids(row), held, turns.get(row["bulletin"], 0)),
                moves.of(held, row["bulletin"], today),
            )
        ]
        + when,
        "pages": [page for row in rows for page in _pages(row, offset_min)],
        "policy": {
            **own,
            "mourning": days,
            "relays": automatic.sources(by_itself),
            "tie_break": [unit, *above],
            "languages": variants.policy(store, unit),
        },
        "fallback": [],
    }


def policy(store: Store, unit: str) -> dict[str, Any]:
    """Return a unit's policy, or the default."""
    row = store.get("unit_policies", unit)
    return dict(DEFAULT_POLICY if row is None else json.loads(row["policy_json"]))


def quiet_hours(store: Store, row: Row, now_s: int, lead_s: int, offset_min: int) -> str:
    """Return the quiet hours (`21:30–05:00`) in which a bulletin would start, or nothing.

    Nodes keep quiet hours whatever is published, so the author must know before.
    """
    if row["timing"]["mode"] == "alert":
        return ""
    own = policy(store, row["unit"])
    rules = read_policy(Fields(own, "policy"))
    when = timing.fix(row["timing"], now_s, lead_s, offset_min)
    clocks = when["times"] if when["mode"] == "daily" else [when["time"]]
    for clock in clocks:
        if rules.is_quiet(row["class"], check_time(clock, "time")):
            return ", ".join(f"{first}–{last}" for first, last in own["quiet"])
    return ""


def _items(row: Row, is_solemn: bool) -> list[dict[str, Any]]:
    """Return a bulletin's item, and its variants behind it."""
    name = item_id(row)
    item = {
        "id": name,
        "solemn": is_solemn,
        "title": row["title"],
        "language": row["language"],
        "topic": row["topic"],
        "class": row["class"],
        "renditions": row["renditions"],
    }
    return [item] + [
        {**item, "id": f"{name}.{one['language']}", "variant_of": name,
         **{field: one[field] for field in ("title", "language", "renditions")}}
        for one in variants.heard(row)
    ]  # fmt: skip


def _targets(row: Row) -> dict[str, Any]:
    return {"targets": {"hamlets": row["hamlets"]}} if row["hamlets"] else {}


def _item_ids(row: Row) -> list[str]:
    name = item_id(row)
    return [name, *(f"{name}.{one['language']}" for one in variants.heard(row))]


def _pages(row: Row, offset_min: int) -> list[dict[str, Any]]:
    start_s = timing.first_start_s(row["timing"], offset_min)
    times = {"from_s": start_s, "until_s": until_s(row, offset_min)}
    return [{**page, **times, **_targets(row)} for page in _frames(row)]


def _frames(row: Row) -> list[dict[str, Any]]:
    """Return one page per frame; each carries the renditions of the sizes that have it.

    What is drawn for an order of languages (`tongues`) follows, and names that order.
    """
    found = _sets(row)
    if len(found) > PAGES_MAX:
        raise RemoteFault("board.text", "the board needs too many frames", "Shorten it.")
    item = item_id(row)
    has_tongues = any(asked for asked, _, _ in found)
    pages = []
    for number, (asked, at, steps) in enumerate(found):
        page = {
            "id": f"{item}.{number}",
            "title": row["title"],
            "language": row["language"],
            "class": row["class"],
            "dwell_s": row["pictures"][at]["dwell_s"] if at < len(row["pictures"]) else DWELL_S,
            "renditions": steps,
        }
        pages.append({**page, "item": item, "asked": list(asked)} if has_tongues else page)
    return pages


def _sets(row: Row) -> list[tuple[tuple[str, ...], int, list[dict[str, Any]]]]:
    """Return (order asked for, number within it, renditions of all sizes) of every page."""
    sets: dict[tuple[str, ...], list[tuple[str, list[dict[str, Any]]]]] = {}
    for size in row["frames"]:
        for one in [size, *size.get("tongues", [])]:
            asked = tuple(one.get("asked", ()))
            sets.setdefault(asked, []).append((size["profile"], one["frames"]))
    return [
        (
            asked,
            number,
            [
                {"profile": profile, "media_type": "image/png", **frames[number]}
                for profile, frames in sizes
                if number < len(frames)
            ],
        )
        for asked, sizes in sets.items()
        for number in range(max(len(frames) for _, frames in sizes))
    ]


def _alert(row: Row) -> dict[str, Any]:
    when = row["timing"]
    sent_s, expires_s = when["sent_s"], until_s(row, 0)
    pages = [{**page, "from_s": sent_s, "until_s": expires_s} for page in _frames(row)]
    fields = {
        "id": item_id(row),
        "kind": alert.UPDATE if when.get("replaces") else alert.ALERT,
        "references": when.get("replaces", []),
        "drill": when["drill"],
        "title": row["title"],
        "language": row["language"],
        "sent_s": sent_s,
        "expires_s": expires_s,
        "maximum_age_s": min(expires_s - sent_s, AUTO_AGE_S_MAX)
        if _is_auto(row)
        else expires_s - sent_s,
        "renditions": row["renditions"],
        "pages": pages,
        **_targets(row),
    }
    if when["gap_min"]:
        fields["repeat"] = {"gap_s": when["gap_min"] * 60, "until_s": expires_s}
    return fields


def _cancellations(store: Store, unit: str, now_s: int, recalled: str) -> list[dict[str, Any]]:
    """Return the cancel entries of the alert being recalled and of those recalled lately."""
    bases = store.find("bulletins", {"unit": unit, "state": bulletins.RECALLED})
    moments = {
        base["bulletin"]: base["changed_s"]
        for base in bases
        if base["changed_s"] + CANCEL_S > now_s
    }
    if recalled:
        moments[recalled] = now_s
    rows = [bulletins.current(store, name) for name in sorted(moments)]
    return [_cancel(row, moments[row["bulletin"]]) for row in rows if kind_of(row) == "alerts"]


def _cancel(row: Row, moment_s: int) -> dict[str, Any]:
    """Return the entry that ends an alert."""
    return {
        "id": f"{item_id(row)}.cancel",
        "kind": alert.CANCEL,
        "references": [item_id(row)],
        "drill": row["timing"]["drill"],
        "title": row["title"],
        "language": row["language"],
        "sent_s": moment_s,
        "expires_s": moment_s + CANCEL_S,
        "renditions": [],
        "pages": [],
    }
