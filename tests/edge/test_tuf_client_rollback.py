"""Older states, expired roles, stolen online keys: rollback, freeze and fast-forward."""

import pytest

from tests.edge.repository import days

ALL = {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}


def later(count: float) -> int:
    return int(days(count).timestamp())


def test_an_older_timestamp_is_refused(world):
    repository, client = world()
    client.init()
    old = repository.files["metadata/timestamp.json"]
    repository.publish("timestamp")
    assert client.refresh() == 0
    repository.files["metadata/timestamp.json"] = old
    repository.asked()
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    assert client.trusted()["timestamp"] == 2
    assert repository.asked() == ["2.root.json", "timestamp.json"]


@pytest.mark.parametrize("hashes", [False, True])
def test_a_timestamp_that_names_an_older_snapshot_is_refused(world, hashes):
    repository, client = world(hashes=hashes)
    client.init()
    old = repository.timestamp.snapshot_meta
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 0
    repository.timestamp.snapshot_meta = old
    repository.publish("timestamp")
    repository.asked()
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    assert client.trusted() == {**ALL, "timestamp": 2, "snapshot": 2}
    assert repository.asked()[-1] == "timestamp.json"


@pytest.mark.parametrize("hashes", [False, True])
@pytest.mark.parametrize("role", ["targets", "delegated"])
def test_a_snapshot_that_names_an_older_role_is_refused(world, hashes, role):
    repository, client = world(hashes=hashes)
    client.init()
    repository.delegate("targets", "delegated")
    repository.publish_targets("targets", "delegated")
    old = repository.snapshot.meta[role + ".json"]
    repository.publish_targets(role)
    assert client.refresh() == 0
    repository.snapshot.meta[role + ".json"] = old
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    assert client.trusted()["snapshot"] == 3


@pytest.mark.parametrize("lost", ["gone", "broken"])
def test_an_older_snapshot_is_refused_though_no_timestamp_is_held(world, lost):
    repository, client = world()
    client.init()
    repository.publish("snapshot", "timestamp")
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 0
    if lost == "gone":
        (client.metadata / "timestamp.json").unlink()
    else:
        client.put("timestamp", b"{")
    # Every role in it is as new as before: only its own number tells.
    repository.timestamp.snapshot_meta.version = 2
    repository.publish("timestamp")
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    assert client.trusted()["snapshot"] == 3


@pytest.mark.parametrize("role", ["targets", "delegated"])
def test_a_snapshot_that_forgets_a_role_is_refused(world, role):
    repository, client = world()
    client.init()
    repository.delegate("targets", "delegated")
    repository.publish_targets("targets", "delegated")
    assert client.refresh() == 0
    del repository.snapshot.meta[role + ".json"]
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    assert client.trusted()["snapshot"] == 2


