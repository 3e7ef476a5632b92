"""Ask nodes for what the hub's own key may ask, by whoever may serve them.

Only narrow things (DESIGN section 4): a self-test, a log, a restart, less volume, more quiet hours.
"""

import re
from typing import Any

from hub import order_publishing, orders
from hub.form import Form
from hub.services import Services
from hub.store import Row
from protocols.errors import RemoteFault
from protocols.limits import BANDS_MAX

ONCE = ("self-test", "upload-log", "restart")
KINDS = (*ONCE, "settings")
_CLOCK = r"((?:[01][0-9]|2[0-3]):[0-5][0-9])"
_BAND = re.compile(_CLOCK + r"\s*[-–]\s*" + _CLOCK)


def read(sent: Form) -> tuple[str, dict[str, Any]]:
    """Return what a form asks for: the kind, and the details of settings.

    Raises `RemoteFault` (`order.kind`, `order.volume`, `order.quiet`).
    """
    kind = sent.one("kind")
    if kind in ONCE:
        return kind, {}
    if kind != "settings":
        raise RemoteFault("order.kind", "no such order", "Choose one of the list.")
    volume = sent.number("volume", 100)
    if not 0 <= volume <= 100:
        raise RemoteFault("order.volume", "no percentage", "Write 0 to 100.")
    bands = [one for one in re.split(r"[,;\n]", sent.one("quiet")) if one.strip()]
    found = [_BAND.fullmatch(one.strip()) for one in bands]
    if len(bands) > BANDS_MAX or not all(found):
        raise RemoteFault("order.quiet", "no quiet hours", "Write them as 12:00-13:30.")
    return kind, {"volume_percent": volume, "quiet": [list(one.groups()) for one in found if one]}


async def ask(services: Services, node: str, kind: str, detail: dict[str, Any], who: str) -> Row:
    """Note what a node is asked and publish it; raises `RemoteFault` (`fleet.*`, `order.*`)."""
    row = await note(services, node, kind, detail, who)
    await publish(services, node, kind)
    return row


async def note(services: Services, node: str, kind: str, detail: dict[str, Any], who: str) -> Row:
    """Note what a node is asked; it must be published after."""
    now_s = services.now_s()
    if kind == "settings":
        volume, quiet = detail["volume_percent"], detail["quiet"]
        return await services.ledger.write(
            lambda s: orders.narrow(s, node, volume, quiet, who, now_s)
        )
    return await services.ledger.write(lambda s: orders.give(s, node, kind, who, now_s))


async def publish(services: Services, node: str, kind: str) -> None:
    """Publish what a node was asked."""
    if kind == "settings":
        await order_publishing.publish_settings(services, node)
    else:
        await order_publishing.publish_orders(services, node)
