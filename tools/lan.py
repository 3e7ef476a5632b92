"""`chieng-tool lan list`: who announces itself on this LAN. Nothing found this way is trusted."""

import asyncio
import json
import socket
from typing import Any

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from protocols.errors import RemoteFault, WorldFault
from protocols.lan import SERVICE, Found, read
from protocols.limits import LAN_FOUND_MAX
from tools.context import Context

SECONDS = 3.0
_ASK_MS = 1_500


def add_parser(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("lan", help="tìm máy trên mạng LAN / look around on the LAN")
    command.set_defaults(run=run)
    command.add_argument("verb", choices=("list",))
    command.add_argument("--address", action="append", help="this laptop's own; all if absent")
    command.add_argument("--seconds", type=float, default=SECONDS)
    command.add_argument("--json", action="store_true")


def run(context: Context) -> None:
    """Print who answers within a few seconds."""
    options, console = context.options, context.console
    found = asyncio.run(look(options.address, options.seconds))
    for one in found:
        if options.json:
            console.line(json.dumps({**one._asdict(), "base": one.base}))
        else:
            console.line(f"{one.role:5} {one.name:20} {one.unit:12} {one.base}")
    if not options.json:
        console.say("lan_hint" if found else "lan_nobody")


async def look(addresses: list[str] | None, seconds: float) -> list[Found]:
    """Return who announces itself; raises `WorldFault("lan.mdns")`."""
    names: dict[str, None] = {}

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: Any) -> None:
        if state_change is not ServiceStateChange.Removed and len(names) < LAN_FOUND_MAX:
            names[name] = None

    try:
        for address in addresses or ():
            # zeroconf leaves sockets open when the address is none of this machine's.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        zeroconf = AsyncZeroconf(interfaces=addresses) if addresses else AsyncZeroconf()
    except (OSError, ValueError, RuntimeError) as error:
        raise WorldFault("lan.mdns", str(error), "Check the LAN's address and cable.") from error
    try:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[changed])
        await asyncio.sleep(seconds)
        await browser.async_cancel()
        found = await asyncio.gather(*(_ask(zeroconf, name) for name in sorted(names)))
    finally:
        await zeroconf.async_close()
    return [one for one in found if one is not None]


async def _ask(zeroconf: AsyncZeroconf, name: str) -> Found | None:
    info = AsyncServiceInfo(SERVICE, name)
    if not await info.async_request(zeroconf.zeroconf, _ASK_MS):
        return None
    try:
        addresses = [one for one in info.parsed_addresses() if ":" not in one]
        return read(name, info.properties, addresses, info.port)
    except RemoteFault:
        return None
