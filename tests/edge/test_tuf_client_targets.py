"""Target files: what is asked for, what is compared, what stands where afterwards."""

import hashlib
import os

import pytest

PATH = "path/to/file.txt"
FILE = "path%2Fto%2Ffile.txt"
DATA = b"contents of the target " * 100


def _target(world, data=DATA, hashes=("sha256",), **options):
    repository, client = world(**options)
    target = repository.add_target("targets", PATH, data, hashes)
    repository.publish_targets()
    client.init()
    return repository, client, target


def test_refresh_downloads_no_target(world):
    repository, client, _ = _target(world)
    assert client.refresh() == 0
    assert client.held() == {}
    assert not [path for path in repository.requests if path.startswith("targets/")]


@pytest.mark.parametrize("consistent", [False, True])
def test_name_at_the_server_and_here(world, consistent):
    repository, client, target = _target(world, consistent=consistent)
    assert client.download(PATH) == 0
    name = f"{target.hashes['sha256']}.file.txt" if consistent else "file.txt"
    assert repository.requests[-1] == "targets/path/to/" + name
    assert client.held() == {FILE: DATA}
    assert client.staged() == []


@pytest.mark.parametrize(
    "path", ["a b", "\u1ea3/\u1ea3", "50%/x?y#z", "..", "../../x", "/x", "a//b"]
)
def test_unusual_paths(world, path):
    from urllib.parse import quote, unquote

    repository, client = world()
    repository.add_target("targets", path, b"x")
    repository.publish_targets()
    client.init()
    if path == "..":
        assert client.download(path) == 1
        assert (client.code, client.held()) == ("storage.name", {})
        return
    assert client.download(path) == 0
    folder, mark, base = path.rpartition("/")
    digest = hashlib.sha256(b"x").hexdigest()
    assert unquote(repository.requests[-1]) == f"targets/{folder}{mark}{digest}.{base}"
    assert client.held() == {quote(path, ""): b"x"}
    assert [entry.name for entry in client.targets.iterdir()] == [quote(path, "")]


def test_an_unchanged_target_is_neither_asked_for_nor_touched(world):
    repository, client, _ = _target(world)
    assert client.download(PATH) == 0
    before = os.stat(client.targets / FILE)
    repository.requests.clear()
    assert client.download(PATH) == 0
    assert [path for path in repository.requests if path.startswith("targets/")] == []
    after = os.stat(client.targets / FILE)
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("damage", [b"", DATA[:-1], DATA + b"x", b"X" + DATA[1:]])
def test_a_damaged_target_is_fetched_again(world, damage):
    _, client, _ = _target(world)
    (client.targets / FILE).write_bytes(damage)
    assert client.download(PATH) == 0
    assert client.held() == {FILE: DATA}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "trust.length"),
        (DATA[:-1], "trust.length"),
        (DATA + b"x", "trust.length"),
        (DATA * 300, "trust.length"),
        (b"X" + DATA[1:], "trust.hash"),
        (404, "trust.absent"),
        (500, "link.status"),
    ],
)
@pytest.mark.parametrize("held", [False, True])
def test_wrong_bytes_never_stand(world, data, code, held):
    repository, client, target = _target(world)
    expected = {}
    if held:
        old = repository.add_target("targets", PATH, b"old")
        repository.publish_targets()
        assert client.download(PATH) == 0
        expected = {FILE: b"old"}
        assert old.length == 3
        repository.targets.targets[PATH] = target
        repository.publish_targets()
    repository.serve_target(target, data)
    assert client.download(PATH) == 1
    assert client.code == code
    assert client.held() == expected
    assert client.staged() == []
    repository.serve_target(target, DATA)
    assert client.download(PATH) == 0
    assert client.held() == {FILE: DATA}


def test_a_signed_length_is_compared_though_the_hash_fits(world):
    repository, client, target = _target(world)
    for wrong in (len(DATA) - 1, len(DATA) + 1, 0):
        target.length = wrong
        repository.publish_targets()
        assert client.download(PATH) == 1
        assert client.code == "trust.length"
        assert client.held() == {}


def test_an_empty_target(world):
    _, client, _ = _target(world, data=b"")
    assert client.download(PATH) == 0
    assert client.held() == {FILE: b""}


@pytest.mark.parametrize("hashes", [("sha256",), ("sha512",), ("sha256", "sha512")])
def test_hash_algorithms(world, hashes):
    repository, client, target = _target(world, hashes=hashes)
    assert client.download(PATH) == 0
    digests = [f"targets/path/to/{digest}.file.txt" for digest in target.hashes.values()]
    assert repository.requests[-1] in digests
    assert client.held() == {FILE: DATA}
    for name in hashes:
        good = target.hashes[name]
        target.hashes[name] = "0" * len(good)
        repository.serve_target(target, DATA)
        repository.publish_targets()
        (client.targets / FILE).unlink(missing_ok=True)
        assert client.download(PATH) == 1
        assert (client.code, client.held()) == ("trust.hash", {})
        target.hashes[name] = good


@pytest.mark.parametrize("others", [(), ("sha256",)])
def test_an_unknown_hash_algorithm_is_refused(world, others):
    repository, client, target = _target(world, hashes=others or ("sha512",))
    target.hashes["whirlpool"] = "0" * 128
    if not others:
        del target.hashes["sha512"]
    repository.publish_targets()
    assert client.download(PATH) == 1
    assert (client.code, client.held()) == ("trust.hash", {})


def test_targets_change_and_the_file_keeps_its_name(world):
    repository, client, _ = _target(world)
    assert client.download(PATH) == 0
    for number in range(4):
        data = b"modified %d" % number
        target = repository.add_target("targets", PATH, data)
        other = repository.add_target("targets", f"new-{number}", b"new %d" % number)
        repository.publish_targets()
        assert client.download(PATH, other.path) == 0
        assert client.held()[FILE] == data
        repository.serve_target(target, b"malice %d" % number)
        repository.publish_targets()
        assert client.download(PATH) == 0
        assert client.held()[FILE] == data
    assert len(client.held()) == 5


def test_several_targets_of_which_one_is_bad(world):
    repository, client, target = _target(world)
    repository.add_target("targets", "good", b"good")
    repository.publish_targets()
    repository.serve_target(target, b"bad")
    assert client.download("good", PATH, "none") == 1
    assert client.held() == {"good": b"good"}


def test_a_target_of_one_kind_of_custom_data_is_found(world):
    repository, client, target = _target(world)
    target.unrecognized_fields["custom"] = {"any": ["thing", None]}
    repository.publish_targets()
    assert client.download(PATH) == 0
