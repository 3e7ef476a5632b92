"""A play that power or a crash cuts: recorded once, as far as it surely came, and gone on with."""

import pytest

from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.underway import Underway
from hw.sim.clock import Clock
from hw.sim.storage import Storage
from protocols import canonical, records
from protocols.outbox import Span
from protocols.play_values import Cut
from tests.edge.node_world import COMMUNE, Node, Province
from tests.edge.test_journal_store import CLOCK, RANDOM, fact, opened
from tests.portable import manifests


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def book_over(storage):
    """Return the book of a node's next life over its storage."""
    journal = JournalStore(storage, "node-1", RANDOM)
    journal.open()
    return JournalBook(journal), journal


def plays(journal):
    """Return the bodies of all play records in the journal."""
    found = []
    for run in journal.runs("plays"):
        for sequence in range(run.first, run.last + 1):
            (data,) = journal.read("plays", Span(run.epoch, 0, sequence, 1), 1 << 16)
            record = records.read(data).record
            if record.kind == "play":
                found.append(record.body)
    return found


async def life(province, storage, clock, until=None, day=0):
    """Return a node with a real journal that ran until a time, and the journal."""
    node = Node(province, storage=storage, clock=clock)
    node.clock.set_wall_ms(manifests.at_ms(clock, day))
    node.boot()
    book, journal = book_over(node.storage)
    book.follow(node.time.now)
    node.parts.book.write = book.write
    node.parts.book.write_memo, node.parts.book.memo = book.write_memo, book.memo
    node.start("sync", "playout", "amplifier")
    if until is not None:
        await node.pass_to(until)
    return node, journal


async def power_cut(node):
    """End everything without a word: what is not on disk is gone."""
    node.parts.book.write = lambda *told: None
    node.parts.book.write_memo = lambda *told: None
    storage, held = node.storage, {name: bytes(data) for name, data in node.storage.files.items()}
    await node.stop()
    storage.files = held


async def test_a_play_that_power_cut_is_recorded_once_and_goes_on(province):
    province.publish(province.news_bundle(seconds=300))
    node, _ = await life(province, None, "05:28", "05:32:35")
    storage = node.storage
    await power_cut(node)
    later, journal = await life(province, storage, "05:33", "05:33:30")
    (cut,) = plays(journal)
    assert (cut["outcome"], cut["reason"], cut["item"]) == ("cut", "reset", "news")
    assert cut["started_ms"] == manifests.at_ms("05:30")
    # Looked at after ten seconds and then every minute: 2:10 is what was surely heard.
    assert 130_000 <= cut["until_ms"] <= 130_500
    assert cut["ended_ms"] - cut["started_ms"] == cut["until_ms"]
    assert cut["evidence"]["grade"] == 3 and cut["occurrence"].startswith("morning/")
    await later.pass_to("05:38")
    await later.stop()
    _, rest = plays(journal)
    assert (rest["outcome"], rest["resumed"]) == ("complete", True)
    assert (rest["from_ms"], rest["until_ms"]) == (cut["until_ms"], 300_000)
    assert rest["occurrence"] == cut["occurrence"]
    again, journal = await life(province, storage, "06:00", "06:10")
    assert len(plays(journal)) == 2
    await again.stop()


async def test_what_a_crash_cuts_and_then_power_is_recorded_both_times(province):
    province.publish(province.news_bundle(seconds=300))
    node, journal = await life(province, None, "05:28", "05:31:35")

    def crash(_):
        del node.playout._drain
        raise RuntimeError("in mid-play")

    node.playout._drain = crash
    await node.pass_to("05:33:30")
    (first,) = plays(journal)
    assert (first["outcome"], first["from_ms"]) == ("cut", 0)
    storage = node.storage
    await power_cut(node)
    later, journal = await life(province, storage, "05:34", "05:34:01")
    await later.stop()
    second = plays(journal)[1]
    assert (second["outcome"], second["resumed"]) == ("cut", True)
    assert second["from_ms"] == first["until_ms"]
    assert 60_000 <= second["until_ms"] - second["from_ms"] <= 120_000


async def test_a_cut_play_for_which_it_is_too_late_is_not_skipped_as_well(province):
    province.publish(province.news_bundle(seconds=60))
    node, _ = await life(province, None, "05:28", "05:30:05")
    storage = node.storage
    await power_cut(node)
    later, journal = await life(province, storage, "09:00", "09:10")
    await later.stop()
    (cut,) = plays(journal)
    assert cut["outcome"] == "cut" and cut["until_ms"] == 0
    assert cut["ended_ms"] == cut["started_ms"]
    kinds = [records.read(data).record.kind for data in _all(journal)]
    assert kinds == ["play"]


