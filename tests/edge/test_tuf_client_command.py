"""The command itself, `-m edge.tuf_client`, under each interpreter, with its real clock."""

import subprocess

import pytest
from tuf.api.metadata import MetaFile

from tests.edge.clients import INTERPRETERS, TOP, Command
from tests.edge.repository import Repository, days


@pytest.fixture(params=list(INTERPRETERS))
def client(request, tmp_path):
    client = Command(tmp_path, Repository())
    client.interpreter = request.param
    return client


def test_init_refresh_and_download(client):
    repository = client.repository
    repository.delegate("targets", "A/\u1ea3", ["a/*"])
    repository.add_target("A/\u1ea3", "a/x", b"hello")
    repository.publish_targets("targets", "A/\u1ea3")
    assert client.init() == 0
    assert repository.requests == []
    assert client.refresh() == 0
    assert client.download("a/x", "a/x") == 0
    assert client.held() == {"a%2Fx": b"hello"}
    assert set(client.trusted()) == {"root", "timestamp", "snapshot", "targets", "A%2F%E1%BA%A3"}
    assert client.download("a/y") == 1
    assert client.code == "trust.unknown_target"
    repository.signers["timestamp"].clear()
    repository.publish("timestamp")
    assert client.refresh() == 1
    assert client.code == "trust.threshold"


USAGE = [
    [],
    ["refresh"],
    ["--metadata-dir", "D"],
    ["--metadata-dir", "D", "init"],
    ["--metadata-dir", "D", "init", "a", "b"],
    ["--metadata-dir", "D", "init", "no-such-file"],
    ["--metadata-dir", "D", "refresh"],
    ["--metadata-dir", "D", "--metadata-url", "http://127.0.0.1:1/", "refresh", "more"],
    ["--metadata-dir", "D", "--metadata-url", "http://127.0.0.1:1/", "download"],
    ["--metadata-dir", "D", "--metadata-url", "http://127.0.0.1:1/", "--target-name", "x"],
    ["--no-such", "x", "refresh"],
    ["--metadata-dir"],
    ["--metadata-dir", "D", "--metadata-url", "http://127.0.0.1:1/", "no-such-verb"],
]


def test_usage_is_explained_and_exits_1(client, tmp_path):
    for words in USAGE:
        words = [str(tmp_path / "metadata") if word == "D" else word for word in words]
        assert client.run(*words) == 1, words
        assert client.code in ("usage", "storage.io"), (words, client.code)


def test_an_unreachable_server_exits_1(client, tmp_path):
    client.init()
    where = ["--metadata-dir", str(tmp_path / "metadata")]
    assert client.run("--metadata-url", "http://127.0.0.1:1/", *where, "refresh") == 1
    assert client.code.startswith("link.")
    assert client.trusted() == {"root": 1}


@pytest.mark.parametrize("count", [160, 256])
def test_a_snapshot_of_a_whole_province_fits_a_boards_heap(client, count):
    """And where it lists as many as a province has communes, beside the one held before."""
    repository = client.repository
    for number in range(count):
        repository.snapshot.meta[f"bin-{number:02x}.json"] = MetaFile(1)
    repository.publish_targets()
    client.init()
    assert client.refresh() == 0, client.code
    if count == 160:
        repository.publish_targets()
        assert client.refresh() == 0, client.code
    assert client.trusted()["snapshot"] == (3 if count == 160 else 2)


@pytest.mark.parametrize("interpreter", ["python", "micropython"])
def test_time_comes_from_libc(interpreter, tmp_path):
    client = Command(tmp_path, Repository())
    client.interpreter = interpreter
    client.init()
    words = ["--metadata-url", client.url, "--metadata-dir", str(client.metadata), "refresh"]
    command = [*INTERPRETERS[interpreter], "-m", "edge.tuf_client", *words]
    for count, status in ((29, 0), (31, 1)):
        moment = days(count).strftime("%Y-%m-%d %H:%M:%S")
        faked = ["env", "TZ=UTC", "faketime", moment, *command]
        done = subprocess.run(faked, cwd=TOP, capture_output=True, text=True, timeout=120)
        assert done.returncode == status, done.stderr
        assert status == 0 or "trust.expired" in done.stderr
