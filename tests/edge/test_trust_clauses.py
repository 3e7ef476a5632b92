"""Clauses of the trust chain that a happy path never meets: broken cycles, forged stores."""

from datetime import datetime

import pytest

from protocols import metadata
from protocols.errors import LocalFault
from protocols.limits import (
    METADATA_BYTES_MAX,
    ROOT_BYTES_MAX,
    ROOT_ROTATIONS_MAX,
    TIMESTAMP_BYTES_MAX,
)
from protocols.trust import MOVES, Trust
from tests.edge.clients import MemoryLink
from tests.edge.memory_client import NOW_S, MemoryClient
from tests.edge.repository import Repository


def _delegating() -> Repository:
    repository = Repository()
    repository.delegate("targets", "A", ["a"])
    repository.delegate("targets", "B", ["b"])
    repository.add_target("A", "a", b"in A")
    repository.add_target("B", "b", b"in B")
    repository.publish_targets("A", "B", "targets")
    return repository


# A search that failed leaves nothing behind.


@pytest.mark.parametrize("failure", [0, 500, b"x" * 100_000, b"{}", 404])
def test_a_search_that_failed_does_not_stop_the_next(failure):
    repository = _delegating()
    client = MemoryClient(repository)
    assert client.refresh() == ""
    good = repository.files["metadata/1.A.json"]
    repository.files["metadata/1.A.json"] = failure
    assert client.find("a") != ""
    assert client.take("b") == ""
    assert client.targets.files == {"target": b"in B"}
    repository.files["metadata/1.A.json"] = good
    assert client.refresh() == "" and client.take("a") == ""


def test_the_target_of_the_last_search_does_not_stay():
    client = MemoryClient(_delegating())
    assert client.refresh() == "" and client.find("a") == ""
    assert client.find("c") == "trust.unknown_target"
    assert client.target is None


def test_no_target_is_found_after_a_refresh_that_failed():
    repository = _delegating()
    client = MemoryClient(repository)
    assert client.find("a") == "trust.absent"
    assert client.refresh() == "" and client.find("a") == ""
    found = client.target
    repository.files["metadata/timestamp.json"] = 500
    assert client.refresh() == "link.status"
    assert client.find("a") == "trust.absent"
    client.target = found
    assert client.take("b") == "trust.absent"


def test_a_role_good_for_one_delegator_is_checked_for_the_other():
    repository = Repository()
    repository.delegate("targets", "A", ["*"])
    repository.delegate("targets", "B", ["*"])
    repository.delegate("A", "C", ["a"])
    repository.add_target("C", "a", b"a")
    repository.publish_targets("C", "A", "B", "targets")
    client = MemoryClient(repository)
    assert client.refresh() == "" and client.take("a") == ""
    # B delegates to C too, with a key that never signed it.
    signers = list(repository.signers["C"])
    repository.delegate("B", "C", ["b"])
    repository.signers["C"] = signers
    repository.publish_targets("B")
    assert client.refresh() == ""
    assert client.take("a") == ""
    assert client.find("b") == "trust.threshold"
    assert client.take("a") == ""


def test_a_file_good_under_one_name_is_checked_under_another():
    repository = Repository()
    repository.delegate("targets", "X", ["x"])
    repository.delegate("targets", "Y", ["y"])
    for path in ("x", "y"):
        repository.add_target("X", path, b"of X")
    repository.publish("X")
    repository.signed["Y"].version = 1
    repository.serve("Y", repository.files["metadata/1.X.json"])
    repository.publish_targets()
    client = MemoryClient(repository)
    assert client.refresh() == "" and client.take("x") == ""
    assert client.find("y") == "trust.threshold"


def test_a_cycle_costs_one_visit_and_leaves_room_for_the_rest():
    repository = Repository()
    for name in ("A", "C"):
        repository.delegate("targets", name, ["*"])
    repository.delegate("A", "B", ["*"])
    signers = list(repository.signers["A"])
    repository.delegate("B", "A", ["*"])
    repository.signers["A"] += signers
    repository.signers["A"] = list(dict.fromkeys(repository.signers["A"]))
    repository.add_target("C", "c", b"in C")
    repository.publish_targets("A", "B", "C", "targets")
    client = MemoryClient(repository)
    assert client.refresh() == "" and client.take("c") == ""


@pytest.mark.parametrize("hashes", [{"sha256": ""}, {"sha512": ""}, {"sha256": "../../x"}])
def test_odd_hashes_of_a_target_are_a_fault_of_the_publisher(hashes):
    repository = Repository()
    repository.add_target("targets", "a", b"data").hashes = hashes
    repository.publish_targets()
    client = MemoryClient(repository)
    assert client.refresh() == ""
    assert client.take("a") in ("trust.hash", "trust.absent", "link.status")
    assert client.targets.files == {}