def test_a_cached_snapshot_protects_though_its_hash_and_time_have_passed(world):
    repository, client = world(hashes=True)
    client.init()
    old = repository.snapshot.meta["targets.json"]
    repository.snapshot.expires = days(1)
    repository.publish_targets()
    assert client.refresh() == 0
    repository.snapshot.expires = days(30)
    repository.snapshot.meta["targets.json"] = old
    repository.publish("snapshot", "timestamp")
    assert client.refresh(later(2)) == 1
    assert client.code == "trust.rollback"


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_rotation_of_an_online_key_recovers_from_fast_forward(world, role):
    repository, client = world()
    client.init()
    repository.timestamp.version = 99999
    repository.snapshot.version = 77777
    repository.snapshot.meta["targets.json"].version = repository.targets.version = 55555
    repository.publish("targets", "snapshot", "timestamp", bump=False)
    assert client.refresh() == 0
    for name in ("timestamp", "snapshot", "targets"):
        repository.signed[name].version = 1
    repository.publish("targets", "snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    repository.rotate(role)
    repository.publish("root", "targets", "snapshot", "timestamp")
    assert client.refresh() == 0
    assert client.trusted() == {"root": 2, "timestamp": 3, "snapshot": 3, "targets": 3}


def test_rotation_in_a_root_between_counts_too(world):
    repository, client = world()
    client.init()
    repository.timestamp.version = 99999
    repository.publish("timestamp", bump=False)
    assert client.refresh() == 0
    good = repository.signers["timestamp"][0]
    repository.rotate("timestamp")
    repository.publish("root")
    repository.root.roles["timestamp"].keyids.clear()
    repository.signers["timestamp"].clear()
    repository.add_key("timestamp", signer=good)
    repository.timestamp.version = 5
    repository.publish("root", "timestamp")
    assert client.refresh() == 0
    assert client.trusted()["timestamp"] == 6


def test_an_added_key_is_no_rotation(world):
    repository, client = world()
    client.init()
    repository.publish("timestamp")
    assert client.refresh() == 0
    repository.add_key("timestamp")
    repository.add_key("snapshot")
    repository.timestamp.version = 1
    repository.publish("root")
    repository.publish("timestamp", bump=False)
    assert client.refresh() == 1
    assert client.code == "trust.rollback"
    assert client.trusted()["timestamp"] == 2


def test_rotation_of_other_keys_keeps_the_protection(world):
    repository, client = world()
    client.init()
    repository.publish("timestamp")
    assert client.refresh() == 0
    repository.rotate("targets")
    repository.timestamp.version = 1
    repository.publish("root")
    repository.publish("timestamp", bump=False)
    assert client.refresh() == 1
    assert client.code == "trust.rollback"


# What expires, the files that are still taken.
EXPIRED = {
    "root": {"root": 2, "timestamp": 1, "snapshot": 1, "targets": 1},
    "timestamp": {"root": 2, "timestamp": 1, "snapshot": 1, "targets": 1},
    "snapshot": {"root": 2, "timestamp": 2, "snapshot": 1, "targets": 1},
    "targets": {"root": 2, "timestamp": 2, "snapshot": 2, "targets": 1},
}


@pytest.mark.parametrize("role", EXPIRED)
@pytest.mark.parametrize("ago", [1, 0])
def test_an_expired_role_stops_the_cycle(world, role, ago):
    repository, client = world()
    client.init()
    assert client.refresh() == 0
    repository.signed[role].expires = days(-ago)
    repository.publish("root", "targets", "snapshot", "timestamp")
    repository.asked()
    assert client.refresh() == 1
    assert client.code == "trust.expired"
    assert client.trusted() == EXPIRED[role]
    assert role != "root" or repository.asked() == ["2.root.json", "3.root.json"]


def test_the_last_second_before_expiry_is_good(world):
    _, client = world()
    client.init()
    assert client.refresh(later(30) - 1) == 0
    assert client.refresh(later(30)) == 1
    assert client.code == "trust.expired"


def test_an_expired_root_on_the_way_is_passed(world):
    repository, client = world()
    repository.root.expires = days(-9)
    client.init(repository.bytes_of("root"))
    repository.publish("root")
    repository.root.expires = days(30)
    repository.publish("root")
    assert client.refresh() == 0
    assert client.trusted()["root"] == 3


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_cached_roles_expire_too(world, role):
    repository, client = world()
    client.init()
    repository.signed[role].expires = days(7)
    repository.publish_targets()
    assert client.refresh() == 0
    assert client.refresh(later(8)) == 1
    assert client.code == "trust.expired"
    repository.signed[role].expires = days(21)
    repository.publish_targets()
    assert client.refresh(later(8)) == 0


def test_an_expired_cached_timestamp_still_refuses_older_ones(world):
    repository, client = world()
    client.init()
    old = repository.files["metadata/timestamp.json"]
    repository.timestamp.expires = days(7)
    repository.publish("timestamp")
    assert client.refresh() == 0
    repository.files["metadata/timestamp.json"] = old
    assert client.refresh(later(8)) == 1
    assert client.code == "trust.rollback"


def test_an_expired_role_that_was_not_renewed_stays_expired_when_the_clock_goes_back(world):
    repository, client = world()
    client.init()
    repository.timestamp.expires = days(-1)
    repository.publish("timestamp")
    assert client.refresh(later(-2)) == 0
    assert client.refresh() == 1
    repository.timestamp.expires = days(3)
    repository.publish("timestamp")
    assert client.refresh() == 0
    assert client.refresh(later(-5)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "2999-01-01T00:00:00",
        "2999-01-01 00:00:00Z",
        "2999-13-01T00:00:00Z",
        "2999-02-29T00:00:00Z",
        "2999-01-01T24:00:00Z",
        "2999-01-01T00:00:00+00:00",
        "2999-1-1T00:00:00Z",
        "+999-01-01T00:00:00Z",
        "9999999999",
        "",
        32503680000,
        None,
    ],
)
def test_a_time_is_written_in_one_way(world, text):
    repository, client = world()
    client.init()
    repository.timestamp.version = 2
    data = repository.edit("timestamp", lambda d: d["signed"].update(expires=text))
    repository.files["metadata/timestamp.json"] = data
    assert client.refresh() == 1
    assert client.code == "trust.format"
    assert client.trusted() == {"root": 1}


def test_the_files_of_two_states_do_not_mix(world):
    repository, client = world(consistent=False)
    client.init()
    assert client.refresh() == 0
    before = repository.files["metadata/targets.json"]
    repository.publish_targets()
    repository.files["metadata/targets.json"] = before
    assert client.refresh() == 1
    assert client.code == "trust.version"
    assert client.trusted() == {**ALL, "timestamp": 2, "snapshot": 2}
