"""A hub in memory: a function answers, and the link can be cut on command."""

from hw import ports
from protocols.errors import WorldFault


class Link(ports.Link):
    """Ask `serve(method, url, headers, body) -> (status, headers, body)` instead of a network.

    `requests` lists (method, url) of what was asked. While `is_down` every request fails; a number
    in `cut_after` lets that many body bytes pass, over all answers, and then cuts once.
    """

    def __init__(self, serve: "object"):
        self._serve = serve
        self.requests: list[tuple[str, str]] = []
        self.is_down = False
        self.cut_after: int | None = None
        self._received = 0
        self._sent = 0

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> ports.Response:
        """Ask the function; raises `WorldFault("link.open")` while the link is down."""
        if self.is_down:
            raise WorldFault("link.open", "the link is down", "wait for the link")
        self.requests.append((method, url))
        self._sent += len(body)
        lower = {name.lower(): value for name, value in headers.items()}
        status, answered, content = self._serve(method, url, lower, body)  # type: ignore[operator]
        return Response(self, status, answered, b"" if method == "HEAD" else content)

    def counters(self) -> tuple[int, int]:
        """Return body bytes (received, sent)."""
        return self._received, self._sent

    def carry(self, piece: bytes) -> bytes:
        """Return as much of a piece as passes; raises `WorldFault("http.cut")` at the cut."""
        if self.cut_after is not None:
            if self.cut_after == 0:
                self.cut_after = None
                raise WorldFault("http.cut", "the link was cut", "try again later")
            piece = piece[: self.cut_after]
            self.cut_after -= len(piece)
        self._received += len(piece)
        return piece


class Response(ports.Response):
    """Hand out a body that is already there, in pieces."""

    def __init__(self, link: Link, status: int, headers: dict[str, str], content: bytes):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self._link = link
        self._content = content

    async def read(self, count: int) -> bytes:
        """Return up to `count` body bytes; empty at the end; raises `WorldFault` at a cut."""
        if not self._content:
            return b""
        piece = self._link.carry(self._content[:count])
        self._content = self._content[len(piece) :]
        return piece

    async def close(self) -> None:
        """Forget the rest of the body."""
        self._content = b""
