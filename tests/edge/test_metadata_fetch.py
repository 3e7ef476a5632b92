"""The client's ordinary day: which requests it makes, what it stores, what it leaves alone."""

import os

import pytest

from tests.edge.clients import InProcess
from tests.edge.repository import Repository


@pytest.mark.parametrize("consistent", [True, False])
def test_download_through_delegations(consistent, tmp_path):
    repository = Repository(consistent)
    client = InProcess(tmp_path, repository)
    assert client.init() == 0
    assert client.refresh() == 0
    first = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
    names = first if consistent else [*first[:2], "snapshot.json", "targets.json"]
    assert repository.asked() == names
    repository.delegate("targets", "A", ["a/*"])
    repository.delegate("A", "B", ["a/x*"])
    target = repository.add_target("B", "a/xx", b"hello")
    repository.publish_targets("A", "B", "targets")
    assert client.download("a/xx") == 0
    path = f"targets/a/{target.hashes['sha256']}.xx" if consistent else "targets/a/xx"
    assert repository.requests[-1] == path
    delegated = ["1.A.json", "1.B.json"] if consistent else ["A.json", "B.json"]
    assert repository.asked()[-2:] == delegated
    assert client.held() == {"a%2Fxx": b"hello"}
    assert client.trusted() == {
        "root": 1,
        "timestamp": 2,
        "snapshot": 2,
        "targets": 2,
        "A": 1,
        "B": 1,
    }
    before = os.stat(client.targets / "a%2Fxx").st_mtime_ns
    assert client.download("a/xx", "a/xx") == 0
    assert repository.requests == ["metadata/2.root.json", "metadata/timestamp.json"]
    assert os.stat(client.targets / "a%2Fxx").st_mtime_ns == before
    assert client.staged() == []
