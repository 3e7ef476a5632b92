"""Announce and look around by mDNS on one address of a LAN, through `zeroconf`."""

import socket
from typing import Any

from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hw import announcer_port
from protocols.errors import RemoteFault, WorldFault
from protocols.lan import SERVICE, Found, read
from protocols.limits import LAN_FOUND_MAX

_ASK_MS = 2_000


class Announcer(announcer_port.Announcer):
    """Speak on the interface that has `address`, and on no other: never on the modem's."""

    def __init__(self, address: str):
        self._address = address
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._name = ""
        self._found: dict[str, Found] = {}
        self._pending: set[str] = set()

    async def open(self, name: str, port: int, words: dict[str, str]) -> None:
        """Announce and listen; raises `WorldFault("lan.mdns")`."""
        self._name = f"{name}.{SERVICE}"
        try:
            # zeroconf leaves sockets open when the address is none of this machine's.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((self._address, 0))
            self._zeroconf = AsyncZeroconf(interfaces=[self._address])
            if port:
                info = AsyncServiceInfo(
                    SERVICE,
                    self._name,
                    addresses=[socket.inet_aton(self._address)],
                    port=port,
                    properties=dict(words),
                    server=f"{name}.local.",
                )
                await (await self._zeroconf.async_register_service(info))
            self._browser = AsyncServiceBrowser(
                self._zeroconf.zeroconf, SERVICE, handlers=[self._changed]
            )
        except Exception as error:
            await self.close()
            text = f"{self._address}: {error!r}"
            raise WorldFault("lan.mdns", text, "Check the LAN's address and cable.") from error

    def found(self) -> list[Found]:
        """Return who is there now."""
        return [self._found[name] for name in sorted(self._found)]

    async def close(self) -> None:
        """Take the announcement back."""
        zeroconf, self._zeroconf = self._zeroconf, None
        if self._browser is not None:
            await self._browser.async_cancel()
            self._browser = None
        if zeroconf is not None:
            await zeroconf.async_close()

    def _changed(self, **given: Any) -> None:
        name: str = given["name"]
        if given["state_change"] is ServiceStateChange.Removed:
            self._found.pop(name, None)
        elif name != self._name and len(self._found) + len(self._pending) < LAN_FOUND_MAX:
            self._pending.add(name)
            zeroconf = given["zeroconf"]
            zeroconf.loop.create_task(self._ask(zeroconf, name))

    async def _ask(self, zeroconf: Any, name: str) -> None:
        info = AsyncServiceInfo(SERVICE, name)
        try:
            if await info.async_request(zeroconf, _ASK_MS):
                addresses = [one for one in info.parsed_addresses() if ":" not in one]
                self._found[name] = read(name, info.properties, addresses, info.port)
        except RemoteFault:
            # Anybody may use this service's name; such a one is none of ours.
            self._found.pop(name, None)
        finally:
            self._pending.discard(name)
