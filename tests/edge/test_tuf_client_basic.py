"""The client's workflow over the top-level roles, clause by clause (specification, section 5)."""

import json

import pytest

from tests.edge.repository import TOP

FIRST = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
ALL = {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}


def test_init_asks_for_nothing_and_refresh_in_order(world):
    repository, client = world()
    assert client.init() == 0
    assert repository.requests == []
    assert client.refresh() == 0
    assert repository.asked() == FIRST
    for role in TOP:
        name = f"metadata/{'' if role == 'timestamp' else '1.'}{role}.json"
        assert (client.metadata / f"{role}.json").read_bytes() == repository.files[name]
    assert client.staged() == []


def test_refresh_of_an_unchanged_repository_asks_for_root_and_timestamp_only(world):
    repository, client = world()
    client.init()
    assert client.refresh() == 0
    repository.asked()
    assert client.refresh() == 0
    assert repository.asked() == FIRST[:2]
    repository.publish("timestamp")
    assert client.refresh() == 0
    assert repository.asked() == FIRST[:2]
    assert client.trusted() == {**ALL, "timestamp": 2}


def test_files_without_consistent_snapshots_have_plain_names(world):
    repository, client = world(consistent=False)
    client.init()
    assert client.refresh() == 0
    assert repository.asked() == ["2.root.json", "timestamp.json", "snapshot.json", "targets.json"]


def test_a_root_that_turns_consistent_snapshots_on_is_obeyed_at_once(world):
    repository, client = world(consistent=False)
    client.init()
    repository.root.consistent_snapshot = True
    repository.publish("root", "targets", "snapshot", "timestamp")
    assert client.refresh() == 0
    assert repository.asked()[-2:] == ["2.snapshot.json", "2.targets.json"]


def test_download_refreshes_first(world):
    repository, client = world()
    client.init()
    assert client.download("no such target") == 1
    assert client.code == "trust.unknown_target"
    assert repository.asked() == FIRST
    assert client.trusted() == ALL


def _broken_root(change):
    def build(repository):
        document = json.loads(repository.files["metadata/1.root.json"])
        change(document)
        return json.dumps(document).encode()

    return build


@pytest.mark.parametrize(
    "build",
    [
        _broken_root(lambda d: d["signed"].pop("version")),
        _broken_root(lambda d: d["signatures"].clear()),
        _broken_root(lambda d: d["signatures"][0].update(sig="00" * 64)),
        _broken_root(lambda d: d["signed"].update(version=2)),
        lambda repository: b"{",
        lambda repository: b"",
        lambda repository: repository.files["metadata/1.targets.json"],
    ],
    ids=["no version", "no signature", "bad signature", "altered", "no JSON", "empty", "no root"],
)
def test_a_trusted_root_that_is_broken_asks_for_nothing(world, build):
    repository, client = world()
    client.init(build(repository))
    assert client.refresh() == 1
    assert repository.requests == []
    assert client.code in ("trust.format", "trust.threshold", "trust.bad_signature")


def test_no_root_at_all(world):
    repository, client = world()
    assert client.refresh() == 1
    assert (client.code, repository.requests) == ("trust.no_root", [])


UNSIGNED = {
    "root": {"root": 1},
    "timestamp": {"root": 2},
    "snapshot": {"root": 2, "timestamp": 2},
    "targets": {"root": 2, "timestamp": 2, "snapshot": 2},
}


@pytest.mark.parametrize("role", UNSIGNED)
def test_an_unsigned_role_stops_the_cycle_there(world, role):
    repository, client = world()
    repository.signers[role].pop()
    repository.publish("root", "targets", "snapshot", "timestamp")
    client.init()
    assert client.refresh() == 1
    assert client.code == "trust.threshold"
    assert client.trusted() == UNSIGNED[role]
    assert client.staged() == []


@pytest.mark.parametrize("role", ["root", "snapshot", "targets"])
@pytest.mark.parametrize("version", [1, 3])
def test_a_version_other_than_the_one_asked_for_is_refused(world, role, version):
    repository, client = world()
    repository.publish("root", "targets", "snapshot", "timestamp")
    repository.signed[role].version = version
    repository.files[f"metadata/2.{role}.json"] = repository.bytes_of(role)
    client.init()
    assert client.refresh() == 1
    assert client.code == "trust.version"
    assert client.trusted() == UNSIGNED[role]


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_missing_file_stops_the_cycle_there(world, role):
    repository, client = world()
    client.init()
    assert client.refresh() == 0
    repository.publish("targets", "snapshot", "timestamp")
    name = "timestamp" if role == "timestamp" else f"2.{role}"
    repository.files[f"metadata/{name}.json"] = 404
    assert client.refresh() == 1
    assert client.code == "trust.absent"
    passed = {"timestamp": {}, "snapshot": {"timestamp": 2}}
    passed["targets"] = {"timestamp": 2, "snapshot": 2}
    assert client.trusted() == {**ALL, **passed[role]}


