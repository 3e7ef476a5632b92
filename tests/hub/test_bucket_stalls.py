"""A bucket that takes every question and answers none holds up nobody but who needs it."""

import asyncio
import contextlib
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub import bucket, bucket_blobs
from hub.bucket_blobs import BucketBlobs
from protocols.errors import WorldFault
from tests.hub.conftest import COMMUNE


@contextlib.asynccontextmanager
async def silent_server():
    """Serve TCP that hears everything and says nothing; give its address and how many came."""
    came = []

    def take():
        with contextlib.suppress(OSError):
            while True:
                came.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in came:
                one.close()


@pytest.fixture
def stalled(tmp_path, monkeypatch):
    """Give what opens blobs in a bucket at an address, with short patience."""
    monkeypatch.setattr(bucket, "_SILENCE_S", 2)
    monkeypatch.setattr(bucket, "_TRIES", 0)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"access_key_id": "a", "secret_access_key": "b"}))
    keys.chmod(0o600)

    def open_at(endpoint):
        place = bucket.Place("stalls", endpoint, keys=str(keys))
        return BucketBlobs(tmp_path / "hub" / "blobs", bucket.Bucket(place))

    return open_at


THREADS = 4


async def every_thread_is_free():
    """Meet in as many threads as everybody shares: one that is held keeps all from meeting."""
    met = threading.Barrier(THREADS, timeout=10)
    await asyncio.gather(*(asyncio.to_thread(met.wait) for _ in range(THREADS)))


async def test_what_stalls_for_many_nodes_stalls_nothing_else(hub, services, stalled):
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    async with silent_server() as (endpoint, came):
        blobs = stalled(endpoint)
        object.__setattr__(services, "blobs", blobs)
        here = blobs.put_bytes(b"a siren")
        tasks = [asyncio.create_task(blobs.run())]
        names = [f"{number:064x}" for number in range(40)]
        asked = [asyncio.create_task(hub("GET", f"/v1/blobs/{name}")) for name in names]
        # Ten more want the same one: it is asked for once.
        asked += [asyncio.create_task(hub("GET", f"/v1/blobs/{names[0]}")) for _ in range(10)]
        while len(came) < bucket_blobs.BRINGERS:
            await asyncio.sleep(0.01)
        await every_thread_is_free()
        assert not any(task.done() for task in asked), "the bucket stalls still"
        response, body = await hub("GET", f"/v1/blobs/{here.sha256}")
        assert (response.status, body) == (200, b"a siren")
        response, _ = await hub("GET", f"/v1/units/{COMMUNE}/pack?have=0.0")
        assert response.status == 200
        # It is told as soon as the bucket is seen to be away, and left alone for a while.
        answers = await asyncio.gather(*asked)
        assert {response.status for response, _ in answers} == {503}
        before = len(came)
        response, body = await hub("GET", f"/v1/blobs/{names[1]}")
        assert response.status == 503 and b"does not answer" in body and len(came) == before
        for task in tasks:
            task.cancel()


async def test_who_waits_for_a_slow_bucket_is_told_and_the_next_one_joins_in(stalled, monkeypatch):
    monkeypatch.setattr(bucket_blobs, "WAIT_S", 0.2)
    async with silent_server() as (endpoint, came):
        blobs = stalled(endpoint)
        for bring in (blobs.fetch("0" * 64), asyncio.to_thread(blobs.bring, "0" * 64)):
            with pytest.raises(WorldFault, match="takes long"):
                await bring
        assert len(came) == 1
        monkeypatch.setattr(bucket_blobs, "BRINGING_MAX", 1)
        with pytest.raises(WorldFault, match="too much at once"):
            await blobs.fetch("1" * 64)


async def test_who_stores_does_not_wait_while_something_is_erased_there(stalled):
    from hub.blob_sweep import GRACE_S, _erase

    async with silent_server() as (endpoint, came):
        blobs = stalled(endpoint)
        old = blobs.put_bytes(b"old").sha256
        erasing = asyncio.create_task(blobs.apart(_erase, blobs, [old], 4_000_000_000 + GRACE_S))
        while not came:
            await asyncio.sleep(0.01)
        assert not erasing.done() and not blobs.has(old)
        blobs.put_bytes(b"new")
        assert not erasing.done()
        with pytest.raises(WorldFault):
            await erasing
