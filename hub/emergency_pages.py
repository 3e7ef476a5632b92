"""The emergency page: what and where, then the unit's name and a signature, then how far it is.

Own handlers and own questions (`hub.emergency`): what other pages need is not asked here.
"""

import asyncio
from typing import Any

from aiohttp import web

from hub import (
    access,
    approvers,
    automatic,
    bulletin_templates,
    bulletins,
    emergency,
    fault_texts,
    form,
    programme,
    roles,
    timing,
)
from hub.answers import not_found, status_of
from hub.cap import intake, prefill
from hub.form import Form
from hub.pages import page, page_with, part
from hub.production import new_name
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import chosen
from protocols.errors import Fault, RemoteFault

NAME = r"{bulletin:b[0-9a-f]{12}}"
LANGUAGE, VOICE = "vi-VN", "vi-VN"
# What the first step names of CAP messages that wait.
CAP_MAX = 5


def _start(store: Store, services: Services, who: roles.Reader) -> dict[str, Any]:
    """Return the units the reader raises alarms in and somebody signs for, and what is open."""
    units = access.units_today(store, services)
    speaking = {row["unit"] for row in store.find("approvers", {"state": "active"})}
    mine = who.reach(roles.ALARM, units)
    shown = [units[unit] for unit in sorted(speaking & mine)]
    shown.sort(key=lambda row: (row["parent"] is None, row["name"]))
    hamlets = [(row, store.find("hamlets", {"unit": row["unit"]}, order=["name"])) for row in shown]
    rows = emergency.listed(store, mine, services.now_s())
    return {
        "units": shown,
        "hamlets": [pair for pair in hamlets if pair[1]],
        "automatic": automatic.shown(store, services, units, mine),
        "open": [{**row, "unit_name": units[row["unit"]]["name"]} for row in rows],
        "cap": intake.waiting(store, mine, services.now_s(), CAP_MAX),
    }


def _blank(template: str) -> dict[str, Any]:
    found = bulletin_templates.named(template, emergency=True)
    return {
        "unit": "",
        "title": found.title if found else "",
        "text": found.text if found else "",
        "hamlets": [],
        "hours": "2",
        "gap_min": "10",
        "drill": False,
        "upload": "",
        "replaces": "",
        "cap": "",
        "template": template if found else "",
    }


def _typed(sent: Form) -> dict[str, Any]:
    values = {name: sent.one(name) for name in _blank("") if name not in ("hamlets", "drill")}
    upload = sent.upload or sent.one("upload")
    return {**values, "hamlets": sent.all("hamlet"), "drill": bool(sent.one("drill")),
            "upload": upload}  # fmt: skip


async def _form_page(
    request: web.Request, values: dict[str, Any], fault: Fault | None = None
) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    found = await services.ledger.read(lambda s: _start(s, services, who))
    return page(
        request,
        "emergency.html",
        status=status_of(fault) if fault else 200,
        form=values,
        templates=bulletin_templates.of_class(emergency=True),
        fault=fault_texts.explain(fault, chosen(request)) if fault else None,
        **found,
    )


async def show(request: web.Request) -> web.Response:
    """Show the first step; `?template=`, `?cap=` fill it, `?correct=` fills it with an alert."""
    services, who = request.app[SERVICES], access.reader(request)
    values, wrong = _blank(request.query.get("template", "")), request.query.get("correct", "")
    if not wrong:
        name, unit = request.query.get("cap", ""), request.query.get("unit", "")
        if name:
            now_s = services.now_s()
            given = await services.ledger.read(lambda s: prefill.values(s, name, unit, now_s))
            values.update(given)
        return await _form_page(request, values)

    def ask(store: Store) -> Row:
        row = emergency.replaceable(store, wrong)
        access.require(store, services, who, roles.ALARM, row["unit"])
        return row

    row = await services.ledger.read(ask)
    values.update({name: row[name] for name in ("unit", "title", "text")})
    when = row["timing"]
    values.update(hours=str(when["hours"]), gap_min=str(when["gap_min"]), drill=when["drill"])
    values["hamlets"] = [f"{row['unit']}/{hamlet}" for hamlet in row["hamlets"]]
    values["replaces"] = wrong
    return await _form_page(request, values)


def _draft(sent: Form, services: Services) -> bulletins.Draft:
    unit, upload = sent.one("unit"), sent.upload or sent.one("upload") or None
    if upload is not None and not services.blobs.has(upload):
        raise RemoteFault("form.broken", "the recording is gone", "Choose it again.")
    chosen_hamlets = [value.partition("/") for value in sent.all("hamlet")]
    if any(owner != unit for owner, _, _ in chosen_hamlets):
        raise RemoteFault("bulletin.hamlet", "a hamlet of another unit", "Choose again.")
    hours, gap_min = sent.number("hours", 2), sent.number("gap_min", 0)
    when = timing.alert(hours, gap_min, bool(sent.one("drill")))
    return bulletins.Draft(
        unit,
        sent.one("title"),
        LANGUAGE,
        "emergency",
        sent.one("text"),
        "",
        VOICE,
        upload,
        [hamlet for _, _, hamlet in chosen_hamlets],
        when,
    )


