"""Signing in and out, one's own account: password, second factor, open sessions."""

import base64
import io
from typing import Any
from urllib.parse import urlsplit

import pyotp
import segno
from aiohttp import web

from hub import access, accounts, fault_texts, form, passwords, roles, sessions
from hub.answers import status_of
from hub.form import Form
from hub.pages import page
from hub.services import SERVICES, Services
from hub.sessions import CHECKER
from hub.store import Row, Store
from hub.translations import chosen
from protocols.errors import Fault, RemoteFault


def _after(asked: str) -> str:
    """Return where to go after signing in: a path of this hub, never another site."""
    parts = urlsplit(asked)
    inside = asked.startswith("/") and not asked.startswith(("//", "/\\")) and not parts.netloc
    return asked if inside and len(asked) < 500 and asked.isprintable() else "/"


def _said(request: web.Request, fault: Fault | None) -> Any:
    return fault_texts.explain(fault, chosen(request)) if fault else None


def _login_page(
    request: web.Request, account: str, after: str, fault: Fault | None = None
) -> web.Response:
    status = status_of(fault) if fault else 200
    values = {"account": account, "after": after, "fault": _said(request, fault)}
    return page(request, "login.html", status=status, **values)


async def show_login(request: web.Request) -> web.Response:
    """Ask for name and password."""
    return _login_page(request, "", _after(request.query.get("next", "/")))


async def login(request: web.Request) -> web.Response:
    """Open a session."""
    sent = await form.read(request)
    account, after = sent.one("account").strip().lower(), _after(sent.one("next", "/"))
    try:
        token = await sessions.sign_in(request, account, sent.one("password"), sent.one("code"))
    except Fault as fault:
        return _login_page(request, account[:40], after, fault)
    return _signed_in(request, token, after)


def _signed_in(request: web.Request, token: str, after: str) -> web.Response:
    response = web.Response(status=303, headers={"Location": after})
    sessions.set_cookie(response, request.app[SERVICES], token)
    return response


async def logout(request: web.Request) -> web.Response:
    """End this session."""
    services, name = request.app[SERVICES], access.session(request)["session"]
    ended = {"ended_s": services.now_s()}
    await services.ledger.write(lambda s: s.change("sessions", (name,), ended))
    response = web.Response(status=303, headers={"Location": "/login"})
    response.del_cookie(sessions.cookie_name(services), path="/", secure=True)
    return response


def _first_page(request: web.Request, code: str, fault: Fault | None = None) -> web.Response:
    status = status_of(fault) if fault else 200
    return page(request, "first.html", status=status, code=code, fault=_said(request, fault))


async def show_first(request: web.Request) -> web.Response:
    """Ask for a one-time code and a new password."""
    return _first_page(request, request.query.get("code", "")[:64])


async def first(request: web.Request) -> web.Response:
    """Set the password that a one-time code allows, and sign in."""
    services, sent = request.app[SERVICES], await form.read(request)
    code, now_s = sent.one("code").strip(), services.now_s()
    agent = request.headers.get("User-Agent", "")
    try:
        row = await services.ledger.read(lambda s: accounts.by_code(s, code, now_s))
        hashed = await _new_hash(request, sent, row["account"])

        def settle(store: Store) -> str:
            set_row = accounts.set_first_password(store, code, hashed, now_s)
            return sessions.open_session(store, set_row, agent, False, now_s)

        token = await services.ledger.write(settle)
    except Fault as fault:
        return _first_page(request, code[:64], fault)
    return _signed_in(request, token, "/")


async def _new_hash(request: web.Request, sent: Form, account: str) -> str:
    password = passwords.clean(sent.one("password"), account)
    if sent.one("again") != sent.one("password"):
        raise RemoteFault("password.again", "the two passwords differ", "Type both again.")
    return await request.app[CHECKER].hash(password)


