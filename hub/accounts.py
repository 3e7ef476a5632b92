"""Accounts, their grants and one-time codes: plain decisions over the store port."""

import hashlib
import re
import secrets
from typing import Any

from hub import audit, fleet, roles
from hub.roles import Grant
from hub.store import Conflict, Row, Store
from protocols.errors import RemoteFault
from protocols.hub_limits import GRANTS_MAX

ACCOUNT_PATTERN = re.compile(r"[a-z][a-z0-9.-]{1,39}")
# A one-time code is handed over by voice, paper or message within this time.
CODE_S = 7 * 86400
# Wrong passwords in a row before the account waits, the first wait, and the longest one.
FREE_FAILURES = 5
WAIT_S = 30
WAIT_S_MAX = 900


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("account." + code, message, remedy)


def digest(secret: str) -> str:
    """Return what is stored of a code or a session token; it has 128 bits and needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(store: Store, account: str, name: str, who: str, now_s: int) -> str:
    """Add an account without a password; return the one-time code that sets it."""
    if not ACCOUNT_PATTERN.fullmatch(account):
        raise _refuse("id", f"{account!r} is no account", "Use a-z, 0-9, dot, dash: nguyen.van-a.")
    row: Row = {
        "account": account,
        "name": fleet.title(name, "name"),
        "state": "active",
        "created_s": now_s,
        "failures": 0,
        "blocked_until_s": 0,
        "totp_step": 0,
    }
    try:
        store.add("accounts", row)
    except Conflict:
        raise _refuse("id", f"{account} stands already", "Choose another.") from None
    audit.append(store, now_s, who, "account.add", account, name=row["name"])
    return new_code(store, account, who, now_s)


def active(store: Store, account: str) -> Row:
    """Return an active account; raises `RemoteFault("account.unknown")`."""
    row = store.get("accounts", account)
    if row is None or row["state"] != "active":
        raise _refuse("unknown", f"no account {account}", "Check the name.")
    return row


def new_code(store: Store, account: str, who: str, now_s: int) -> str:
    """Return a new one-time code that sets the account's password; older codes end."""
    active(store, account)
    code = secrets.token_urlsafe(16)
    changes = {"code_hash": digest(code), "code_until_s": now_s + CODE_S}
    store.change("accounts", (account,), changes)
    audit.append(store, now_s, who, "account.code", account)
    return code


def set_first_password(store: Store, code: str, hashed: str, now_s: int) -> Row:
    """Set the password of the account whose one-time code this is, and end its sessions.

    A second factor set up before is dropped too: the code is what recovers a lost telephone.
    """
    row = by_code(store, code, now_s)
    account = row["account"]
    changes: dict[str, Any] = {"code_hash": None, "totp_secret": None, "totp_pending": None}
    store.change("accounts", (account,), changes)
    set_password(store, account, hashed, account, now_s)
    return active(store, account)


def by_code(store: Store, code: str, now_s: int) -> Row:
    """Return the account of a one-time code; raises `RemoteFault("account.code")`."""
    found = store.find("accounts", {"code_hash": digest(code), "state": "active"}, limit=1)
    if not found or found[0]["code_until_s"] <= now_s:
        raise _refuse("code", "the code was used or has expired", "Ask for a new one.")
    return found[0]


def set_password(store: Store, account: str, hashed: str, who: str, now_s: int) -> None:
    """Set a password, forgive wrong ones, and end every session of the account."""
    changes = {"password_hash": hashed, "failures": 0, "blocked_until_s": 0}
    store.change("accounts", (account,), changes)
    end_sessions(store, account, now_s)
    audit.append(store, now_s, who, "account.password", account)


def charge(store: Store, account: str, now_s: int) -> Row | None:
    """Count an attempt before it is checked; return the account, or None for an unknown one.

    Raises `RemoteFault("login.wait")` while it waits: after 5 wrong ones 30 s, doubled each time up
    to 15 minutes, so that nobody can lock an officer out for a day.
    """
    row = store.get("accounts", account)
    if row is None or row["state"] != "active":
        return None
    if row["blocked_until_s"] > now_s:
        left_s = row["blocked_until_s"] - now_s
        raise RemoteFault("login.wait", f"wait {left_s} s", "Wait, then try again.")
    failures = row["failures"] + 1
    wait_s = 0
    if failures >= FREE_FAILURES:
        wait_s = min(WAIT_S << min(failures - FREE_FAILURES, 10), WAIT_S_MAX)
    changes = {"failures": failures, "blocked_until_s": now_s + wait_s if wait_s else 0}
    store.change("accounts", (account,), changes)
    return row


