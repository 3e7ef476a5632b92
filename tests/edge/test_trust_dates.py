"""A thief of an online key signs a far-away time: the recovery is not held up by it."""

import pytest

from tests.edge.memory_client import NOW_S, MemoryClient, ViewRepository
from tests.edge.repository import days

UNIT = "03.k7f2"
FAR_S = NOW_S + 70 * 365 * 86400


def poisoned(role="timestamp"):
    """A node that took a thief's far-away issue time, and the repository after the recovery."""
    repository = ViewRepository()
    repository.timestamp.expires = repository.snapshot.expires = days(80 * 365)
    repository.issued_s = FAR_S
    repository.publish("snapshot", "timestamp")
    client = MemoryClient(repository, UNIT)
    assert client.refresh() in ("", "trust.expired")
    repository.rotate(role)
    repository.issued_s = NOW_S
    repository.publish("root")
    repository.timestamp.version = repository.snapshot.version = 1
    repository.timestamp.expires = repository.snapshot.expires = days(5)
    repository.publish("snapshot", "timestamp")
    return repository, client


@pytest.mark.parametrize("sure_s", [0, NOW_S], ids=["without RTC", "with RTC"])
def test_a_thiefs_far_date_does_not_outlast_the_recovery(sure_s):
    _, client = poisoned()
    assert client.refresh(FAR_S, sure_s) == ""
    assert client.fetch.take_rotated()
    assert client.refreshed.issued_s == NOW_S


def test_a_link_lost_right_after_the_new_root_still_voids_the_date():
    repository, client = poisoned()
    timestamp = repository.files.pop("metadata/timestamp.json")
    assert client.refresh(FAR_S, 0) != ""
    assert client.fetch.take_rotated()
    assert client.metadata.open("timestamp.json") is None
    repository.files["metadata/timestamp.json"] = timestamp
    client.boot(UNIT)
    assert client.refresh() == ""
    assert client.refreshed.issued_s == NOW_S
