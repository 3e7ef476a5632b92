"""Who may ask for what: every route's rule in one table, and nothing without a rule.

A rule names the permission and where the unit is found. `HERE` means the handler itself checks each
unit it shows or changes through `reader(request)`; a test walks every route, role and foreign unit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from aiohttp import web

from hub import fleet, roles, sessions, timing
from hub.answers import Handler
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store
from protocols.errors import RemoteFault

READER = web.RequestKey("reader", Reader)
SESSION = web.RequestKey("session", dict[str, Any])
UnitOf = Callable[[Store, Any], "str | None"]


class Rule(NamedTuple):
    """Ask for a permission; `unit_of` finds the unit it must hold on, None checks it nowhere."""

    permission: str | None
    unit_of: UnitOf | None = None


def _unit_of(table: str, key: str) -> UnitOf:
    """Return how to find the unit of the row of a table that a path names."""

    def find(store: Store, names: Any) -> str | None:
        row = store.get(table, names[key])
        return row["unit"] if row else None

    return find


_bulletin_unit = _unit_of("bulletins", "bulletin")


def _whole_hub(_store: Store, _names: Any) -> str:
    return roles.EVERYWHERE


def _named_unit(_store: Store, names: Any) -> str:
    return str(names["unit"])


def _entry_unit(store: Store, names: Any) -> str | None:
    rows = store.find("frame_changes", {"entry": names["entry"]}, limit=1)
    return rows[0]["unit"] if rows else None


def _account_unit(store: Store, names: Any) -> str | None:
    """Return a unit of an account's grants; its page checks that all of them are the reader's."""
    rows = store.find("grants", {"account": names["account"], "ended_s": 0}, limit=1)
    return rows[0]["unit"] if rows else None


OPEN = Rule(None)
SIGNED_IN = Rule("")
_BULLETIN = "/bulletins/{bulletin}"
_ALERT = "/emergency/{bulletin}"
_CAP = "/cap/messages/{message}"
_OWN = "/account"
_INSTALLED = "/installations"
_TICKET = _INSTALLED + "/tickets/{ticket}"
_SHEET = _INSTALLED + "/enrolments/{enrolment}"
_NODE = _INSTALLED + "/nodes/{node}"
_FLEET = "/nodes/{node}"
_ORDER = "/orders/{order}"
_UNIT = "/units/{unit}"
_ENTRY = "/frame/entries/{entry}"
_CHANGE = "/frame/changes/{change}"
_SENDING = "/notices/sending"

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/static/{tag}/{name}"): OPEN,
    ("GET", "/cap/alerts.xml"): OPEN,
    ("GET", "/cap/alerts/{name}.xml"): OPEN,
    ("GET", "/login"): OPEN,
    ("POST", "/login"): OPEN,
    ("GET", "/first"): OPEN,
    ("POST", "/first"): OPEN,
    ("POST", "/logout"): SIGNED_IN,
    ("GET", _OWN): SIGNED_IN,
    ("POST", _OWN + "/password"): SIGNED_IN,
    ("POST", _OWN + "/second-factor"): SIGNED_IN,
    ("POST", _OWN + "/sessions"): SIGNED_IN,
    ("GET", "/"): Rule(roles.VIEW),
    ("GET", "/parts/overview"): Rule(roles.VIEW),
    ("GET", "/nodes"): Rule(roles.VIEW),
    ("GET", "/parts/nodes"): Rule(roles.VIEW),
    ("GET", _FLEET): Rule(roles.VIEW, _unit_of("nodes", "node")),
    ("GET", "/parts" + _FLEET): Rule(roles.VIEW, _unit_of("nodes", "node")),
    ("POST", _FLEET + "/orders"): Rule(roles.SERVICE, _unit_of("nodes", "node")),
    ("POST", _FLEET + _ORDER + "/withdraw"): Rule(roles.SERVICE, _unit_of("nodes", "node")),
    ("GET", _FLEET + _ORDER + "/log"): Rule(roles.SERVICE, _unit_of("nodes", "node")),
    ("GET", "/map"): Rule(roles.VIEW),
    ("GET", "/notices"): Rule(roles.VIEW),
    ("GET", "/parts/unread"): Rule(roles.VIEW),
    ("POST", "/notices/read"): SIGNED_IN,
    ("GET", _SENDING): Rule(roles.VIEW),
    ("POST", _SENDING): Rule(roles.VIEW),
    ("POST", _SENDING + "/{subscription}"): SIGNED_IN,
    ("POST", _SENDING + "/{subscription}/test"): SIGNED_IN,
    ("POST", _SENDING + "/{subscription}/end"): SIGNED_IN,
    ("POST", "/notices/dispatches/{dispatch}/again"): SIGNED_IN,
    ("GET", "/bulk"): Rule(roles.SERVICE),
    ("POST", "/bulk"): Rule(roles.SERVICE),
    ("GET", "/bulk/new"): Rule(roles.SERVICE),
    ("GET", "/bulk/{bulk}"): Rule(roles.SERVICE),
    ("GET", "/parts/bulk/{bulk}"): Rule(roles.SERVICE),
    ("POST", "/bulk/{bulk}/stop"): Rule(roles.SERVICE),
    ("POST", "/nodes/filters"): SIGNED_IN,
    ("POST", "/nodes/filters/remove"): SIGNED_IN,
    ("GET", "/calendar"): Rule(roles.VIEW),
    ("GET", "/calendar.ics"): Rule(roles.VIEW),
    ("POST", "/calendar/moves"): Rule(roles.WRITE),
    ("GET", "/frame"): Rule(roles.VIEW),
    ("POST", "/frame/slots"): Rule(roles.WRITE),
    ("POST", "/frame/mourning"): Rule(roles.WRITE),
    ("POST", "/frame/entertainment"): Rule(roles.ADMINISTER, _whole_hub),
    ("POST", _ENTRY + "/end"): Rule(roles.WRITE, _entry_unit),
    ("POST", _ENTRY + "/off"): Rule(roles.ALARM, _entry_unit),
    ("GET", _CHANGE): Rule(roles.VIEW, _unit_of("frame_changes", "change")),
    ("POST", _CHANGE + "/sign"): Rule(roles.APPROVE, _unit_of("frame_changes", "change")),
    ("POST", _CHANGE + "/withdraw"): Rule(roles.WRITE, _unit_of("frame_changes", "change")),
    ("POST", _CHANGE + "/undo"): Rule(roles.WRITE, _unit_of("frame_changes", "change")),
    ("GET", "/relays"): Rule(roles.VIEW),
    ("POST", "/relays"): Rule(roles.ADMINISTER, _whole_hub),
    ("POST", "/relays/{source}/close"): Rule(roles.ADMINISTER, _whole_hub),
    ("GET", "/reports"): Rule(roles.VIEW),
    ("GET", "/reports.csv"): Rule(roles.VIEW),
    ("GET", "/reports.xlsx"): Rule(roles.VIEW),
    ("GET", "/reports/plays"): Rule(roles.VIEW),
    ("GET", "/reports/plays.csv"): Rule(roles.VIEW),
    ("GET", "/reports/year"): Rule(roles.VIEW),
    ("GET", "/reports/supplied"): Rule(roles.VIEW),
    ("GET", "/reports/supplied.csv"): Rule(roles.VIEW),
    ("GET", "/organisations"): Rule(roles.VIEW),
    ("POST", "/organisations"): Rule(roles.ARRANGE),
    ("POST", "/organisations/{organisation}"): Rule(
        roles.ARRANGE, _unit_of("organisations", "organisation")
    ),
    ("GET", "/progress"): Rule(roles.VIEW),
    ("GET", "/units"): Rule(roles.VIEW),
    ("GET", "/units/import"): Rule(roles.ARRANGE, _whole_hub),
    ("POST", "/units/import"): Rule(roles.ARRANGE, _whole_hub),
    ("GET", _UNIT): Rule(roles.VIEW, _named_unit),
    ("POST", _UNIT + "/hamlets"): Rule(roles.ARRANGE, _named_unit),
    ("GET", _UNIT + "/approvers"): Rule(roles.REGISTER, _named_unit),
    ("POST", _UNIT + "/approvers"): Rule(roles.REGISTER, _named_unit),
    ("POST", _UNIT + "/approvers/leave"): Rule(roles.REGISTER, _named_unit),
    ("POST", _UNIT + "/languages"): Rule(roles.ARRANGE, _named_unit),
    ("GET", "/bulletins"): Rule(roles.VIEW),
    ("GET", "/bulletins/new"): Rule(roles.SUPPLY),
    ("POST", "/bulletins"): Rule(roles.SUPPLY),
    ("POST", "/drafts/{draft}"): Rule(roles.SUPPLY),
    ("POST", "/drafts/{draft}/drop"): Rule(roles.SUPPLY),
    ("POST", "/parts/reading"): Rule(roles.SUPPLY),
    ("POST", "/uploads"): Rule(roles.SUPPLY),
    ("GET", "/uploads/{upload}"): Rule(roles.SUPPLY),
    ("PATCH", "/uploads/{upload}"): Rule(roles.SUPPLY),
    ("DELETE", "/uploads/{upload}"): Rule(roles.SUPPLY),
    ("GET", "/parts/uploads/{upload}"): Rule(roles.SUPPLY),
    ("GET", "/uploads/{upload}/sound"): Rule(roles.SUPPLY),
    ("POST", "/uploads/{upload}/picture"): Rule(roles.SUPPLY),
    ("GET", "/pictures/{picture}"): Rule(roles.SUPPLY),
    ("GET", "/pictures/{picture}/{profile}"): Rule(roles.SUPPLY),
    ("GET", "/parts/pictures/{picture}"): Rule(roles.SUPPLY),
    ("GET", _BULLETIN + "/pictures/{picture}"): Rule(roles.VIEW, _bulletin_unit),
    ("GET", "/words"): Rule(roles.WRITE),
    ("POST", "/words"): Rule(roles.WRITE),
    ("GET", _BULLETIN + "/versions"): Rule(roles.VIEW, _bulletin_unit),
    ("GET", _BULLETIN): Rule(roles.VIEW, _bulletin_unit),
    ("GET", "/parts" + _BULLETIN): Rule(roles.VIEW, _bulletin_unit),
    ("GET", _BULLETIN + "/renditions/{profile}"): Rule(roles.VIEW, _bulletin_unit),
    ("GET", _BULLETIN + "/frames/{profile}/{number}"): Rule(roles.VIEW, _bulletin_unit),
    ("GET", _BULLETIN + "/edit"): Rule(roles.SUPPLY, _bulletin_unit),
    ("POST", _BULLETIN): Rule(roles.SUPPLY, _bulletin_unit),
    ("POST", _BULLETIN + "/withdraw"): Rule(roles.SUPPLY, _bulletin_unit),
    ("POST", _BULLETIN + "/approve"): Rule(roles.APPROVE, _bulletin_unit),
    ("POST", _BULLETIN + "/recall"): Rule(roles.APPROVE, _bulletin_unit),
    ("GET", "/approvals"): Rule(roles.APPROVE),
    ("POST", "/approvals"): Rule(roles.APPROVE),
    ("POST", _BULLETIN + "/return"): Rule(roles.APPROVE, _bulletin_unit),
    ("GET", "/emergency"): Rule(roles.ALARM),
    ("POST", "/emergency"): Rule(roles.ALARM),
    ("GET", "/parts/emergency"): Rule(roles.ALARM),
    ("GET", _ALERT): Rule(roles.VIEW, _bulletin_unit),
    ("GET", "/parts" + _ALERT): Rule(roles.VIEW, _bulletin_unit),
    ("POST", _ALERT + "/sign"): Rule(roles.APPROVE, _bulletin_unit),
    ("POST", _ALERT + "/clear"): Rule(roles.APPROVE, _bulletin_unit),
    ("GET", _INSTALLED): Rule(roles.INSPECT),
    ("POST", _INSTALLED + "/tickets"): Rule(roles.ADMINISTER),
    ("GET", _TICKET): Rule(roles.SERVICE, _unit_of("tickets", "ticket")),
    ("GET", _TICKET + "/file"): Rule(roles.SERVICE, _unit_of("tickets", "ticket")),
    ("POST", _TICKET + "/withdraw"): Rule(roles.ADMINISTER, _unit_of("tickets", "ticket")),
    ("GET", _INSTALLED + "/kit"): Rule(roles.SERVICE),
    ("POST", _INSTALLED + "/files"): Rule(roles.SERVICE),
    ("GET", _SHEET): Rule(roles.INSPECT, _unit_of("enrolments", "enrolment")),
    ("GET", _SHEET + "/file"): Rule(roles.INSPECT, _unit_of("enrolments", "enrolment")),
    ("POST", _NODE + "/confirm"): Rule(roles.ADMINISTER, _unit_of("nodes", "node")),
    ("POST", _NODE + "/revoke"): Rule(roles.ADMINISTER, _unit_of("nodes", "node")),
    ("GET", "/cap"): Rule(roles.ALARM),
    ("POST", "/cap"): Rule(roles.ALARM),
    ("GET", _CAP): Rule(roles.ALARM),
    ("POST", _CAP + "/dismiss"): Rule(roles.ALARM),
    ("POST", _CAP + "/draft"): Rule(roles.WRITE),
    ("POST", "/cap/senders"): Rule(roles.ADMINISTER, _whole_hub),
    ("POST", "/cap/senders/close"): Rule(roles.ADMINISTER, _whole_hub),
    ("GET", "/accounts"): Rule(roles.ADMINISTER),
    ("POST", "/accounts"): Rule(roles.ADMINISTER),
    ("POST", "/accounts/{account}/grants"): Rule(roles.ADMINISTER),
    ("POST", "/accounts/{account}/code"): Rule(roles.ADMINISTER),
    ("POST", "/accounts/{account}/close"): Rule(roles.ADMINISTER),
    ("POST", "/accounts/{account}/reopen"): Rule(roles.ADMINISTER),
    ("GET", "/accounts/{account}"): Rule(roles.ADMINISTER, _account_unit),
    ("GET", "/offers"): Rule(roles.VIEW),
    ("GET", "/offers/sound"): Rule(roles.VIEW),
    ("POST", "/offers/accept"): Rule(roles.WRITE),
    ("POST", "/offers/decline"): Rule(roles.WRITE),
    ("POST", "/offers/acknowledge"): Rule(roles.WRITE),
    ("POST", "/offers/mourning"): Rule(roles.APPROVE),
    ("POST", "/offers/command"): Rule(roles.ADMINISTER),
    ("POST", "/offers/rules"): Rule(roles.WRITE),
    ("POST", "/offers/rules/end"): Rule(roles.WRITE),
    ("GET", "/mirror"): Rule(roles.ADMINISTER, _whole_hub),
    ("POST", "/mirror/{peer}/letters/{letter}"): Rule(roles.ADMINISTER, _whole_hub),
    ("GET", "/audit"): Rule(roles.ADMINISTER, _whole_hub),
    ("GET", "/audit.csv"): Rule(roles.ADMINISTER, _whole_hub),
}
# Where a reader who still lacks a second factor may go.
_WITHOUT_FACTOR = {_OWN, _OWN + "/second-factor", "/logout"}


def reader(request: web.Request) -> Reader:
    """Return who sends a request; every route but the open ones has somebody."""
    return request[READER]


def session(request: web.Request) -> Row:
    """Return the session's row."""
    return request[SESSION]