async def prepare(request: web.Request) -> web.Response:
    """Keep what and where, have the sound made, and go to the second step."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request, services.blobs)
    name, now_s, wrong = new_name(), services.now_s(), sent.one("replaces")
    origin = sent.one("cap")
    try:
        if upload := sent.upload or sent.one("upload"):
            await asyncio.to_thread(services.blobs.renew, upload)
        draft = _draft(sent, services)

        def keep(store: Store) -> None:
            access.require(store, services, who, roles.ALARM, draft.unit)
            when = draft.timing
            if wrong:
                old = emergency.replaceable(store, wrong, draft.unit)
                when = {**when, "replaces": [programme.item_id(old)]}
            row = intake.open_message(store, origin, now_s) if origin else None
            if row is not None:
                when = prefill.fixed(store, row, draft.unit, when)
            bulletins.create(store, name, draft._replace(timing=when), who.account, now_s)
            if row is not None:
                intake.use(store, row, draft.unit, name, now_s)

        await services.ledger.write(keep)
    except Fault as fault:
        return await _form_page(request, _typed(sent), fault)
    services.production.ask(name, 1)
    raise web.HTTPSeeOther(f"/emergency/{name}")


async def show_reach(request: web.Request) -> web.Response:
    """Show how many nodes an alert for the chosen unit and hamlets reaches now."""
    services, who = request.app[SERVICES], access.reader(request)
    unit = request.query.get("unit", "")
    hamlets = [one.partition("/")[2] for one in request.query.getall("hamlet", [])]

    def ask(store: Store) -> dict[str, Any]:
        units = access.units_today(store, services)
        if unit:
            access.require(store, services, who, roles.ALARM, unit)
        return emergency.reach(store, units, unit, hamlets, services.config.now_ms())

    return part(request, "reach_part.html", reach=await services.ledger.read(ask))


def _alert(store: Store, services: Services, name: str, who: roles.Reader) -> dict[str, Any]:
    row = bulletins.current(store, name)
    if row["class"] != "emergency":
        raise not_found()
    units, now_ms = access.units_today(store, services), services.config.now_ms()
    waiting = store.find("publications", {"bulletin": name, "state": "approved"}, limit=1)
    hamlets = [store.get("hamlets", row["unit"], one) for one in row["hamlets"]]
    unit_name = units[row["unit"]]["name"] if row["unit"] in units else row["unit"]
    return {
        "row": row,
        "unit_name": unit_name,
        "hamlet_names": [one["name"] for one in hamlets if one],
        "approvers": approvers.active(store, row["unit"]),
        "signed": store.count("publications", {"bulletin": name}) > 0,
        "may_alarm": who.allows(roles.ALARM, units, row["unit"]),
        "may_write": who.allows(roles.WRITE, units, row["unit"]),
        "may_approve": who.allows(roles.APPROVE, units, row["unit"]),
        "missing": waiting[0]["missing"] if waiting else 0,
        "over": row["until_s"] is not None and row["until_s"] <= now_ms // 1000,
        "cap": store.get("cap_bulletins", name),
        "reach": emergency.reach(store, units, row["unit"], row["hamlets"], now_ms),
        "progress": emergency.progress(store, units, row, now_ms),
    }


async def _values(request: web.Request) -> dict[str, Any]:
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    who = access.reader(request)
    return await services.ledger.read(lambda s: _alert(s, services, name, who))


async def _alert_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    values = await _values(request)
    return page_with(request, "alert.html", fault, **values)


async def show_alert(request: web.Request) -> web.Response:
    """Show the second step, and after it how far the alert is."""
    return await _alert_page(request)


async def show_alert_part(request: web.Request) -> web.Response:
    """Show what changes on an alert's page; a new state asks for the whole page."""
    values = await _values(request)
    response = part(request, "alert_part.html", **values)
    response.headers["X-Reload"] = "1"
    response.headers["X-State"] = values["row"]["state"]
    return response


async def _sign(request: web.Request, action: str) -> web.Response:
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    sent = await form.read(request)
    try:
        row = await services.ledger.read(lambda s: bulletins.current(s, name))
        if row["class"] != "emergency":
            raise not_found()
        units = await services.ledger.read(lambda s: access.units_today(s, services))
        if action == "publish":
            emergency.confirm(sent.one("confirm"), units[row["unit"]]["name"])
        chosen_row = await services.ledger.read(lambda s: s.get("approvers", sent.one("approver")))
        signature = await services.opener.open(chosen_row, sent.one("passphrase"))
        await services.publisher.approve(name, [signature], action, sent.version())
    except Fault as fault:
        return await _alert_page(request, fault)
    raise web.HTTPSeeOther(f"/emergency/{name}")


async def sign(request: web.Request) -> web.Response:
    """Sign the alert and send it; a second approver completes what needs two."""
    return await _sign(request, "publish")


async def clear(request: web.Request) -> web.Response:
    """Sign the all-clear: a cancellation that names the alert."""
    return await _sign(request, "recall")


ROUTES = [
    web.get("/emergency", show),
    web.post("/emergency", prepare),
    web.get("/parts/emergency", show_reach),
    web.get(f"/emergency/{NAME}", show_alert),
    web.get(f"/parts/emergency/{NAME}", show_alert_part),
    web.post(f"/emergency/{NAME}/sign", sign),
    web.post(f"/emergency/{NAME}/clear", clear),
]
