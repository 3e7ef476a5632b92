"""Read a podcast feed: RSS 2.0 with enclosures, or Atom with enclosure links.

Sources: RSS 2.0 (<enclosure url length type>, <guid>, <pubDate>), RFC 4287 (`rel="enclosure"`).
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from protocols.errors import RemoteFault
from protocols.hub_limits import RELAY_FEED_BYTES_MAX

ATOM = "{http://www.w3.org/2005/Atom}"
TITLE_LETTERS_MAX = 120
_AUDIO = ("audio/", "video/mp4", "application/ogg")
_ENDINGS = (".mp3", ".m4a", ".aac", ".ogg", ".opus", ".wav", ".mp4")


class Episode(NamedTuple):
    """Hold one broadcast of a feed: `name` tells it from others, `published_s` may be 0."""

    name: str
    title: str
    url: str
    published_s: int


def read(data: bytes, base: str) -> list[Episode]:
    """Return the broadcasts of a feed, newest first; raises `RemoteFault("relay.feed")`."""
    if len(data) > RELAY_FEED_BYTES_MAX:
        raise _refuse("the feed is too long")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _refuse(f"the feed is no XML: {str(error)[:100]}") from error
    if root.tag == "rss":
        found = list(_rss(root, base))
    elif root.tag == ATOM + "feed":
        found = list(_atom(root, base))
    else:
        raise _refuse(f"neither RSS nor Atom: {str(root.tag)[:80]}")
    # A stable sort: undated broadcasts stay in the order in which the feed lists them.
    return sorted(found, key=lambda one: -one.published_s)


def newest(episodes: list[Episode], now_s: int) -> list[Episode]:
    """Return the newest broadcast that is out by its date, then the newest of those dated later.

    A date in the future is a slip of the sender's clock or zone, or an announcement: it may be
    worth taking, but hides nothing. `episodes` come as `read` gives them.
    """
    out = [one for one in episodes if one.published_s <= now_s]
    early = [one for one in episodes if one.published_s > now_s]
    return out[:1] + early[:1]


def _refuse(message: str) -> RemoteFault:
    return RemoteFault("relay.feed", message, "Give the address of a podcast feed (RSS).")


def _rss(root: Any, base: str) -> Iterator[Episode]:
    for item in root.iterfind("./channel/item"):
        enclosure = item.find("enclosure")
        if enclosure is None:
            continue
        url, kind = enclosure.get("url") or "", enclosure.get("type") or ""
        if url.strip() and _is_audio(url, kind):
            name = item.findtext("guid") or url
            title = item.findtext("title") or ""
            yield _episode(name, title, base, url, item.findtext("pubDate") or "")


def _atom(root: Any, base: str) -> Iterator[Episode]:
    for entry in root.iterfind(ATOM + "entry"):
        for one in entry.iterfind(ATOM + "link"):
            url, kind = one.get("href") or "", one.get("type") or ""
            if one.get("rel") == "enclosure" and url.strip() and _is_audio(url, kind):
                name = entry.findtext(ATOM + "id") or url
                when = entry.findtext(ATOM + "published") or entry.findtext(ATOM + "updated") or ""
                yield _episode(name, entry.findtext(ATOM + "title") or "", base, url, when)
                break


def _is_audio(url: str, kind: str) -> bool:
    return kind.lower().startswith(_AUDIO) or url.split("?", maxsplit=1)[0].lower().endswith(
        _ENDINGS
    )


def _episode(name: str, title: str, base: str, url: str, when: str) -> Episode:
    clean = "".join(one for one in " ".join(title.split()) if one.isprintable())
    digest = hashlib.sha256(name.strip().encode(errors="replace")).hexdigest()[:32]
    try:
        whole = urljoin(base, url.strip())
    except ValueError:
        whole = ""
    return Episode(digest, clean[:TITLE_LETTERS_MAX], whole, _moment_s(when.strip()))


def _moment_s(text: str) -> int:
    """Return a date of RFC 5322 or ISO 8601 in Unix seconds, 0 for none."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = parse(text)
            return max(0, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return 0
