"""Requests to a peer over HTTP: bounded in time and size, every failure a `Trouble`."""

from typing import NamedTuple

import aiohttp

from hub.mirror.connector import Trouble
from protocols.hub_limits import PEER_ANSWER_BYTES_MAX

# A peer that stores 500 records slowly still answers within this.
REQUEST_S_MAX = 60
CONNECT_S_MAX = 20


class Reply(NamedTuple):
    """Hold one answer; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """Carry requests; tests carry them to a province in memory instead."""

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes = b""
    ) -> Reply:
        """Return the answer, whatever its status; raises `Trouble("mirror.link")`."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections."""


class HttpWire(Wire):
    """Carry requests with aiohttp, on one kept connection."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes = b""
    ) -> Reply:
        if self._session is None:
            limits = aiohttp.ClientTimeout(total=REQUEST_S_MAX, connect=CONNECT_S_MAX)
            self._session = aiohttp.ClientSession(
                timeout=limits, connector=aiohttp.TCPConnector(limit=2)
            )
        try:
            async with self._session.request(
                method, url, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                data = await answer.content.read(PEER_ANSWER_BYTES_MAX + 1)
                while len(data) <= PEER_ANSWER_BYTES_MAX and not answer.content.at_eof():
                    data += await answer.content.read(PEER_ANSWER_BYTES_MAX + 1)
                if len(data) > PEER_ANSWER_BYTES_MAX:
                    raise link_lost("the answer does not end")
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status, found, data)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise link_lost(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def link_lost(why: str) -> Trouble:
    """Return the fault of an exchange that broke off."""
    return Trouble(
        "mirror.link", f"the province does not answer: {why}", "It is tried again by itself."
    )
