"""The list of accounts for who gives roles: found by name, unit and state, page by page."""

from collections.abc import Container, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hub import roles
from hub.folding import fold
from hub.roles import Grant
from hub.store import Row, Store

PAGE = 50
STATES = ("active", "closed")
_TEXT_MAX, _WORDS_MAX = 100, 8


class Asked(NamedTuple):
    """Hold a question: `text` as typed, `unit` of a grant or empty, `state` one of `STATES`;
    `after` the last account seen.
    """

    text: str = ""
    unit: str = ""
    state: str = "active"
    after: str = ""

    def query(self, **changes: Any) -> str:
        """Return the address's query of this question, changed; always from the first page."""
        now = self._replace(after="", **changes)
        pairs = {"q": now.text, "unit": now.unit, "state": now.state}
        pairs["state"] = "" if now.state == "active" else now.state
        return urlencode({name: value for name, value in pairs.items() if value})

    def next_query(self, row: Row) -> str:
        """Return the query of the page that follows a row."""
        return "&".join(filter(None, (self.query(), urlencode({"after": row["account"]}))))


def read(query: Mapping[str, str]) -> Asked:
    """Return the question in an address; what is not understood is left out."""
    state = query.get("state", "")
    words = [query.get(name, "")[:_TEXT_MAX] for name in ("q", "unit", "after")]
    text, unit, after = (one if one.isprintable() else "" for one in words)
    return Asked(" ".join(text.split()), unit, state if state in STATES else "active", after)


def is_within(held: tuple[Grant, ...], administered: Container[str]) -> bool:
    """Tell whether all grants of an account lie where a reader gives roles."""
    return roles.EVERYWHERE in administered or bool(
        held and all(one.unit in administered for one in held)
    )


def page(store: Store, asked: Asked, administered: Container[str]) -> dict[str, Any]:
    """Return one page of the accounts all of whose grants are `administered`, by name."""
    held: dict[str, list[Row]] = {}
    for row in store.each("grants", {"ended_s": 0}):
        held.setdefault(row["account"], []).append(row)
    last = store.get("accounts", asked.after) if asked.after else None
    words, found = fold(asked.text).split()[:_WORDS_MAX], []
    for row in sorted(store.each("accounts", {"state": asked.state}), key=_place):
        grants = roles.of_rows(held.get(row["account"], []))
        if last and _place(row) <= _place(last):
            continue
        if not is_within(grants, administered) or not _fits(row, grants, asked, words):
            continue
        found.append({**row, "grants": grants})
        if len(found) > PAGE:
            break
    following = asked.next_query(found[PAGE - 1]) if len(found) > PAGE else ""
    return {"asked": asked, "accounts": found[:PAGE], "following": following}


def _place(row: Row) -> tuple[str, str]:
    """Return what accounts are sorted by, in every database alike."""
    return fold(row["name"]), row["account"]


def _fits(row: Row, grants: tuple[Grant, ...], asked: Asked, words: list[str]) -> bool:
    text = fold(f"{row['name']} {row['account']}")
    has_unit = not asked.unit or any(one.unit == asked.unit for one in grants)
    return has_unit and all(word in text for word in words)
