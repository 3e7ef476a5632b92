"""Clauses of the trust chain that a happy path never meets: views, signed time, broken cycles."""

import pytest

from protocols.errors import LocalFault
from protocols.limits import ROOT_ROTATIONS_MAX
from protocols.trust import MOVES, Trust
from tests.edge.clients import MemoryLink
from tests.edge.memory_client import NOW_S, MemoryClient, ViewRepository
from tests.edge.repository import Repository, days

UNIT = "03.k7f2"


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


@pytest.mark.parametrize("hashes", [{"sha256": ""}, {"sha512": ""}, {"sha256": "../../x"}])
def test_odd_hashes_of_a_target_are_a_fault_of_the_publisher(hashes):
    repository = Repository()
    repository.add_target("targets", "a", b"data").hashes = hashes
    repository.publish_targets()
    client = MemoryClient(repository)
    assert client.refresh() == ""
    assert client.take("a") in ("trust.hash", "trust.absent", "link.status")
    assert client.targets.files == {}


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


# The view of a unit.


def test_a_view_is_taken_and_its_time_told():
    repository = ViewRepository()
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    assert client.refreshed == (True, 1, NOW_S - 1000)
    assert client.refresh() == ""
    assert client.refreshed == (False, 1, NOW_S - 1000)


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_another_units_view_is_refused_before_it_is_stored(role):
    repository = ViewRepository()
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    before = dict(client.metadata.files)
    repository.publish("snapshot", "timestamp")
    own = dict(repository.files)
    repository.unit = "03.k7f3"
    repository.serve(role, repository.bytes_of(role))
    if role == "snapshot":
        repository.unit = UNIT
        repository.publish("timestamp")
    assert client.refresh() == "trust.wrong_view"
    assert client.metadata.files["snapshot.json"] == before["snapshot.json"]
    assert client.metadata.files["timestamp.json"] == (
        before if role == "timestamp" else _plain(repository)
    ).get("timestamp.json")
    repository.files = own
    repository.unit = UNIT
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == ""


def _plain(repository) -> dict[str, bytes]:
    return {"timestamp.json": repository.files["metadata/timestamp.json"]}


@pytest.mark.parametrize("field", ["x-unit", "x-issued"])
@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
@pytest.mark.parametrize("value", [None, True, -1, [], "gone"])
def test_a_view_without_its_fields_is_refused(role, field, value):
    repository = ViewRepository()
    client = MemoryClient(repository, UNIT)

    def change(document):
        document["signed"][field] = value
        if value == "gone":
            del document["signed"][field]

    repository.serve(role, repository.edit(role, change))
    if role == "snapshot":
        repository.publish("timestamp")
    assert client.refresh() == "trust.format"


def test_a_node_that_moves_to_another_unit_takes_the_other_view():
    repository = ViewRepository()
    repository.delegate("targets", "A", ["a"])
    repository.publish_targets("A", "targets")
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    client.boot("03.k7f3")
    # The old view must not stand in for the new one, not even under the same version.
    repository.unit = "03.k7f3"
    repository.snapshot.meta.pop("A.json")
    repository.serve("snapshot", repository.bytes_of("snapshot"))
    repository.serve("timestamp", repository.bytes_of("timestamp"))
    assert client.refresh() == ""
    assert client.refreshed.changed
    assert b"03.k7f3" in client.metadata.files["timestamp.json"]
    assert b"03.k7f3" in client.metadata.files["snapshot.json"]


def test_a_stored_snapshot_of_another_unit_is_fetched_anew():
    # The timestamp lists no hash, and both snapshots have the same version.
    repository = ViewRepository()
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    repository.unit = "03.k7f3"
    foreign = repository.bytes_of("snapshot")
    client.metadata.files["snapshot.json"] = foreign
    assert client.refresh() == ""
    assert client.metadata.files["snapshot.json"] != foreign


def test_moving_is_no_way_back_to_older_roles():
    repository = ViewRepository()
    repository.publish_targets()
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    client.boot("03.k7f3")
    repository.unit = "03.k7f3"
    repository.snapshot.meta["targets.json"].version = 1
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == "trust.rollback"


