"""The pages of a bulletin: write it, hear it, approve it, follow it, take it back."""

from typing import Any

from aiohttp import web

from hub import (
    access,
    approvers,
    bulletin_templates,
    bulletins,
    fault_texts,
    fleet,
    form,
    overview,
    programme,
    roles,
    speech,
    timing,
)
from hub.answers import not_found, status_of
from hub.approval_pages import returned_because
from hub.bulletins import Draft
from hub.form import Form
from hub.pages import page, part
from hub.production import new_name
from hub.roles import Reader
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import Translations, chosen
from hub.words import LANGUAGES, VOICES, WEEKDAYS
from protocols.errors import Fault, RemoteFault

NAME = r"{bulletin:b[0-9a-f]{12}}"


def _today(services: Services) -> str:
    now = timing.local_time(services.now_s(), services.config.utc_offset_min)
    return now.date().isoformat()


def _choices(store: Store, today: str, translations: Translations, who: Reader) -> dict[str, Any]:
    """Return what the form offers: units the reader writes for and somebody approves for, …"""
    units = fleet.units_on(store, today)
    speaking = {row["unit"] for row in store.find("approvers", {"state": "active"})}
    speaking &= who.reach(roles.WRITE, units)
    shown = [units[unit] for unit in sorted(units) if unit in speaking]
    shown.sort(key=lambda row: (row["parent"] is None, row["name"]))
    hamlets = [(row, store.find("hamlets", {"unit": row["unit"]}, order=["name"])) for row in shown]
    return {
        "units": shown,
        "hamlets": [pair for pair in hamlets if pair[1]],
        "voices": [(name, translations.get(VOICES.get(name, name))) for name in speech.VOICES],
        "languages": [(name, translations.get(label)) for name, label in LANGUAGES.items()],
        "weekdays": [translations.get(day) for day in WEEKDAYS],
    }


def _blank(today: str) -> dict[str, Any]:
    return {
        "unit": "",
        "title": "",
        "class": "normal",
        "text": "",
        "board_text": "",
        "voice": "vi-VN",
        "language": "vi-VN",
        "upload": "",
        "hamlets": [],
        "when": "now",
        "once_date": today,
        "once_time": "",
        "daily_times": "05:30 17:00",
        "weekdays": ["1", "2", "3", "4", "5", "6", "7"],
        "daily_from": today,
        "daily_until": today,
        "hours": "2",
        "gap_min": "10",
        "drill": False,
    }


def _typed(sent: Form, today: str) -> dict[str, Any]:
    """Return what was typed, so that a refused form loses nothing."""
    values = {
        name: sent.one(name, otherwise) if isinstance(otherwise, str) else otherwise
        for name, otherwise in _blank(today).items()
    }
    values["hamlets"] = sent.all("hamlet")
    values["weekdays"] = sent.all("weekday")
    values["drill"] = bool(sent.one("drill"))
    values["upload"] = sent.upload or sent.one("upload")
    return values


def _stored(row: Row, today: str) -> dict[str, Any]:
    """Return a bulletin's fields as the form shows them."""
    values = _blank(today)
    for name in ("unit", "title", "class", "text", "board_text", "voice", "language"):
        values[name] = row[name]
    values["upload"] = row["upload_sha256"] or ""
    values["hamlets"] = [f"{row['unit']}/{hamlet}" for hamlet in row["hamlets"]]
    when = row["timing"]
    if when["mode"] == "alert":
        values.update(hours=str(when["hours"]), gap_min=str(when["gap_min"]), drill=when["drill"])
    elif when["mode"] == "once":
        values.update(when="once", once_date=when["date"], once_time=when["time"])
    elif when["mode"] == "daily":
        values.update(when="daily", daily_times=" ".join(when["times"]))
        values.update(weekdays=[str(day) for day in when["weekdays"]])
        values.update(daily_from=when["from"], daily_until=when["until"])
    return values


