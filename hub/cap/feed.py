"""Look at CAP feeds: a CAP file, or an Atom or RSS index of CAP files, asked for only when changed.

Links are followed on the feed's own host alone: an index must not send the hub anywhere else. What
was fetched is remembered by address and date until a restart; each message is kept once anyway.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

from hub.cap import arriving, reader, tree
from hub.cap.tree import Node
from hub.mirror.connector import Trouble
from hub.mirror.wire import HttpWire, Reply, Wire
from hub.services import Services
from hub.store import Row, Store
from hub.visits import Visits
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import CAP_BYTES_MAX, CAP_FEED_BYTES_MAX, CAP_FEED_ENTRIES_MAX

_log = logging.getLogger("chieng.cap")

# National services renew their index every minute or two.
EVERY_S = 60
LOOK_S = 5
SEEN_MAX = 4096
# An index may stand before its files do; a file that is refused this often is given up.
TRIES_MAX = 5
_BUSY = (429, 503)
ATOM = "http://www.w3.org/2005/Atom"
ACCEPT = "application/cap+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9"


class Entry(tuple[str, str]):
    """An address and what tells whether it changed."""


def entries(root: Node, base: str) -> list[Entry]:
    """Return the CAP files that an index names, newest first as it lists them."""
    if (root.namespace, root.name) == (ATOM, "feed"):
        found = list(_atom(root, base))
    elif root.name == "rss":
        found = list(_rss(root, base))
    else:
        raise RemoteFault(
            "cap.feed", f"neither CAP nor an index: {root.name[:80]}", "Correct the address."
        )
    return [one for one in found if one[0]]


def _on_host(base: str, link: str) -> str:
    """Return a link's address, or an empty text where it is none or leads to another host."""
    try:
        url = urljoin(base, link)
        return url if urlsplit(url)[:2] == urlsplit(base)[:2] else ""
    except ValueError:
        return ""


def _atom(root: Node, base: str) -> Iterator[Entry]:
    for entry in root.children:
        if entry.name != "entry":
            continue
        links = [one.attributes for one in entry.children if one.name == "link"]
        typed = [one for one in links if one.get("type") == "application/cap+xml"]
        plain = [one for one in links if one.get("rel", "alternate") == "alternate"]
        changed = "".join(one.text for one in entry.children if one.name == "updated")
        for one in (typed or plain)[:1]:
            if one.get("href"):
                yield Entry((_on_host(base, one["href"]), changed))


def _rss(root: Node, base: str) -> Iterator[Entry]:
    items = [one for channel in root.children for one in channel.children if one.name == "item"]
    for item in items:
        texts = {one.name: one.text.strip() for one in item.children}
        if texts.get("link"):
            yield Entry((_on_host(base, texts["link"]), texts.get("pubDate", "")))


