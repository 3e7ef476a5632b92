"""A target that was found is remembered for as long as a search would go by the same files."""

import asyncio

import pytest

from edge.metadata_fetch import MetadataFetch
from hw.linux.verifier import Verifier
from hw.sim.storage import Storage
from protocols.errors import RemoteFault
from tests.edge.clients import MemoryLink
from tests.edge.repository import NOW, Repository, days

NOW_S = int(NOW.timestamp())
BASE = "http://repository/"


class Opened(Storage):
    """Note which files are opened."""

    def __init__(self):
        super().__init__()
        self.opened = []

    def open(self, name):
        self.opened.append(name)
        return super().open(name)


@pytest.fixture
def repository():
    made = Repository()
    made.delegate("targets", "A", ["a/*"])
    made.add_target("A", "a/x", b"first")
    made.publish_targets("targets", "A")
    return made


@pytest.fixture
def storage(repository):
    made = Opened()
    made.files["metadata/root.json"] = repository.files["metadata/1.root.json"]
    return made


def _looked_up(repository, storage, change=None, now_s=NOW_S):
    """Find a target, let a change happen, and ask for it again after a refresh at a time."""
    fetch = MetadataFetch(
        MemoryLink(repository), storage, Verifier(), BASE + "metadata", BASE + "targets"
    )

    async def story():
        await fetch.refresh(NOW_S)
        first = await fetch.find_target("a/x")
        if change is not None:
            change(fetch)
        await fetch.refresh(now_s)
        storage.opened.clear()
        return first, fetch.still_found("a/x")

    return asyncio.run(story())


def test_the_same_files_give_the_very_same_target_and_are_not_read_again(repository, storage):
    first, second = _looked_up(repository, storage)
    assert second is first
    assert storage.opened == []


def test_a_new_view_of_the_same_roles_changes_nothing(repository, storage):
    def change(fetch):
        repository.publish("snapshot", "timestamp")

    first, second = _looked_up(repository, storage, change)
    assert second is first


@pytest.mark.parametrize("published", ["A", "targets"])
def test_a_role_of_another_version_on_the_way_asks_for_a_search(repository, storage, published):
    def change(fetch):
        repository.publish_targets(published)

    assert _looked_up(repository, storage, change)[1] is None


def test_another_root_asks_for_a_search(repository, storage):
    def change(fetch):
        repository.publish("root")

    assert _looked_up(repository, storage, change)[1] is None


def test_a_role_that_has_expired_since_asks_for_a_search(repository, storage):
    repository.signed["A"].expires = days(1)
    repository.publish_targets("A")
    assert _looked_up(repository, storage, now_s=NOW_S + 2 * 86400)[1] is None


def test_whoever_looks_anew_searches(repository, storage):
    assert _looked_up(repository, storage, MetadataFetch.look_anew)[1] is None


def test_nothing_is_found_still_after_a_refresh_that_failed(repository, storage):
    def change(fetch):
        repository.files["metadata/timestamp.json"] = b"{}"

    with pytest.raises(RemoteFault):
        _looked_up(repository, storage, change)
