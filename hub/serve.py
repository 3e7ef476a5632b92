"""Serve one hub: nodes on the open network, pages on this machine only.

Until accounts exist, whoever reaches a page is its user, so pages are offered on loopback addresses
alone: together with the node-facing endpoints where these listen on loopback too, otherwise on a
second listener.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Coroutine
from typing import Any, NamedTuple

from hub import firmware_commands, order_publishing, retention
from hub.app import create_app, create_node_app
from hub.config import Config
from hub.metrics import Metrics, create_operator_app
from hub.services import Services, open_hub
from hub.serving import Listener
from protocols.errors import LocalFault

PAGES = "127.0.0.1:8081"

_log = logging.getLogger("chieng.hub")


def address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`; raises `LocalFault("hub.address")`."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or int(port) > 65535:
        raise LocalFault("hub.address", f"{text!r} is no address", "Write HOST:PORT.")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Where(NamedTuple):
    """Say where to listen (`HOST:PORT`): nodes, pages, and the operator's health and metrics."""

    nodes: str
    pages: str | None = None
    operator: str | None = None


async def serve(config: Config, where: Where, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; complete first what a crash left. Raises a `Fault`."""
    listen, pages = where.nodes, where.pages
    nodes_at = address(listen)
    together = pages is None and is_loopback(nodes_at[0])
    pages_at = nodes_at if together else address(pages or PAGES)
    if not is_loopback(pages_at[0]):
        raise LocalFault(
            "hub.exposed",
            f"pages have no accounts yet and must not be offered on {pages_at[0]}",
            "Use a loopback address, such as --pages 127.0.0.1:8081, and an SSH tunnel.",
        )
    operator_at = address(where.operator) if where.operator else None
    if operator_at and not is_loopback(operator_at[0]):
        raise LocalFault(
            "hub.exposed",
            f"health and metrics must not be offered on {operator_at[0]}",
            "Use a loopback address, such as --operator 127.0.0.1:8082.",
        )
    services, database = open_hub(config)
    counted = Metrics()
    try:
        await services.publisher.recover()
        await order_publishing.recover(services)
        async with contextlib.AsyncExitStack() as stack:
            if together:
                await _listen(stack, create_app(services, counted), pages_at, "nodes and pages")
            else:
                await _listen(stack, create_node_app(services, counted), nodes_at, "nodes")
                await _listen(stack, create_app(services, counted), pages_at, "pages")
            if operator_at:
                app = create_operator_app(services, counted)
                await _listen(stack, app, operator_at, "health and metrics")
            for work in _works(services):
                stack.push_async_callback(_cancel, asyncio.create_task(work))
            await stop.wait()
    finally:
        database.close()


def _works(services: Services) -> list[Coroutine[Any, Any, None]]:
    return [
        services.production.run(),
        services.publisher.run(),
        firmware_commands.run(services),
        retention.run(services.ledger, services.config.now_ms),
    ]


async def _listen(
    stack: contextlib.AsyncExitStack, app: Any, where: tuple[str, int], what: str
) -> None:
    listener = Listener(app)
    await listener.start(*where)
    stack.push_async_callback(listener.close)
    _log.info("%s: http://%s:%d/", what, listener.host, listener.port)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