# What stands in store is verified like what is served: a thief may have had the card.


def _forge(repository: Repository, role: str, change) -> bytes:
    signers = repository.signers[role]
    repository.signers[role] = [repository.signer()]
    try:
        return repository.edit(role, change)
    finally:
        repository.signers[role] = signers


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "A"])
def test_a_forged_file_in_store_counts_as_absent(role):
    repository = _delegating()
    client = MemoryClient(repository)
    assert client.refresh() == "" and client.take("a") == ""

    def change(document):
        document["signed"]["expires"] = "2999-01-01T00:00:00Z"
        if role in ("timestamp", "snapshot"):
            document["signed"]["version"] += 1000
            for entry in document["signed"]["meta"].values():
                entry["version"] += 1000

    forged = _forge(repository, role, change)
    client.metadata.files[role + ".json"] = forged
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == "" and client.take("a") == ""
    assert client.metadata.files[role + ".json"] != forged


@pytest.mark.parametrize("role", ["snapshot", "targets", "A"])
def test_a_stored_file_must_have_the_signed_hash(role):
    repository = Repository(hashes=True)
    repository.delegate("targets", "A", ["a"])
    repository.add_target("A", "a", b"in A")
    repository.publish_targets("A", "targets")
    client = MemoryClient(repository)
    assert client.refresh() == "" and client.take("a") == ""
    # The same version, rightly signed, but another file.
    other = repository.edit(role, lambda document: document["signed"].update(other=1))
    client.metadata.files[role + ".json"] = other
    assert client.refresh() == "" and client.take("a") == ""
    assert client.metadata.files[role + ".json"] != other


@pytest.mark.parametrize("stored", [False, True])
def test_the_threshold_of_each_role_is_its_own(stored):
    # Two roles with the same keys, of which one asks for more signatures.
    repository = Repository()
    signer, other = repository.signer(), repository.signer()
    for name, threshold in (("unit", 1), ("alert", 2)):
        repository.delegate("targets", name, [name])
        role = repository.targets.delegations.roles[name]
        role.keyids.clear()
        repository.signers[name] = []
        for one in (signer, other):
            repository.add_key(name, "targets", one)
        role.threshold = threshold
        repository.add_target(name, name, b"data")
    repository.publish_targets("unit", "alert", "targets")
    client = MemoryClient(repository)
    assert client.refresh() == ""
    assert client.take("unit") == "" and client.take("alert") == ""
    repository.signers["unit"] = repository.signers["alert"] = [signer]
    if stored:
        for name in ("unit", "alert"):
            client.metadata.files[name + ".json"] = repository.bytes_of(name)
            repository.files[f"metadata/1.{name}.json"] = 404
    else:
        repository.publish_targets("unit", "alert")
    assert client.refresh() == ""
    assert client.take("unit") == "" and client.find("alert") in ("trust.threshold", "trust.absent")


# Endless data, and limits that metadata cannot lift.


class _EndlessLink(MemoryLink):
    """Answer one address without an end, and count what is read of it."""

    def __init__(self, repository: Repository, part: str):
        super().__init__(repository)
        self.part = part
        self.taken = 0

    async def request(self, method, url, headers, body):
        response = await super().request(method, url, headers, body)
        if self.part in url:
            response.status = 200
            response.read = self._read
        return response

    async def _read(self, count: int) -> bytes:
        self.taken += count
        assert self.taken < 1024 * 1024, "it reads and reads"
        return b" " * count


@pytest.mark.parametrize(
    ("part", "limit"),
    [
        ("root.json", ROOT_BYTES_MAX),
        ("timestamp.json", TIMESTAMP_BYTES_MAX),
        ("snapshot.json", None),
        ("targets.json", None),
        ("A.json", None),
        ("targets/", len(b"in A")),
    ],
)
def test_endless_data_is_cut_off_at_the_signed_length(part, limit):
    repository = Repository(hashes=True)
    repository.delegate("targets", "A", ["a"])
    repository.add_target("A", "a", b"in A")
    repository.publish_targets("A", "targets")
    link = _EndlessLink(repository, part)
    client = MemoryClient(repository, link=link)
    assert (client.refresh() or client.take("a")) == "trust.length"
    if limit is None:
        listing = repository.snapshot.meta if part != "snapshot.json" else {}
        limit = listing.get(part, repository.timestamp.snapshot_meta).length
    assert limit < link.taken <= limit + 2048


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_a_signed_length_does_not_lift_the_limit(role):
    repository = Repository()
    data = repository.bytes_of(role)
    data += b" " * (METADATA_BYTES_MAX + 1 - len(data))
    repository.hashes = True
    repository.serve(role, data)
    if role == "targets":
        repository.publish("snapshot")
    repository.publish("timestamp")
    assert MemoryClient(repository).refresh() == "trust.length"


