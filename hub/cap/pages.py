"""The pages of CAP: what came and what became of it, one message, the list of senders."""

from typing import Any

from aiohttp import web

from hub import access, bulletins, fault_texts, form, roles, timing
from hub.answers import not_found, status_of
from hub.bulletins import Draft
from hub.cap import arriving, intake, message, senders, words
from hub.mirror import supply
from hub.pages import page
from hub.production import new_name
from hub.services import SERVICES, Services
from hub.store import Store
from hub.translations import chosen
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import CAP_BYTES_MAX

LISTED_MAX = 50
NAME = r"/cap/messages/{message:c[0-9a-f]{16}}"


def _list(store: Store, services: Services, who: roles.Reader) -> dict[str, Any]:
    units = access.units_today(store, services)
    mine = who.reach(roles.ALARM, units)
    now_s = services.now_s()
    open_rows = intake.waiting(store, mine, now_s, LISTED_MAX)
    names = {row["message"] for row in open_rows}
    others = intake.listed(store, mine, now_s, LISTED_MAX)
    others = [row for row in others if row["message"] not in names]
    for row in (*open_rows, *others):
        row["shown"] = words.state(row)
        row["place_names"] = [
            units[one["unit"]]["name"] for one in row["places"] if one["unit"] in units
        ]
    return {
        "waiting": open_rows,
        "others": others,
        "senders": store.find("cap_senders", {"state": "active"}),
        "sources": store.find("cap_sources", {"state": "active"}),
        "may_list": who.everywhere(roles.ADMINISTER),
    }


def _saying(request: web.Request) -> dict[str, Any]:
    translations = chosen(request)
    return {
        "say": lambda kind, name: translations.get(words.TEXTS[f"{kind}.{name}"]),
        "chip": lambda state: words.CHIPS.get(state, ""),
    }


async def _list_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    found = await services.ledger.read(lambda s: _list(s, services, who))
    return page(
        request,
        "cap.html",
        status=status_of(fault) if fault else 200,
        fault=fault_texts.explain(fault, chosen(request)) if fault else None,
        detail=fault.message if fault else "",
        **_saying(request),
        **found,
    )


async def show(request: web.Request) -> web.Response:
    """Show what came, what waits first, and whose messages are listed."""
    return await _list_page(request)


async def bring(request: web.Request) -> web.Response:
    """Keep a file that a person brings."""
    services, who = request.app[SERVICES], access.reader(request)
    try:
        files = await form.read_files(request, "file", 1, CAP_BYTES_MAX, "cap.size")
        if not files:
            raise RemoteFault("cap.none", "no file is chosen", "Choose a CAP file.")
        row, _ = await arriving.arrive(services, files[0][1], "page", None, who.account)
    except Fault as fault:
        return await _list_page(request, fault)
    raise web.HTTPSeeOther(f"/cap/messages/{row['message']}")


def _message(store: Store, services: Services, who: roles.Reader, name: str) -> dict[str, Any]:
    """Return one message of the reader's; others' are not found."""
    row = store.get("cap_messages", name)
    units = access.units_today(store, services)
    mine = who.reach(roles.ALARM, units)
    if row is None:
        raise not_found()
    row["places"] = intake.places(row)
    if not intake.is_for(row, mine):
        raise not_found()
    row["over"] = row["ends_s"] <= services.now_s()
    row["shown"] = words.state(row)
    for place in row["places"]:
        unit = place["unit"]
        place["name"] = units[unit]["name"] if unit in units else unit
        hamlets = [store.get("hamlets", unit, one) for one in place["hamlets"]]
        place["hamlet_names"] = [one["name"] for one in hamlets if one]
        place["may_alarm"] = unit in mine
        place["may_write"] = who.allows(roles.WRITE, units, unit)
    sender = store.get("cap_senders", row["sender"])
    source = store.get("cap_sources", row["source"]) if row["source"] else None
    is_open = row["state"] in intake.OPEN and not row["over"]
    return {
        "row": row,
        "given": intake.given_of(store, row),
        "sender_name": sender["name"] if sender and sender["state"] == "active" else "",
        "source_name": source["name"] if source else "",
        "is_open": is_open and row["kind"] != message.CANCEL,
        "may_dismiss": row["state"] in ("waiting", "elsewhere"),
        "on_air": intake.on_air(store, name),
        "made": intake.made_of(store, name),
        "other": store.get("cap_messages", row["other"]) if row["other"] else None,
        "unit_names": {unit: one["name"] for unit, one in units.items()},
    }


