"""`chieng-hub account`: give, change and recover access from the hub's own machine."""

import asyncio
from argparse import Namespace
from pathlib import Path

from hub import accounts, passwords, roles
from hub.roles import Grant
from hub.services import Services
from hub.store import Store
from protocols.errors import LocalFault

WHO = "command line"
FIRST = "quan-tri"


def first_administrator(store: Store, now_s: int) -> str:
    """Add the account of the first administrator; return its one-time code."""
    code = accounts.add(store, FIRST, "Quản trị", WHO, now_s)
    given = Grant(roles.ADMINISTRATOR, roles.EVERYWHERE)
    accounts.grant(store, FIRST, given, WHO, now_s)
    return code


def grant_of(text: str) -> Grant:
    """Return the grant that `ROLE:UNIT` names; raises `LocalFault("account.grants")`."""
    role, mark, unit = text.partition(":")
    if not mark:
        raise LocalFault("account.grants", f"{text!r} is no grant", "Write ROLE:UNIT, or ROLE:*.")
    return Grant(role, unit)


async def run(services: Services, chosen: Namespace) -> object:
    """Do one verb of `chieng-hub account`."""
    given, now_s = [grant_of(one) for one in chosen.grant], services.now_s()
    if chosen.verb == "list":
        return await services.ledger.read(_listed)
    if not chosen.id:
        raise LocalFault("account.id", f"{chosen.verb} needs an account", "Add --id NAME.")
    hashed = await asyncio.to_thread(_hash, chosen)

    def decide(store: Store) -> object:
        code = None
        if chosen.verb == "add":
            code = accounts.add(store, chosen.id, chosen.name or chosen.id, WHO, now_s)
        elif chosen.verb == "code":
            code = accounts.new_code(store, chosen.id, WHO, now_s)
        elif chosen.verb == "close":
            accounts.close(store, chosen.id, WHO, now_s)
        for one in given:
            change = accounts.end_grant if chosen.verb == "ungrant" else accounts.grant
            change(store, chosen.id, one, WHO, now_s)
        if hashed and code:
            accounts.set_first_password(store, code, hashed, now_s)
            code = None
        return {"account": chosen.id, "one_time_code": code, "grants": _texts(store, chosen.id)}

    return await services.ledger.write(decide)


def _hash(chosen: Namespace) -> str | None:
    if chosen.password_file is None:
        return None
    password = passwords.clean(Path(chosen.password_file).read_text().strip(), chosen.id)
    return passwords.hash_now(password)


def _texts(store: Store, account: str) -> list[str]:
    return [f"{one.role}:{one.unit}" for one in accounts.grants(store, account)]


def _listed(store: Store) -> object:
    rows = store.find("accounts", order=["account"])
    return [
        {
            "account": row["account"],
            "name": row["name"],
            "state": row["state"],
            "second_factor": bool(row["totp_secret"]),
            "grants": _texts(store, row["account"]),
        }
        for row in rows
    ]
