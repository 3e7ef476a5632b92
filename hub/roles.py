"""Roles: what each may do, and over which units.

A grant is (role, unit) and covers the unit and everything under it; `EVERYWHERE` covers the hub.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from hub import fleet
from hub.store import Row

VIEW, WRITE, APPROVE, ALARM = "view", "write", "approve", "alarm"
# To write bulletins, if only in the name of one's own organisation.
SUPPLY = "supply"
REGISTER, SERVICE, ADMINISTER = "register", "service", "administer"
# To look at who was installed where, by whom, with which readings.
INSPECT = "inspect"
# To say which units and hamlets there are.
ARRANGE = "arrange"

OBSERVER, AUTHOR, APPROVER = "observer", "author", "approver"
REGISTRAR, TECHNICIAN, ADMINISTRATOR = "registrar", "technician", "administrator"

# Not given as such: what an author is whose grant is on an organisation (`hub.organisations`).
CONTRIBUTOR = "contributor"
# A grant on an organisation names it behind this mark, where others name a unit.
SUPPLIER = "@"

PERMISSIONS = {
    OBSERVER: frozenset({VIEW}),
    AUTHOR: frozenset({VIEW, WRITE, SUPPLY, ALARM}),
    CONTRIBUTOR: frozenset({VIEW, SUPPLY}),
    APPROVER: frozenset({VIEW, APPROVE, ALARM}),
    REGISTRAR: frozenset({VIEW, INSPECT, REGISTER, ARRANGE}),
    TECHNICIAN: frozenset({VIEW, INSPECT, SERVICE}),
    ADMINISTRATOR: frozenset({VIEW, INSPECT, SERVICE, ADMINISTER, ARRANGE}),
}
ROLES = tuple(role for role in PERMISSIONS if role != CONTRIBUTOR)
# Who can put words on the air or let others do so proves it twice.
STRONG_ROLES = frozenset({APPROVER, REGISTRAR, ADMINISTRATOR})
EVERYWHERE = "*"


class Grant(NamedTuple):
    """Let a role be used on `unit` and everything under it."""

    role: str
    unit: str


class Reader(NamedTuple):
    """Who looks at a page: `account` (its id), `name`, grants, and whether a code was asked for.

    `homes` are the units of the organisations that grants are on, by the grants' `unit`.
    """

    account: str
    name: str
    grants: tuple[Grant, ...]
    strong: bool
    homes: Mapping[str, str] = MappingProxyType({})

    def may(self, permission: str) -> bool:
        """Tell whether some grant gives a permission somewhere."""
        return any(permission in PERMISSIONS[grant.role] for grant in self.grants)

    def allows(self, permission: str, units: dict[str, Row], unit: str) -> bool:
        """Tell whether a grant gives a permission on a unit; `units` are those in force by id."""
        covering = {EVERYWHERE, unit, *fleet.ancestors(units, unit)}
        return any(
            permission in PERMISSIONS[grant.role]
            and (grant.unit in covering or self.homes.get(grant.unit) == unit)
            for grant in self.grants
        )

    def everywhere(self, permission: str) -> bool:
        """Tell whether a permission holds on the whole hub."""
        return self.allows(permission, {}, EVERYWHERE)

    def reach(self, permission: str, units: dict[str, Row]) -> frozenset[str]:
        """Return the units in force on which a permission holds."""
        return frozenset(unit for unit in units if self.allows(permission, units, unit))

    def bounds(self, permission: str, units: dict[str, Row]) -> frozenset[str] | None:
        """Return the units to which a permission is bound; None for none, past units too."""
        return None if self.everywhere(permission) else self.reach(permission, units)

    def must_be_strong(self) -> bool:
        """Tell whether a grant asks for a second factor."""
        return needs_second_factor(grant.role for grant in self.grants)


def needs_second_factor(roles: Iterable[str]) -> bool:
    """Tell whether any of some roles asks for a second factor."""
    return any(role in STRONG_ROLES for role in roles)


def supplying(grants: Iterable[Grant], homes: Mapping[str, str]) -> tuple[Grant, ...]:
    """Return grants as they count: those on organisations that stand, as contributor's."""
    found = []
    for one in grants:
        if not one.unit.startswith(SUPPLIER):
            found.append(one)
        elif one.unit in homes:
            found.append(Grant(CONTRIBUTOR, one.unit))
    return tuple(found)


def of_rows(rows: Collection[Row]) -> tuple[Grant, ...]:
    """Return the grants of some rows of `grants`, in a fixed order."""
    return tuple(sorted(Grant(row["role"], row["unit"]) for row in rows))
