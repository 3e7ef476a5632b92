"""Ask a hub over HTTP, one request at a time, with errors that say what to do."""

import http.client
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from protocols.errors import LocalFault, WorldFault

_TIMEOUT_S = 60
_PORTS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


class Hub:
    """Know a hub by its address (`https://hub.example`)."""

    def __init__(self, address: str):
        parts = urllib.parse.urlsplit(address.rstrip("/"))
        if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
            raise LocalFault("tool.hub", f"{address} is no address", "Write https://hub.example.")
        self._parts = parts
        self.address = address.rstrip("/")
        self.prefix = parts.path

    @contextmanager
    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator["Answer"]:
        """Send a request and give its answer; `path` is absolute.

        Raises `WorldFault("tool.hub_unreachable")` when the way fails.
        """
        connection = _PORTS[self._parts.scheme](self._parts.netloc, timeout=_TIMEOUT_S)
        try:
            with _named(self.address):
                connection.request(method, path, body, dict(headers))
                response = connection.getresponse()
            yield Answer(self.address, response)
        finally:
            connection.close()


class Answer:
    """Read one answer; a body that ends too early is a lost way."""

    def __init__(self, address: str, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        self._address = address
        self._response = response

    def read(self, bytes_max: int) -> bytes:
        """Return up to so many bytes of the body, empty at its end."""
        with _named(self._address):
            data = self._response.read(bytes_max)
            if not data and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        return data


@contextmanager
def _named(address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise WorldFault(
            "tool.hub_unreachable",
            f"{address}: {error or type(error).__name__}",
            "Check the address and the network, then run the same command again.",
        ) from error
