"""The page of subscriptions: who is told by e-mail or webhook, how that goes, a test at once."""

from typing import Any

from aiohttp import web

from hub import access, fault_texts, form, notices, roles
from hub.answers import status_of
from hub.notify import dispatches, mail, subscriptions
from hub.notify.dispatches import Undelivered
from hub.notify.sender import Sender
from hub.pages import page
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import N_, chosen
from protocols.errors import RemoteFault

PATH = "/notices/sending"
ONE = PATH + "/{subscription:s[0-9a-f]{12}}"
KINDS = {
    notices.URGENT: N_("Urgent: an emergency not heard, or a node gone during one"),
    notices.SILENCE: N_("Nodes that fall silent"),
    notices.FAULT: N_("Faults that may keep people from hearing"),
    notices.MINOR: N_("Small faults"),
}
BLANK: dict[str, Any] = {
    "whose": "own",
    "unit": "",
    "way": subscriptions.MAIL,
    "target": "",
    "private_ok": False,
    "kinds": list(notices.KINDS[:3]),
    "language": "vi",
    "quiet_from": "21:00",
    "quiet_to": "06:00",
    "breaks": True,
    "group_min": 15,
}


def _shown(store: Store, services: Services, who: Reader) -> dict[str, Any]:
    units = access.units_today(store, services)
    rows = subscriptions.listed(store, who, units)
    seen = who.reach(roles.VIEW, units)
    named = {unit: units[unit]["name"] for unit in sorted(seen, key=lambda u: units[u]["name"])}
    return {
        "subscriptions": [
            {
                **row,
                "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
                "kinds": subscriptions.kinds(row),
                **dispatches.figures(store, row["subscription"]),
            }
            for row in rows
        ],
        "units": named,
        "everywhere": who.everywhere(roles.VIEW),
        "runs_units": who.may(roles.ADMINISTER),
        "may_private": who.everywhere(roles.ADMINISTER),
        "has_mail": mail.read(store) is not None,
    }


async def _page(
    request: web.Request,
    values: dict[str, Any] | None = None,
    fault: RemoteFault | None = None,
    **more: Any,
) -> web.Response:
    services, who, said = request.app[SERVICES], access.reader(request), chosen(request)
    shown = await services.ledger.read(lambda s: _shown(s, services, who))
    blank = {**BLANK, "language": said.language}
    if not shown["has_mail"]:
        blank.update(whose="unit", way=subscriptions.WEBHOOK)
    given: dict[str, Any] = {"secret": "", "tested": None, **more}
    return page(
        request,
        "sending.html",
        status=status_of(fault) if fault else 200,
        fault=fault_texts.explain(fault, said) if fault else None,
        form=values or blank,
        kind_words={kind: said.get(text) for kind, text in KINDS.items()},
        **shown,
        **given,
    )


async def show(request: web.Request) -> web.Response:
    """Show a person's own subscriptions and those of units they run."""
    return await _page(request)


def _given(sent: form.Form) -> dict[str, Any]:
    names = ("whose", "unit", "way", "language", "quiet_from", "quiet_to")
    return {
        **{name: sent.one(name).strip() for name in names},
        "target": sent.one("target").strip(),
        "kinds": [kind for kind in sent.all("kind") if kind in KINDS],
        "breaks": bool(sent.one("breaks")),
        "private_ok": bool(sent.one("private_ok")),
        "group_min": sent.number("group_min", 0),
    }


def _check(store: Store, services: Services, who: Reader, given: dict[str, Any]) -> None:
    """Raise unless a person may subscribe so: any address of their own to what they see, a shared
    one or a webhook for units they run, an address inside our network for the whole hub's.
    """
    is_own = given["whose"] != "unit"
    needed = roles.VIEW if is_own else roles.ADMINISTER
    access.require(store, services, who, needed, given["unit"])
    if given["private_ok"] and not who.everywhere(roles.ADMINISTER):
        raise access.refused()
    if is_own and given["way"] == subscriptions.WEBHOOK:
        raise RemoteFault("notify.own", "a webhook is a unit's", "Choose the unit's.")
    if given["way"] == subscriptions.MAIL and mail.read(store) is None:
        raise RemoteFault("notify.unset", "no mail server", "Run chieng-hub mail set.")


