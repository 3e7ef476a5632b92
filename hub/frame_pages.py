"""The daily frame of a unit: its slots, changes asked for, the signature that makes them hold."""

from datetime import timedelta
from typing import Any

from aiohttp import web

from hub import (
    access,
    approvers,
    calendar,
    day_form,
    fault_texts,
    fleet,
    form,
    frame,
    mourning,
    programme,
    roles,
    slot_bulletins,
    slots,
    timing,
    topics,
)
from hub.answers import status_of
from hub.calendar import Where
from hub.form import Form
from hub.pages import PROGRAMMES, page, page_with
from hub.relay import automatic, publishing, sources
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import chosen
from hub.words import WEEKDAYS
from protocols.errors import Fault, RemoteFault
from protocols.fields import Fields
from protocols.policy import Policy, read_policy

CHANGE = r"{change:k[0-9a-f]{12}}"
ENTRY = r"{entry:e[0-9a-f]{12}}"
# A slot that ends this soon is named, so that somebody prolongs it in time.
ENDS_SOON_DAYS = 30


def today(services: Services) -> str:
    """Return the province's day (ISO)."""
    local = timing.local_time(services.now_s(), services.config.utc_offset_min)
    return local.date().isoformat()


def blank(unit: str, day: str) -> dict[str, Any]:
    """Return the fields of an empty form of a slot."""
    return {
        "unit": unit,
        "entry": "",
        "name": "",
        "kind": slots.OWN,
        "times": "05:30 17:00",
        "weekdays": list(range(1, 8)),
        "from": day,
        "until": "",
        "minutes": 20,
        "source": "",
        "again": slots.NOTHING,
        "automatic": False,
        "order": slots.USUAL,
        "share": 1,
        **day_form.BLANK,
    }


def typed(sent: Form) -> dict[str, Any]:
    """Return what was typed, so that a refused form loses nothing."""
    days = [int(day) for day in sent.all("weekday") if day in set("1234567")]
    named = ("unit", "entry", "name", "kind", "times", "source", "again", "order")
    texts = {name: sent.one(name) for name in named}
    limits = {name: sent.one(name) for name in ("from", "until")}
    days_typed = day_form.typed(sent)
    return {
        **texts,
        **limits,
        **days_typed,
        "weekdays": days,
        "automatic": bool(sent.one("automatic")),
        "minutes": sent.number("minutes", 0),
        "share": sent.number("share", 1),
    }


def _policy(store: Store, unit: str) -> Policy:
    return read_policy(Fields(programme.policy(store, unit), "policy"))


def _unit_of(store: Store, request: web.Request, asked: str) -> tuple[str, list[Row]]:
    """Return the unit that a page is about, and the units of the reader in order."""
    services, who = request.app[SERVICES], access.reader(request)
    units = access.units_today(store, services)
    mine = who.reach(roles.VIEW, units)
    shown = [units[one] for one in mine]
    shown.sort(key=lambda row: (row["parent"] is None, row["name"]))
    unit = asked or (shown[0]["unit"] if shown else "")
    if unit and unit not in mine:
        raise access.refused()
    return unit, shown


def _shown(
    store: Store, request: web.Request, asked: str, typed_in: dict[str, Any] | None
) -> dict[str, Any]:
    services, who = request.app[SERVICES], access.reader(request)
    unit, shown = _unit_of(store, request, asked)
    units, day = access.units_today(store, services), today(services)
    held = frame.of(store, unit)
    chain = [unit, *fleet.ancestors(units, unit)] if unit else []
    names = {one: row["name"] for one, row in units.items()}
    rules, now_s = _policy(store, unit), services.now_s()
    soon = timing.local_time(now_s, services.config.utc_offset_min).date()
    soon_day = (soon + timedelta(days=ENDS_SOON_DAYS)).isoformat()
    inside = slot_bulletins.rows(store, unit, now_s) if unit else []
    by_itself = automatic.marked(store, unit, held)
    rows = [
        {
            "by_itself": entry in by_itself,
            "long": automatic.is_too_long(store, body),
            "entry": entry,
            "body": body,
            "form": {**blank(unit, day), **slots.kept(body), "entry": entry},
            "doubts": slots.doubts(entry, body, held, rules),
            "inside": [row for row in inside if row["timing"]["slot"]["id"] == entry],
            "ends_soon": body["until"] and body["until"] <= soon_day,
            "is_over": body["until"] and body["until"] < day,
        }
        for entry, body in sorted(
            held.slots.items(), key=lambda pair: (pair[1]["times"], pair[1]["name"], pair[0])
        )
    ]
    return {
        "unit": unit,
        "units": shown,
        "slots": rows,
        "waiting": frame.waiting(store, [unit]),
        "may_write": bool(unit) and who.allows(roles.WRITE, units, unit),
        "may_switch_off": bool(unit) and who.allows(roles.ALARM, units, unit),
        "form": typed_in or blank(unit, day),
        "kinds": slots.KINDS,
        "sources": sources.active(store),
        "mourning": mourning.shown(store, chain, names, day),
        "mourned": {"name": "", "from": day, "until": day},
        "entertainment": mourning.entertainment(store),
        "topics": sorted((row["name"], code) for code, row in topics.in_force(store, day).items()),
        "may_arrange": who.everywhere(roles.ADMINISTER),
    }


