"""Rings between hubs, on both event loops that a hub may have."""

import asyncio

import psycopg
import pytest

from hub import doorbell
from hub.ending import end
from hub.main import event_loop
from tests.hub import postgres


@pytest.fixture(scope="module")
def address():
    return postgres.cluster().fresh()


async def heard_of(address, ring_times):
    """Listen while it is rung so many times, then after a cut; return what was heard when."""
    heard = asyncio.Queue()
    listener = doorbell.Listener(address, lambda: heard.put_nowait(listener.is_listening))
    task, found = asyncio.create_task(listener.run()), []
    async with asyncio.timeout(20):
        found.append(await heard.get())
        for _ in range(ring_times):
            await asyncio.to_thread(doorbell.ring, address)
            found.append(await heard.get())
        await asyncio.to_thread(cut, address)
        found += [await heard.get(), await heard.get()]
    await end([task])
    return found, listener.is_listening


def cut(address):
    """Cut every connection of a companion to a database."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'chieng-companion' AND datname = current_database()"
        )


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, event_loop()])
def test_every_ring_a_loss_and_a_return_are_heard(address, loop, monkeypatch):
    monkeypatch.setattr(doorbell, "AGAIN_S", 0.05)
    with asyncio.Runner(loop_factory=loop) as runner:
        found, is_listening = runner.run(heard_of(address, 3))
    # At the beginning, three times rung, cut off, and back.
    assert found == [True] * 4 + [False, True] and not is_listening


async def test_where_no_database_is_it_is_told_and_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(doorbell, "AGAIN_S", 0.01)
    nowhere = "postgresql://chieng@/nowhere?host=/nowhere"
    doorbell.ring(nowhere)
    assert "were not told" in caplog.text
    heard = asyncio.Queue()
    task = asyncio.create_task(doorbell.Listener(nowhere, lambda: heard.put_nowait(1)).run())
    for _ in range(3):
        async with asyncio.timeout(10):
            await heard.get()
    await end([task])
    assert caplog.text.count("are not heard") >= 3
