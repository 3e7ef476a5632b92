"""Decide which nodes are asked to take an image, and when a roll-out has gone wrong.

A roll-out is update orders, given to a share of the nodes. Which nodes come first is drawn from the
version and the node's id, so that a larger share contains the smaller one, and other nodes come
first with the next version.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from hub import audit, orders
from hub.store import Row, Store
from protocols.errors import RemoteFault
from protocols.image import Image

# An image waits for a node's link and budget longer than other orders.
LIFE_S = 30 * 86400


class Wanted(NamedTuple):
    """Say how far a roll-out may go: a percentage of the nodes in groups (none: all), and after how
    many failures it stops by itself."""

    percent: int
    groups: Sequence[str] = ()
    failures_max: int = 1


def _row(store: Store, board: str, version: int) -> Row:
    row = store.get("rollouts", board, version)
    if row is None:
        text = f"no image {version} for {board}"
        raise RemoteFault("firmware.unknown", text, "Publish it first.")
    return row


def check_new(store: Store, image: Image) -> None:
    """Refuse a version that nodes would refuse; raises `RemoteFault("firmware.version")`."""
    for row in store.find("rollouts", {"board": image.board}):
        if row["version"] >= image.version:
            text = f"{image.board} has had version {row['version']}"
            raise RemoteFault("firmware.version", text, "Use a higher version.")


def published(store: Store, image: Image, who: str, now_s: int) -> None:
    """Note an image that is signed and served; nobody is asked to take it yet."""
    row = {
        "board": image.board,
        "version": image.version,
        "image": image.sha256,
        "length": image.length,
        "percent": 0,
        "groups_json": "[]",
        "failures_max": 1,
        "state": "published",
        "why": "",
        "changed_s": now_s,
    }
    store.add("rollouts", row)
    audit.append(store, now_s, who, "firmware.publish", image.board, version=image.version)


def asked(store: Store, board: str, version: int) -> list[Row]:
    """Return every update order of a version, one for each node that was asked."""
    _row(store, board, version)
    rows = store.find("orders", {"kind": "update"}, order=["node", "created_s"])
    wanted = {"version": version, "board": board}
    return [row for row in rows if json.loads(row["detail_json"]) == wanted]


def failures(rows: Sequence[Row]) -> list[Row]:
    """Return the orders that did not succeed."""
    return [row for row in rows if row["state"] in ("failed", "refused")]


def roll_out(
    store: Store, board: str, version: int, wanted: Wanted, who: str, now_s: int
) -> list[str]:
    """Ask nodes until the wanted share was asked; return those that were asked now.

    Raises `RemoteFault` (`firmware.*`) for a roll-out that was stopped, or has failed too often.
    """
    row = _row(store, board, version)
    if row["state"] == "stopped":
        text = f"the roll-out of {version} was stopped: {row['why']}"
        raise RemoteFault("firmware.stopped", text, "Publish a mended image.")
    if not 1 <= wanted.percent <= 100 or wanted.failures_max < 1:
        raise RemoteFault("firmware.share", "not a share", "Use 1 to 100 percent, 1 failure up.")
    newest = max(one["version"] for one in store.find("rollouts", {"board": board}))
    if version != newest:
        text = f"{board} has version {newest} by now"
        raise RemoteFault("firmware.replaced", text, f"Roll out {newest}.")
    nodes = _nodes(store, wanted.groups)
    nodes.sort(key=lambda node: hashlib.sha256(f"{version}:{node}".encode()).digest())
    share = nodes[: -(-len(nodes) * wanted.percent // 100)]
    known = {one["node"] for one in asked(store, board, version)}
    fresh = []
    for node in share:
        if node in known or _is_busy(store, node, now_s):
            continue
        detail = {"version": version, "board": board}
        orders.give(store, node, "update", who, now_s, detail, LIFE_S)
        fresh.append(node)
    changes = {
        "percent": wanted.percent,
        "groups_json": json.dumps(list(wanted.groups)),
        "failures_max": wanted.failures_max,
        "state": "rolling",
        "changed_s": now_s,
    }
    store.change("rollouts", (board, version), changes)
    audit.append(store, now_s, who, "firmware.rollout", board, version=version, nodes=len(fresh))
    return fresh


def _nodes(store: Store, groups: Sequence[str]) -> list[str]:
    found = []
    for row in store.each("nodes", {"state": "enrolled"}):
        if not groups or set(groups) & set(json.loads(row["groups_json"])):
            found.append(str(row["node"]))
    return found


def _is_busy(store: Store, node: str, now_s: int) -> bool:
    where = {"node": node, "kind": "update", "state": list(orders.OPEN)}
    return any(row["expires_s"] > now_s for row in store.find("orders", where))


def stop(store: Store, board: str, version: int, why: str, who: str, now_s: int) -> list[str]:
    """Take back every order that was not answered; return the nodes concerned.

    A node that has begun goes on: it decides alone whether the image runs.
    """
    _row(store, board, version)
    nodes = []
    for row in asked(store, board, version):
        if row["state"] in orders.OPEN:
            orders.withdraw(store, row["node"], row["name"], who, now_s)
            nodes.append(row["node"])
    changes = {"state": "stopped", "why": why, "changed_s": now_s}
    store.change("rollouts", (board, version), changes)
    audit.append(store, now_s, who, "firmware.stop", board, version=version, why=why)
    return nodes


def stop_failing(store: Store, now_s: int) -> list[str]:
    """Stop every roll-out that has reached its threshold; return the nodes concerned."""
    nodes: list[str] = []
    for row in store.find("rollouts", {"state": "rolling"}):
        board, version = row["board"], row["version"]
        failed = failures(asked(store, board, version))
        if len(failed) >= row["failures_max"]:
            why = f"{len(failed)} of {row['failures_max']} failures"
            nodes += stop(store, board, version, why, "hub", now_s)
    return nodes


def status(store: Store, board: str | None = None) -> list[dict[str, Any]]:
    """Return every roll-out, newest first, with its nodes by state and each failure's reason."""
    where = {"board": board} if board else {}
    found = []
    for row in store.find("rollouts", where, order=["version"], descending=True):
        rows = asked(store, row["board"], row["version"])
        states: dict[str, int] = {}
        for one in rows:
            states[one["state"]] = states.get(one["state"], 0) + 1
        reasons = {one["node"]: one["code"] for one in failures(rows)}
        names = ("board", "version", "state", "why", "percent", "failures_max")
        shown = {name: row[name] for name in names}
        found.append({**shown, "nodes": states, "failures": reasons})
    return found