def _timing(sent: Form, services: Services) -> timing.Timing:
    if sent.one("class") == "emergency":
        hours, gap_min = sent.number("hours", 2), sent.number("gap_min", 0)
        return timing.alert(hours, gap_min, bool(sent.one("drill")))
    mode = sent.one("when", "now")
    if mode == "now":
        return {"mode": "now"}
    if mode == "once":
        when = timing.once(sent.one("once_date"), sent.one("once_time"))
    else:
        days = [int(day) for day in sent.all("weekday") if day in set("1234567")]
        times = sent.one("daily_times").replace(",", " ").split()
        when = timing.daily(times, days, sent.one("daily_from"), sent.one("daily_until"))
    timing.check_future(when, services.now_s(), services.config.utc_offset_min)
    return when


def _draft(sent: Form, services: Services) -> Draft:
    upload = sent.upload or sent.one("upload") or None
    if upload is not None and not services.blobs.has(upload):
        raise RemoteFault("form.broken", "the recording is gone", "Choose it again.")
    if sent.one("voice") not in speech.VOICES:
        raise RemoteFault("speech.voice", "no such voice", "Choose another.")
    if sent.one("language") not in LANGUAGES:
        raise RemoteFault("form.broken", "no such language", "Choose another.")
    unit = sent.one("unit")
    hamlets = []
    for value in sent.all("hamlet"):
        owner, _, hamlet = value.partition("/")
        if owner != unit:
            raise RemoteFault("bulletin.hamlet", "a hamlet of another unit", "Choose again.")
        hamlets.append(hamlet)
    return Draft(
        unit,
        sent.one("title"),
        sent.one("language"),
        sent.one("class"),
        sent.one("text"),
        sent.one("board_text"),
        sent.one("voice"),
        upload,
        hamlets,
        _timing(sent, services),
    )


async def _form_page(
    request: web.Request, values: dict[str, Any], bulletin: str, fault: Fault | None = None
) -> web.Response:
    services, translations = request.app[SERVICES], chosen(request)
    today, who = _today(services), access.reader(request)
    choices = await services.ledger.read(lambda s: _choices(s, today, translations, who))
    return page(
        request,
        "form.html",
        status=status_of(fault) if fault else 200,
        form=values,
        bulletin=bulletin,
        choices=choices,
        templates=bulletin_templates.of_class(emergency=False),
        fault=fault_texts.explain(fault, translations) if fault else None,
    )


async def show_new(request: web.Request) -> web.Response:
    """Show an empty form."""
    values = _blank(_today(request.app[SERVICES]))
    found = bulletin_templates.named(request.query.get("template", ""), emergency=False)
    if found is not None:
        values.update({"title": found.title, "text": found.text, "class": found.legal_class})
    return await _form_page(request, values, "")


async def show_edit(request: web.Request) -> web.Response:
    """Show the form filled with a bulletin."""
    row = await _row(request)
    return await _form_page(request, _stored(row, _today(request.app[SERVICES])), row["bulletin"])


async def save(request: web.Request) -> web.Response:
    """Keep a new bulletin, or a new version of one, and have it made."""
    services = request.app[SERVICES]
    sent = await form.read(request, services.blobs)
    bulletin = request.match_info.get("bulletin", "")
    name, now_s, who = bulletin or new_name(), services.now_s(), access.reader(request)
    try:
        draft = _draft(sent, services)

        def keep(store: Store) -> int:
            access.require(store, services, who, roles.WRITE, draft.unit)
            if bulletin:
                return bulletins.edit(store, name, draft, who.account, now_s)
            bulletins.create(store, name, draft, who.account, now_s)
            return 1

        version = await services.ledger.write(keep)
    except Fault as fault:
        return await _form_page(request, _typed(sent, _today(services)), bulletin, fault)
    services.production.ask(name, version)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


async def _row(request: web.Request) -> Row:
    name = request.match_info["bulletin"]
    return await request.app[SERVICES].ledger.read(lambda s: bulletins.current(s, name))


