"""What batches that a person brought change, and what they must not."""

from hub import fleet, ingest
from hub.store_memory import MemoryLedger
from protocols import records

NODE, UNIT, DAY_MS = "loa-17", "03.k7f2", 86_400_000
NOW_MS = 1_800_000_000_000


class Hub:
    """A ledger with one node, and that node's chains."""

    def __init__(self):
        self.ledger = MemoryLedger()
        self.chains = {}
        self.nonces = 0

    async def open(self):
        unit = {"unit": UNIT, "valid_from": "2025-07-01", "name": "Xã", "kind": "commune"}
        form = fleet.NodeForm(NODE, UNIT, "Cụm", "speaker", bytes(32))
        await self.ledger.write(lambda s: fleet.add_unit(s, {**unit, "parent": None}, "t", 1))
        await self.ledger.write(lambda s: fleet.add_node(s, form, "t", 1))
        return self

    def batch(self, chain, epoch, at_ms, kind, body):
        """Return a batch of one more record."""
        key = (chain, epoch)
        made = self.chains.setdefault(key, records.Chain(NODE, chain, epoch * 16))
        after = made.sequence
        entry = made.build(at_ms, "rtc", 1, kind, body)
        made.advance(entry)
        return records.read_batch(records.build_batch(NODE, chain, epoch * 16, after, [entry.data]))

    async def take(self, batch, at_ms, carried, written_ms=0):
        self.nonces += 1
        contact = ingest.Contact(f"n{self.nonces}", written_ms // 1000, at_ms, carried)
        return await self.ledger.write(lambda s: ingest.accept(s, batch, contact))

    async def row(self, table):
        (row,) = await self.ledger.read(lambda s: s.find(table, {}))
        return row


def play(title, at_ms):
    return {"title": title, "started_ms": at_ms, "ended_ms": at_ms + 1, "outcome": "complete"}


def fault(state):
    return {"place": "audio", "code": "audio.lost", "message": "gone", "state": state}


async def test_a_carried_batch_is_no_contact_and_takes_no_newer_news_back():
    hub = await Hub().open()
    old = hub.batch("plays", "a", NOW_MS - DAY_MS, "play", play("old", NOW_MS - DAY_MS))
    new = hub.batch("plays", "b", NOW_MS, "play", play("new", NOW_MS))
    await hub.take(new, NOW_MS, True)
    assert (await hub.row("node_status")).get("contact_ms") is None
    await hub.take(old, NOW_MS + 5, True)
    status = await hub.row("node_status")
    assert (status["play_title"], status["play_ended_ms"]) == ("new", NOW_MS + 1)
    assert len(await hub.ledger.read(lambda s: s.find("plays", {}))) == 2
    third = hub.batch("plays", "b", NOW_MS + 9, "play", play("third", NOW_MS + 9))
    await hub.take(third, NOW_MS + 20, False)
    status = await hub.row("node_status")
    assert (status["play_title"], status["contact_ms"]) == ("third", NOW_MS + 20)


async def test_a_fault_that_ended_is_not_opened_again_by_an_older_stick():
    hub = await Hub().open()
    raised = hub.batch("health", "a", NOW_MS - DAY_MS, "fault", fault("raised"))
    later = hub.batch("health", "b", NOW_MS - 9, "fault", fault("raised"))
    cleared = hub.batch("health", "b", NOW_MS, "fault", fault("cleared"))
    await hub.take(later, NOW_MS, True)
    await hub.take(cleared, NOW_MS, True)
    await hub.take(raised, NOW_MS + 5, True)
    assert (await hub.row("faults"))["cleared_ms"] == NOW_MS
    again = hub.batch("health", "b", NOW_MS + 9, "fault", fault("raised"))
    await hub.take(again, NOW_MS + 9, True)
    assert (await hub.row("faults"))["cleared_ms"] is None


async def test_a_hole_is_seen_and_filled_when_the_missing_stick_arrives():
    hub = await Hub().open()
    batches = [hub.batch("plays", "a", NOW_MS, "play", play(str(n), n)) for n in range(3)]
    # The node had lost 1 and 2 when it wrote this: nothing stands before it any more.
    lone = batches[2]._replace(after=0)
    verdict = await hub.take(lone, NOW_MS, True)
    assert verdict.position == 3
    assert (await hub.row("faults"))["code"] == ingest.HOLE
    for number in (1, 0):
        assert (await hub.take(batches[number], NOW_MS, True)).position == 3
    found = await hub.ledger.read(lambda s: s.find("records", {}))
    assert sorted(row["sequence"] for row in found) == [1, 2, 3]