def test_a_bad_signature_beside_a_good_one_is_not_good_later():
    # A new root is checked by the old keys and by its own; one bad signature stands in both lists.
    repository = Repository()
    shared = repository.add_key("root")
    repository.publish("root")
    client = MemoryClient(repository)
    assert client.refresh() == ""
    own = repository.add_key("root")
    first = repository.signers["root"][0]
    repository.root.roles["root"].keyids.remove(first.public_key.keyid)
    repository.root.roles["root"].threshold = 2
    repository.signers["root"] = [shared, first, own]

    def spoil(document):
        document["signatures"] = repository.sign_json("root", document["signed"])
        assert document["signatures"][0]["keyid"] == shared.public_key.keyid
        document["signatures"][0]["sig"] = document["signatures"][1]["sig"]

    repository.root.version += 1
    repository.serve("root", repository.edit("root", spoil, resign=False))
    assert client.refresh() == "trust.bad_signature"


@pytest.mark.parametrize(
    "text",
    [
        "2031-03-01T00:00:00Z ",
        "2031-03-01T00:00:00Zjunk",
        "2031-03-01T00:00:00",
        "2031-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2031-04-31T00:00:00Z",
        "2031-13-01T00:00:00Z",
        "2031-00-01T00:00:00Z",
        "2031-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2031-01-01T24:00:00Z",
        "2031-01-01T00:60:00Z",
        "2031-01-01T00:00:60Z",
        "2031-01-01t00:00:00z",
        "+031-01-01T00:00:00Z",
        "٢٠٣١-01-01T00:00:00Z",
    ],
)
def test_a_time_that_is_none(text):
    assert metadata.seconds(text) is None


@pytest.mark.parametrize(
    "text", ["1970-01-01", "2000-02-29", "2032-02-29", "2026-12-31", "2100-03-01"]
)
def test_a_time_as_the_calendar_has_it(text):
    moment = datetime.fromisoformat(text + "T21:43:05+00:00")
    assert metadata.seconds(text + "T21:43:05Z") == moment.timestamp()


# Names of files.


@pytest.mark.parametrize("name", ["ROOT", "Timestamp", "snapShot", "TARGETS"])
def test_no_role_may_share_a_file_with_a_top_level_role(name):
    # On a FAT disk both names are one file.
    repository = Repository()
    repository.delegate("targets", name, ["*"])
    repository.publish_targets(name, "targets")
    client = MemoryClient(repository)
    assert client.refresh() == "trust.format"


def test_a_role_name_that_no_disk_takes_is_a_fault_of_the_publisher():
    for name in ("n" * 300, "ô" * 60, "/" * 100):
        repository = Repository()
        repository.delegate("targets", name, ["*"])
        repository.publish_targets(name, "targets")
        client = MemoryClient(repository)
        assert client.refresh() == "trust.format"


# The session itself.


class _Big:
    def read(self, count):
        raise MemoryError


@pytest.mark.parametrize("state", sorted({state for state, trigger in MOVES} - {"ready"}))
def test_a_file_too_big_for_the_board_ends_the_step_with_its_code(state):
    repository = _delegating()
    client = MemoryClient(repository)
    assert client.refresh() == ""
    trust = Trust(None, NOW_S)
    live = client.fetch._trust
    for name in ("root", "timestamp", "snapshot", "_visit", "_root_digest"):
        setattr(trust, name, getattr(live, name))
    trust.state = state
    with pytest.raises(Exception) as error:
        trust.offer(_Big())
    assert error.value.code == "trust.memory"
    assert trust.state in ("failed", "ready")


@pytest.mark.parametrize("state", ["failed", "ready"])
def test_nothing_is_offered_out_of_turn(state):
    trust = Trust(None, NOW_S)
    trust.state = state
    for offer in (lambda: trust.offer(_Big()), trust.absent, trust.unchanged):
        with pytest.raises(LocalFault):
            offer()
    assert trust.state == state and trust.wanted() is None


def test_roots_are_walked_up_to_a_limit_and_then_used():
    repository = Repository()
    client = MemoryClient(repository)
    for _ in range(ROOT_ROTATIONS_MAX + 2):
        repository.publish("root")
    assert client.refresh() == ""
    assert client.metadata.files["root.json"] == repository.files["metadata/257.root.json"]
    assert client.refresh() == ""
    assert client.metadata.files["root.json"] == repository.files["metadata/259.root.json"]