def _all(journal):
    found = []
    for run in journal.runs("plays"):
        found.extend(journal.read("plays", Span(run.epoch, 0, run.first, 99), 1 << 16))
    return found


async def test_an_alert_that_power_cut_plays_anew_or_ends_without_a_second_record(province):
    province.publish(province.news_bundle())
    province.publish(manifests.alerts([province.flood(seconds=60)], COMMUNE))
    node, _ = await life(province, None, "04:00", "04:00:40")
    storage = node.storage
    await power_cut(node)
    later, journal = await life(province, storage, "04:02", "04:05")
    await later.stop()
    # At first its sound was not here yet.
    assert [(one["outcome"], one["occurrence"]) for one in plays(journal)] == [
        ("failed", "alert/1"),
        ("cut", "alert/1"),
        ("complete", "alert/1"),
    ]


async def test_an_alert_that_expired_while_power_was_away_was_heard_in_part(province):
    province.publish(province.news_bundle())
    province.publish(manifests.alerts([province.flood(seconds=60)], COMMUNE))
    node, _ = await life(province, None, "04:00", "04:00:40")
    storage = node.storage
    await power_cut(node)
    later, journal = await life(province, storage, "04:00", day=2)
    await later.pass_ms(60_000)
    await later.stop()
    told = [records.read(data).record for data in _all(journal)]
    assert [one.body["outcome"] for one in told if one.body["item"] == "flood"] == ["failed", "cut"]


def test_a_memo_holds_until_a_play_is_recorded_and_no_longer():
    storage = Storage()
    book, journal = book_over(storage)
    assert book.memo("plays") == (0, b"")
    book.write_memo("plays", 5, b'{"n":1}')
    journal.append("plays", CLOCK, "skip", fact(1))
    book.write_memo("plays", 60_000, b"")
    assert book.memo("plays") == book_over(storage)[0].memo("plays") == (60_000, b'{"n":1}')
    journal.append("plays", CLOCK, "play", fact(2))
    assert book.memo("plays")[1] == book_over(storage)[0].memo("plays")[1] == b""
    again, later = book_over(storage)
    assert [one["n"] for one in plays(later)] == [2] and later.positions("plays") == {}
    # It goes along from segment to segment.
    again.write_memo("plays", 7, b'{"n":2}')
    for number in range(400):
        later.append("plays", CLOCK, "skip", fact(number))
    again.write_memo("plays", 8, b"")
    assert later.segment_count() > 1
    assert book_over(storage)[0].memo("plays") == (8, b'{"n":2}')


def test_a_memo_outlives_the_segment_it_was_written_in():
    storage = Storage()
    store = opened(storage)
    store.write_memo("plays", 1, b'{"n":1}')
    first = storage.names("journal")
    for number in range(2, 900):
        store.append("plays", CLOCK, "skip", fact(number, 200))
        store.acknowledge("plays", store.epoch("plays"), number - 1)
        store.write_memo("plays", number, b"")
    assert not set(first) & set(storage.names("journal"))
    assert opened(storage).memo("plays") == (899, b'{"n":1}')


def test_a_memo_that_nobody_understands_is_told_and_stops_nothing():
    book, _ = book_over(Storage())
    underway = Underway(book, Clock())
    assert underway.take_cut() is None
    book.write_memo("plays", 5, canonical.encode({"key": "x"}))
    with pytest.raises(Exception, match="memo"):
        underway.take_cut()


def test_what_was_cut_is_told_to_the_session():
    book, journal = book_over(Storage())
    play = {"item": "news", "from_ms": 1000, "scheduled_ms": 10**12, "started_ms": None}
    value = {"key": "a/b", "part": 1, "alert": False, "play": {**play, "ended_ms": None}}
    book.write_memo("plays", 1000, canonical.encode(value))
    book.write_memo("plays", 61_000, b"")
    cut = Underway(book, Clock()).take_cut()
    assert cut == Cut("a/b", 10**12, 1, "news", 61_000, False)
    (body,) = plays(journal)
    assert (body["until_ms"], body["started_ms"], body["ended_ms"]) == (61_000, None, None)
    assert Underway(book, Clock()).take_cut() is None
