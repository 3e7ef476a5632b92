"""Which database a hub has: a line in its folder names one of PostgreSQL; without it, SQLite."""

import stat
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


def from_words(address: str | None, file: str | None) -> str | None:
    """Return the address that a command names, itself or in a file of the caller's alone.

    Raises `LocalFault("hub.database_password")` for a password in the words, which every user of
    the machine can read while the command runs, and `LocalFault("hub.database")`.
    """
    if file is not None:
        path = Path(file)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise LocalFault(
                "hub.database", f"others can read {file}", f"Do `chmod 600 {file}` first."
            )
        try:
            return check(path.read_text("utf-8").strip())
        except UnicodeDecodeError:
            raise LocalFault(
                "hub.database", f"{file} is no text", "Write the address into it, and nothing else."
            ) from None
    if address and _has_password(check(address)):
        raise LocalFault(
            "hub.database_password",
            "a password among the words of a command shows in the list of processes",
            "Change it, as it has been seen. Write the whole address into a file of mode 600 and "
            "give --database-file FILE, or leave the password out and keep it in ~/.pgpass.",
        )
    return check(address) if address else None


def _has_password(address: str) -> bool:
    # Read as PostgreSQL's client reads it: to that, "#" and "?" may stand in a password.
    from psycopg import ProgrammingError, conninfo  # noqa: PLC0415

    try:
        named = conninfo.conninfo_to_dict(address)
    except ProgrammingError:
        # It says so itself later; what the address holds is not known.
        return True
    return not named.keys().isdisjoint(("password", "sslpassword"))


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
