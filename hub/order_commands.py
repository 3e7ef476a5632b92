"""`chieng-hub order`, `setting` and `mandate`: ask nodes for things, and see what became of it."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from hub import order_publishing, orders
from hub.passphrases import secret
from hub.repository.durable import Disk
from hub.repository.request import REQUEST_BYTES_MAX
from hub.services import Services
from hub.store import Row, Store
from protocols import canonical
from protocols.errors import LocalFault, RemoteFault
from protocols.limits import RECORD_BYTES_MAX

WHO = "command line"


def _shown(row: Row) -> dict[str, Any]:
    names = ("node", "name", "kind", "state", "code", "message", "who", "created_s", "changed_s")
    shown = {name: row[name] for name in names if row[name] is not None}
    if row["result_json"]:
        shown["result"] = json.loads(row["result_json"])
    return shown


async def order(services: Services, chosen: Namespace) -> object:
    """Give, withdraw, list or show orders."""
    now_s = services.now_s()
    if chosen.verb == "list":
        where = {"node": chosen.node} if chosen.node else {}
        rows = await services.ledger.read(
            lambda s: s.find("orders", where, order=["created_s"], descending=True, limit=200)
        )
        return {"orders": [_shown(row) for row in rows]}
    if not chosen.node:
        raise LocalFault("order.node", "no node is named", "Give --node.")
    if chosen.verb == "give":
        if not chosen.kind:
            raise LocalFault("order.kind", "no kind is named", "Give --kind.")
        row = await services.ledger.write(
            lambda s: orders.give(s, chosen.node, chosen.kind, WHO, now_s)
        )
        await order_publishing.publish_orders(services, chosen.node)
        return await _stored(services, row)
    if not chosen.name:
        raise LocalFault("order.name", "no order is named", "Give --name; see order list.")
    if chosen.verb == "withdraw":
        row = await services.ledger.write(
            lambda s: orders.withdraw(s, chosen.node, chosen.name, WHO, now_s)
        )
        await order_publishing.publish_orders(services, chosen.node)
        return await _stored(services, row)
    return await services.ledger.read(lambda s: _show(s, chosen.node, chosen.name))


async def _stored(services: Services, row: Row) -> object:
    found = await services.ledger.read(lambda s: s.get("orders", row["node"], row["name"]))
    return _shown(found or row)


def _show(store: Store, node: str, name: str) -> object:
    """Return one order, with the log that came for it."""
    row = store.get("orders", node, name)
    if row is None:
        raise RemoteFault("order.unknown", f"{node} has no order {name}", "See order list.")
    shown = _shown(row)
    parts = {}
    for one in store.find("records", {"node": node, "kind": "log"}):
        record = canonical.decode(one["record"], RECORD_BYTES_MAX)
        body = record["body"] if isinstance(record, dict) else {}
        if body.get("order") == name:
            parts[body["part"]] = body["lines"]
    if parts:
        shown["log"] = [line for part in sorted(parts) for line in parts[part]]
    return shown


async def setting(services: Services, chosen: Namespace) -> object:
    """Lower a node's volume or widen its quiet hours; the approved policy stays above both."""
    now_s = services.now_s()
    quiet = [list(band.split("-", 1)) for band in chosen.quiet]
    row = await services.ledger.write(
        lambda s: orders.narrow(s, chosen.node, chosen.volume, quiet, WHO, now_s)
    )
    await order_publishing.publish_settings(services, chosen.node)
    return await _stored(services, row)


async def mandate(services: Services, chosen: Namespace) -> object:
    """Lay down what only approvers may: here with a passphrase, or by a file for their laptop."""
    if chosen.verb == "accept":
        if not chosen.file:
            raise LocalFault("order.file", "no file is named", "Give --file.")
        missing = await order_publishing.accept(services, _file(Path(chosen.file)))
        return {"published": not missing, "signatures_missing": missing}
    if not (chosen.node and chosen.approver):
        raise LocalFault("order.node", "node or approver is missing", "Give --node, --approver.")
    now_s = services.now_s()
    approver = await services.ledger.read(lambda s: s.get("approvers", chosen.approver))
    unit = approver["unit"] if approver else ""
    signature = None
    if not chosen.export:
        passphrase = secret(chosen.passphrase_file, chosen.approver)
        signature = await services.opener.open(approver, passphrase)
    row = await services.ledger.write(
        lambda s: orders.lay_down(s, unit, chosen.node, _detail(chosen), chosen.approver, now_s)
    )
    if signature is not None:
        await order_publishing.sign_mandates(services, unit, signature)
    else:
        change = await order_publishing.propose_mandates(services, unit)
        Disk().write(Path(chosen.export), change.to_bytes())
    return await _stored(services, row)


def _file(path: Path) -> bytes:
    if path.stat().st_size > REQUEST_BYTES_MAX:
        raise RemoteFault("request.format", f"{path} is too long", "Name the right file.")
    return path.read_bytes()


def _detail(chosen: Namespace) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    if chosen.hamlet is not None:
        detail["hamlet"] = chosen.hamlet
    if chosen.node_group is not None:
        detail["groups"] = [name for name in chosen.node_group if name]
    if chosen.hub:
        detail["hubs"] = chosen.hub
    if chosen.move:
        detail["move"] = chosen.move
    if chosen.decommission:
        detail["decommission"] = True
    return detail