def _own(store: Store, account: str, session: str, services: Services) -> dict[str, Any]:
    row = accounts.active(store, account)
    units = access.units_today(store, services)
    live = store.find("sessions", {"account": account, "ended_s": 0}, order=["seen_s"])
    return {
        "row": row,
        "grants": accounts.grants(store, account),
        "unit_names": _names(store, units),
        "sessions": [{**one, "own": one["session"] == session} for one in reversed(live)][:20],
    }


def _names(store: Store, units: dict[str, Row]) -> dict[str, str]:
    """Return the names of whatever a grant may be on."""
    found = {unit: str(one["name"]) for unit, one in units.items()}
    for one in store.find("organisations"):
        found[roles.SUPPLIER + one["organisation"]] = str(one["name"])
    return found


async def _account_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    name = access.session(request)["session"]
    values = await services.ledger.read(lambda s: _own(s, who.account, name, services))
    row = values["row"]
    pending = row["totp_pending"] if not row["totp_secret"] else None
    status = status_of(fault) if fault else 200
    return page(
        request,
        "account.html",
        status=status,
        fault=_said(request, fault),
        must=bool(services.config.public_name) and who.must_be_strong() and not who.strong,
        secret=pending,
        picture=_picture(pending, who.account) if pending else "",
        **values,
    )


def _picture(secret: str, account: str) -> str:
    """Return the QR code of a secret as a `data:` address."""
    address = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name="Chiêng")
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=4, light="#fff")
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


async def show_account(request: web.Request) -> web.Response:
    """Show one's own account."""
    return await _account_page(request)


async def change_password(request: web.Request) -> web.Response:
    """Change one's own password; other sessions end."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = access.session(request)["session"], services.now_s()
    sent = await form.read(request)
    try:
        row = await services.ledger.write(lambda s: accounts.charge(s, who.account, now_s))
        fits = row and await request.app[CHECKER].check(row["password_hash"], sent.one("old"))
        if not fits:
            raise RemoteFault("password.old", "not the old password", "Type it again.")
        hashed = await _new_hash(request, sent, who.account)

        def keep(store: Store) -> None:
            accounts.set_password(store, who.account, hashed, who.account, now_s)
            store.change("sessions", (name,), {"ended_s": 0})

        await services.ledger.write(keep)
    except Fault as fault:
        return await _account_page(request, fault)
    raise web.HTTPSeeOther("/account")


async def second_factor(request: web.Request) -> web.Response:
    """Offer a new secret, or take one into use with its first code."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = access.session(request)["session"], services.now_s()
    sent = await form.read(request)
    offered = pyotp.random_base32()
    try:
        await services.ledger.write(
            lambda s: _second_factor(s, who.account, name, sent.one("code"), offered, now_s)
        )
    except Fault as fault:
        return await _account_page(request, fault)
    raise web.HTTPSeeOther("/account")


def _second_factor(
    store: Store, account: str, session: str, code: str, offered: str, now_s: int
) -> None:
    row = accounts.active(store, account)
    if row["totp_secret"]:
        raise RemoteFault("account.factor", "it is set up already", "Ask for a one-time code.")
    if row["totp_pending"] is None or not code:
        store.change("accounts", (account,), {"totp_pending": offered})
        return
    step = sessions.code_step(row["totp_pending"], code, now_s)
    if step is None:
        raise RemoteFault("account.code_wrong", "the code does not fit", "Wait for the next one.")
    accounts.take_factor(store, account, row["totp_pending"], step, now_s)
    store.change("sessions", (session,), {"strong": 1, "ended_s": 0})


async def end_others(request: web.Request) -> web.Response:
    """End every other session of this account."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = access.session(request)["session"], services.now_s()
    await services.ledger.write(lambda s: accounts.end_sessions(s, who.account, now_s, name))
    raise web.HTTPSeeOther("/account")


ROUTES = [
    web.get("/login", show_login),
    web.post("/login", login),
    web.post("/logout", logout),
    web.get("/first", show_first),
    web.post("/first", first),
    web.get("/account", show_account),
    web.post("/account/password", change_password),
    web.post("/account/second-factor", second_factor),
    web.post("/account/sessions", end_others),
]
