"""A repository that grows from a seed as honest publishers would make it, for the differential.

What it serves is right until `tests.edge.breakages` registers a change. `changes`, `envelopes` and
`raws` alter a role before it is signed, after, and as bytes; what lists the role lists the altered
file. `afters` run when everything is published: they alter what the server or the line does.
"""

import json
from datetime import timedelta
from random import Random

from securesystemslib.signer import CryptoSigner

from protocols.delegation import path_hash
from tests.edge.repository import NOW, TOP, Repository, days

PATHS = (
    "a",
    "b/a",
    "units/03.k7f2/bundle.json",
    "units/03.k7f3/bundle.json",
    "alerts/03.k7f2/alert.json",
    "x y.bin",
    "đình/ồ.json",
    "a+b",
)
PATTERNS = (
    *("*", "*/*", "units/03.*/*", "units/03.k7f2/*", "alerts/*/alert.json", "?", "[a-c]*"),
    *(
        "[!x]*",
        "*/*/bundle.json",
        "a",
        "đình/*",
        "x y.*",
        "nothing/*",
        "*/*/*",
        "units/03.k7f[3-9]/*",
    ),
)
NAMES = ("registry-03", "unit-03.k7f2", "alert-03.k7f2", "unit-03.k7f3", "ô/1", "B")
_POOL: list[CryptoSigner] = []


def _pool() -> list[CryptoSigner]:
    # Keys are the slow part of a story, so all stories share them.
    if not _POOL:
        for number in range(96):
            if number % 40 == 20:
                _POOL.append(CryptoSigner.generate_rsa(size=2048))
            elif number % 8 == 5:
                _POOL.append(CryptoSigner.generate_ecdsa())
            else:
                _POOL.append(CryptoSigner.generate_ed25519())
    return _POOL


def kind_of(role: str) -> str:
    """Return how a role is told: its name, or that it is delegated."""
    return role if role in TOP else "delegated"


def _try(change, document) -> None:
    # The second of two changes may find that the first left nothing to change.
    try:
        change(document)
    except (AttributeError, IndexError, KeyError, TypeError):
        return


class Story(Repository):
    """A repository, the clock it lives by, and what was done to it."""

    def __init__(self, seed: str):
        self.random = Random(seed)
        self.now = NOW
        self.told: list[str] = []
        self.changes: dict[str, list] = {}
        self.envelopes: dict[str, list] = {}
        self.raws: dict[str, list] = {}
        self.afters: list = []
        self._keys = 0
        super().__init__(self.random.random() < 0.8, self.random.random() < 0.5)
        self.first_root = self.files["metadata/1.root.json"]
        self._grow()

    def signer(self) -> CryptoSigner:
        self._keys += 1
        return _pool()[(self._keys * 7) % 96]

    def chance(self, share: float) -> bool:
        """Draw a yes or no."""
        return self.random.random() < share

    def pick(self, values):
        """Draw one of several values."""
        return self.random.choice(list(values))

    def delegated(self) -> list[str]:
        """Return the names of all delegated roles."""
        return [role for role in self.signed if role not in TOP]

    def delegators(self, name: str | None = None) -> list[str]:
        """Return the roles that delegate, to one role or to any."""
        found = []
        for role in ("targets", *self.delegated()):
            delegations = self.signed[role].delegations
            if delegations and delegations.roles and (not name or name in delegations.roles):
                found.append(role)
        return found

    def change(self, role: str, change) -> None:
        """Alter a role before it is signed: `change(signed)`."""
        self.changes.setdefault(role, []).append(change)

    def envelope(self, role: str, change) -> None:
        """Alter a role after it was signed: `change(document)`."""
        self.envelopes.setdefault(role, []).append(change)

    def bytes_of(self, role: str) -> bytes:
        data = super().bytes_of(role)
        if role not in self.changes and role not in self.envelopes and role not in self.raws:
            return data
        document = json.loads(data)
        for change in self.changes.get(role, ()):
            _try(change, document["signed"])
        if role in self.changes:
            document["signatures"] = self.sign_json(role, document["signed"])
        for change in self.envelopes.get(role, ()):
            _try(change, document)
        data = json.dumps(document).encode()
        for change in self.raws.get(role, ()):
            data = change(data)
        return data

    def publish_all(self, root: bool) -> None:
        """Publish every role with a raised version, and then do what was left for afterwards."""
        self.publish(*self.delegated(), "targets", "snapshot", "timestamp")
        if root:
            self.publish("root")
        for after in self.afters:
            after()

    def _grow(self) -> None:
        for role in self.random.sample(TOP, self.pick((0, 0, 1, 2))):
            self.add_key(role)
            self.root.roles[role].threshold = self.pick((1, 2))
        if self.chance(0.12):
            self.delegate_bins("targets", self.pick((1, 2)), "bin")
        else:
            for name in self.random.sample(NAMES, self.pick((0, 1, 2, 3, 4, 6))):
                self.new_delegation(self.pick(["targets", *self.delegated()]), name)
            for _ in range(self.pick((0, 0, 1, 2))):
                self._cross()
        for path in self.random.sample(PATHS, 5):
            role = self.pick(["targets", *self.delegated(), *self.delegated()])
            hashes = self.pick((("sha256",), ("sha256",), ("sha256", "sha512"), ("sha512",)))
            self.add_target(role, path, b"data of " + path.encode(), hashes)
        self.publish_all(root=True)

    def new_delegation(self, delegator: str, name: str) -> None:
        """Delegate to a role in a drawn way."""
        paths = self.random.sample(PATTERNS, self.pick((1, 1, 2, 4)))
        prefixes = None
        if self.chance(0.2):
            prefixes = [path_hash(path)[: self.pick((1, 2, 8, 64))] for path in paths + list(PATHS)]
        self.delegate(delegator, name, paths, self.chance(0.3), prefixes)
        if self.chance(0.2):
            self.add_key(name, delegator)
            self.signed[delegator].delegations.roles[name].threshold = 2

    def _cross(self) -> None:
        # A second way to a role, or a cycle.
        if self.delegated():
            name = self.pick(self.delegated())
            delegator = self.pick(["targets", *self.delegated()])
            owner = self.signed[delegator]
            if owner.delegations is None or name not in owner.delegations.roles:
                self.new_delegation(delegator, name)

    def move(self) -> None:
        """Let the publishers do one honest thing."""
        action = self.pick(_MOVES)
        self.told.append(action.__name__.lstrip("_"))
        action(self)


