"""Subscriptions: who is told of which notices, by which way, and when not."""

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any

from hub import accounts, audit, fleet, notices, organisations, roles, timing
from hub.mirror import peers
from hub.notify.grouping import Rules
from hub.relay import fetch
from hub.roles import Reader
from hub.services import Services
from hub.store import Above, Row, Store
from hub.translations import LANGUAGES
from protocols.errors import RemoteFault

MAIL, WEBHOOK = "mail", "webhook"
GROUP_MIN_MAX = 240
# More addresses than these are a list, which the mail server keeps better.
OWN_MAX = 8
UNIT_MAX = 16
# Notices read for one letter; what is beyond comes with the next.
PENDING_MAX = 5000
# A place in the table this far behind is brought up: what lies between fits nothing.
BEHIND_MAX = 1000
TEST_EVERY_S = 20
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
# What RFC 5321 lets a mailbox be, without quotes, and a domain of ASCII labels (section 4.1.2).
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(
    rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_LABEL}(?:\.{_LABEL})*"
)


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("notify." + code, message, remedy)


def check_mailbox(text: str) -> str:
    """Return an address of a mailbox; raises `RemoteFault("notify.address")`."""
    if len(text) > 254 or len(text.partition("@")[0]) > 64 or not _MAILBOX.fullmatch(text):
        raise _refuse("address", f"{text[:80]!r} is no mailbox", "Write it as ten@tinh.gov.vn.")
    return text


def _checked(given: dict[str, Any]) -> Row:
    """Return the columns that a person sets; raises `RemoteFault("notify.*")`."""
    row = {name: given[name] for name in ("target", "language", "quiet_from", "quiet_to")}
    if given["way"] == MAIL:
        check_mailbox(given["target"])
    elif given["way"] == WEBHOOK:
        fetch.check_url(given["target"], given["private_ok"])
        if not given["private_ok"] and not given["target"].lower().startswith("https://"):
            raise _refuse("clear", "the address is not https", "Use https:// outside.")
    else:
        raise _refuse("way", "no way is chosen", "Choose e-mail or webhook.")
    told = [one for one in notices.KINDS if one in given["kinds"]]
    if not told:
        raise _refuse("kinds", "nothing is chosen", "Choose what is told.")
    clocks = (given["quiet_from"], given["quiet_to"])
    if any(clocks) and (not all(map(_CLOCK.fullmatch, clocks)) or clocks[0] == clocks[1]):
        raise _refuse("quiet", "no quiet hours", "Write both times, or none.")
    if not 1 <= given["group_min"] <= GROUP_MIN_MAX:
        raise _refuse("group", "the minutes are wrong", f"Choose 1 to {GROUP_MIN_MAX}.")
    if given["language"] not in LANGUAGES:
        raise _refuse("language", "no such language", "Choose one of the list.")
    row.update(kinds_json=json.dumps(told), breaks=int(given["breaks"]))
    return {**row, "group_min": given["group_min"], "private_ok": int(given["private_ok"])}


def add(store: Store, given: dict[str, Any], who: str, now_s: int) -> str:
    """Keep a new subscription; return its id. Raises `RemoteFault` (`notify.*`, `relay.*`).

    `given` holds `unit way target private_ok kinds language quiet_from quiet_to breaks group_min`
    and `account`, None for the unit's own.
    """
    row = _checked(given)
    same = {"account": given["account"], "state": "active"}
    if given["account"] is None:
        same["unit"] = given["unit"]
    if store.count("subscriptions", same) >= (OWN_MAX if given["account"] else UNIT_MAX):
        raise _refuse("many", "there are too many", "End one first.")
    name = "s" + secrets.token_hex(6)
    fixed = {name: given[name] for name in ("unit", "account", "way")}
    row.update(subscription=name, state="active", created_s=now_s, tested_s=0, **fixed)
    store.add("subscriptions", {**row, "position": notices.newest(store)})
    audit.append(store, now_s, who, "notify.add", name, unit=given["unit"], way=given["way"])
    return name