def grants(store: Store, account: str) -> tuple[Grant, ...]:
    """Return the grants of an account."""
    return roles.of_rows(store.find("grants", {"account": account, "ended_s": 0}))


def grant(store: Store, account: str, given: Grant, who: str, now_s: int) -> None:
    """Give an account a role on a unit; giving it twice is nothing new."""
    active(store, account)
    if given.role not in roles.ROLES:
        raise _refuse("role", f"{given.role!r} is no role", "Use one of: " + " ".join(roles.ROLES))
    if given.unit.startswith(roles.SUPPLIER):
        _check_organisation(store, given)
    elif given.unit != roles.EVERYWHERE and not store.find("units", {"unit": given.unit}, limit=1):
        raise _refuse("unit", f"no unit {given.unit}", "Add the unit first.")
    held = grants(store, account)
    if given in held:
        return
    if len(held) >= GRANTS_MAX:
        raise _refuse("grants", f"{account} has {len(held)} grants", "Grant a unit above instead.")
    row = {"account": account, "role": given.role, "unit": given.unit}
    store.add("grants", {**row, "since_s": now_s, "number": _number(store, row), "ended_s": 0})
    audit.append(store, now_s, who, "account.grant", account, role=given.role, unit=given.unit)


def _check_organisation(store: Store, given: Grant) -> None:
    row = store.get("organisations", given.unit.removeprefix(roles.SUPPLIER))
    if row is None or row["state"] != "active":
        raise _refuse("unit", f"no organisation {given.unit}", "Add the organisation first.")
    if given.role != roles.AUTHOR:
        raise _refuse("organisation", f"{given.role} of an organisation", "Grant author.")


def _number(store: Store, row: Row) -> int:
    return store.count("grants", row) + 1


def end_grant(store: Store, account: str, taken: Grant, who: str, now_s: int) -> None:
    """Take a role on a unit from an account; the last administrator keeps theirs."""
    where = {"account": account, "role": taken.role, "unit": taken.unit, "ended_s": 0}
    rows = store.find("grants", where)
    if not rows:
        raise _refuse("grants", f"{account} has no such grant", "Look at the list again.")
    _keep_one_administrator(store, account, taken)
    for row in rows:
        key = (row["account"], row["role"], row["unit"], row["number"])
        store.change("grants", key, {"ended_s": now_s})
    audit.append(store, now_s, who, "account.ungrant", account, role=taken.role, unit=taken.unit)


def _keep_one_administrator(store: Store, account: str, taken: Grant | None) -> None:
    where = {"role": roles.ADMINISTRATOR, "unit": roles.EVERYWHERE, "ended_s": 0}
    holders = {row["account"] for row in store.find("grants", where)}
    others = [one for one in holders - {account} if _is_active(store, one)]
    loses = taken is None or taken == Grant(roles.ADMINISTRATOR, roles.EVERYWHERE)
    if loses and account in holders and not others:
        raise _refuse(
            "last", f"{account} is the last administrator", "Make somebody else one first."
        )


def _is_active(store: Store, account: str) -> bool:
    row = store.get("accounts", account)
    return row is not None and row["state"] == "active"


def close(store: Store, account: str, who: str, now_s: int) -> None:
    """Close an account: it cannot sign in any more; what it did stays in the log."""
    active(store, account)
    _keep_one_administrator(store, account, None)
    changes = {"state": "closed", "password_hash": None, "totp_secret": None, "code_hash": None}
    store.change("accounts", (account,), changes)
    end_sessions(store, account, now_s)
    audit.append(store, now_s, who, "account.close", account)


def reopen(store: Store, account: str, who: str, now_s: int) -> str:
    """Open a closed account again with the grants it had; return the code that sets its password.

    Raises `RemoteFault("account.unknown")` for one that is not closed.
    """
    row = store.get("accounts", account)
    if row is None or row["state"] != "closed":
        raise _refuse("unknown", f"no closed account {account}", "Look at the list again.")
    store.change("accounts", (account,), {"state": "active"})
    audit.append(store, now_s, who, "account.reopen", account)
    return new_code(store, account, who, now_s)


def take_factor(store: Store, account: str, secret: str, step: int, now_s: int) -> None:
    """Ask for codes of `secret` from now on; `step` is the time step of the first, used up."""
    changes = {"totp_secret": secret, "totp_pending": None, "totp_step": step, "failures": 0}
    store.change("accounts", (account,), changes)
    audit.append(store, now_s, account, "account.factor", account)


def end_sessions(store: Store, account: str, now_s: int, keep: str = "") -> None:
    """End every session of an account except the one stored as `keep`."""
    for row in store.find("sessions", {"account": account, "ended_s": 0}):
        if row["session"] != keep:
            store.change("sessions", (row["session"],), {"ended_s": now_s})
