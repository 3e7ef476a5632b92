"""What runs out soon, and what no longer counts."""

from typing import NamedTuple

from hub.repository.repository import Repository
from hub.repository.roles import DAY_S, ONLINE_HOLDERS, parse


class Expiry(NamedTuple):
    """Say when a role's signature ends and whose hand renews it; `role` may be `timestamp`,
    then of the unit in `scope`."""

    role: str
    scope: str
    holder: str
    expires_s: int

    @property
    def online(self) -> bool:
        """Tell whether the hub renews it by itself."""
        return self.holder in ONLINE_HOLDERS


def expiring(repository: Repository, now_s: int, within_days: int = 30) -> list[Expiry]:
    """Return the signatures that end within so many days, soonest first."""
    archive = repository.archive
    archive.reload()
    found = [_of("root", archive.root().signed.expires.timestamp())]
    for role in archive.roles():
        current = archive.current(role) if role != "root" else None
        if current is not None:
            found.append(_of(role, current.signed.expires.timestamp()))
    for unit in repository.layout.view_units():
        view = repository.views.load(unit)
        if view is not None and view.timestamp is not None:
            expires = view.timestamp.signed.expires.timestamp()
            found.append(Expiry("timestamp", unit, "timestamp", int(expires)))
    end_s = now_s + within_days * DAY_S
    return sorted((one for one in found if one.expires_s <= end_s), key=lambda one: one.expires_s)


def orphans(repository: Repository) -> list[str]:
    """Return the roles whose newest file no longer counts: a person must sign them again.

    It happens when the only approver who signed has left; nodes keep what they had.
    """
    archive = repository.archive
    archive.reload()
    return [role for role in archive.roles() if role != "root" and archive.is_orphan(role)]


def _of(role: str, expires_s: float) -> Expiry:
    kind, scope = parse(role)
    return Expiry(role, scope, kind.holder, int(expires_s))
