"""What delegating roles say, as plain values: a registry's units, the top-level targets' groups."""

from collections.abc import Iterable
from typing import NamedTuple

from securesystemslib.signer import Key
from tuf.api.metadata import DelegatedRole, Delegations, Targets

from hub.repository.roles import delegator_of, group_of, parse, paths_of, role_name
from protocols import limits
from protocols.errors import LocalFault


class Grant(NamedTuple):
    """Give a role to keys with a threshold."""

    role: str
    keys: list[Key]
    threshold: int


class Unit(NamedTuple):
    """Say who approves for a unit, and whether the hub may relay alerts by itself."""

    unit: str
    approvers: list[Key]
    bundle_threshold: int = 1
    alert_threshold: int = 1
    auto_alert: bool = False


def delegations(delegator: str, grants: list[Grant]) -> Delegations:
    """Build the delegations of `delegator`, terminating, in the given order.

    Raises `LocalFault` for a role that is not its to give, twice the same role, a threshold that
    its keys cannot reach, or more than the limits.
    """
    keys: dict[str, Key] = {}
    roles: dict[str, DelegatedRole] = {}
    for grant in grants:
        keyids = [key.keyid for key in grant.keys]
        if delegator_of(grant.role) != delegator or grant.role in roles:
            raise LocalFault(
                "repository.delegation",
                f"{delegator} cannot delegate {grant.role}",
                "Each role has exactly one delegator: see the role table.",
            )
        check_threshold(grant.role, keyids, grant.threshold)
        for key in grant.keys:
            if keys.setdefault(key.keyid, key) != key:
                raise LocalFault(
                    "repository.delegation", f"two keys are called {key.keyid}", "Make another key."
                )
        roles[grant.role] = DelegatedRole(
            grant.role, keyids, grant.threshold, True, paths_of(grant.role)
        )
    if len(roles) > limits.DELEGATED_ROLES_MAX or len(keys) > limits.KEYS_MAX:
        raise LocalFault(
            "repository.delegation", f"{delegator} is full", "Open another group for more units."
        )
    return Delegations(keys, roles)


def check_threshold(role: str, keyids: list[str], threshold: int) -> None:
    """Refuse a threshold below one or above the number of different keys."""
    if not 1 <= threshold <= len(set(keyids)) or len(set(keyids)) != len(keyids):
        raise LocalFault(
            "repository.threshold",
            f"{role}: {threshold} signatures from {len(set(keyids))} different keys",
            "Name each key once, and at least as many keys as the threshold.",
        )


def read_grants(targets: Targets) -> dict[str, Grant]:
    """Return the grants of a delegating role by role name, in their order."""
    given = targets.delegations
    if given is None or not given.roles:
        return {}
    return {
        name: Grant(name, [given.keys[keyid] for keyid in role.keyids], role.threshold)
        for name, role in given.roles.items()
    }


def read_units(targets: Targets) -> dict[str, Unit]:
    """Return the units of a registry by id, in their order."""
    grants = read_grants(targets)
    units = {}
    for name, grant in grants.items():
        kind, unit = parse(name)
        if kind.name == "unit":
            alert = grants[role_name("alert", unit)]
            auto = role_name("auto-alert", unit) in grants
            units[unit] = Unit(unit, grant.keys, grant.threshold, alert.threshold, auto)
    return units


def unit_grants(group: str, units: Iterable[Unit], nodes: Key, auto: Key) -> list[Grant]:
    """Return a registry's grants for its units; `nodes` and `auto` are the hub's keys."""
    grants = []
    for unit in units:
        if group_of(unit.unit) != group:
            raise LocalFault(
                "repository.group", f"{unit.unit} is not in group {group}", "Check the unit's id."
            )
        scope = unit.unit
        grants.append(Grant(role_name("unit", scope), unit.approvers, unit.bundle_threshold))
        grants.append(Grant(role_name("alert", scope), unit.approvers, unit.alert_threshold))
        if unit.auto_alert:
            grants.append(Grant(role_name("auto-alert", scope), [auto], 1))
        grants.append(Grant(role_name("nodes", scope), [nodes], 1))
    return grants
