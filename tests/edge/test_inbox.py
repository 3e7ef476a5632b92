"""Events that wait for one task: in order, bounded, and woken by news or by the clock."""

import asyncio

from edge.inbox import Inbox
from hw.sim.clock import Clock
from protocols.limits import INBOX_EVENTS_MAX
from protocols.play_values import AlertsSet, BlobArrived, Finished, Started


def drained(inbox):
    found = []
    while (event := inbox.next()) is not None:
        found.append(event)
    return found


async def test_events_come_out_in_order():
    inbox = Inbox()
    for number in range(3):
        inbox.take(BlobArrived(number))
    assert [event.sha256 for event in drained(inbox)] == [0, 1, 2]
    assert inbox.next() is None


async def test_a_flood_of_blobs_pushes_out_no_state():
    inbox = Inbox()
    inbox.take(AlertsSet((), True))
    for number in range(2 * INBOX_EVENTS_MAX):
        inbox.take(BlobArrived(number))
    inbox.take(Finished(1, 0))
    found = drained(inbox)
    assert len(found) == INBOX_EVENTS_MAX
    assert found[0] == AlertsSet((), True) and found[-1] == Finished(1, 0)


async def test_too_many_states_drop_the_oldest():
    inbox = Inbox()
    for number in range(INBOX_EVENTS_MAX + 1):
        inbox.take(Started(number))
    assert inbox.next() == Started(1)


async def test_answers_to_an_earlier_session_are_dropped():
    inbox = Inbox()
    inbox.take(Started(1))
    inbox.take(BlobArrived("x"))
    inbox.drop_answers()
    assert drained(inbox) == [BlobArrived("x")]


async def test_waiting_ends_by_news_or_by_the_clock():
    inbox, clock = Inbox(), Clock()
    waiting = asyncio.create_task(inbox.wait(clock, 1000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.advance(999)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(1)
    await asyncio.wait_for(waiting, 5)
    waiting = asyncio.create_task(inbox.wait(clock, 1000))
    await asyncio.sleep(0)
    inbox.take(Started(1))
    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(inbox.wait(clock, 1000), 5)
    inbox.next()
    await asyncio.wait_for(inbox.wait(clock, 0), 5)
