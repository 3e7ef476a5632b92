"""Fetch from addresses that others wrote: bounded in size, time and redirects, and kept outside.

A feed names addresses that nobody here chose. Each is resolved once, every address it resolves to
is checked, and the connection goes to those very addresses, so a name cannot change between the
check and the connection. Private addresses are for sources that an administrator marked so.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import RELAY_REDIRECTS_MAX, RELAY_STALL_S_MAX

CONNECT_S_MAX = 20
# The only part of IPv6 that is given out (IANA); what wraps IPv4 elsewhere may lead inside.
_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REDIRECTS = (301, 302, 303, 307, 308)
Take = Callable[[bytes], None]


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("relay." + code, message, remedy)


def link(why: str) -> WorldFault:
    """Return the fault of a source that does not answer."""
    return WorldFault("relay.link", why, "It is tried again by itself.")


def is_public(text: str) -> bool:
    """Tell whether an address is of the open Internet, also one wrapped in IPv6."""
    try:
        one = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(one, ipaddress.IPv6Address):
        if one.ipv4_mapped is not None:
            return is_public(str(one.ipv4_mapped))
        if one in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)))
        if one.sixtofour is not None or one.teredo is not None or one not in _UNICAST:
            return False
    return one.is_global and not one.is_multicast


def check_url(url: str, private_ok: bool) -> None:
    """Raise `RemoteFault` (`relay.url`, `relay.private`) for what is not to be asked.

    The host is read as the client reads it: to `yarl` a name in wide digits is an IPv4 address,
    which no resolver sees.
    """
    try:
        parts = URL(url)
        host = parts.host or ""
        # What name servers take (RFC 1035 section 2.3.4); else the resolver raises UnicodeError.
        (parts.raw_host or "").encode("idna")
    except ValueError:
        host, parts = "", URL()
    if parts.scheme not in ("http", "https") or not host or parts.user is not None:
        raise _refuse("url", f"{url[:200]!r} is no address", "Write http:// or https:// …")
    if not private_ok and _is_literal(host) and not is_public(host):
        raise _private(host)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _private(host: str) -> RemoteFault:
    return _refuse(
        "private", f"{host[:100]} is inside a private network", "An administrator may allow it."
    )


class Outside(AbstractResolver):
    """Resolve names, and refuse those that lead inside."""

    def __init__(self, private_ok: bool, inner: AbstractResolver | None = None):
        self._private_ok = private_ok
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return where a name leads; raises `RemoteFault("relay.private")`."""
        found = await self._inner.resolve(host, port, family)
        if not self._private_ok and not all(is_public(one["host"]) for one in found):
            raise _private(host)
        return found

    async def close(self) -> None:
        """Let go of the resolver."""
        await self._inner.close()


class Fetcher:
    """Fetch for one source."""

    def __init__(self, private_ok: bool, resolver: AbstractResolver | None = None):
        self._private_ok = private_ok
        self._resolver = resolver

    async def get(
        self, url: str, bytes_max: int, take: Take, total_s: float, is_endless: bool = False
    ) -> str:
        """Hand a body piece by piece to `take`; return its media type.

        An endless body is left after `total_s`; any other must end by then. Raises
        `RemoteFault` (`relay.url`, `relay.private`, `relay.size`, `relay.redirects`) and
        `WorldFault("relay.link")`.
        """
        connector = aiohttp.TCPConnector(
            resolver=Outside(self._private_ok, self._resolver), use_dns_cache=False, limit=2
        )
        limits = aiohttp.ClientTimeout(connect=CONNECT_S_MAX, sock_read=RELAY_STALL_S_MAX)
        try:
            async with asyncio.timeout(total_s) as clock:
                async with aiohttp.ClientSession(connector=connector, timeout=limits) as session:
                    return await self._follow(session, url, bytes_max, take)
        except TimeoutError as error:
            if is_endless and clock.expired():
                return ""
            raise link("it takes too long") from error
        except (aiohttp.ClientError, OSError) as error:
            raise link(str(error)[:200] or type(error).__name__) from error

    async def _follow(self, session: Any, url: str, bytes_max: int, take: Take) -> str:
        for _ in range(RELAY_REDIRECTS_MAX + 1):
            check_url(url, self._private_ok)
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status in _REDIRECTS and answer.headers.get("Location"):
                    url = urljoin(url, answer.headers["Location"])
                    continue
                if answer.status != 200:
                    raise link(f"HTTP {answer.status}")
                await _copy(answer.content, bytes_max, take)
                return str(answer.content_type)
        raise _refuse("redirects", "it sends the hub in circles", "Give the last address.")


async def _copy(content: Any, bytes_max: int, take: Take) -> None:
    total = 0
    async for piece in content.iter_chunked(64 * 1024):
        total += len(piece)
        if total > bytes_max:
            raise _refuse("size", f"more than {bytes_max} bytes", "Choose a smaller programme.")
        take(piece)
