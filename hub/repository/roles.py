"""The role table: every signing role, who delegates it, what it may sign, how long it holds."""

import re
from typing import NamedTuple

from protocols import delegation, fields, limits, units
from protocols.errors import LocalFault

GROUP_PATTERN = re.compile(r"[a-z0-9]{1,8}")

DAY_S = 86400


class Kind(NamedTuple):
    """Describe one row of the table.

    `scope` is what the role's name ends in (`group`, `unit` or empty), `holder` says whose key
    signs, `days` is the default validity. An empty `delegator` marks the root.
    """

    name: str
    scope: str
    delegator: str
    holder: str
    paths: tuple[str, ...]
    days: int


# Validity. People's signatures outlive a programme's year (rules and lunar dates run 400 days);
# what the hub signs alone is renewed long before. Timestamp and snapshot are issued as a pair.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("root", "", "", "root", (), 1095),
        Kind("targets", "", "root", "targets", (), 1095),
        Kind("snapshot", "", "root", "snapshot", (), 30),
        Kind("timestamp", "", "root", "timestamp", (), 30),
        Kind(
            "registry",
            "group",
            "targets",
            "registrar",
            ("units/{scope}.*/*", "alerts/{scope}.*/*", "nodes/{scope}.*/*/*"),
            730,
        ),
        Kind("relays", "", "targets", "relays", ("relays/*/media.json",), 365),
        Kind("firmware", "", "targets", "firmware", ("firmware/*/image.json",), 1095),
        Kind(
            "unit",
            "unit",
            "registry",
            "approver",
            ("units/{scope}/bundle.json", "units/{scope}/mandates.json"),
            400,
        ),
        Kind("alert", "unit", "registry", "approver", ("alerts/{scope}/alert.json",), 400),
        Kind("auto-alert", "unit", "registry", "auto-alert", ("alerts/{scope}/auto.json",), 365),
        Kind(
            "nodes",
            "unit",
            "registry",
            "nodes",
            ("nodes/{scope}/*/settings.json", "nodes/{scope}/*/orders.json"),
            365,
        ),
    )
}
DELEGATORS = {kind.delegator for kind in KINDS.values() if kind.delegator}
# Keys that stay at the hub unwrapped; every other key is a person's.
ONLINE_HOLDERS = ("timestamp", "snapshot", "nodes", "relays", "auto-alert")


def role_name(kind: str, scope: str = "") -> str:
    """Return the TUF role name of a kind and its scope."""
    return f"{kind}-{scope}" if KINDS[kind].scope else kind


def parse(role: str) -> tuple[Kind, str]:
    """Return the kind and scope of a role name; raises `LocalFault` for a foreign name."""
    if role in KINDS and not KINDS[role].scope:
        return KINDS[role], ""
    for kind in KINDS.values():
        scope = role[len(kind.name) + 1 :]
        is_scope = GROUP_PATTERN.fullmatch if kind.scope == "group" else units.is_unit_id
        if kind.scope and role.startswith(kind.name + "-") and is_scope(scope):
            return kind, scope
    raise LocalFault("repository.role", f"no role is called {role!r}", "Check the unit's id.")


def delegator_of(role: str) -> str:
    """Return the role name that delegates `role`."""
    kind, scope = parse(role)
    if kind.delegator == "registry":
        return role_name("registry", group_of(scope))
    return kind.delegator


def paths_of(role: str) -> list[str]:
    """Return the path patterns that `role` may sign."""
    kind, scope = parse(role)
    return [path.format(scope=scope) for path in kind.paths]


def may_sign(role: str, path: str) -> bool:
    """Tell whether `role` may name `path`; a role that delegates names no file itself."""
    if parse(role)[0].name in DELEGATORS:
        return False
    plain = all(fields.is_id(part, limits.ID_BYTES_MAX) for part in path.split("/"))
    return plain and any(delegation.matches(pattern, path) for pattern in paths_of(role))


def depth_of(role: str) -> int:
    """Return how many delegations lie above `role` (root is 0)."""
    depth = 0
    while parse(role)[0].delegator:
        role, depth = delegator_of(role), depth + 1
    return depth


def group_of(unit: str) -> str:
    """Return the group of a unit id; raises `LocalFault` for an id that is none."""
    if not units.is_unit_id(unit):
        raise LocalFault(
            "repository.unit_id", f"{unit!r} is no unit id", "Use <group>.<random>, e.g. 03.k7f2."
        )
    return units.group(unit)


def check_name(name: str) -> str:
    """Return a node, source or board name fit for a target path, or raise `LocalFault`."""
    if not units.is_node_id(name):
        raise LocalFault(
            "repository.name",
            f"{name!r} cannot stand in a path",
            "Use letters, digits, point, dash and underscore, no leading point, at most 40.",
        )
    return name