def test_the_next_cycle_completes_what_a_failed_one_began(world):
    repository, client = world()
    client.init()
    repository.publish("targets", "snapshot", "timestamp")
    whole = repository.files["metadata/2.snapshot.json"]
    repository.files["metadata/2.snapshot.json"] = 404
    assert client.refresh() == 1
    repository.files["metadata/2.snapshot.json"] = whole
    repository.asked()
    assert client.refresh() == 0
    assert repository.asked() == [*FIRST[:2], "2.snapshot.json", "2.targets.json"]


@pytest.mark.parametrize("status", [403, 404])
def test_no_newer_root_is_403_or_404(world, status):
    repository, client = world()
    client.init()
    repository.files["metadata/2.root.json"] = status
    assert client.refresh() == 0


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_for_the_root_is_no_end_of_the_chain(world, status):
    repository, client = world()
    client.init()
    repository.files["metadata/2.root.json"] = status
    assert client.refresh() == 1
    assert client.code == "link.status"
    assert client.trusted() == {"root": 1}


def test_a_timestamp_of_the_same_version_is_not_taken(world):
    repository, client = world()
    client.init()
    assert client.refresh() == 0
    repository.timestamp.snapshot_meta.version = 100
    repository.publish("timestamp", bump=False)
    repository.asked()
    assert client.refresh() == 0
    assert repository.asked() == FIRST[:2]
    data = json.loads((client.metadata / "timestamp.json").read_bytes())
    assert data["signed"]["meta"]["snapshot.json"]["version"] == 1


def test_hashes_and_lengths_of_metadata_are_compared(world):
    repository, client = world(hashes=True)
    client.init()
    assert client.refresh() == 0
    for listing, role in (("snapshot", "targets.json"), ("timestamp", None)):
        for field, value in (("hashes", {"sha256": "0" * 64}), ("length", 1), ("length", 90000)):
            repository.publish("targets", "snapshot", "timestamp")
            owner = repository.signed[listing]
            setattr(owner.meta[role] if role else owner.snapshot_meta, field, value)
            repository.publish(*(("snapshot", "timestamp") if role else ("timestamp",)))
            before = client.trusted()
            assert client.refresh() == 1
            assert client.code == ("trust.hash" if field == "hashes" else "trust.length")
            broken = "targets" if role else "snapshot"
            assert client.trusted()[broken] == before[broken]
    repository.publish("targets", "snapshot", "timestamp")
    assert client.refresh() == 0


def test_every_listed_hash_must_fit_and_be_known(world):
    repository, client = world(hashes=True)
    client.init()
    meta = repository.snapshot.meta["targets.json"]
    good = dict(meta.hashes)
    import hashlib

    whole = hashlib.sha512(repository.files["metadata/1.targets.json"]).hexdigest()
    for extra, code in (
        ({"sha512": "0" * 128}, "trust.hash"),
        ({"md5": "0" * 32}, "trust.hash"),
        ({"sha512": whole}, ""),
    ):
        meta.hashes = {**good, **extra}
        repository.publish("snapshot", "timestamp")
        assert client.refresh() == (1 if code else 0)
        assert client.code == code


def test_bytes_are_stored_as_they_were_served(world):
    repository, client = world()
    odd = json.dumps(json.loads(repository.files["metadata/timestamp.json"]), indent=3).encode()
    repository.files["metadata/timestamp.json"] = odd + b"\n "
    client.init()
    assert client.refresh() == 0
    assert (client.metadata / "timestamp.json").read_bytes() == odd + b"\n "


def test_unknown_fields_are_signed_and_ignored(world):
    repository, client = world()
    client.init()
    signer = repository.signer()
    signer.public_key.unrecognized_fields["extra"] = {"a": [1, None, "\U0001f600"]}
    repository.add_key("root", signer=signer)
    repository.root.unrecognized_fields["x-note"] = 'b\u1ea3n tin \U0001f600 \\ " \n'
    repository.root.roles["root"].unrecognized_fields["more"] = True
    repository.snapshot.meta["targets.json"].unrecognized_fields["y"] = -1
    repository.targets.unrecognized_fields["z"] = {"deep": [[[{}]]]}
    repository.publish("root", "targets", "snapshot", "timestamp")
    assert client.refresh() == 0
    assert client.trusted() == {"root": 2, "timestamp": 2, "snapshot": 2, "targets": 2}


def test_the_reader_of_a_damaged_cache_fetches_again(world):
    _, client = world()
    client.init()
    assert client.refresh() == 0
    whole = {role: (client.metadata / f"{role}.json").read_bytes() for role in TOP}
    for role in ("timestamp", "snapshot", "targets"):
        for damage in (b"", b"{}", whole[role][:-9], whole["root"], whole[role] + b"x"):
            client.put(role, damage)
            assert client.refresh() == 0
            assert (client.metadata / f"{role}.json").read_bytes() == whole[role]
