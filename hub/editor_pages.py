"""Where bulletins are written: the form, its drafts, the voice's reading, older versions."""

import json
from typing import Any

from aiohttp import web

from hub import (
    access,
    bulletin_form,
    bulletin_templates,
    bulletins,
    differences,
    drafts,
    fault_texts,
    form,
    normaliser,
    organisations,
    roles,
    spoken_words,
    topics,
)
from hub.answers import status_of
from hub.bulletin_pages import NAME
from hub.form import Form
from hub.pages import page, part
from hub.production import new_name
from hub.services import SERVICES
from hub.store import Row, Store
from hub.translations import chosen
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import PICTURES_MAX

DRAFT = r"{draft:d[0-9a-f]{12}}"


async def _form_page(
    request: web.Request,
    values: dict[str, Any],
    bulletin: str,
    fault: Fault | None = None,
    theirs: Row | None = None,
) -> web.Response:
    services, translations = request.app[SERVICES], chosen(request)
    today, who = services.today(), access.reader(request)
    voices = services.production.voices

    def ask(store: Store) -> dict[str, Any]:
        return {
            "choices": bulletin_form.choices(store, today, translations, who, voices),
            "drafts": drafts.listed(store, who.account, bulletin),
            "dropped": drafts.discarded(store, request.query.get("dropped", ""), who.account),
        }

    values["draft"] = values["draft"] or drafts.new_name()
    found = await services.ledger.read(ask)
    found["drafts"] = [one for one in found["drafts"] if one["draft"] != values["draft"]]
    return page(
        request,
        "form.html",
        status=status_of(fault) if fault else 200,
        form=values,
        bulletin=bulletin,
        pictures_max=PICTURES_MAX,
        templates=bulletin_templates.of_class(emergency=False),
        fault=fault_texts.explain(fault, translations) if fault else None,
        theirs=differences.compare(theirs["text"], values["text"]) if theirs else None,
        **found,
    )


async def _draft_values(request: web.Request, today: str) -> dict[str, Any] | None:
    """Return the form as a draft holds it, when the address names one."""
    name = request.query.get("draft", "")
    if not drafts.NAME.fullmatch(name):
        return None
    services, who = request.app[SERVICES], access.reader(request)
    sent = Form()
    sent.fields = await services.ledger.read(lambda s: drafts.fields_of(s, name, who.account))
    return {**bulletin_form.typed(sent, today), "draft": name}


async def show_new(request: web.Request) -> web.Response:
    """Show an empty form, one begun from a template, a bulletin or a day, or a draft."""
    today = request.app[SERVICES].today()
    values = await _draft_values(request, today) or await _copied(request, today)
    if values is None:
        values = bulletin_form.blank(today) | bulletin_form.planned(request.query)
        found = bulletin_templates.named(request.query.get("template", ""), emergency=False)
        if found is not None:
            values.update({"title": found.title, "text": found.text, "class": found.legal_class})
    return await _form_page(request, values, "")


async def _copied(request: web.Request, today: str) -> dict[str, Any] | None:
    """Return the form filled as a bulletin that the address names, to be used again."""
    name = request.query.get("from", "")
    if not name:
        return None
    services, who = request.app[SERVICES], access.reader(request)

    def ask(store: Store) -> dict[str, Any]:
        row = bulletins.current(store, name)
        access.require(store, services, who, roles.VIEW, row["unit"])
        units = access.units_today(store, services)
        is_own = who.allows(roles.SUPPLY, units, row["unit"])
        return bulletin_form.again(
            row, today, is_own, row["topic"] in topics.in_force(store, today)
        )

    return await services.ledger.read(ask)


