"""The node's own view: its unit, its signed time, rotation of online keys, and answers 304."""

import pytest

from tests.edge.clients import MemoryLink
from tests.edge.memory_client import NOW_S, MemoryClient, ViewRepository
from tests.edge.repository import days

UNIT = "03.k7f2"

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
