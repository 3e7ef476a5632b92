"""The client over a store that loses power at any call, and over links that lie, drip and break."""

import asyncio

import pytest

from edge.metadata_fetch import MetadataFetch
from hw import ports
from hw.linux.verifier import Verifier
from hw.sim.storage import PowerCut, Storage
from protocols.errors import RemoteFault, WorldFault
from tests.edge.clients import MemoryLink, Response
from tests.edge.repository import NOW, Repository, days

NOW_S = int(NOW.timestamp())
BASE = "http://repository/"


def _fetch(repository, storage, link=None):
    link = link or MemoryLink(repository)
    return MetadataFetch(link, storage, Verifier(), BASE + "metadata", BASE + "targets")


async def _story(repository, storage):
    fetch = _fetch(repository, storage)
    await fetch.refresh(NOW_S)
    target = await fetch.find_target("a/x")
    await fetch.download_target(target, storage, "targets/x")


def _states():
    """Return a repository's files at two states, and the root that both follow from."""
    repository = Repository()
    repository.delegate("targets", "A", ["a/*"])
    repository.add_target("A", "a/x", b"first" * 300)
    repository.publish_targets("targets", "A")
    first = dict(repository.files)
    repository.rotate("timestamp")
    repository.add_target("A", "a/x", b"second" * 300)
    repository.publish("root", "targets", "A", "snapshot", "timestamp")
    return repository, first


@pytest.mark.parametrize("survive_percent", [0, 50, 100])
def test_power_cut_at_every_storage_call(survive_percent):
    repository, first = _states()
    second = dict(repository.files)
    good = {data for files in (first, second) for data in files.values()}
    start = Storage()
    start.files["metadata/root.json"] = first["metadata/1.root.json"]
    repository.files = first
    asyncio.run(_story(repository, start))
    repository.files = second
    cut_at = 0
    while True:
        cut_at += 1
        storage = Storage()
        storage.files = dict(start.files)
        storage.cut_at = cut_at
        storage.survive_percent = survive_percent
        try:
            asyncio.run(_story(repository, storage))
        except PowerCut:
            storage.reboot()
            # Whatever stands was verified whole: it is a file that was served.
            assert set(storage.files.values()) <= good
            asyncio.run(_story(repository, storage))
        else:
            break
        assert storage.files["targets/x"] == b"second" * 300
        assert storage.files["metadata/timestamp.json"] == second["metadata/timestamp.json"]
        assert storage.staged == {}
    assert cut_at > 25


def test_a_full_store_keeps_what_it_had():
    repository, first = _states()
    storage = Storage()
    storage.files["metadata/root.json"] = first["metadata/1.root.json"]
    repository.files, second = first, repository.files
    asyncio.run(_story(repository, storage))
    before = dict(storage.files)
    repository.files = second
    storage.capacity_bytes = sum(map(len, before.values())) + 100
    with pytest.raises(WorldFault) as caught:
        asyncio.run(_story(repository, storage))
    assert caught.value.code == "storage.full"
    assert storage.files == before
    assert storage.staged == {}


class Etags(MemoryLink):
    """Answer 304 to the entity tag of what is served."""

    def __init__(self, repository):
        super().__init__(repository)
        self.statuses = []

    async def request(self, method, url, headers, body):
        response = await super().request(method, url, headers, body)
        tag = f'"{hash(response.data)}"'
        if headers.get("if-none-match") == tag:
            response = Response(304)
        response.headers["etag"] = tag
        self.statuses.append(response.status)
        return response


def test_an_idle_check_is_one_answer_without_a_body():
    repository, first = _states()
    storage = Storage()
    storage.files["metadata/root.json"] = first["metadata/1.root.json"]
    link = Etags(repository)
    fetch = _fetch(repository, storage, link)

    async def story():
        found = await fetch.refresh(NOW_S)
        assert found == (True, 3, 0)
        link.statuses.clear()
        found = await fetch.refresh(NOW_S)
        assert found == (False, 3, 0)
        assert link.statuses == [404, 304]
        assert (await fetch.find_target("a/x")).length == 1800
        # When the cached timestamp is damaged, the file is asked for without a condition.
        storage.files["metadata/timestamp.json"] = b"{}"
        link.statuses.clear()
        assert (await fetch.refresh(NOW_S)).changed
        assert link.statuses == [404, 200]
        # The same answer is no news for ever.
        with pytest.raises(RemoteFault) as caught:
            await fetch.refresh(int(days(31).timestamp()))
        assert caught.value.code == "trust.expired"

    asyncio.run(story())


class Breaking(ports.Link):
    """Serve, but break off in the body of one answer."""

    def __init__(self, repository, number):
        self._inner = MemoryLink(repository)
        self._left = number

    async def request(self, method, url, headers, body):
        self._left -= 1
        response = await self._inner.request(method, url, headers, body)
        if self._left == 0:
            response.cut = True
        return response


def test_a_link_that_breaks_at_any_answer_leaves_nothing_behind():
    repository, first = _states()
    # Two roots (the second answer, 404, has no body to break), three roles, A, the target.
    for number in (1, 3, 4, 5, 6, 7):
        storage = Storage()
        storage.files["metadata/root.json"] = first["metadata/1.root.json"]
        fetch = _fetch(repository, storage, Breaking(repository, number))

        async def story(fetch=fetch, storage=storage):
            await fetch.refresh(NOW_S)
            target = await fetch.find_target("a/x")
            await fetch.download_target(target, storage, "targets/x")

        with pytest.raises(WorldFault) as caught:
            asyncio.run(story())
        assert caught.value.code == "link.cut"
        assert storage.staged == {}
        assert "targets/x" not in storage.files
        asyncio.run(_story(repository, storage))


def test_nothing_is_found_before_a_refresh_has_succeeded():
    repository, first = _states()
    storage = Storage()
    fetch = _fetch(repository, storage)

    async def story():
        with pytest.raises(RemoteFault) as caught:
            await fetch.find_target("a/x")
        assert caught.value.code == "trust.absent"
        storage.files["metadata/root.json"] = first["metadata/1.root.json"]
        await fetch.refresh(NOW_S)
        target = await fetch.find_target("a/x")
        repository.files["metadata/timestamp.json"] = b"{}"
        with pytest.raises(RemoteFault):
            await fetch.refresh(NOW_S)
        for call in (fetch.find_target("a/x"), fetch.download_target(target, storage, "targets/x")):
            with pytest.raises(RemoteFault) as caught:
                await call
            assert caught.value.code == "trust.absent"

    asyncio.run(story())