def _shown(store: Store, services: Services, bulletin: str, who: Reader) -> dict[str, Any]:
    row, config = bulletins.current(store, bulletin), services.config
    units = access.units_today(store, services)
    hamlets = [store.get("hamlets", row["unit"], name) for name in row["hamlets"]]
    waiting = store.find("publications", {"bulletin": bulletin, "state": "approved"}, limit=1)
    return {
        "row": row,
        "unit_name": units[row["unit"]]["name"] if row["unit"] in units else row["unit"],
        "hamlet_names": [hamlet["name"] for hamlet in hamlets if hamlet],
        "approvers": approvers.active(store, row["unit"]),
        "may_write": who.allows(roles.WRITE, units, row["unit"]),
        "may_approve": who.allows(roles.APPROVE, units, row["unit"]),
        "missing": waiting[0]["missing"] if waiting else 0,
        "comment": returned_because(store, bulletin) if row["state"] == "returned" else "",
        "quiet": programme.quiet_hours(
            store, row, services.now_s(), config.start_lead_s, config.utc_offset_min
        ),
        **overview.reach(store, row),
    }


async def _bulletin_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    who = access.reader(request)
    values = await services.ledger.read(lambda s: _shown(s, services, name, who))
    said = fault_texts.explain(fault, chosen(request)) if fault else None
    status = status_of(fault) if fault and fault.whose != "local" else 422 if fault else 200
    return page(request, "bulletin.html", status=status, fault=said, **values)


async def show(request: web.Request) -> web.Response:
    """Show one bulletin."""
    return await _bulletin_page(request)


async def show_part(request: web.Request) -> web.Response:
    """Show what changes on a bulletin's page; a new state asks for the whole page."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    who = access.reader(request)
    values = await services.ledger.read(lambda s: _shown(s, services, name, who))
    response = part(request, "bulletin_part.html", **values)
    response.headers["X-Reload"] = "1"
    response.headers["X-State"] = values["row"]["state"]
    return response


async def _sign(request: web.Request, action: str) -> web.Response:
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    sent = await form.read(request, services.blobs)
    try:
        approver = sent.one("approver")
        row = await services.ledger.read(lambda s: s.get("approvers", approver))
        signature = await services.opener.open(row, sent.one("passphrase"))
        await services.publisher.approve(name, [signature], action)
    except Fault as fault:
        return await _bulletin_page(request, fault)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


async def approve(request: web.Request) -> web.Response:
    """Sign and publish."""
    return await _sign(request, "publish")


async def recall(request: web.Request) -> web.Response:
    """Sign and take off the air."""
    return await _sign(request, "recall")


async def withdraw(request: web.Request) -> web.Response:
    """Take back a bulletin that nobody approved."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    now_s, who = services.now_s(), access.reader(request).account
    try:
        await services.ledger.write(lambda s: bulletins.withdraw(s, name, who, now_s))
    except Fault as fault:
        return await _bulletin_page(request, fault)
    raise web.HTTPSeeOther("/")


async def rendition(request: web.Request) -> web.StreamResponse:
    """Play the very bytes that nodes fetch."""
    row = await _row(request)
    for one in row["renditions"]:
        if one["profile"] == request.match_info["profile"]:
            media_type = str(one["media_type"]).split(";", maxsplit=1)[0]
            return _blob(request, one["sha256"], media_type)
    raise not_found()


async def frame(request: web.Request) -> web.StreamResponse:
    """Show the very picture that boards fetch."""
    row = await _row(request)
    number = int(request.match_info["number"])
    for size in row["frames"]:
        if size["profile"] == request.match_info["profile"] and number < len(size["frames"]):
            return _blob(request, size["frames"][number]["sha256"], "image/png")
    raise not_found()


def _blob(request: web.Request, sha256: str, media_type: str) -> web.FileResponse:
    headers = {"Content-Type": media_type, "Cache-Control": "private, no-cache"}
    return web.FileResponse(request.app[SERVICES].blobs.path(sha256), headers=headers)


ROUTES = [
    web.get("/bulletins/new", show_new),
    web.post("/bulletins", save),
    web.get(f"/bulletins/{NAME}", show),
    web.post(f"/bulletins/{NAME}", save),
    web.get(f"/bulletins/{NAME}/edit", show_edit),
    web.post(f"/bulletins/{NAME}/approve", approve),
    web.post(f"/bulletins/{NAME}/recall", recall),
    web.post(f"/bulletins/{NAME}/withdraw", withdraw),
    web.get(f"/bulletins/{NAME}/renditions/{{profile}}", rendition),
    web.get(f"/bulletins/{NAME}/frames/{{profile}}/{{number:[0-9]{{1,3}}}}", frame),
    web.get(f"/parts/bulletins/{NAME}", show_part),
]
