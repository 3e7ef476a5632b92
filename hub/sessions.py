"""Sessions and signing in: server-side, revocable, with an optional code from a telephone."""

import secrets

import pyotp
from aiohttp import web

from hub import accounts, audit, organisations
from hub.accounts import digest
from hub.passwords import Checker
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store
from protocols.errors import RemoteFault

CHECKER = web.AppKey("checker", Checker)
# A session unused for half a working day, or older than a week, is over.
IDLE_S = 12 * 3600
LIFE_S = 7 * 86400
# How stale the time of last use may be, so that reading a page seldom writes.
SEEN_S = 300
# RFC 6238: 30 s steps; one step back and ahead for a telephone whose clock is off.
TOTP_STEP_S = 30
TOTP_WINDOW = 1
# A session opened by nobody but a page needs no more of the browser's name than this.
AGENT_LETTERS_MAX = 120


def cookie_name(services: Services) -> str:
    """Return the cookie's name: bound to the host and to TLS where pages have a public name."""
    return "__Host-chieng" if services.config.public_name else "chieng"


def set_cookie(response: web.StreamResponse, services: Services, token: str) -> None:
    """Hand a session's token to the browser."""
    secure = bool(services.config.public_name)
    response.set_cookie(
        cookie_name(services), token, path="/", httponly=True, samesite="Lax", secure=secure
    )


def wrong() -> RemoteFault:
    """Return the one answer to a wrong name, password or code."""
    return RemoteFault("login.wrong", "name, password or code do not fit", "Type all three again.")


async def sign_in(request: web.Request, account: str, password: str, code: str) -> str:
    """Return the token of a new session; raises `RemoteFault("login.*")` or `("hub.busy")`."""
    services = request.app[SERVICES]
    now_s = services.now_s()
    row = await services.ledger.write(lambda s: accounts.charge(s, account, now_s))
    fits = await request.app[CHECKER].check(row["password_hash"] if row else None, password)
    if row is None or not fits:
        raise wrong()
    agent = request.headers.get("User-Agent", "")
    return await services.ledger.write(lambda s: _open(s, row, code, agent, now_s))


def _open(store: Store, checked: Row, code: str, agent: str, now_s: int) -> str:
    row = accounts.active(store, checked["account"])
    if row["password_hash"] != checked["password_hash"]:
        raise wrong()
    if row["totp_secret"]:
        step = code_step(row["totp_secret"], code, now_s)
        if step is None or step <= row["totp_step"]:
            raise wrong()
        store.change("accounts", (row["account"],), {"totp_step": step})
    store.change("accounts", (row["account"],), {"failures": 0, "blocked_until_s": 0})
    return open_session(store, row, agent, bool(row["totp_secret"]), now_s)


def open_session(store: Store, row: Row, agent: str, strong: bool, now_s: int) -> str:
    """Add a session of an account and return its token."""
    token = secrets.token_urlsafe(32)
    session = {
        "session": digest(token),
        "account": row["account"],
        "created_s": now_s,
        "seen_s": now_s,
        "ended_s": 0,
        "strong": int(strong),
        "agent": "".join(filter(str.isprintable, agent))[:AGENT_LETTERS_MAX],
    }
    store.add("sessions", session)
    audit.append(store, now_s, row["account"], "session.open", row["account"])
    return token


def code_step(secret: str, code: str, now_s: int) -> int | None:
    """Return the time step whose code this is, or None; a step is accepted once."""
    text = code.replace(" ", "")
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        return None
    totp = pyotp.TOTP(secret)
    now = now_s // TOTP_STEP_S
    for step in range(now - TOTP_WINDOW, now + TOTP_WINDOW + 1):
        if pyotp.utils.strings_equal(totp.at(step * TOTP_STEP_S), text):
            return step
    return None


async def reader_of(request: web.Request) -> tuple[Reader, Row] | None:
    """Return who sends a request and the session's row, or None for nobody."""
    services = request.app[SERVICES]
    token = request.cookies.get(cookie_name(services), "")
    if not token:
        return None
    now_s, name = services.now_s(), digest(token)
    found = await services.ledger.read(lambda s: live(s, name, now_s))
    if found and now_s - found[1]["seen_s"] > SEEN_S:
        await services.ledger.write(lambda s: s.change("sessions", (name,), {"seen_s": now_s}))
    return found


def live(store: Store, name: str, now_s: int) -> tuple[Reader, Row] | None:
    """Return the account and row of a session that has not ended, or None."""
    session = store.get("sessions", name)
    if session is None or session["ended_s"]:
        return None
    if now_s - session["seen_s"] > IDLE_S or now_s - session["created_s"] > LIFE_S:
        return None
    row = store.get("accounts", session["account"])
    if row is None or row["state"] != "active":
        return None
    held = accounts.grants(store, row["account"])
    return organisations.reader(store, row, held, bool(session["strong"])), session
