"""Who may do what, and who did what: accounts and grants, and the audit log with its export."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from hub import (
    access,
    account_list,
    accounts,
    audit,
    form,
    organisations,
    roles,
    spreadsheets,
)
from hub.answers import not_found
from hub.pages import page, page_with
from hub.roles import Grant
from hub.services import SERVICES, Services
from hub.store import Row, Store
from protocols.errors import Fault

AUDIT_PAGE = 100
AUDIT_FILTERS = ("who", "action", "subject")
_FILTER_MAX = 200
EXPORT_ROWS = 1000
ACCOUNT = r"{account:[a-z][a-z0-9.-]{1,39}}"


def _administered(store: Store, services: Services, who: roles.Reader) -> dict[str, str]:
    """Return the units (id to name) on which a reader may give roles; all of them include `*`."""
    units = access.units_today(store, services)
    reach = who.reach(roles.ADMINISTER, units)
    found = {unit: str(units[unit]["name"]) for unit in sorted(reach)}
    for one in organisations.of_units(store, reach):
        found[roles.SUPPLIER + one["organisation"]] = f"{one['name']} ({found[one['unit']]})"
    if _everywhere(who):
        found = {roles.EVERYWHERE: "", **found}
    return found


def _everywhere(who: roles.Reader) -> bool:
    return Grant(roles.ADMINISTRATOR, roles.EVERYWHERE) in who.grants


def _shown(
    store: Store, services: Services, who: roles.Reader, asked: account_list.Asked
) -> dict[str, Any]:
    """Return a page of the accounts a reader administers: all of whose grants lie within reach."""
    units = _administered(store, services, who)
    found = account_list.page(store, asked, units)
    return {**found, "units": units, "roles": roles.ROLES}


def _person(store: Store, services: Services, who: roles.Reader, account: str) -> dict[str, Any]:
    """Return one account that a reader administers, closed ones too."""
    row = store.get("accounts", account)
    if row is None:
        raise not_found()
    _check_account(store, services, who, account)
    row["grants"] = accounts.grants(store, account)
    units = _administered(store, services, who)
    return {"row": row, "units": units, "roles": roles.ROLES}


def _check_account(store: Store, services: Services, who: roles.Reader, account: str) -> None:
    """Refuse an account that holds a grant outside the reader's reach, or nobody's yet."""
    held = accounts.grants(store, account)
    if not account_list.is_within(held, _administered(store, services, who)):
        raise access.refused()


def _check_grant(store: Store, services: Services, who: roles.Reader, given: Grant) -> None:
    if given.unit not in _administered(store, services, who):
        raise access.refused()


async def _accounts_page(
    request: web.Request, fault: Fault | None = None, code: tuple[str, str] | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    asked = account_list.read(request.query)
    values = await services.ledger.read(lambda s: _shown(s, services, who, asked))
    return page_with(request, "accounts.html", fault, code=code, **values)


async def _person_page(
    request: web.Request, fault: Fault | None = None, code: tuple[str, str] | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    account = request.match_info["account"]
    values = await services.ledger.read(lambda s: _person(s, services, who, account))
    return page_with(request, "person.html", fault, code=code, **values)


async def show_accounts(request: web.Request) -> web.Response:
    """Show the accounts that the address asks for."""
    return await _accounts_page(request)


async def show_person(request: web.Request) -> web.Response:
    """Show one account: its grants, and what can be done with it."""
    return await _person_page(request)


async def add_account(request: web.Request) -> web.Response:
    """Add an account with its first grant, and show its one-time code once."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    account = sent.one("account").strip().lower()
    given = Grant(sent.one("role"), sent.one("unit"))

    def decide(store: Store) -> str:
        _check_grant(store, services, who, given)
        code = accounts.add(store, account, sent.one("name"), who.account, now_s)
        accounts.grant(store, account, given, who.account, now_s)
        return code

    try:
        code = await services.ledger.write(decide)
    except Fault as fault:
        return await _accounts_page(request, fault)
    return await _accounts_page(request, code=(account, code))