def _renew_all(story: Story) -> None:
    story.publish_all(root=story.chance(0.3))


def _renew_the_timestamp(story: Story) -> None:
    story.publish("timestamp")


def _change_a_target(story: Story) -> None:
    role = story.pick(["targets", *story.delegated()])
    story.add_target(role, story.pick(PATHS), b"%d" % story.random.randrange(1000))
    story.publish_targets(role)


def _rotate_a_top_role(story: Story) -> None:
    role = story.pick(TOP)
    story.root.roles[role].threshold = 1
    story.rotate(role)
    story.publish("root")
    if role == "targets":
        story.publish_targets()
    else:
        story.publish("snapshot", "timestamp")


def _add_a_key(story: Story) -> None:
    role = story.pick(TOP)
    story.add_key(role)
    story.publish("root")


def _rotate_a_delegated_role(story: Story) -> None:
    if story.delegators():
        delegator = story.pick(story.delegators())
        name = story.pick(story.signed[delegator].delegations.roles)
        story.signed[delegator].delegations.roles[name].keyids.clear()
        story.signed[delegator].delegations.roles[name].threshold = 1
        story.add_key(name, delegator)
        # Half of the time the role itself stays as it was, signed by keys that left.
        story.publish_targets(*([name] if story.chance(0.5) else []), delegator)


def _end_a_delegation(story: Story) -> None:
    if story.delegators():
        delegator = story.pick(story.delegators())
        delegations = story.signed[delegator].delegations
        del delegations.roles[story.pick(delegations.roles)]
        story.publish_targets(delegator)


def _turn_consistent_snapshots(story: Story) -> None:
    story.root.consistent_snapshot = not story.root.consistent_snapshot
    story.publish_all(root=True)


def _let_time_pass(story: Story) -> None:
    story.now += timedelta(days=story.pick((1, 10, 29, 31)))
    if story.chance(0.7):
        for signed in story.signed.values():
            signed.expires = max(signed.expires, story.now + (days(30) - NOW))
        story.publish_all(root=True)


_MOVES = (
    _renew_all,
    _renew_the_timestamp,
    _change_a_target,
    _change_a_target,
    _rotate_a_top_role,
    _add_a_key,
    _rotate_a_delegated_role,
    _end_a_delegation,
    _turn_consistent_snapshots,
    _let_time_pass,
)
