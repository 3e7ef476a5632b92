"""Ask the kernel for an interface's IPv4 address (netdevice(7), SIOCGIFADDR)."""

import fcntl
import socket
import struct

from protocols.errors import WorldFault

_SIOCGIFADDR = 0x8915
_NAME_BYTES_MAX = 15


def address_of(interface: str) -> str:
    """Return the address; raises `WorldFault("lan.address")` while there is none."""
    name = interface.encode()[:_NAME_BYTES_MAX]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, struct.pack("256s", name))
        except OSError as error:
            text = f"{interface} has no address: {error}"
            raise WorldFault("lan.address", text, "Plug the LAN cable in; it is tried again")
    return socket.inet_ntoa(answer[20:24])
