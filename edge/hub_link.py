"""A link that knows a hub's answers from those of a captive portal or a broken proxy."""

from hw import ports
from protocols.foreign_page import check_body, check_head


class HubLink(ports.Link):
    """Pass requests on and refuse pages; raises `WorldFault("link.portal" | "link.gateway" |
    "link.page")` besides the faults of the link behind it."""

    def __init__(self, behind: ports.Link):
        self._behind = behind
        self.inflates = behind.inflates

    def counters(self) -> tuple[int, int]:
        """Return bytes (received, sent) on the interface since boot."""
        return self._behind.counters()

    def life(self) -> str:
        """Name the life of that interface."""
        return self._behind.life()

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> ports.Response:
        """Send one request and return its answer when the head has arrived and is no stranger's."""
        response = await self._behind.request(method, url, headers, body)
        host = url.split("/")[2]
        try:
            check_head(response.status, response.headers, host)
        except Exception:
            await response.close()
            raise
        return Checked(response, host) if response.status == 200 else response


class Checked(ports.Response):
    """Look at the first bytes of a body."""

    def __init__(self, response: ports.Response, host: str):
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._host = host
        self._is_checked = False

    async def read(self, count: int) -> bytes:
        """Return up to `count` body bytes; empty at the end."""
        piece = await self._response.read(count)
        if not self._is_checked:
            self._is_checked = True
            check_body(piece, self._host)
        return piece

    async def close(self) -> None:
        """Stop reading."""
        await self._response.close()