async def add(request: web.Request) -> web.Response:
    """Keep a new subscription; a webhook's secret is shown once."""
    services, who = request.app[SERVICES], access.reader(request)
    given, now_s = _given(await form.read(request)), services.now_s()
    account = None if given["whose"] == "unit" else who.account

    def decide(store: Store) -> str:
        _check(store, services, who, given)
        return subscriptions.add(store, {**given, "account": account}, who.account, now_s)

    try:
        name = await services.ledger.write(decide)
    except RemoteFault as fault:
        if fault.code == "access.denied":
            raise
        return await _page(request, given, fault)
    if given["way"] == subscriptions.MAIL:
        raise web.HTTPSeeOther(PATH + "#" + name)
    return await _page(request, secret=subscriptions.new_secret(services, name))


def _own(store: Store, services: Services, who: Reader, name: str) -> Row:
    """Return an active subscription that a person may change; raises `access.denied`."""
    row = store.get("subscriptions", name)
    units = access.units_today(store, services)
    if row is None or row["state"] != "active" or not subscriptions.is_for(row, who, units):
        raise access.refused()
    return row


async def change(request: web.Request) -> web.Response:
    """Change a subscription."""
    services, who = request.app[SERVICES], access.reader(request)
    name, given = request.match_info["subscription"], _given(await form.read(request))
    now_s = services.now_s()

    def decide(store: Store) -> None:
        row = _own(store, services, who, name)
        widened = given["private_ok"] and not row["private_ok"]
        moved = given["private_ok"] and given["target"] != row["target"]
        if (widened or moved) and not who.everywhere(roles.ADMINISTER):
            raise access.refused()
        subscriptions.change(store, row, given, who.account, now_s)

    try:
        await services.ledger.write(decide)
    except RemoteFault as fault:
        if fault.code == "access.denied":
            raise
        return await _page(request, fault=fault)
    raise web.HTTPSeeOther(PATH + "#" + name)


async def end(request: web.Request) -> web.Response:
    """End a subscription."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = request.match_info["subscription"], services.now_s()

    def decide(store: Store) -> None:
        subscriptions.end(store, _own(store, services, who, name), who.account, now_s)

    await services.ledger.write(decide)
    raise web.HTTPSeeOther(PATH)


async def test(request: web.Request) -> web.Response:
    """Send a test now and show what the server answered."""
    services, who = request.app[SERVICES], access.reader(request)
    name = request.match_info["subscription"]
    await services.ledger.read(lambda s: _own(s, services, who, name))
    tested: dict[str, Any] = {"subscription": name, "code": "", "answer": ""}
    try:
        tested["answer"] = dispatches.one_line(await Sender(services).test(name))
    except Undelivered as why:
        tested.update(code=why.code, answer=why.answer)
    except RemoteFault as fault:
        return await _page(request, fault=fault)
    return await _page(request, tested=tested)


async def again(request: web.Request) -> web.Response:
    """Try a letter again that was given up."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_ms = request.match_info["dispatch"], services.config.now_ms()

    def decide(store: Store) -> None:
        row = store.get("dispatches", name) or {"subscription": ""}
        _own(store, services, who, row["subscription"])
        dispatches.again(store, name, who.account, now_ms)

    await services.ledger.write(decide)
    raise web.HTTPSeeOther(PATH)


ROUTES = [
    web.get(PATH, show),
    web.post(PATH, add),
    web.post(ONE, change),
    web.post(ONE + "/test", test),
    web.post(ONE + "/end", end),
    web.post("/notices/dispatches/{dispatch:[0-9a-f]{32}}/again", again),
]