async def show_edit(request: web.Request) -> web.Response:
    """Show the form filled with a bulletin, or with a draft of it."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]
    today = services.today()
    values = await _draft_values(request, today)
    if values is None:
        row = await services.ledger.read(lambda s: bulletins.current(s, name))
        values = bulletin_form.stored(row, today)
    return await _form_page(request, values, name)


async def save(request: web.Request) -> web.Response:
    """Keep a new bulletin, or a new version of one, and have it made."""
    services = request.app[SERVICES]
    sent = await form.read(request, services.blobs)
    bulletin = request.match_info.get("bulletin", "")
    name, now_s, who = bulletin or new_name(), services.now_s(), access.reader(request)
    try:
        written = await services.ledger.read(lambda s: bulletin_form.draft(sent, services, s))

        def keep(store: Store) -> int:
            units = access.units_today(store, services)
            organisations.check(store, who, units, written.unit, written.supplier, bulletin)
            topics.check(store, written.topic, services.today(), bulletin)
            if drafts.NAME.fullmatch(sent.one("draft")):
                drafts.end(store, sent.one("draft"), who.account, "sent", now_s)
            if bulletin:
                return bulletins.edit(store, name, written, who.account, now_s, sent.version())
            bulletins.create(store, name, written, who.account, now_s)
            return 1

        version = await services.ledger.write(keep)
    except Fault as fault:
        values = bulletin_form.typed(sent, services.today())
        theirs = None
        if fault.code == "bulletin.newer":
            theirs = await services.ledger.read(lambda s: bulletins.current(s, name))
            values["version"] = str(theirs["version"])
        return await _form_page(request, values, bulletin, fault, theirs)
    services.production.ask(name, version)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


async def save_draft(request: web.Request) -> web.Response:
    """Keep a form as it stands; the script asks for it while its author writes."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    known = bulletin_form.fields()
    fields = {name: values for name, values in sent.fields.items() if name in known}
    name, bulletin = request.match_info["draft"], sent.one("bulletin")
    now_s = services.now_s()
    await services.ledger.write(
        lambda s: drafts.save(s, name, who.account, bulletin, fields, now_s)
    )
    return part(request, "draft_part.html", saved_ms=now_s * 1000)


async def drop_draft(request: web.Request) -> web.Response:
    """Discard a draft, or take one back that was."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = request.match_info["draft"], services.now_s()
    is_back = (await form.read(request)).one("verb") == "back"

    def decide(store: Store) -> str:
        if is_back:
            row: Row | None = drafts.restore(store, name, who.account, now_s)
        else:
            drafts.end(store, name, who.account, "dropped", now_s)
            row = store.get("drafts", name)
        return str(row["bulletin"]) if row else ""

    bulletin = await services.ledger.write(decide)
    where = f"/bulletins/{bulletin}/edit" if bulletin else "/bulletins/new"
    raise web.HTTPSeeOther(f"{where}?{'draft' if is_back else 'dropped'}={name}")


async def show_reading(request: web.Request) -> web.Response:
    """Show how the voice will read a text, with what is read otherwise than written marked."""
    services = request.app[SERVICES]
    sent = await form.read(request)
    text = sent.one("text")
    try:
        dictionary = await services.ledger.read(spoken_words.dictionary)
        readings = normaliser.readings(text, dictionary)
        said = normaliser.spoken(text, dictionary)
    except RemoteFault as fault:
        told = fault_texts.explain(fault, chosen(request))
        return part(request, "reading_part.html", fault=told, readings=[], said="", of="")
    of = bulletin_form.digest(text)
    return part(request, "reading_part.html", fault=None, readings=readings, said=said, of=of)


async def show_versions(request: web.Request) -> web.Response:
    """Show every version of a bulletin and what each changed."""
    services, name = request.app[SERVICES], request.match_info["bulletin"]

    def ask(store: Store) -> dict[str, Any]:
        rows = bulletins.versions(store, name)
        entries = store.find("audit", {"subject": name, "action": list(_WRITTEN)}, limit=400)
        who = {json.loads(one["detail_json"]).get("version", 1): one["who"] for one in entries}
        shown = []
        for row, older in zip(rows, [*rows[1:], None], strict=True):
            changes = differences.texts(older, row) if older else {}
            tongues = differences.languages(older, row) if older else {}
            others = differences.others(older, row) if older else []
            shown.append({**row, "who": who.get(row["version"], ""), "changes": changes,
                          "tongues": tongues,
                          "others": others})  # fmt: skip
        return {"row": bulletins.current(store, name), "versions": shown}

    return page(request, "versions.html", **await services.ledger.read(ask))


_WRITTEN = ("bulletin.create", "bulletin.edit")

ROUTES = [
    web.get("/bulletins/new", show_new),
    web.post("/bulletins", save),
    web.post(f"/bulletins/{NAME}", save),
    web.get(f"/bulletins/{NAME}/edit", show_edit),
    web.get(f"/bulletins/{NAME}/versions", show_versions),
    web.post(f"/drafts/{DRAFT}", save_draft),
    web.post(f"/drafts/{DRAFT}/drop", drop_draft),
    web.post("/parts/reading", show_reading),
]
