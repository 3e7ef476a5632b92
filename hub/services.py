"""What every handler of one hub works with."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from hub.blobs import Blobs
from hub.config import Config
from hub.store import Ledger


@dataclass(frozen=True)
class AnswerKey:
    """Sign answers to nodes with the hub's online key (the TUF `timestamp` role's).

    `key_id` is the key's TUF id, `sign(message)` returns 64 bytes of Ed25519.
    """

    key_id: str
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Services:
    """Hold one hub's parts."""

    config: Config
    ledger: Ledger
    blobs: Blobs
    answer_key: AnswerKey

    def now_s(self) -> int:
        """Return the hub's time in whole seconds (Unix UTC)."""
        return self.config.now_ms() // 1000


SERVICES = web.AppKey("services", Services)