async def _frame_page(
    request: web.Request,
    unit: str,
    values: dict[str, Any] | None = None,
    fault: Fault | None = None,
    mourned: dict[str, str] | None = None,
) -> web.Response:
    said = chosen(request)
    found = await request.app[SERVICES].ledger.read(lambda s: _shown(s, request, unit, values))
    if mourned is not None:
        found["mourned"] = mourned
    return page(
        request,
        "frame.html",
        status=status_of(fault) if fault else 200,
        fault=fault_texts.explain(fault, said) if fault else None,
        weekdays=[said.get(day) for day in WEEKDAYS],
        **found,
    )


async def show(request: web.Request) -> web.Response:
    """Show the slots of a unit and what waits for a signature."""
    return await _frame_page(request, request.query.get("unit", ""))


async def ask_slot(request: web.Request) -> web.Response:
    """Keep a new slot, or another body of one, until somebody signs it."""
    services, who = request.app[SERVICES], access.reader(request)
    values = typed(await form.read(request))
    unit, entry, now_s = values["unit"], values["entry"], services.now_s()

    def keep(store: Store) -> str:
        access.require(store, services, who, roles.WRITE, unit)
        if values["source"] and store.get("relay_sources", values["source"]) is None:
            raise RemoteFault("relay.unknown", "no such source", "Choose one.")
        tokens, excepted = day_form.read(values)
        times = values["times"].replace(",", " ").split()
        body = slots.read({**values, "times": times, "lunar": tokens, "except": excepted})
        if entry and frame.in_force(store, entry) is None:
            raise frame.gone()
        name = entry or frame.new_entry()
        return frame.ask(store, unit, frame.SLOT, name, body, who.account, now_s)

    try:
        change = await services.ledger.write(keep)
    except RemoteFault as fault:
        if fault.code == "access.denied":
            raise
        return await _frame_page(request, unit, values, fault)
    raise web.HTTPSeeOther(f"/frame/changes/{change}")


async def ask_mourning(request: web.Request) -> web.Response:
    """Keep days of mourning of a unit, and all under it, until somebody signs them."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    unit = sent.one("unit")
    values = {name: sent.one(name) for name in ("name", "from", "until")}

    def keep(store: Store) -> str:
        access.require(store, services, who, roles.WRITE, unit)
        body = mourning.read(values["name"], values["from"], values["until"])
        entry = frame.new_entry()
        return frame.ask(store, unit, frame.MOURNING, entry, body, who.account, now_s)

    try:
        change = await services.ledger.write(keep)
    except RemoteFault as fault:
        if fault.code == "access.denied":
            raise
        return await _frame_page(request, unit, None, fault, values)
    raise web.HTTPSeeOther(f"/frame/changes/{change}")


async def set_entertainment(request: web.Request) -> web.Response:
    """Say which topics are silent in mourning, on the whole hub."""
    services, who = request.app[SERVICES], access.reader(request).account
    sent, now_s = await form.read(request), services.now_s()
    codes = sent.all("topic")
    await services.ledger.write(lambda s: mourning.set_entertainment(s, codes, who, now_s))
    raise web.HTTPSeeOther("/frame")


async def end(request: web.Request) -> web.Response:
    """Ask for the end of an entry."""
    services, who = request.app[SERVICES], access.reader(request)
    entry, now_s = request.match_info["entry"], services.now_s()

    def keep(store: Store) -> str:
        row = frame.in_force(store, entry)
        if row is None:
            raise frame.gone()
        return frame.ask(store, row["unit"], row["kind"], entry, None, who.account, now_s)

    raise web.HTTPSeeOther(f"/frame/changes/{await services.ledger.write(keep)}")


async def switch_off(request: web.Request) -> web.Response:
    """Let nothing more of a slot's source be heard without a signature, from now on."""
    services, who = request.app[SERVICES], access.reader(request)
    entry, now_s = request.match_info["entry"], services.now_s()

    def keep(store: Store) -> tuple[str, str]:
        body = (frame.in_force(store, entry) or {}).get("body", {})
        return automatic.switch_off(store, entry, who.account, now_s), body["source"]

    unit, source = await services.ledger.write(keep)
    await publishing.publish(services, source)
    raise web.HTTPSeeOther(f"/frame?unit={unit}")


