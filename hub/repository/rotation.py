"""Rotation of every key: each method plans the changes that belong together.

A plan is signed by whoever stands by (`Plan.sign` picks for each change the keys that count before
or after it) and published at once, or written to files for holders who are elsewhere.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from securesystemslib.signer import Key

from hub.repository import envelope, registry, signers
from hub.repository.registry import Grant
from hub.repository.repository import Outcome, Repository
from hub.repository.request import Request
from hub.repository.roles import ONLINE_HOLDERS, delegator_of, parse, role_name
from protocols.errors import LocalFault


class Plan:
    """Hold the changes of one rotation until they are signed."""

    def __init__(self, repository: Repository, requests: Sequence[Request]):
        self._repository = repository
        self.requests = list(requests)

    def keyids(self, role: str) -> set[str]:
        """Return the keys whose signature on this change of `role` can count."""
        archive = self._repository.archive
        changed = {one.role: one.metadata.signed for one in self.requests}
        if role == "root":
            delegators = [archive.root().signed, changed["root"]]
        else:
            name = delegator_of(role)
            delegators = [archive.delegator(role), changed.get(name)]
        found: set[str] = set()
        for delegator in delegators:
            if delegator is not None:
                found |= set(envelope.keyids_of(delegator, role))
        return found

    def sign(self, people: Iterable[Any]) -> "Plan":
        """Let everyone present sign what his key counts for; return itself."""
        present = list(people)
        for one in self.requests:
            wanted = self.keyids(one.role)
            one.sign([signer for signer in present if signer.public_key.keyid in wanted])
        return self

    def publish(self, now_s: int, stolen: bool = False) -> Outcome:
        """Publish the changes; raises a `Fault` and changes nothing when a signature is missing."""
        return self._repository.publish(self.requests, now_s, stolen)


class Rotation:
    """Plan changes of keys against what is in force now."""

    def __init__(self, repository: Repository, now_s: int):
        self._repository = repository
        self._proposals = repository.proposals
        self._now_s = now_s
        repository.archive.reload()

    def root(
        self, add: Sequence[Key] = (), remove: Sequence[str] = (), threshold: int | None = None
    ) -> Plan:
        """Plan other root holders, or with nothing given a renewal; `remove` holds key ids."""
        role = self._repository.archive.root().signed.roles["root"]
        grant = Grant("root", self._root_keys("root"), role.threshold)
        grant = _changed(grant, add, remove, threshold)
        changes = {"root": (grant.keys, grant.threshold)}
        return self._plan(self._proposals.root(self._now_s, changes))

    def targets(self, add: Sequence[Key], remove: Sequence[str], threshold: int | None) -> Plan:
        """Plan other keys of the top-level targets, in a new root."""
        role = self._repository.archive.root().signed.roles["targets"]
        grant = Grant("targets", self._root_keys("targets"), role.threshold)
        grant = _changed(grant, add, remove, threshold)
        changes = {"targets": (grant.keys, grant.threshold)}
        again = self._proposals.again("targets", self._now_s)
        return self._plan(again, self._proposals.root(self._now_s, changes))

    def registrars(self, add: Sequence[Key], remove: Sequence[str], threshold: int | None) -> Plan:
        """Plan other registrars; every registry is signed again by one who stays or comes."""
        name = self._registries()[0]
        grant = _changed(self._grants()[name], add, remove, threshold)
        again = [self._proposals.again(role, self._now_s) for role in self._registries()]
        return self._plan(*again, self._proposals.targets(self._now_s, registrars=grant))

    def firmware(self, add: Sequence[Key], remove: Sequence[str], threshold: int | None) -> Plan:
        """Plan other release keys; the images published are signed again."""
        grant = _changed(self._grants()["firmware"], add, remove, threshold)
        again = self._proposals.again("firmware", self._now_s)
        return self._plan(again, self._proposals.targets(self._now_s, firmware=grant))

    def groups(self, names: Sequence[str]) -> Plan:
        """Plan further groups of units; their registries begin empty."""
        change = self._proposals.targets(self._now_s, groups=names)
        fresh = [self._proposals.again(role_name("registry", name), self._now_s) for name in names]
        return self._plan(*fresh, change)

    def online(self) -> Plan:
        """Make new online keys for everything and plan the changes that put them in force.

        New timestamp and snapshot keys stand in a new root, so clients forget what the old ones
        signed (TUF 1.0, 5.3.11: recovery from a fast-forward attack).
        """
        fresh = {holder: self._repository.online.add(holder) for holder in ONLINE_HOLDERS}
        changes = {role: ([fresh[role]], 1) for role in ("timestamp", "snapshot")}
        batch = [self._proposals.targets(self._now_s)]
        for role in self._registries():
            current = self._repository.archive.current(role)
            units = registry.read_units(current.signed).values() if current else ()
            batch.append(self._proposals.registry(parse(role)[1], units, self._now_s))
        return self._plan(*batch, self._proposals.root(self._now_s, changes))

    def _plan(self, *requests: Request) -> Plan:
        return Plan(self._repository, requests)

    def _root_keys(self, role: str) -> list[Key]:
        root = self._repository.archive.root().signed
        return [root.keys[keyid] for keyid in root.roles[role].keyids]

    def _grants(self) -> dict[str, Grant]:
        current = self._repository.archive.current("targets")
        if current is None:
            raise LocalFault(
                "repository.role", "the targets role does not count", "Mend targets first."
            )
        return registry.read_grants(current.signed)

    def _registries(self) -> list[str]:
        return [role for role in self._grants() if role.startswith("registry-")]


def drop_old_online_keys(repository: Repository) -> list[str]:
    """Delete the online keys that metadata in force no longer name; return their ids."""
    archive, kept = repository.archive, set()
    archive.reload()
    for role in ["timestamp", "snapshot", *archive.roles()]:
        delegator = archive.delegator(role) if role != "root" else None
        kept |= set(envelope.keyids_of(delegator, role)) if delegator else set()
    newest = {repository.online.newest(holder).keyid for holder in ONLINE_HOLDERS}
    return repository.online.drop(kept | newest)


def _changed(
    grant: Grant, add: Sequence[Key], remove: Sequence[str], threshold: int | None
) -> Grant:
    """Return a grant with keys added and removed; `remove` holds key ids or their beginnings."""
    keys = list(grant.keys)
    for start in remove:
        keys.remove(signers.find(keys, start))
    keys += [key for key in add if key.keyid not in {one.keyid for one in keys}]
    wanted = grant.threshold if threshold is None else threshold
    registry.check_threshold(grant.role, [key.keyid for key in keys], wanted)
    return grant._replace(keys=keys, threshold=wanted)
