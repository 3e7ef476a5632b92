"""What every handler of one hub works with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub import bucket, companion, signatures, timing
from hub.approvers import KeyOpener
from hub.blobs import Blobs
from hub.bucket_blobs import BucketBlobs
from hub.config import Config
from hub.database import Database
from hub.node_keys import NodeKeys
from hub.production import Production
from hub.publishing import Publisher
from hub.repository import envelope
from hub.repository.layout import Layout
from hub.repository.online_keys import OnlineKeys
from hub.repository.repository import Repository
from hub.store import Ledger
from hub.uploads import Uploads
from protocols.errors import LocalFault


@dataclass(frozen=True)
class AnswerKey:
    """Sign answers to nodes with the hub's online key (the TUF `timestamp` role's).

    `key_id` is the key's TUF id, `sign(message)` returns 64 bytes of Ed25519.
    """

    key_id: str
    sign: Callable[[bytes], bytes]


class AnswerKeys:
    """Give the answer key that the newest root names; it changes when the key is rotated."""

    def __init__(self, repository: Repository):
        self._repository = repository
        self._version = 0
        self._key: AnswerKey | None = None

    def current(self) -> AnswerKey:
        """Return the key in force; raises `LocalFault("keys.online")` when it is not here."""
        root = self._repository.archive.root().signed
        if self._key is None or root.version != self._version:
            held = self._repository.online.signers()
            keyids = [one for one in envelope.keyids_of(root, "timestamp") if one in held]
            if not keyids:
                raise LocalFault(
                    "keys.online", "no timestamp key is here", "Restore keys/online from a backup."
                )
            # Every batch of every node is answered: straight by the key, without TUF's envelope.
            private = load_pem_private_key(held[keyids[0]].private_bytes, None)
            if not isinstance(private, Ed25519PrivateKey):
                raise LocalFault(
                    "keys.online",
                    "the timestamp key is not Ed25519",
                    "Rotate it: chieng-tool keys.",
                )
            self._version = root.version
            self._key = AnswerKey(keyids[0], private.sign)
        return self._key


@dataclass(frozen=True)
class Services:
    """Hold one hub's parts."""

    config: Config
    ledger: Ledger
    blobs: Blobs
    repository: Repository
    publisher: Publisher
    production: Production
    opener: KeyOpener
    answer_keys: AnswerKeys
    uploads: Uploads
    # (public key, signature, message) -> verdict, on what nodes send.
    is_signed: Callable[[bytes, bytes, bytes], bool] = signatures.is_signed
    # Rung for a peer that has sent something by itself (`hub.mirror`).
    news: dict[str, asyncio.Event] = field(default_factory=dict)
    node_keys: NodeKeys = field(default_factory=NodeKeys)
    # Held while approvers come or go (`hub.staffing`).
    staffing: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Held while recordings are signed (`hub.relay.publishing`).
    relaying: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now_s(self) -> int:
        """Return the hub's time in whole seconds (Unix UTC)."""
        return self.config.now_ms() // 1000

    def today(self) -> str:
        """Return the province's day (ISO)."""
        local = timing.local_time(self.now_s(), self.config.utc_offset_min)
        return local.date().isoformat()


SERVICES = web.AppKey("services", Services)


def open_blobs(config: Config) -> Blobs:
    """Open where a hub's media are.

    Raises `LocalFault("storage.settings")` or `LocalFault("storage.keys")`.
    """
    place = bucket.read(config.data)
    if place is None:
        return Blobs(config.blobs)
    kind = companion.CompanionBlobs if companion.is_one(config.data) else BucketBlobs
    return kind(config.blobs, bucket.Bucket(place))


def open_hub(config: Config) -> tuple[Services, Database]:
    """Open a founded hub; the caller closes the database.

    Raises `LocalFault("hub.not_founded")` for a folder that `chieng-hub init` has not made, and
    `LocalFault("companion.schema")`.
    """
    if "root" not in Layout(config.repository).role_versions():
        raise LocalFault(
            "hub.not_founded",
            f"{config.data} holds no hub",
            f"Run chieng-hub init --data {config.data} first.",
        )
    if companion.is_one(config.data):
        companion.check_schema(config.where)
    database = Database(config.where)
    blobs = open_blobs(config)
    repository = Repository(config.repository, OnlineKeys(config.online_keys))
    services = Services(
        config,
        database,
        blobs,
        repository,
        Publisher(config, database, repository, blobs),
        Production(config, database, blobs),
        KeyOpener(),
        AnswerKeys(repository),
        Uploads(config.uploads, database, blobs),
    )
    return services, database
