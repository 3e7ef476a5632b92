"""The outbox of notices: letters made of what waits, tried until they arrive or are given up.

Theory of operation. A notice is written with its fact, and each subscription keeps its place in the
table, so nothing more need be written for it to be told. `compose` makes one letter of what lies
beyond that place and moves the place on, in one transaction; a kill before leaves all as it was, a
kill after leaves the letter. A letter is claimed for a while before it is sent, so that a kill
in between, or another process, tries it again under the same id: at least once. While one waits no
further is made; what begins meanwhile gathers for the next.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any

from hub import audit, fleet, notices
from hub.notify import grouping, subscriptions
from hub.store import Row, Store, UpTo
from protocols.errors import RemoteFault

WAITING, SENT, DEAD = "waiting", "sent", "dead"
CLAIM_MS = 120_000
CLAIMED_MAX = 16
# A mail server that is mended within a day loses nothing.
GIVEN_UP_MS = 86_400_000
WAIT_MS_MIN, WAIT_MS_MAX = 30_000, 3600_000
ANSWER_CHARS_MAX = 300


class Undelivered(Exception):
    """Report why a letter did not arrive: a `code`, the server's `answer`, whether for good."""

    def __init__(self, code: str, answer: str, is_final: bool = False):
        super().__init__(f"{code}: {answer}")
        self.code = code
        self.answer = one_line(answer)
        self.is_final = is_final


def one_line(text: str) -> str:
    """Return a server's words on one bounded line."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(clean.split())[:ANSWER_CHARS_MAX]


def ready(store: Store, today: str, now_ms: int, clock: str) -> list[str]:
    """Return the subscriptions for which a letter is to be made, or whose place is to move."""
    newest = notices.newest(store)
    asked = [one for one in store.each("subscriptions", {"state": "active"})
             if one["position"] < newest and not _is_busy(store, one)]  # fmt: skip
    units = fleet.standing_on(store, today) if asked else {}
    return [
        row["subscription"] for row in asked if _is_ready(store, row, units, now_ms, clock, newest)
    ]


def _is_ready(
    store: Store, row: Row, units: dict[str, Row], now_ms: int, clock: str, newest: int
) -> bool:
    rules = subscriptions.rules(row)
    is_quiet = grouping.is_quiet(rules, clock)
    if is_quiet and not rules.breaks:
        return False
    # What is held for the night is not read every few seconds of it.
    rows = subscriptions.pending(store, row, units, [notices.URGENT] if is_quiet else notices.KINDS)
    is_behind = not rows and not is_quiet and newest - row["position"] > subscriptions.BEHIND_MAX
    return is_behind or grouping.is_ready(rows, rules, now_ms, clock)


def _is_busy(store: Store, row: Row) -> bool:
    where = {"subscription": row["subscription"], "state": WAITING}
    return bool(store.find("dispatches", where, limit=1))


def compose(store: Store, name: str, today: str, now_ms: int) -> str | None:
    """Make one letter of everything a subscription waits for; return its id."""
    row = store.get("subscriptions", name)
    if row is None or row["state"] != "active" or _is_busy(store, row):
        return None
    units = fleet.standing_on(store, today)
    rows = subscriptions.pending(store, row, units)
    last = rows[-1]["sequence"] if rows else notices.newest(store)
    store.change("subscriptions", (name,), {"position": last})
    if not rows:
        return None
    unit_names = {unit: str(one["name"]) for unit, one in units.items()}
    names = sorted({one["node"] for one in rows})
    nodes = {one["node"]: one["name"] for one in store.find("nodes", {"node": names})}
    letter = made(name, grouping.gather(rows, unit_names, nodes), now_ms)
    store.add("dispatches", letter)
    return str(letter["dispatch"])


def made(name: str, body: dict[str, Any], now_ms: int) -> Row:
    """Return the row of a new letter."""
    row: Row = {"dispatch": secrets.token_hex(16), "subscription": name, "state": WAITING}
    row.update(created_ms=now_ms, due_ms=now_ms, until_ms=now_ms + GIVEN_UP_MS, tries=0)
    row.update(body_json=json.dumps(body, ensure_ascii=False), code="", answer="", done_ms=None)
    return row


def is_due(store: Store, now_ms: int) -> bool:
    """Tell whether a letter is to be tried."""
    return bool(store.find("dispatches", {"state": WAITING, "due_ms": UpTo(now_ms)}, limit=1))


def claim(store: Store, now_ms: int) -> list[tuple[Row, Row]]:
    """Take the letters that are due, each with its subscription; nobody else does for a while."""
    where = {"state": WAITING, "due_ms": UpTo(now_ms)}
    found = []
    for row in store.find("dispatches", where, order=["due_ms"], limit=CLAIMED_MAX):
        store.change("dispatches", (row["dispatch"],), {"due_ms": now_ms + CLAIM_MS})
        subscription = store.get("subscriptions", row["subscription"])
        if subscription is not None:
            found.append((row, subscription))
    return found


def sent(store: Store, dispatch: str, answer: str, now_ms: int) -> None:
    """Note that a letter arrived, with the server's answer."""
    fields = {"state": SENT, "done_ms": now_ms, "code": "", "answer": one_line(answer)}
    store.change("dispatches", (dispatch,), fields)


def failed(
    store: Store, dispatch: str, why: Undelivered, now_ms: int, chance: Callable[[], float]
) -> None:
    """Note that a letter did not arrive; it is tried again later, or given up."""
    row = store.get("dispatches", dispatch)
    if row is None or row["state"] != WAITING:
        return
    fields: Row = {"tries": row["tries"] + 1, "code": why.code, "answer": why.answer}
    fields["due_ms"] = now_ms + backoff_ms(row["tries"], chance())
    if why.is_final or fields["due_ms"] > row["until_ms"]:
        fields.update(state=DEAD, done_ms=now_ms)
    store.change("dispatches", (dispatch,), fields)


def backoff_ms(tries: int, chance: float) -> int:
    """Return how long to wait after so many tries: doubled up to an hour, half of it by chance."""
    ceiling = min(WAIT_MS_MIN << min(tries, 16), WAIT_MS_MAX)
    return ceiling // 2 + int(chance * (ceiling // 2))


def again(store: Store, dispatch: str, who: str, now_ms: int) -> None:
    """Try a letter again that was given up; raises `RemoteFault("notify.gone")`."""
    row = store.get("dispatches", dispatch)
    if row is None or row["state"] != DEAD:
        raise RemoteFault("notify.gone", "it is not given up", "Load the page again.")
    fields = {"state": WAITING, "due_ms": now_ms, "until_ms": now_ms + GIVEN_UP_MS, "tries": 0}
    store.change("dispatches", (dispatch,), {**fields, "done_ms": None})
    audit.append(store, now_ms // 1000, who, "notify.again", dispatch)


def figures(store: Store, name: str) -> dict[str, Any]:
    """Return how a subscription does: its newest letters by state, for the page."""
    found: dict[str, Any] = {}
    for state, limit in ((WAITING, 1), (SENT, 1), (DEAD, 5)):
        where = {"subscription": name, "state": state}
        rows = store.find("dispatches", where, order=["created_ms"], descending=True, limit=limit)
        found[state] = [{**row, "body": json.loads(row["body_json"])} for row in rows]
    return found
