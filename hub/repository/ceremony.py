"""The founding of a repository: first root, first targets, empty registries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tuf.api.metadata import Metadata, Root, Targets

from hub.repository import durable, envelope, registry, signers
from hub.repository.layout import Layout
from hub.repository.online_keys import OnlineKeys
from hub.repository.policy import Policy, next_version
from hub.repository.proposals import set_root_keys
from hub.repository.registry import Grant
from hub.repository.repository import Repository
from hub.repository.roles import depth_of, role_name
from protocols.errors import LocalFault


class Founders(NamedTuple):
    """Hold the signers of the people at the ceremony; any signer of securesystemslib will do."""

    root: list[Any]
    targets: list[Any]
    registrars: list[Any]
    firmware: list[Any]
    root_threshold: int = 2
    targets_threshold: int = 1
    registrar_threshold: int = 1
    firmware_threshold: int = 1

    @classmethod
    def generate(cls, registrars: int = 1) -> "Founders":
        """Make fresh Ed25519 keys in memory: three for root, one for targets and firmware each."""
        return cls(_fresh(3), _fresh(1), _fresh(registrars), _fresh(1))


def found(
    root_path: Path,
    online: OnlineKeys,
    founders: Founders,
    groups: Sequence[str],
    now_s: int,
    policy: Policy | None = None,
) -> Repository:
    """Write a new repository with empty registries for `groups` and open it.

    Root goes last: a ceremony broken off before it is simply held again. Raises
    `LocalFault("repository.exists")` over an existing root.
    """
    layout = Layout(root_path)
    policy = policy or Policy()
    with durable.writer_lock(layout.lock):
        if "root" in layout.role_versions():
            raise LocalFault(
                "repository.exists",
                f"{root_path} already holds a repository",
                "Choose an empty folder, or rotate the keys of this one.",
            )
        policy.save(layout)
        grants = [
            Grant(
                role_name("registry", group),
                _publics(founders.registrars),
                founders.registrar_threshold,
            )
            for group in groups
        ]
        grants.append(Grant("relays", [online.newest("relays")], 1))
        grants.append(Grant("firmware", _publics(founders.firmware), founders.firmware_threshold))
        signers = {grant.role: founders.registrars for grant in grants}
        signers.update(relays=_online(online, "relays"), firmware=founders.firmware)
        signers["targets"] = founders.targets
        for role in sorted(signers, key=lambda name: -depth_of(name)):
            expires = policy.expires(role, now_s)
            targets = Targets(version=next_version(0, now_s), expires=expires)
            if role == "targets":
                targets.delegations = registry.delegations(role, grants)
            _write(layout, role, Metadata(targets), signers[role])
        root = first_root(online, founders, policy, now_s)
        _write(layout, "root", root, founders.root)
    repository = Repository(root_path, online)
    check(repository, list(signers))
    return repository


def first_root(
    online: OnlineKeys, founders: Founders, policy: Policy, now_s: int
) -> Metadata[Root]:
    """Build the unsigned first root."""
    root = Root(version=1, expires=policy.expires("root", now_s), consistent_snapshot=True)
    keys = {
        "root": (_publics(founders.root), founders.root_threshold),
        "targets": (_publics(founders.targets), founders.targets_threshold),
        "snapshot": ([online.newest("snapshot")], 1),
        "timestamp": ([online.newest("timestamp")], 1),
    }
    set_root_keys(root, keys)
    return Metadata(root)


def check(repository: Repository, roles: list[str]) -> None:
    """Read back what was written; raises `LocalFault` when a role does not count."""
    root = repository.archive.root()
    if not envelope.verifies(root.signed, "root", root):
        raise LocalFault("keys.threshold", "root lacks signatures", "Gather enough holders.")
    for role in roles:
        if repository.archive.current(role) is None:
            raise LocalFault("keys.threshold", f"{role} lacks signatures", "Gather its holders.")


def _write(layout: Layout, role: str, metadata: Metadata[Any], signers: list[Any]) -> None:
    envelope.sign(metadata, signers)
    path = layout.role_file(role, metadata.signed.version)
    layout.disk.write(path, envelope.encode(metadata))


def _fresh(count: int) -> list[Any]:
    return [signers.generate() for _ in range(count)]


def _publics(signers: list[Any]) -> list[Any]:
    return [signer.public_key for signer in signers]


def _online(online: OnlineKeys, holder: str) -> list[Any]:
    return [online.signers()[online.newest(holder).keyid]]