class Feed:
    """Look at one source."""

    def __init__(self, services: Services, source: str, url: str, wire: Wire | None = None):
        self._services = services
        self.source, self.url = source, url
        self._wire = wire or HttpWire()
        self._seen: dict[Entry, None] = {}
        self._tries: dict[Entry, int] = {}

    async def look(self) -> int:
        """Ask once; return how many new messages came. Raises `Trouble`, `RemoteFault("cap.*")`."""
        row = await self._services.ledger.read(lambda s: s.get("cap_sources", self.source))
        asked = {"Accept": ACCEPT}
        if row is not None and row["etag"]:
            asked["If-None-Match"] = row["etag"]
        if row is not None and row["modified"]:
            asked["If-Modified-Since"] = row["modified"]
        reply = await self._wire.request("GET", self.url, asked)
        if reply.status == 304:
            return 0
        _check(reply, CAP_FEED_BYTES_MAX)
        root = await asyncio.to_thread(tree.parse, reply.body, CAP_FEED_BYTES_MAX)
        if (root.namespace, root.name) == (reader.NAMESPACE, "alert"):
            _, is_new = await self._keep(reply.body)
            fresh, is_whole = int(is_new), True
        else:
            fresh, is_whole = await self._index(entries(root, self.url))
        if is_whole:
            await self._remember(reply)
        return fresh

    async def _index(self, listed: list[Entry]) -> tuple[int, bool]:
        """Fetch what is new; tell how much, and whether nothing is left for the next round.

        What could not be fetched before comes last, so that one bad file holds up no other.
        """
        self._tries = {one: self._tries[one] for one in listed if one in self._tries}
        unseen = [one for one in listed if one not in self._seen]
        unseen.sort(key=lambda one: self._tries.get(one, 0))
        fresh, is_whole = 0, len(unseen) <= CAP_FEED_ENTRIES_MAX
        for one in unseen[:CAP_FEED_ENTRIES_MAX]:
            self._tries[one] = self._tries.get(one, 0) + 1
            reply = await self._wire.request("GET", one[0], {"Accept": ACCEPT})
            if reply.status in _BUSY:
                _check(reply, CAP_BYTES_MAX)
            if reply.status != 200 and self._tries[one] < TRIES_MAX:
                is_whole = False
                continue
            try:
                _check(reply, CAP_BYTES_MAX)
                _, is_new = await self._keep(reply.body)
                fresh += is_new
            except (RemoteFault, Trouble) as fault:
                _log.warning("%s %s: %s", self.source, one[0], fault)
            self._note(one)
        return fresh, is_whole

    def _note(self, one: Entry) -> None:
        if len(self._seen) >= SEEN_MAX:
            self._seen.pop(next(iter(self._seen)))
        self._seen[one] = None

    async def _keep(self, data: bytes) -> tuple[Row, bool]:
        return await arriving.arrive(self._services, data, "feed", self.source, self.source)

    async def _remember(self, reply: Reply) -> None:
        """Keep what the next question needs, once everything of this answer is on disk."""
        etag, modified = (reply.headers.get(name, "") for name in ("etag", "last-modified"))
        fields = {
            "etag": etag[:200] if etag and etag.isascii() else None,
            "modified": modified[:100] if modified and modified.isascii() else None,
        }
        await self._services.ledger.write(lambda s: s.change("cap_sources", (self.source,), fields))

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()


def _check(reply: Reply, bytes_max: int) -> None:
    if reply.status != 200:
        wait = reply.headers.get("retry-after", "")
        wait_ms = int(wait) * 1000 if wait.isascii() and wait.isdigit() and len(wait) < 7 else None
        raise Trouble("cap.link", f"HTTP {reply.status}", "It is tried again by itself.", wait_ms)
    if len(reply.body) > bytes_max:
        raise RemoteFault("cap.size", f"more than {bytes_max} bytes", "Tell the sender.")


class Feeds:
    """Look at every active feed in its time."""

    def __init__(self, services: Services, make: Callable[[Row], Feed] | None = None):
        self._services = services
        self._make = make or (lambda row: Feed(services, row["source"], row["url"]))
        self._feeds: dict[str, Feed] = {}
        self.visits = Visits(services.config.now_ms)

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            await self.visits.run(self.begin, LOOK_S)
        finally:
            for feed in self._feeds.values():
                await feed.close()

    async def begin(self) -> None:
        """Begin to look at what is due."""
        where = {"kind": "feed", "state": "active"}
        for row in await self._services.ledger.read(lambda s: s.find("cap_sources", where)):
            if self.visits.is_due(row["source"]):
                feed = self._feeds.setdefault(row["source"], self._make(row))
                self.visits.begin(row["source"], self._look(row["source"], feed))

    async def _look(self, name: str, feed: Feed) -> None:
        fault = await self.visits.make(name, feed.look(), EVERY_S)
        now_ms = self._services.config.now_ms()
        await self._services.ledger.write(lambda s: note(s, name, fault, now_ms))


def note(store: Store, name: str, fault: Fault | None, now_ms: int) -> None:
    """Note that a source was heard, or since when and why it is not."""
    if fault is None:
        fields: Row = {
            "heard_ms": now_ms,
            "failing_ms": None,
            "failure_code": None,
            "failure": None,
        }
    else:
        row = store.get("cap_sources", name) or {}
        since_ms = row.get("failing_ms") or now_ms
        said = fault.message[:300]
        fields = {"failing_ms": since_ms, "failure_code": fault.code, "failure": said}
    store.change("cap_sources", (name,), fields)