async def change_grants(request: web.Request) -> web.Response:
    """Give a role on a unit, or take one."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    account = request.match_info["account"]
    given = Grant(sent.one("role"), sent.one("unit"))
    change = accounts.end_grant if sent.one("verb") == "take" else accounts.grant

    def decide(store: Store) -> None:
        _check_account(store, services, who, account)
        _check_grant(store, services, who, given)
        change(store, account, given, who.account, now_s)

    try:
        await services.ledger.write(decide)
    except Fault as fault:
        return await _person_page(request, fault)
    raise web.HTTPSeeOther(f"/accounts/{account}")


async def renew_code(request: web.Request) -> web.Response:
    """Make a new one-time code for somebody who lost password or telephone."""
    return await _with_code(request, accounts.new_code)


async def reopen_account(request: web.Request) -> web.Response:
    """Open a closed account again, with a new one-time code."""
    return await _with_code(request, accounts.reopen)


async def _with_code(
    request: web.Request, make: Callable[[Store, str, str, int], str]
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    account, now_s = request.match_info["account"], services.now_s()

    def decide(store: Store) -> str:
        _check_account(store, services, who, account)
        return make(store, account, who.account, now_s)

    try:
        code = await services.ledger.write(decide)
    except Fault as fault:
        return await _person_page(request, fault)
    return await _person_page(request, code=(account, code))


async def close_account(request: web.Request) -> web.Response:
    """Close an account; it keeps its grants, for the case that it is opened again."""
    services, who = request.app[SERVICES], access.reader(request)
    account, now_s = request.match_info["account"], services.now_s()

    def decide(store: Store) -> None:
        _check_account(store, services, who, account)
        accounts.close(store, account, who.account, now_s)

    try:
        await services.ledger.write(decide)
    except Fault as fault:
        return await _person_page(request, fault)
    raise web.HTTPSeeOther("/accounts")


async def show_audit(request: web.Request) -> web.Response:
    """Show the log, newest first; with `?check=1` also whether its chain holds."""
    ledger, asked = request.app[SERVICES].ledger, request.query
    before, where = asked.get("before", ""), _audit_filter(asked)
    after = [int(before)] if before.isascii() and before.isdigit() and len(before) < 16 else None
    rows = await ledger.read(
        lambda s: s.find("audit", where, descending=True, after=after, limit=AUDIT_PAGE)
    )
    checked = asked.get("check") == "1"
    broken = await ledger.read(audit.first_broken) if checked else None
    more = rows[-1]["sequence"] if len(rows) == AUDIT_PAGE and rows[-1]["sequence"] > 1 else None
    return page(
        request,
        "audit.html",
        rows=rows,
        checked=checked,
        broken=broken,
        asked={name: where.get(name, "") for name in AUDIT_FILTERS},
        older=urlencode({**where, "before": more}) if more else "",
    )


def _audit_filter(query: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that an address asks for, as they stand in the log."""
    given = {name: query.get(name, "").strip()[:_FILTER_MAX] for name in AUDIT_FILTERS}
    return {name: text for name, text in given.items() if text and text.isprintable()}


async def export_audit(request: web.Request) -> web.StreamResponse:
    """Send the whole log as CSV with a byte-order mark, page by page."""
    ledger = request.app[SERVICES].ledger
    response = web.StreamResponse()
    response.content_type, response.charset = "text/csv", "utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="chieng-audit.csv"'
    await response.prepare(request)
    await response.write(spreadsheets.MARK + spreadsheets.csv_lines([list(COLUMNS)]))
    sequence = 0
    while True:
        rows = await ledger.read(partial(_after, sequence))
        await response.write(
            spreadsheets.csv_lines([[row[name] for name in COLUMNS] for row in rows])
        )
        if len(rows) < EXPORT_ROWS:
            await response.write_eof()
            return response
        sequence = rows[-1]["sequence"]


def _after(sequence: int, store: Store) -> list[Row]:
    return store.find("audit", after=[sequence], limit=EXPORT_ROWS)


COLUMNS = ("sequence", "at_s", "who", "action", "subject", "detail_json", "previous", "hash")


ROUTES = [
    web.get("/accounts", show_accounts),
    web.post("/accounts", add_account),
    web.get(f"/accounts/{ACCOUNT}", show_person),
    web.post(f"/accounts/{ACCOUNT}/grants", change_grants),
    web.post(f"/accounts/{ACCOUNT}/code", renew_code),
    web.post(f"/accounts/{ACCOUNT}/close", close_account),
    web.post(f"/accounts/{ACCOUNT}/reopen", reopen_account),
    web.get("/audit", show_audit),
    web.get("/audit.csv", export_audit),
]
