"""What one task learned reaches every task that decides on it, in order."""

from edge.feed import Feed
from edge.inbox import Inbox


def test_every_taker_gets_every_event_in_order():
    feed, early, late = Feed(), Inbox(), Inbox()
    feed.publish("missed by all")
    feed.subscribe(early)
    feed.publish("one")
    feed.subscribe(late)
    feed.publish("two")
    assert (early.next(), early.next(), early.next()) == ("one", "two", None)
    assert (late.next(), late.next()) == ("two", None)
