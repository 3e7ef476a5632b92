"""Say on the LAN where this hub is: a hint for the technician's tool, which nobody trusts."""

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from protocols.errors import LocalFault
from protocols.lan import HUB, SERVICE, words


@contextlib.asynccontextmanager
async def announced(address: str | None, port: int) -> AsyncIterator[None]:
    """Announce the hub on the interface that has `address`, for as long as the context lasts.

    None announces nothing. Raises `LocalFault("serve.announce")`.
    """
    if address is None:
        yield
        return
    try:
        packed = ipaddress.IPv4Address(address).packed
        # zeroconf leaves sockets open when the address is none of this machine's.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
        zeroconf = AsyncZeroconf(interfaces=[address])
    except (ValueError, OSError) as error:
        text = f"--announce {address}: {error}"
        raise LocalFault(
            "serve.announce", text, "Give this machine's own IPv4 address on the LAN."
        ) from error
    name = "hub-" + packed.hex()
    info = AsyncServiceInfo(
        SERVICE,
        f"{name}.{SERVICE}",
        addresses=[packed],
        port=port,
        properties=dict(words(HUB)),
        server=f"{name}.local.",
    )
    try:
        await (await zeroconf.async_register_service(info, allow_name_change=True))
        yield
    finally:
        await zeroconf.async_close()