def units_today(store: Store, services: Services) -> dict[str, Row]:
    """Return the units in force today by id, and ended ones under their successors."""
    now = timing.local_time(services.now_s(), services.config.utc_offset_min)
    return fleet.standing_on(store, now.date().isoformat())


def refused() -> RemoteFault:
    """Return the fault of a request that the reader's grants do not cover."""
    return RemoteFault("access.denied", "your roles do not cover this", "Ask an administrator.")


def require(store: Store, services: Services, who: Reader, permission: str, unit: str) -> None:
    """Raise `RemoteFault("access.denied")` unless a permission holds on a unit."""
    if not who.allows(permission, units_today(store, services), unit):
        raise refused()


def rule_of(request: web.Request) -> Rule:
    """Return a request's rule; a route without one is refused."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else ""
    method = "GET" if request.method == "HEAD" else request.method
    rule = RULES.get((method, path))
    if rule is None:
        raise refused()
    return rule


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through when its rule holds; send strangers to sign in."""
    if request.path.startswith("/v1/"):
        return await handler(request)
    if request.match_info.http_exception is not None:
        raise request.match_info.http_exception
    rule = rule_of(request)
    if rule is OPEN:
        return await handler(request)
    found = await sessions.reader_of(request)
    if found is None:
        return _to_sign_in(request)
    request[READER], request[SESSION] = found
    services = request.app[SERVICES]
    lacking = services.config.public_name and found[0].must_be_strong() and not found[0].strong
    if lacking and request.path not in _WITHOUT_FACTOR:
        raise web.HTTPSeeOther(_OWN)
    if rule.permission:
        await services.ledger.read(lambda s: _check(s, services, found[0], rule, request))
    return await handler(request)


def _check(store: Store, services: Services, who: Reader, rule: Rule, request: web.Request) -> None:
    permission = str(rule.permission)
    if not who.may(permission):
        raise refused()
    if rule.unit_of is not None:
        unit = rule.unit_of(store, request.match_info)
        if unit is not None:
            require(store, services, who, permission, unit)


def _to_sign_in(request: web.Request) -> web.StreamResponse:
    if request.path.startswith("/parts/") or request.method != "GET":
        raise RemoteFault("access.signed_out", "the session is over", "Sign in again.")
    raise web.HTTPSeeOther("/login?next=" + quote(request.path_qs, safe=""))