def change(store: Store, row: Row, given: dict[str, Any], who: str, now_s: int) -> None:
    """Change a subscription; unit, way and owner stay. Raises `RemoteFault("notify.*")`."""
    store.change("subscriptions", (row["subscription"],), _checked({**given, "way": row["way"]}))
    audit.append(store, now_s, who, "notify.change", row["subscription"])


def end(store: Store, row: Row, who: str, now_s: int) -> None:
    """End a subscription; what still waited is not sent."""
    name = row["subscription"]
    store.change("subscriptions", (name,), {"state": "ended"})
    for one in store.find("dispatches", {"subscription": name, "state": "waiting"}):
        store.change("dispatches", (one["dispatch"],), {"state": "dead", "code": "notify.ended"})
    audit.append(store, now_s, who, "notify.end", name)


def note_test(store: Store, name: str, now_s: int) -> Row:
    """Note that a test is sent; raises `RemoteFault("notify.soon")` where one just was."""
    row = store.get("subscriptions", name)
    if row is None or row["state"] != "active":
        raise _refuse("gone", "it has ended", "Load the page again.")
    if now_s - row["tested_s"] < TEST_EVERY_S:
        raise _refuse("soon", "a test was just sent", f"Wait {TEST_EVERY_S} seconds.")
    store.change("subscriptions", (name,), {"tested_s": now_s})
    return row


def is_for(row: Row, who: Reader, units: dict[str, Row]) -> bool:
    """Tell whether a person may change a subscription: their own, or one of a unit they run."""
    if row["account"] is not None:
        return bool(row["account"] == who.account)
    return who.allows(roles.ADMINISTER, units, row["unit"])


def listed(store: Store, who: Reader, units: dict[str, Row]) -> list[Row]:
    """Return the active subscriptions that a person may change, their own first."""
    own = store.find("subscriptions", {"account": who.account, "state": "active"})
    shared = store.each("subscriptions", {"account": None, "state": "active"})
    return [*own, *(row for row in shared if is_for(row, who, units))]


def kinds(row: Row) -> list[str]:
    """Return which kinds of notices a subscription asks for."""
    found: list[str] = json.loads(row["kinds_json"])
    return found


def rules(row: Row) -> Rules:
    """Return when a subscription's notices are sent."""
    return Rules(row["group_min"], row["quiet_from"], row["quiet_to"], bool(row["breaks"]))


def pending(
    store: Store, row: Row, units: dict[str, Row], of: Sequence[str] = notices.KINDS
) -> list[Row]:
    """Return the notices that a subscription has not been told, oldest first.

    An account is told of what its grants let it see today, however it once subscribed.
    """
    where: Row = {"kind": [one for one in kinds(row) if one in of]}
    where["sequence"] = Above(row["position"])
    under = None if row["unit"] == roles.EVERYWHERE else set(fleet.subtree(units, row["unit"]))
    if row["account"] is not None:
        holder = store.get("accounts", row["account"])
        if holder is None or holder["state"] != "active":
            return []
        grants = accounts.grants(store, row["account"])
        seen = organisations.reader(store, holder, grants, False).bounds(roles.VIEW, units)
        if seen is not None:
            under = set(seen) if under is None else under & seen
    if under is not None:
        where["unit"] = sorted(under)
    return store.find("notices", where, limit=PENDING_MAX)


def clock(now_ms: int, offset_min: int) -> str:
    """Return the province's time of day (`HH:MM`)."""
    return f"{timing.local_time(now_ms // 1000, offset_min):%H:%M}"


def folder(services: Services) -> Any:
    """Return where the secrets of mail and webhooks are kept."""
    return services.config.data / "keys" / "notify"


def new_secret(services: Services, name: str) -> str:
    """Return a new secret with which a webhook's posts are signed."""
    secret = secrets.token_urlsafe(32)
    peers.keep_secret(folder(services), name, secret)
    return secret