def test_a_role_that_leaves_ones_own_view_is_a_rollback():
    repository = ViewRepository()
    repository.delegate("targets", "A", ["a"])
    repository.publish_targets("A", "targets")
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    repository.snapshot.meta.pop("A.json")
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == "trust.rollback"


# Signed time.


def test_it_is_never_earlier_than_the_signed_time():
    repository = ViewRepository()
    repository.targets.expires = days(1)
    repository.publish("targets")
    repository.issued_s = NOW_S + 2 * 86400
    repository.publish("snapshot", "timestamp")
    client = MemoryClient(repository, UNIT)
    # The node's clock stands before the expiry, what it was told stands behind it.
    assert client.refresh(NOW_S) == "trust.expired"


def test_the_stored_timestamps_time_counts_too():
    repository = ViewRepository()
    repository.issued_s = NOW_S + 10 * 86400
    repository.publish("snapshot", "timestamp")
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == ""
    repository.issued_s = NOW_S
    repository.publish_targets()
    stored = dict(client.metadata.files)
    assert client.refresh() == ""
    assert client.refreshed.issued_s == NOW_S + 10 * 86400
    client.metadata.files = stored
    repository.targets.expires = days(5)
    repository.publish_targets()
    assert client.refresh() == "trust.expired"


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_a_rotated_online_key_is_told_and_voids_its_files(role):
    repository = ViewRepository()
    repository.issued_s = NOW_S + 20 * 86400
    repository.publish("snapshot", "timestamp")
    client = MemoryClient(repository, UNIT)
    assert client.refresh() == "" and not client.fetch.take_rotated()
    repository.rotate(role)
    repository.issued_s = NOW_S
    repository.publish("root")
    repository.timestamp.version = repository.snapshot.version = 1
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == ""
    assert client.fetch.take_rotated() and not client.fetch.take_rotated()
    assert client.refreshed.issued_s == NOW_S


# Answers 304.


class _TaggedLink(MemoryLink):
    """Tag the timestamp, and answer 304 to whoever has the tag; `forced` answers so to all."""

    forced = False
    asked = 0

    async def request(self, method, url, headers, body):
        response = await super().request(method, url, headers, body)
        if url.endswith("/timestamp.json") and response.status == 200:
            tag = '"%d"' % self._repository.timestamp.version
            self.asked += 1
            if self.forced or headers.get("if-none-match") == tag:
                return type(response)(304)
            response.headers["etag"] = tag
        return response


def test_an_unchanged_timestamp_is_not_sent_again():
    repository = ViewRepository()
    link = _TaggedLink(repository)
    client = MemoryClient(repository, UNIT, link)
    assert client.refresh() == ""
    assert client.refresh() == "" and not client.refreshed.changed
    repository.publish_targets()
    assert client.refresh() == "" and client.refreshed.version == 2
    assert client.refresh() == "" and client.refreshed.version == 2


def test_an_unchanged_timestamp_expires_all_the_same():
    repository = ViewRepository()
    client = MemoryClient(repository, UNIT, _TaggedLink(repository))
    assert client.refresh() == ""
    assert client.refresh(NOW_S + 31 * 86400) == "trust.expired"


def test_a_304_that_nobody_asked_for_is_no_timestamp():
    repository = ViewRepository()
    link = _TaggedLink(repository)
    link.forced = True
    client = MemoryClient(repository, UNIT, link)
    assert client.refresh() == "link.status"


def test_the_tag_of_a_refused_timestamp_is_not_offered():
    repository = ViewRepository()
    link = _TaggedLink(repository)
    client = MemoryClient(repository, UNIT, link)
    assert client.refresh() == ""
    repository.publish_targets()
    good = repository.files["metadata/timestamp.json"]
    repository.files["metadata/timestamp.json"] = good.replace(b'"sig":"', b'"sig":"00')
    assert client.refresh() == "trust.threshold" or client.refresh() == "trust.bad_signature"
    repository.files["metadata/timestamp.json"] = good
    assert client.refresh() == "" and client.refreshed.version == 2


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
