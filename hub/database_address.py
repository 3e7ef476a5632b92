"""Which database a hub has: a line in its folder names one of PostgreSQL; without it, SQLite."""

from pathlib import Path

from hub.repository import durable
from protocols.errors import LocalFault

_SCHEMES = ("postgresql://", "postgres://")


def _file(data: Path) -> Path:
    return data / "database"


def check(address: str) -> str:
    """Return an address that the hub can open; raises `LocalFault("hub.database")`."""
    if not address.startswith(_SCHEMES):
        raise LocalFault(
            "hub.database",
            "the database's address is not postgresql://USER@HOST/NAME",
            "Write postgresql:///NAME?host=/var/run/postgresql for one on this machine; "
            "for SQLite give none.",
        )
    return address


def read(data: Path) -> str | None:
    """Return the address in a hub's folder, or None for SQLite; raises as `check`."""
    try:
        address = _file(data).read_text().strip()
    except FileNotFoundError:
        return None
    return check(address) if address else None


def write(data: Path, address: str) -> None:
    """Keep an address in a hub's folder; it may hold a password, so others cannot read it."""
    durable.Disk().write(_file(data), check(address).encode() + b"\n", 0o600)
