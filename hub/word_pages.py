"""The page of words that this hub reads in its own way."""

from aiohttp import web

from hub import access, fault_texts, form, spoken_words
from hub.answers import status_of
from hub.pages import page
from hub.services import SERVICES
from hub.store import Store
from hub.translations import chosen
from protocols.errors import Fault


async def _page(
    request: web.Request, typed: tuple[str, str] = ("", ""), fault: Fault | None = None
) -> web.Response:
    rows = await request.app[SERVICES].ledger.read(spoken_words.listed)
    return page(
        request,
        "words.html",
        status=status_of(fault) if fault else 200,
        rows=rows,
        typed=typed,
        fault=fault_texts.explain(fault, chosen(request)) if fault else None,
    )


async def show(request: web.Request) -> web.Response:
    """Show the words and a form for one more."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Add or change a word, or remove one (`remove`)."""
    services, who = request.app[SERVICES], access.reader(request).account
    sent, now_s = await form.read(request), services.now_s()
    written, said = sent.one("written"), sent.one("spoken")

    def keep(store: Store) -> None:
        if sent.one("remove"):
            spoken_words.remove(store, sent.one("remove"), who, now_s)
        else:
            spoken_words.put(store, written, said, who, now_s)

    try:
        await services.ledger.write(keep)
    except Fault as fault:
        return await _page(request, (written, said), fault)
    raise web.HTTPSeeOther("/words")


ROUTES = [web.get("/words", show), web.post("/words", change)]
