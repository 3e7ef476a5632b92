"""Publish what nodes are asked: rows first, then the signed manifest, then the mark.

A crash in between leaves rows `waiting`; `recover` publishes them. The manifest is made of the rows
at the moment of signing, so publishing twice says the same thing twice.
"""

import asyncio
from collections.abc import Iterable
from functools import partial

from hub import fleet, orders
from hub.orders import Manifest
from hub.publishing import Signature
from hub.repository import request as requests
from hub.repository.request import Request
from hub.services import Services
from hub.store import Row, Store
from protocols import mandates
from protocols.errors import RemoteFault
from protocols.units import mandates_path


async def publish_orders(services: Services, node: str) -> None:
    """Sign and publish a node's open orders with the hub's own key."""
    now_s = services.now_s()
    row = await services.ledger.read(lambda s: orders.node_row(s, node))
    made = await services.ledger.read(lambda s: orders.orders_manifest(s, node, now_s))
    await asyncio.to_thread(services.repository.sign_orders, row["unit"], node, made.data, now_s)
    await services.ledger.write(lambda s: orders.mark_sent(s, made.rows, now_s))


async def publish_all(services: Services, nodes: Iterable[str]) -> None:
    """Sign and publish the orders of several nodes."""
    for node in sorted(set(nodes)):
        await publish_orders(services, node)


async def publish_many(services: Services, kind: str, unit: str, nodes: list[str]) -> None:
    """Sign and publish what several nodes of a unit were asked, in one change."""
    now_s = services.now_s()
    name = "settings" if kind == "settings" else "orders"

    def make(store: Store) -> dict[str, Manifest]:
        live = orders.active(store, nodes)
        if name == "settings":
            return {node: orders.settings_manifest(store, node) for node in live}
        return {node: orders.orders_manifest(store, node, now_s) for node in live}

    made = await services.ledger.read(make)
    if not made:
        return
    files = {node: one.data for node, one in made.items()}
    await asyncio.to_thread(services.repository.sign_for_nodes, unit, name, files, now_s)
    rows = [row for one in made.values() for row in one.rows]
    await services.ledger.write(lambda s: orders.mark_sent(s, rows, now_s))


async def publish_settings(services: Services, node: str) -> None:
    """Sign and publish a node's settings with the hub's own key."""
    now_s = services.now_s()
    row = await services.ledger.read(lambda s: orders.node_row(s, node))
    made = await services.ledger.read(lambda s: orders.settings_manifest(s, node))
    await asyncio.to_thread(services.repository.sign_settings, row["unit"], node, made.data, now_s)
    await services.ledger.write(lambda s: orders.mark_sent(s, made.rows, now_s))


async def propose_mandates(services: Services, unit: str) -> Request:
    """Return a unit's mandates as a request to be signed, here or on an approver's laptop."""
    now_s = services.now_s()
    made = await services.ledger.read(lambda s: orders.mandates_manifest(s, unit, now_s))
    return await asyncio.to_thread(services.repository.propose_mandates, unit, made.data, now_s)


async def publish_mandates(services: Services, change: Request) -> int:
    """Publish signed mandates; returns how many signatures are still missing.

    Views of units that nodes move to are issued anew, so that no node takes them for a rollback.
    """
    now_s, unit = services.now_s(), change.role.removeprefix("unit-")
    data = change.files.get(mandates_path(unit))
    if data is None:
        raise RemoteFault("request.path", "these are no mandates", "Export them again.")
    signed = mandates.read(data, unit)
    outcome = await asyncio.to_thread(services.repository.publish, [change], now_s)
    if not outcome.published:
        return outcome.missing
    moves = await services.ledger.write(lambda s: orders.mark_signed(s, signed, now_s))
    chains = await services.ledger.read(lambda s: [_chain(s, one) for one in moves])
    for chain in chains:
        known = [one for one in chain[1:] if one in services.repository.units()]
        await asyncio.to_thread(services.repository.place_unit, chain[0], known, now_s, [unit])
    return 0


def _chain(store: Store, unit: str) -> list[str]:
    return [unit, *fleet.above(store, unit, "9999-12-31")]


async def sign_mandates(services: Services, unit: str, signature: Signature) -> int:
    """Sign a unit's mandates with an approver's opened key and publish them."""
    change = await propose_mandates(services, unit)
    change.sign([signature.signer])
    return await publish_mandates(services, change)


async def accept(services: Services, data: bytes) -> int:
    """Publish mandates that come back signed from a laptop."""
    return await publish_mandates(services, requests.read(data))


async def recover(services: Services) -> None:
    """Publish what a crash or a full disk left waiting; mandates wait for their approver anyway.

    What waits for a node that was revoked since stays as it is.
    """
    for channel, publish in (("orders", publish_orders), ("settings", publish_settings)):
        where = {"state": "waiting", "channel": channel}
        for node in await services.ledger.read(partial(_waiting_for, where)):
            await publish(services, node)


def _waiting_for(where: Row, store: Store) -> list[str]:
    return orders.active(store, {row["node"] for row in store.each("orders", where)})
