"""A TUF repository in memory, signed by python-tuf, that tests can break in any place.

Only python-tuf's Metadata API writes here. `files` holds what is served: metadata by file name
(`metadata/2.root.json`), targets by path (`targets/...`); a test may replace bytes, or put a
number in their place, which is served as that status.
"""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

TOP = ("root", "timestamp", "snapshot", "targets")
NOW = datetime.now(UTC).replace(microsecond=0)
_SIGNERS = [CryptoSigner.generate_ed25519() for _ in range(24)]


def days(count: float) -> datetime:
    """Return a time some days from now."""
    return NOW + timedelta(days=count)


def new_signer(number: int) -> CryptoSigner:
    """Return one of a fixed set of Ed25519 signers; its public part is the caller's to change."""
    signer = _SIGNERS[number]
    return CryptoSigner(signer._private_key, deepcopy(signer.public_key))


def _unpublished(expires: datetime | None) -> Targets:
    targets = Targets(expires=expires or days(30))
    targets.version = 0
    return targets


class Repository:
    """A repository with the four top-level roles, one signer each, version 1 published."""

    def __init__(self, consistent: bool = True, hashes: bool = False):
        self.hashes = hashes
        self.files: dict[str, bytes | int] = {}
        self.requests: list[str] = []
        self.signers: dict[str, list[CryptoSigner]] = {}
        self.signed: dict[str, Root | Timestamp | Snapshot | Targets] = {
            "root": Root(expires=days(30), consistent_snapshot=consistent),
            "timestamp": Timestamp(expires=days(30)),
            "snapshot": Snapshot(expires=days(30)),
            "targets": Targets(expires=days(30)),
        }
        self._next = 0
        for role in TOP:
            self.signers[role] = []
            self.add_key(role)
        self.publish("root", "targets", "snapshot", "timestamp", bump=False)

    root = property(lambda self: self.signed["root"])
    timestamp = property(lambda self: self.signed["timestamp"])
    snapshot = property(lambda self: self.signed["snapshot"])
    targets = property(lambda self: self.signed["targets"])

    def signer(self) -> CryptoSigner:
        """Return a signer that was not used yet."""
        self._next += 1
        return new_signer(self._next - 1)

    def add_key(self, role: str, delegator: str = "root", signer: CryptoSigner | None = None):
        """Give a role one more key, and sign with it from now on; return the signer."""
        signer = signer or self.signer()
        owner = self.signed[delegator]
        if delegator == "root":
            owner.add_key(signer.public_key, role)
        elif owner.delegations.succinct_roles is not None:
            owner.add_key(signer.public_key)
        else:
            owner.add_key(signer.public_key, role)
        self.signers.setdefault(role, []).append(signer)
        return signer

    def rotate(self, role: str) -> None:
        """Replace all keys of a top-level role by one new one."""
        self.root.roles[role].keyids.clear()
        old, self.signers[role] = self.signers[role], []
        self.add_key(role)
        if role == "root":
            self.signers[role] += old

    def bytes_of(self, role: str) -> bytes:
        """Sign a role as it is now and return the file."""
        metadata = Metadata(self.signed[role])
        for signer in self.signers[role]:
            metadata.sign(signer, append=True)
        return metadata.to_bytes(JSONSerializer(compact=True))

    def publish(self, *roles: str, bump: bool = True) -> None:
        """Sign roles in this order and serve them, each with its version raised by one."""
        for role in roles:
            signed = self.signed[role]
            signed.version += bump
            self.serve(role, self.bytes_of(role))

    def serve(self, role: str, data: bytes) -> None:
        """Serve bytes as the current version of a role, and list it."""
        signed = self.signed[role]
        name = quote(role, "") + ".json"
        versioned = role == "root" or (role != "timestamp" and self.root.consistent_snapshot)
        self.files["metadata/" + (f"{signed.version}." if versioned else "") + name] = data
        if role in ("root", "timestamp"):
            return
        meta = MetaFile(signed.version)
        if self.hashes:
            meta = MetaFile.from_data(signed.version, data, ["sha256"])
        if role == "snapshot":
            self.timestamp.snapshot_meta = meta
        else:
            self.snapshot.meta[role + ".json"] = meta

    def publish_targets(self, *roles: str) -> None:
        """Publish targets roles and what lists them."""
        self.publish(*(roles or ("targets",)), "snapshot", "timestamp")

    def edit(self, role: str, change, resign: bool = True) -> bytes:
        """Return a role's file with its JSON changed by `change(document)`, signed again."""
        document = json.loads(self.bytes_of(role))
        change(document)
        if resign:
            document["signatures"] = self.sign_json(role, document["signed"])
        return json.dumps(document).encode()

    def sign_json(self, role: str, signed) -> list:
        """Sign any JSON as a role, whether python-tuf would accept it or not."""
        from securesystemslib.formats import encode_canonical

        data = encode_canonical(signed).encode()
        return [signer.sign(data).to_dict() for signer in self.signers[role]]

    def delegate(
        self,
        delegator: str,
        name: str,
        paths=("*",),
        terminating: bool = False,
        prefixes=None,
        expires: datetime | None = None,
    ) -> Targets:
        """Delegate to a role (made when it is new) with one key of its own."""
        owner = self.signed[delegator]
        if owner.delegations is None:
            owner.delegations = Delegations({}, {})
        role = DelegatedRole(name, [], 1, terminating, None if prefixes else list(paths), prefixes)
        owner.delegations.roles[name] = role
        if name not in self.signed:
            self.signed[name] = _unpublished(expires)
        self.add_key(name, delegator)
        return self.signed[name]

    def delegate_bins(self, delegator: str, bit_length: int, prefix: str) -> None:
        """Delegate to hash bins (TAP 15), all with one key."""
        owner = self.signed[delegator]
        bins = SuccinctRoles([], 1, bit_length, prefix)
        owner.delegations = Delegations({}, None, bins)
        signer = self.signer()
        owner.add_key(signer.public_key)
        for name in bins.get_roles():
            self.signed[name] = _unpublished(None)
            self.signers[name] = [signer]

    def add_target(self, role: str, path: str, data: bytes, hashes=("sha256",)) -> TargetFile:
        """List a target in a role, and serve it under every name it may be asked for."""
        target = TargetFile.from_data(path, data, list(hashes))
        self.signed[role].targets[path] = target
        self.serve_target(target, data)
        return target

    def serve_target(self, target: TargetFile, data: bytes | int) -> None:
        """Serve bytes for a target."""
        folder, mark, base = target.path.rpartition("/")
        self.files["targets/" + target.path] = data
        for digest in target.hashes.values():
            self.files[f"targets/{folder}{mark}{digest}.{base}"] = data

    def fetch(self, path: str) -> bytes | int:
        """Answer one request: bytes, or a status."""
        self.requests.append(path)
        return self.files.get(unquote(path) if path.startswith("targets/") else path, 404)

    def asked(self) -> list[str]:
        """Return the file names of the metadata asked for since the last call."""
        names = [path[9:] for path in self.requests if path.startswith("metadata/")]
        self.requests.clear()
        return names
