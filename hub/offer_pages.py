"""What the province sends, for the units of a reader: hear it, take it, decline it, confirm it."""

from typing import Any

from aiohttp import web

from hub import (
    access,
    accounts,
    automatic,
    fault_texts,
    form,
    frame,
    order_publishing,
    roles,
    sessions,
    slots,
    timing,
    topics,
)
from hub.answers import not_found, status_of
from hub.form import Form
from hub.mirror import mourned, offers
from hub.pages import page
from hub.services import SERVICES, Services
from hub.store import Row, Store
from hub.translations import chosen
from hub.words import WEEKDAYS
from protocols.errors import Fault, RemoteFault

# What one page shows of each list, newest first.
OPEN_MAX = 50
ANSWERED_MAX = 30
_ANSWERED = ["taken", "declined", "acknowledged", "cancelled"]
_SOUNDS = ((b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"),
           (b"\xff", "audio/mpeg"))  # fmt: skip
Key = tuple[str, str, str]


def _shown(store: Store, services: Services, who: roles.Reader) -> dict[str, Any]:
    units = access.units_today(store, services)
    seen = who.reach(roles.VIEW, units)
    day = services.today()
    known = topics.in_force(store, day)
    peers = {row["peer"]: row for row in store.find("peers")}
    rows = offers.listed(store, seen, ["open"], OPEN_MAX)
    rules = store.find("offer_rules", {"unit": sorted(seen), "ended_s": 0}, order=["since_s"])
    for row in rows:
        unit, topic = row["unit"], row["body"].get("topic")
        row["topic_name"] = known[topic]["name"] if topic in known else topic
        row["may_answer"] = who.allows(roles.WRITE, units, unit)
        row["may_approve"] = who.allows(roles.APPROVE, units, unit)
        if row["kind"] == mourned.KIND:
            row["days"] = mourned.read(row["body"])
        if row["kind"] == "cancel":
            target = store.get("supplies", row["peer"], row["body"]["cancels"])
            row["cancelled_kind"] = target["kind"] if target else ""
        row["may_command"] = who.allows(roles.ADMINISTER, units, unit)
        row["wants_code"] = row["peer"] in peers and offers.wants_code(peers[row["peer"]])
    for row in rules:
        row["topic_name"] = known[row["topic"]]["name"] if row["topic"] in known else row["topic"]
        row["may_answer"] = who.allows(roles.WRITE, units, row["unit"])
        slot = frame.of(store, row["unit"]).slots.get(row["slot"] or "")
        row["slot_name"] = slot["name"] if slot else row["slot"] or ""
    where = {"unit": sorted(seen), "state": "open"}
    return {
        "open": rows,
        "more": store.count("offers", where) - len(rows),
        "answered": offers.listed(store, seen, _ANSWERED, ANSWERED_MAX),
        "rules": [offers.shown_rule(row) for row in rules],
        "senders": {name: row["name"] for name, row in peers.items()},
        "unit_names": {name: row["name"] for name, row in units.items()},
        "today": day,
        "slots": {
            unit: held
            for unit in {row["unit"] for row in rows}
            if (held := frame.of(store, unit).slots)
        },
        "automatic": automatic.shown(store, services, units, seen),
    }


async def _page(request: web.Request, fault: Fault | None = None) -> web.Response:
    services, who, said = request.app[SERVICES], access.reader(request), chosen(request)
    values = await services.ledger.read(lambda s: _shown(s, services, who))
    return page(
        request,
        "offers.html",
        status=status_of(fault) if fault else 200,
        fault=fault_texts.explain(fault, said) if fault else None,
        weekdays=[said.get(day) for day in WEEKDAYS],
        **values,
    )


async def show(request: web.Request) -> web.Response:
    """Show what is offered to the reader's units, what was answered, and standing rules."""
    return await _page(request)


def _key(sent: Form) -> Key:
    return sent.one("peer"), sent.one("supply"), sent.one("unit")


def _times(sent: Form) -> tuple[list[str], list[int]]:
    days = [int(day) for day in sent.all("weekday") if day in set("1234567")]
    return sent.one("times").replace(",", " ").split(), days


def _when(sent: Form, services: Services, store: Store) -> timing.Timing | None:
    """Return the times that the form chose; None is the unit's next programme."""
    mode = sent.one("when")
    if mode == "next":
        return None
    if mode == "slot":
        first, last = sent.one("from"), sent.one("until")
        when = slots.into(store, sent.one("unit"), sent.one("slot"), first, last)
    elif mode == "once":
        when = timing.once(sent.one("day"), sent.one("time"))
    else:
        when = timing.daily(*_times(sent), sent.one("from"), sent.one("until"))
    timing.check_future(when, services.now_s(), services.config.utc_offset_min)
    return when


async def accept(request: web.Request) -> web.Response:
    """Take an offer; it is made, then waits for the approver like any other bulletin."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    key, now_s, offset = _key(sent), services.now_s(), services.config.utc_offset_min
    await services.ledger.read(lambda s: access.require(s, services, who, roles.WRITE, key[2]))
    try:
        when = await services.ledger.read(lambda s: _when(sent, services, s))
        name = await services.ledger.write(
            lambda s: offers.accept(s, key, when, who.account, now_s, offset)
        )
    except RemoteFault as fault:
        return await _refused(request, fault)
    services.production.ask(name, 1)
    raise web.HTTPSeeOther(f"/bulletins/{name}")


async def _refused(request: web.Request, fault: RemoteFault) -> web.Response:
    if fault.code == "access.denied":
        raise fault
    return await _page(request, fault)


async def decline(request: web.Request) -> web.Response:
    """Say no with a reason."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    key, now_s = _key(sent), services.now_s()

    def say(store: Store) -> None:
        access.require(store, services, who, roles.WRITE, key[2])
        offers.decline(store, key, sent.one("reason"), who.account, now_s)

    return await _done(request, say)


async def acknowledge(request: web.Request) -> web.Response:
    """Note that a directive was read."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    key, now_s = _key(sent), services.now_s()

    def say(store: Store) -> None:
        access.require(store, services, who, roles.WRITE, key[2])
        offers.acknowledge(store, key, who.account, now_s)

    return await _done(request, say)


async def mourn(request: web.Request) -> web.Response:
    """Put days of mourning before the approver, who sees what they would do and signs them."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    key, now_s = _key(sent), services.now_s()

    def put(store: Store) -> str:
        access.require(store, services, who, roles.APPROVE, key[2])
        return f"/frame/changes/{offers.mourn(store, key, who.account, now_s)}"

    return await _done(request, put)


async def _done(request: web.Request, say: Any) -> web.Response:
    """Write what `say` does, and lead to the address it returns, or back to the offers."""
    try:
        address = await request.app[SERVICES].ledger.write(say)
    except RemoteFault as fault:
        return await _refused(request, fault)
    raise web.HTTPSeeOther(address or "/offers")


async def command(request: web.Request) -> web.Response:
    """Make a signed order of a command, after the administrator's code where one is asked for."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    key, code, now_s = _key(sent), sent.one("code"), services.now_s()

    def prepare(store: Store) -> None:
        access.require(store, services, who, roles.ADMINISTER, key[2])
        peer = store.get("peers", key[0])
        if peer is None or offers.wants_code(peer):
            accounts.charge(store, who.account, now_s)

    def confirm(store: Store) -> str:
        peer = store.get("peers", key[0])
        if peer is None or offers.wants_code(peer):
            _check_code(store, who.account, code, now_s)
        return offers.command(store, key, who.account, now_s)

    try:
        await services.ledger.write(prepare)
        node = await services.ledger.write(confirm)
    except RemoteFault as fault:
        return await _refused(request, fault)
    await order_publishing.publish_settings(services, node)
    raise web.HTTPSeeOther("/offers")


def _check_code(store: Store, account: str, code: str, now_s: int) -> None:
    """Use up a code from the account's telephone; the attempt was counted before."""
    row: Row = accounts.active(store, account)
    if not row["totp_secret"]:
        raise RemoteFault("offer.factor", "no telephone is set up", "Set one up first.")
    step = sessions.code_step(row["totp_secret"], code, now_s)
    if step is None or step <= row["totp_step"]:
        raise RemoteFault("account.code_wrong", "the code does not fit", "Wait for the next.")
    changes = {"totp_step": step, "failures": 0, "blocked_until_s": 0}
    store.change("accounts", (account,), changes)


async def lay_down(request: web.Request) -> web.Response:
    """Keep a standing rule of a unit; the offer from which it was laid down is taken by it."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)
    now_s, offset = services.now_s(), services.config.utc_offset_min
    times, weekdays = _times(sent)
    rule: dict[str, Any] = {"unit": sent.one("unit"), "peer": sent.one("peer"),
            "topic": sent.one("topic")[:100], "slot": sent.one("slot"),
            "times": times, "weekdays": weekdays}  # fmt: skip

    def keep(store: Store) -> list[str]:
        access.require(store, services, who, roles.WRITE, rule["unit"])
        offers.lay_down(store, rule, who.account, now_s)
        row = store.get("supplies", rule["peer"], sent.one("supply"))
        return [] if row is None else offers.by_rules(store, row, now_s, offset)

    try:
        made = await services.ledger.write(keep)
    except RemoteFault as fault:
        return await _refused(request, fault)
    for name in made:
        services.production.ask(name, 1)
    raise web.HTTPSeeOther("/offers")


async def end_rule(request: web.Request) -> web.Response:
    """End a standing rule."""
    services, who = request.app[SERVICES], access.reader(request)
    sent = await form.read(request)

    unit = sent.one("unit")

    def end(store: Store) -> None:
        access.require(store, services, who, roles.WRITE, unit)
        offers.end_rule(store, sent.one("rule"), unit, who.account, services.now_s())

    return await _done(request, end)


async def sound(request: web.Request) -> web.StreamResponse:
    """Give the sound of an offer to whoever may see it."""
    services, who = request.app[SERVICES], access.reader(request)
    peer, name = request.query.get("peer", ""), request.query.get("supply", "")
    unit = request.query.get("unit", "")

    def ask(store: Store) -> str:
        found = offers.sound(store, (peer, name, unit))
        if found:
            access.require(store, services, who, roles.VIEW, unit)
        return found

    sha256 = await services.ledger.read(ask)
    if not sha256 or not await services.blobs.fetch(sha256):
        raise not_found()
    path = services.blobs.path(sha256)
    with path.open("rb") as file:
        head = file.read(4)
    kind = next((kind for mark, kind in _SOUNDS if head.startswith(mark)), "audio/mp4")
    return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": "no-store"})


ROUTES = [
    web.get("/offers", show),
    web.get("/offers/sound", sound),
    web.post("/offers/accept", accept),
    web.post("/offers/decline", decline),
    web.post("/offers/acknowledge", acknowledge),
    web.post("/offers/mourning", mourn),
    web.post("/offers/command", command),
    web.post("/offers/rules", lay_down),
    web.post("/offers/rules/end", end_rule),
]
