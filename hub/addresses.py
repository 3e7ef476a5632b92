"""Addresses as a person writes them, and which of them are this machine."""

import ipaddress

from protocols.errors import LocalFault


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