def _change(store: Store, request: web.Request) -> dict[str, Any]:
    services, who = request.app[SERVICES], access.reader(request)
    now_s, offset_min = services.now_s(), services.config.utc_offset_min
    row = frame.get(store, request.match_info["change"])
    units, unit = access.units_today(store, services), row["unit"]
    found: dict[str, Any] = {"effect": None, "trouble": None, "doubts": [], "outside": []}
    if row["state"] == frame.WAITING:
        try:
            found["effect"] = calendar.effect(
                store, request.app[PROGRAMMES], Where(units, unit), row, now_s, offset_min
            )
        except Fault as fault:
            found["trouble"] = fault_texts.explain(fault, chosen(request))
        held = frame.of(store, unit, row)
        if row["kind"] == frame.SLOT:
            inside = slot_bulletins.rows(store, unit, now_s)
            inside = [one for one in inside if one["timing"]["slot"]["id"] == row["entry"]]
            stay = {one["bulletin"] for one in slots.refresh(inside, held)}
            found["outside"] = [one for one in inside if one["bulletin"] not in stay]
            if row["body"] is not None:
                rules = _policy(store, unit)
                found["doubts"] = slots.doubts(row["entry"], row["body"], held, rules)
    return {
        **found,
        "row": row,
        "before": frame.before(store, row),
        "unit_name": units[unit]["name"] if unit in units else unit,
        "approvers": approvers.active(store, unit),
        "may_write": who.allows(roles.WRITE, units, unit),
        "may_approve": who.allows(roles.APPROVE, units, unit),
    }


async def _change_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    values = await request.app[SERVICES].ledger.read(lambda s: _change(s, request))
    return page_with(request, "change.html", fault, **values)


async def show_change(request: web.Request) -> web.Response:
    """Show one change: before and after, and what nodes would do of it."""
    return await _change_page(request)


async def sign(request: web.Request) -> web.Response:
    """Sign a change and put it in force."""
    services, change = request.app[SERVICES], request.match_info["change"]
    sent = await form.read(request)
    try:
        approver = sent.one("approver")
        row = await services.ledger.read(lambda s: s.get("approvers", approver))
        signature = await services.opener.open(row, sent.one("passphrase"))
        await services.publisher.approve_change(change, [signature])
    except Fault as fault:
        return await _change_page(request, fault)
    raise web.HTTPSeeOther(f"/frame/changes/{change}")


async def withdraw(request: web.Request) -> web.Response:
    """Take back a change that nobody signed."""
    services, change = request.app[SERVICES], request.match_info["change"]
    now_s = services.now_s()
    try:
        row = await services.ledger.write(lambda s: frame.move(s, change, "withdraw", now_s))
    except RemoteFault as fault:
        return await _change_page(request, fault)
    raise web.HTTPSeeOther(f"/frame?unit={row['unit']}")


async def undo(request: web.Request) -> web.Response:
    """Ask for what held before a change that is in force."""
    services, who = request.app[SERVICES], access.reader(request)
    change, now_s = request.match_info["change"], services.now_s()

    def keep(store: Store) -> str:
        row = frame.get(store, change)
        if row["state"] != frame.IN_FORCE:
            raise frame.gone()
        older = frame.before(store, row)
        return frame.ask(store, row["unit"], row["kind"], row["entry"], older, who.account, now_s)

    try:
        name = await services.ledger.write(keep)
    except RemoteFault as fault:
        return await _change_page(request, fault)
    raise web.HTTPSeeOther(f"/frame/changes/{name}")


ROUTES = [
    web.get("/frame", show),
    web.post("/frame/slots", ask_slot),
    web.post("/frame/mourning", ask_mourning),
    web.post("/frame/entertainment", set_entertainment),
    web.post(f"/frame/entries/{ENTRY}/end", end),
    web.post(f"/frame/entries/{ENTRY}/off", switch_off),
    web.get(f"/frame/changes/{CHANGE}", show_change),
    web.post(f"/frame/changes/{CHANGE}/sign", sign),
    web.post(f"/frame/changes/{CHANGE}/withdraw", withdraw),
    web.post(f"/frame/changes/{CHANGE}/undo", undo),
]
