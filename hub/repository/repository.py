"""The repository: what the hub publishes, signed, and how a change becomes visible.

Order of every publication: manifests, role files (delegates before delegators), snapshots, each
followed by its timestamp, a new root last. Nothing is visible before a timestamp says so, and
`settle` derives all views from the role files that count, so a crash leaves the old view or the new
one, and the next `settle` completes what was begun.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hub.repository import durable, envelope, policy, pruning, request, views
from hub.repository.admission import Admission
from hub.repository.archive import Archive
from hub.repository.layout import Layout
from hub.repository.online_keys import OnlineKeys
from hub.repository.proposals import Proposals
from hub.repository.registry import Unit
from hub.repository.request import Request
from hub.repository.roles import check_name, depth_of, role_name
from protocols.errors import LocalFault


class Outcome(NamedTuple):
    """Say what became of a signed change: published, or waiting for `missing` signatures."""

    published: bool
    version: int
    missing: int


class Repository:
    """Write and renew the TUF metadata of a province.

    Every time is Unix seconds and an argument. Methods that write take the one writer's lock.
    """

    def __init__(self, root_path: Path, online: OnlineKeys, disk: durable.Disk | None = None):
        self.layout = Layout(root_path, disk)
        self.online = online
        self.policy = policy.load(self.layout)
        self.archive = Archive(self.layout)
        self.views = views.Views(self.layout)
        self.archive.reload()
        self.proposals = Proposals(self.archive, self.policy, online)

    # Units

    def units(self) -> list[str]:
        """Return the units in force, sorted."""
        return self.archive.units()

    def unit(self, unit: str) -> Unit:
        """Return who approves for a unit."""
        found = self.proposals.units_beside(unit).get(unit)
        if found is None:
            raise LocalFault("repository.unit", f"no unit {unit} in force", "Add the unit first.")
        return found

    def chain(self, unit: str) -> list[str]:
        """Return a unit and its ancestors, nearest first."""
        view = self.views.load(unit)
        if view is None:
            raise LocalFault("repository.unit", f"{unit} has no view", "Add the unit first.")
        return view.chain

    def add_unit(
        self, unit: Unit, ancestors: Sequence[str], registrars: Sequence[Any], now_s: int
    ) -> Outcome:
        """Put a unit in force, with its view; the same call again changes it."""
        outcome = self.change_unit(unit, registrars, now_s)
        if outcome.published:
            self.place_unit(unit.unit, ancestors, now_s)
        return outcome

    def change_unit(
        self,
        unit: Unit,
        registrars: Sequence[Any],
        now_s: int,
        approvers: Sequence[Any] = (),
    ) -> Outcome:
        """Change who approves for a unit.

        Where the change leaves the bundle or the alerts without a counting signature, `approvers`
        (signers that stay or come) sign them again in the same step; without them the unit is named
        by `orphans` until its next approval.
        """
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            change = self.proposals.unit_change(unit, now_s).sign([*registrars])
            batch = [change]
            allowed = {key.keyid for key in unit.approvers}
            signers = [one for one in approvers if one.public_key.keyid in allowed]
            for kind in ("unit", "alert"):
                role = role_name(kind, unit.unit)
                if signers and self.archive.newest_version(role):
                    batch.append(self.proposals.again(role, now_s).sign(signers))
            return self._publish(batch, now_s)

    def close_unit(self, unit: str, registrars: Sequence[Any], now_s: int) -> Outcome:
        """Take a unit out of force; its view stays, so that nodes left there are told."""
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            return self._publish([self.proposals.unit_end(unit, now_s).sign([*registrars])], now_s)

    def place_unit(
        self, unit: str, ancestors: Sequence[str], now_s: int, after: Sequence[str] = ()
    ) -> None:
        """Set a unit's ancestors, nearest first, and issue its view anew.

        Call it also when a node moves into the unit: a fresh view stands above every older one.
        `after` names units whose nodes move here (a split, a merger): their roles stay listed, so
        that any TUF client goes over without a complaint.
        """
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            known = {*self.archive.units(), *self.layout.view_units()}
            for one in [unit, *ancestors, *after]:
                if one not in known:
                    raise LocalFault("repository.unit", f"no unit {one}", "Add the unit first.")
            self._settle(now_s, {unit: [unit, *ancestors]}, after=after)

    # Content

    def sign_bundle(
        self, unit: str, signers: Sequence[Any], manifest: bytes, now_s: int
    ) -> Outcome:
        """Publish a unit's bundle, or keep it waiting when its threshold is not reached."""
        return self._sign(self.propose_bundle(unit, manifest, now_s), signers, now_s)

    def sign_alerts(
        self, unit: str, signers: Sequence[Any], manifest: bytes, now_s: int
    ) -> Outcome:
        """Publish a unit's alerts, or keep them waiting for the second person."""
        return self._sign(self.propose_alerts(unit, manifest, now_s), signers, now_s)

    def propose(self, role: str, files: dict[str, bytes], now_s: int) -> Request:
        """Return new manifests of any role, to be signed."""
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            return self.proposals.manifests(role, files, now_s)

    def propose_bundle(self, unit: str, manifest: bytes, now_s: int) -> Request:
        """Return a bundle to be signed elsewhere (`Request.to_bytes` is the export)."""
        files = {f"units/{unit}/bundle.json": manifest}
        return self.propose(role_name("unit", unit), files, now_s)

    def propose_alerts(self, unit: str, manifest: bytes, now_s: int) -> Request:
        """Return alerts to be signed elsewhere."""
        files = {f"alerts/{unit}/alert.json": manifest}
        return self.propose(role_name("alert", unit), files, now_s)

    def sign_auto_alerts(self, unit: str, manifest: bytes, now_s: int) -> Outcome:
        """Publish alerts that the hub relays by itself, where the unit enabled that."""
        files = {f"alerts/{unit}/auto.json": manifest}
        return self._sign_online(role_name("auto-alert", unit), files, now_s)

    def sign_settings(self, unit: str, node: str, manifest: bytes, now_s: int) -> Outcome:
        """Publish a node's settings with the hub's own key."""
        files = {f"nodes/{unit}/{check_name(node)}/settings.json": manifest}
        return self._sign_online(role_name("nodes", unit), files, now_s)

    def sign_orders(self, unit: str, node: str, manifest: bytes, now_s: int) -> Outcome:
        """Publish a node's orders with the hub's own key."""
        files = {f"nodes/{unit}/{check_name(node)}/orders.json": manifest}
        return self._sign_online(role_name("nodes", unit), files, now_s)

    def sign_for_nodes(
        self, unit: str, name: str, manifests: dict[str, bytes], now_s: int
    ) -> Outcome:
        """Publish `orders` or `settings` (`name`) of several nodes of a unit in one change."""
        files = {f"nodes/{unit}/{check_name(n)}/{name}.json": data for n, data in manifests.items()}
        return self._sign_online(role_name("nodes", unit), files, now_s)

    def forget_node(self, unit: str, node: str, now_s: int) -> Outcome:
        """Take a node's settings and orders out of a unit that it left."""
        folder = f"nodes/{unit}/{check_name(node)}/"
        paths = (folder + "settings.json", folder + "orders.json")
        role = role_name("nodes", unit)
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            change = self.proposals.without(role, paths, now_s)
            return self._publish([change.sign(self._online_signers(role))], now_s)

    def sign_relays(self, source: str, manifest: bytes, now_s: int) -> Outcome:
        """Publish the recorded media of a relay source with the hub's own key."""
        return self._sign_online(
            "relays", {f"relays/{check_name(source)}/media.json": manifest}, now_s
        )

    def sign_firmware(
        self, board: str, signers: Sequence[Any], manifest: bytes, now_s: int
    ) -> Outcome:
        """Publish an application image's manifest under the release key."""
        files = {f"firmware/{check_name(board)}/image.json": manifest}
        return self._sign(self.propose("firmware", files, now_s), signers, now_s)

    def propose_mandates(self, unit: str, manifest: bytes, now_s: int) -> Request:
        """Return what approvers lay down about a unit's nodes, to be signed."""
        files = {f"units/{unit}/mandates.json": manifest}
        return self.propose(role_name("unit", unit), files, now_s)

    def sign_mandates(
        self, unit: str, signers: Sequence[Any], manifest: bytes, now_s: int
    ) -> Outcome:
        """Publish what approvers lay down about a unit's nodes."""
        return self._sign(self.propose_mandates(unit, manifest, now_s), signers, now_s)

    def _sign(self, change: Request, signers: Sequence[Any], now_s: int) -> Outcome:
        for other in self.waiting():
            if other.role == change.role and other.files == change.files:
                change = other
        return self.publish([change.sign([*signers])], now_s)

    def _sign_online(self, role: str, files: dict[str, bytes], now_s: int) -> Outcome:
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            change = self.proposals.manifests(role, files, now_s)
            return self._publish([change.sign(self._online_signers(role))], now_s)

    # Publication

    def publish(self, requests: Sequence[Request], now_s: int, stolen: bool = False) -> Outcome:
        """Publish signed changes together, or keep a single one waiting for signatures.

        With a new root, old and new online keys sign the views in between, so that no reader meets
        a gap; not when a key was `stolen`: then nothing more is signed with the old ones. Raises
        `RemoteFault` or `LocalFault` ("repository.*", "request.*") and changes nothing when a
        change is stale, foreign, too large or signed by the wrong keys.
        """
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            return self._publish(list(requests), now_s, stolen)

    def accept(self, files: Sequence[bytes], now_s: int, stolen: bool = False) -> Outcome:
        """Publish request files that come back from laptops, merging them with what waits.

        Copies of one change that were signed apart are put together.
        """
        changes: dict[tuple[str, int], Request] = {}
        for one in map(request.read, files):
            changes.setdefault((one.role, one.version), one).merge(one)
        return self.publish(list(changes.values()), now_s, stolen)

    def waiting(self) -> list[Request]:
        """Return the changes that wait for further signatures."""
        if not self.layout.pending.is_dir():
            return []
        paths = sorted(self.layout.pending.glob("*.json"))
        found = [request.read(path.read_bytes()) for path in paths]
        return [one for one in found if one.version > self.archive.newest_version(one.role)]

    def _publish(self, requests: list[Request], now_s: int, stolen: bool = False) -> Outcome:
        for one in requests:
            for other in self.waiting():
                if other.role == one.role:
                    one.merge(other)
        admission = Admission(self.archive, requests, now_s)
        missing = admission.check()
        if missing:
            if len(requests) > 1:
                raise LocalFault(
                    "repository.signatures",
                    f"{missing} signatures are missing for {requests[0].role}",
                    "Bring the missing signers, or send the changes one by one.",
                )
            path = self.layout.pending_file(requests[0].role)
            self.layout.disk.write(path, requests[0].to_bytes())
            return Outcome(False, requests[0].version, missing)
        ordered = sorted(requests, key=lambda one: -depth_of(one.role))
        for one in ordered:
            if one.role != "root":
                self._write(one)
        roots = [one for one in ordered if one.role == "root"]
        if not stolen:
            self._settle(now_s, bridge=admission.next_online_keyids())
        if roots:
            self._write(roots[0])
        if roots or stolen:
            self._settle(now_s)
        return Outcome(True, requests[0].version, 0)

    def _write(self, one: Request) -> None:
        layout = self.layout
        for path, data in one.files.items():
            digest = one.metadata.signed.targets[path].hashes["sha256"]
            layout.disk.write(layout.target_file(path, digest), data)
        layout.disk.write(layout.role_file(one.role, one.version), envelope.encode(one.metadata))
        layout.disk.remove(layout.pending_file(one.role))
        self.archive.reload()

    def _online_signers(self, role: str) -> list[Any]:
        delegator = self.archive.delegator(role)
        keyids = [] if delegator is None else envelope.keyids_of(delegator, role)
        held = self.online.signers()
        signers = [held[keyid] for keyid in keyids if keyid in held]
        if not signers:
            raise LocalFault(
                "keys.online",
                f"{role} is not delegated to a key of this hub",
                "Let a registrar add it (`chieng-tool keys unit`), then try again.",
            )
        return signers

    # Renewal

    def refresh(self, now_s: int) -> list[str]:
        """Complete what a crash left, renew what runs out; return the units with a new view."""
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            return self._settle(now_s)

    def reissue(self, now_s: int) -> list[str]:
        """Sign everything of the hub's own anew under numbers above all before."""
        with durable.writer_lock(self.layout.lock):
            self.archive.reload()
            return self._settle(now_s, renew=True)

    def _settle(
        self,
        now_s: int,
        chains: dict[str, list[str]] | None = None,
        bridge: Iterable[str] = (),
        after: Iterable[str] = (),
        renew: bool = False,
    ) -> list[str]:
        """Bring the hub's own roles and all views in line with the role files that count.

        `chains` places units (`after` others whose listed roles they take over), `bridge` names
        keys of the next root that sign too, `renew` issues everything anew.
        """
        self._renew_online_roles(now_s, renew)
        root = self.archive.root().signed
        issuer = views.Issuer(self.layout, self.policy, self.online, root)
        issuer.bridge = list(bridge)
        number, issued = self._next_number(now_s), []
        for unit in sorted({*self.layout.view_units(), *(chains or {})}):
            view = self.views.load(unit)
            chain = (chains or {}).get(unit) or (view.chain if view else [unit])
            listed = view.listed() if view else {}
            placed = chains is not None and unit in chains
            base = self._listed_with(listed, after) if placed else listed
            versions = views.wanted(self.archive, self.layout, chain, base)
            fresh = renew or issuer.bridge or placed or versions != listed
            if view and not fresh and self.views.holds(view, root, self.policy, now_s):
                continue
            issuer.issue(chain, versions, number, now_s)
            issued.append(unit)
        if issued:
            pruning.prune(self.layout, self.archive, self.views, issued)
        return issued

    def _listed_with(self, listed: dict[str, int], after: Iterable[str]) -> dict[str, int]:
        versions = dict(listed)
        for unit in after:
            view = self.views.load(unit)
            for role, version in (view.listed() if view else {}).items():
                versions[role] = max(version, versions.get(role, 0))
        return versions

    def _next_number(self, now_s: int) -> int:
        newest = [
            version
            for unit in self.layout.view_units()
            for version in self.layout.snapshot_versions(unit)[:1]
        ]
        return policy.next_version(max(newest, default=0), now_s)

    def _renew_online_roles(self, now_s: int, renew: bool) -> None:
        wanted = {"relays"} | {
            role_name(kind, unit)
            for unit in self.archive.units()
            for kind in ("nodes", "auto-alert")
        }
        held = self.online.signers()
        for role in sorted(wanted):
            current = self.archive.current(role)
            due = current is None or self.policy.must_renew(role, current.signed.expires, now_s)
            delegator = self.archive.delegator(role) if due or renew else None
            keyids = envelope.keyids_of(delegator, role) if delegator else []
            signers = [held[keyid] for keyid in keyids if keyid in held]
            if signers:
                self._write(self.proposals.again(role, now_s).sign([*signers]))
