"""Serve one hub: nodes on the open network, pages on this machine or over TLS under a public name.

Without a public name pages are offered on loopback addresses alone: together with the node-facing
endpoints where these listen on loopback too, otherwise on a second listener. With one they are
offered over TLS, our own or that of a proxy which talks to a loopback address.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

from hub import (
    blob_sweep,
    bulk,
    companion,
    doorbell,
    firmware_commands,
    order_publishing,
    retention,
)
from hub.addresses import address, is_loopback
from hub.app import create_app, create_companion_app, create_node_app
from hub.bucket_blobs import BucketBlobs
from hub.bucket_files import PublicFiles
from hub.bucket_follower import Follower
from hub.cap.feed import Feeds
from hub.config import Config
from hub.ending import end
from hub.metrics import Metrics, create_operator_app
from hub.mirror.service import Mirror
from hub.notify.sender import Sender
from hub.relay.publishing import RelayPublisher
from hub.relay.recorder import Recorder
from hub.services import Services, open_hub
from hub.serving import Listener
from protocols.errors import LocalFault

PAGES = "127.0.0.1:8081"
# What broke off once (a full disk, a fault of ours) is begun again after this.
AGAIN_S = 10

_log = logging.getLogger("chieng.hub")

Work = Callable[[], Coroutine[Any, Any, None]]


class Certificate(NamedTuple):
    """Name the PEM files of the pages' own TLS; both None behind a proxy or on this machine."""

    chain: str | None = None
    key: str | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context, or None without files; raises `LocalFault("hub.tls")`."""
        if self.chain is None or self.key is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.chain, self.key)
        except (OSError, ssl.SSLError) as error:
            raise LocalFault(
                "hub.tls", f"{self.chain}, {self.key}: {error}", "Give a PEM chain and its key."
            ) from error
        return context


class Where(NamedTuple):
    """Say where to listen (`HOST:PORT`) for nodes, pages and the operator, and the pages' TLS."""

    nodes: str
    pages: str | None = None
    operator: str | None = None
    certificate: Certificate = Certificate()


def _check_exposure(config: Config, host: str, together: bool, tls: ssl.SSLContext | None) -> None:
    if tls is not None and config.public_name is None:
        raise LocalFault("hub.tls", "TLS needs the pages' name", "Add --public-name.")
    if together and config.public_name is not None:
        raise LocalFault(
            "hub.exposed", "pages with a public name need their own port", "Add --pages HOST:PORT."
        )
    if tls is None and not is_loopback(host):
        raise LocalFault(
            "hub.exposed",
            f"pages must not be offered on {host} without TLS",
            "Give --public-name, --tls-certificate and --tls-key, or use a loopback address "
            "(--pages 127.0.0.1:8081) behind a proxy or an SSH tunnel.",
        )


async def serve(config: Config, where: Where, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; complete first what a crash left. Raises a `Fault`."""
    listen, pages = where.nodes, where.pages
    nodes_at = address(listen)
    together = pages is None and is_loopback(nodes_at[0])
    pages_at = nodes_at if together else address(pages or PAGES)
    tls = where.certificate.context()
    _check_exposure(config, pages_at[0], together, tls)
    operator_at = address(where.operator) if where.operator else None
    if operator_at and not is_loopback(operator_at[0]):
        raise LocalFault(
            "hub.exposed",
            f"health and metrics must not be offered on {operator_at[0]}",
            "Use a loopback address, such as --operator 127.0.0.1:8082.",
        )
    services, database = open_hub(config)
    counted = Metrics()
    follows = companion.is_one(config.data)
    try:
        if not follows:
            await services.publisher.recover()
            await order_publishing.recover(services)
        async with contextlib.AsyncExitStack() as stack:
            if follows:
                await _listen(stack, create_companion_app(services, counted), nodes_at, "nodes")
            elif together:
                await _listen(stack, create_app(services, counted), pages_at, "nodes and pages")
            else:
                await _listen(stack, create_node_app(services, counted), nodes_at, "nodes")
                await _listen(stack, create_app(services, counted), pages_at, "pages", tls)
            if operator_at:
                app = create_operator_app(services, counted)
                await _listen(stack, app, operator_at, "health and metrics")
            works = _companion_works(services, counted) if follows else _works(services)
            for work in works:
                stack.push_async_callback(end, [asyncio.create_task(lasting(work))])
            await stop.wait()
    finally:
        database.close()


def _companion_works(services: Services, counted: Metrics) -> list[Work]:
    blobs, address = services.blobs, services.config.database_url
    if not isinstance(blobs, BucketBlobs) or address is None:
        raise LocalFault(
            "companion.settings", "its database or its bucket is not named", "Join it once more."
        )
    follower = Follower(services.config.repository, blobs, services.repository.archive.reload)
    counted.watch("companion_age_seconds", "Since the bucket was last seen.", follower.age_s)
    counted.watch("companion_listening", "Rings are heard.", follower.is_listening)
    return [lambda: follower.run(address), blobs.run]


def _works(services: Services) -> list[Work]:
    return [
        *_bucket_works(services),
        services.blobs.run,
        services.production.run,
        services.publisher.run,
        lambda: firmware_commands.run(services),
        lambda: bulk.run(services),
        lambda: retention.run(services.ledger, services.uploads, services.config.now_ms),
        lambda: blob_sweep.run(services),
        lambda: Mirror(services).run(),
        lambda: Feeds(services).run(),
        lambda: Recorder(services).run(),
        lambda: RelayPublisher(services).run(),
        lambda: Sender(services).run(),
    ]


def _bucket_works(services: Services) -> list[Work]:
    if not isinstance(services.blobs, BucketBlobs):
        return []
    address = services.config.database_url
    # Only hubs on PostgreSQL have others beside them.
    ring = partial(doorbell.ring, address) if address else None
    return [PublicFiles(services.config.repository, services.blobs.bucket, ring).run]


async def lasting(work: Work, again_s: float = AGAIN_S) -> None:
    """Keep a work going until cancelled: one that broke off unnoticed would be missed for days."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("a work of the hub broke off and begins again")
        await asyncio.sleep(again_s)


async def _listen(
    stack: contextlib.AsyncExitStack,
    app: Any,
    where: tuple[str, int],
    what: str,
    tls: ssl.SSLContext | None = None,
) -> None:
    listener = Listener(app)
    await listener.start(*where, tls)
    stack.push_async_callback(listener.close)
    scheme = "http" if tls is None else "https"
    _log.info("%s: %s://%s:%d/", what, scheme, listener.host, listener.port)