def _require(store: Store, services: Services, who: roles.Reader, name: str) -> None:
    """Raise `RemoteFault("access.denied")` unless a message is for a unit of the reader's."""
    row = store.get("cap_messages", name)
    mine = who.reach(roles.ALARM, access.units_today(store, services))
    if row is not None and not intake.is_for({"places": intake.places(row)}, mine):
        raise access.refused()


async def _message_page(request: web.Request, fault: Fault | None = None) -> web.Response:
    services, who = request.app[SERVICES], access.reader(request)
    name = request.match_info["message"]
    found = await services.ledger.read(lambda s: _message(s, services, who, name))
    return page(
        request,
        "cap_message.html",
        status=status_of(fault) if fault else 200,
        fault=fault_texts.explain(fault, chosen(request)) if fault else None,
        **_saying(request),
        **found,
    )


async def show_message(request: web.Request) -> web.Response:
    """Show one message and what may be done about it."""
    return await _message_page(request)


async def dismiss(request: web.Request) -> web.Response:
    """Put a message aside."""
    services, who = request.app[SERVICES], access.reader(request)
    name, now_s = request.match_info["message"], services.now_s()

    def put(store: Store) -> None:
        _require(store, services, who, name)
        intake.dismiss(store, name, who.account, now_s)

    try:
        await services.ledger.write(put)
    except Fault as fault:
        if fault.code == "access.denied":
            raise
        return await _message_page(request, fault)
    raise web.HTTPSeeOther("/cap")


async def draft(request: web.Request) -> web.Response:
    """Write a bulletin of a message that is no emergency, for a unit's next programme."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    origin, unit, name = request.match_info["message"], sent.one("unit"), new_name()

    def keep(store: Store) -> None:
        _require(store, services, who, origin)
        access.require(store, services, who, roles.WRITE, unit)
        _keep(store, services, who, origin, unit, name)

    try:
        await services.ledger.write(keep)
    except Fault as fault:
        if fault.code == "access.denied":
            raise
        return await _message_page(request, fault)
    services.production.ask(name, 1)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


def _keep(
    store: Store, services: Services, who: roles.Reader, origin: str, unit: str, name: str
) -> None:
    now_s, offset = services.now_s(), services.config.utc_offset_min
    row = intake.open_message(store, origin, now_s)
    info = intake.given_of(store, row).in_vietnamese()
    if info is None or row["class"] == "emergency" or row["drill"]:
        raise RemoteFault("cap.form", "no bulletin can be made of it", "Use the emergency page.")
    hamlets = [hamlet for one in intake.places(row) if one["unit"] == unit
               for hamlet in one["hamlets"]]  # fmt: skip
    when = supply.next_programme(store, unit, now_s, offset)
    if timing.first_start_s(when, offset) >= row["ends_s"]:
        raise RemoteFault("cap.late", "it ends before the next programme", "Call people by phone.")
    made = Draft(
        unit, info.title()[:120], "vi-VN", row["class"], info.words() or info.title(), "", "vi-VN",
        None, hamlets, when,
    )  # fmt: skip
    bulletins.create(store, name, made, who.account, now_s)
    intake.use(store, row, unit, name, now_s)


async def list_sender(request: web.Request) -> web.Response:
    """List a sender, or change on which way it comes."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    sender, name, source = (sent.one(one).strip() for one in ("sender", "name", "source"))
    try:
        await services.ledger.write(
            lambda s: senders.list_sender(s, sender, name, source or None, who.account, now_s)
        )
    except Fault as fault:
        return await _list_page(request, fault)
    raise web.HTTPSeeOther("/cap")


async def close_sender(request: web.Request) -> web.Response:
    """Take a sender off the list."""
    services, who = request.app[SERVICES], access.reader(request)
    sent, now_s = await form.read(request), services.now_s()
    try:
        await services.ledger.write(
            lambda s: senders.close_sender(s, sent.one("sender"), who.account, now_s)
        )
    except Fault as fault:
        return await _list_page(request, fault)
    raise web.HTTPSeeOther("/cap")


ROUTES = [
    web.get("/cap", show),
    web.post("/cap", bring),
    web.get(NAME, show_message),
    web.post(NAME + "/dismiss", dismiss),
    web.post(NAME + "/draft", draft),
    web.post("/cap/senders", list_sender),
    web.post("/cap/senders/close", close_sender),
]
