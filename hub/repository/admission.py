"""Whether a batch of signed changes may be published: the checks a client makes, made first."""

from tuf.api.metadata import Root, Targets

from hub.repository import envelope, registry
from hub.repository.archive import Archive
from hub.repository.policy import moment
from hub.repository.request import Request
from hub.repository.roles import DAY_S, DELEGATORS, delegator_of, may_sign, parse
from protocols import limits
from protocols.errors import LocalFault, RemoteFault

# A version is the second it was issued; a laptop's clock may be a day ahead, not a year.
VERSION_AHEAD_MAX = DAY_S


class Admission:
    """Check changes against each other and against what is in force."""

    def __init__(self, archive: Archive, requests: list[Request], now_s: int):
        self._archive = archive
        self._requests = {one.role: one for one in requests}
        self._now_s = now_s
        if len(self._requests) != len(requests):
            raise LocalFault("request.twice", "two changes of one role", "Send one of them.")

    def check(self) -> int:
        """Return how many signatures are missing; raise for anything worse."""
        missing = 0
        for one in self._requests.values():
            self._check_form(one)
            self._check_version(one)
            if one.role == "root":
                missing += self._missing_for_root(one)
            else:
                check_content(one.role, one.metadata.signed)
                missing += self._missing(one)
        return missing

    def next_online_keyids(self) -> list[str]:
        """Return the key ids that a root in this batch brings for timestamp and snapshot."""
        if "root" not in self._requests:
            return []
        root = self._requests["root"].metadata.signed
        return [*envelope.keyids_of(root, "timestamp"), *envelope.keyids_of(root, "snapshot")]

    def _check_form(self, one: Request) -> None:
        one.check_files()
        wanted = Root if one.role == "root" else Targets
        length = len(envelope.encode(one.metadata))
        longest = limits.ROOT_BYTES_MAX if one.role == "root" else limits.METADATA_BYTES_MAX
        if not isinstance(one.metadata.signed, wanted) or length > longest:
            raise RemoteFault(
                "request.format",
                f"{one.role} is of another type or too large ({length} bytes)",
                "Export the request again.",
            )
        if len(one.metadata.signatures) > limits.SIGNATURES_MAX:
            raise RemoteFault("request.signatures", "too many signatures", "Export it again.")
        if one.metadata.signed.expires <= moment(self._now_s):
            raise RemoteFault(
                "request.expired", f"{one.role} has expired already", "Export the request again."
            )

    def _check_version(self, one: Request) -> None:
        newest = self._archive.newest_version(one.role)
        if one.version <= newest:
            raise LocalFault(
                "request.stale",
                f"{one.role} stands at {newest}, the request would make it {one.version}",
                "Something was published in between: export again and sign again.",
            )
        highest = newest + 1
        if one.role != "root":
            highest = max(highest, self._now_s + VERSION_AHEAD_MAX)
        if one.version > highest:
            raise RemoteFault(
                "request.version",
                f"{one.role} would jump from {newest} to {one.version}",
                "Export the request again; check both clocks.",
            )

    def _delegator(self, role: str) -> envelope.Delegator:
        name = delegator_of(role)
        if name in self._requests:
            found: envelope.Delegator = self._requests[name].metadata.signed
            return found
        delegator = self._archive.delegator(role)
        if delegator is None or not envelope.keyids_of(delegator, role):
            raise LocalFault(
                "repository.role", f"nobody delegates {role}", "Add the unit or group first."
            )
        return delegator

    def _missing(self, one: Request) -> int:
        delegator = self._delegator(one.role)
        keyids = envelope.keyids_of(delegator, one.role)
        if not keyids:
            raise LocalFault(
                "repository.role", f"nobody delegates {one.role}", "Add the unit or group first."
            )
        if one.metadata.signatures and not set(one.metadata.signatures) & set(keyids):
            raise RemoteFault(
                "request.key",
                f"none of the signatures is by a key of {one.role}",
                "Sign with a key that is in force for it, or let a registrar change it.",
            )
        return envelope.missing(delegator, one.role, one.metadata)

    def _missing_for_root(self, one: Request) -> int:
        old = self._archive.root().signed
        new: Root = one.metadata.signed
        result = new.get_root_verification_result(
            old, one.metadata.signed_bytes, one.metadata.signatures
        )
        return 0 if result.verified else max(result.first.missing, result.second.missing)


def check_content(role: str, targets: Targets) -> None:
    """Refuse paths and delegations that are not the role's to give.

    A role that delegates nothing must not even say so: its signers could name others later.
    Raises `RemoteFault` (`request.path`, `request.delegation`), `LocalFault`
    (`repository.delegation`).
    """
    for path in targets.targets:
        if not may_sign(role, path):
            raise RemoteFault("request.path", f"{role} may not sign {path}", "Refuse this file.")
    if targets.delegations is None:
        return
    expected = registry.delegations(role, list(registry.read_grants(targets).values()))
    may_delegate = parse(role)[0].name in DELEGATORS
    if not may_delegate or expected.to_dict() != targets.delegations.to_dict():
        raise RemoteFault(
            "request.delegation", f"{role} delegates outside the role table", "Refuse this file."
        )
