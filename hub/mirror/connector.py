"""The connector: the one way a peer is spoken to. One file each; a gateway is one more file."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hub.mirror.directive import Directive
from protocols.errors import Fault

TAKEN, REFUSED, LATER = "taken", "refused", "later"


class Letter(NamedTuple):
    """Hold one record to send; `body` is in our own words (`hub.mirror.telling`)."""

    number: int
    key: str
    kind: str
    subject: str
    at_ms: int
    body: dict[str, Any]


class Verdict(NamedTuple):
    """Say what a peer did with one letter, and why."""

    key: str
    outcome: str
    reason: str = ""


class Page(NamedTuple):
    """Hold directives and the cursor after them."""

    directives: list[Directive]
    cursor: str
    is_last: bool


class Doubt(NamedTuple):
    """Say what was inferred and must be confirmed: what, and from where it was taken."""

    what: str
    source: str


class Trouble(Fault):
    """Report that a whole exchange failed; nothing is known of its letters.

    `retry_after_ms` is what the peer asked for; `is_batch` tells that this very batch was refused
    as a whole, so that a smaller one may pass.
    """

    whose = "world"

    def __init__(
        self,
        code: str,
        message: str,
        remedy: str,
        retry_after_ms: int | None = None,
        is_batch: bool = False,
    ):
        super().__init__(code, message, remedy)
        self.retry_after_ms = retry_after_ms
        self.is_batch = is_batch


class Connector:
    """Speak to one peer."""

    async def send(self, letters: Sequence[Letter]) -> list[Verdict]:
        """Send letters of one kind in order; a letter without a verdict was not taken.

        Raises `Trouble` when nothing is known.
        """
        raise NotImplementedError

    async def pull(self, cursor: str) -> Page:
        """Return what the peer asks for after a cursor; raises `Trouble`."""
        raise NotImplementedError

    def directive(self, one: dict[str, Any]) -> Directive:
        """Return one directive of a page in our words; what cannot be read is `unknown`."""
        raise NotImplementedError

    async def fetch(self, url: str, offset: int, count: int) -> bytes:
        """Return at most `count` bytes of a file from an offset; raises `Trouble`."""
        raise NotImplementedError

    def doubts(self) -> list[Doubt]:
        """Return what of this connector was inferred and is to be confirmed."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of the peer."""
