"""A decommissioned node empties itself in any number of lives; its report goes before its key."""

import asyncio
import contextlib

import pytest

from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.standing import DUMB, SEALED, WIPED, Standing
from edge.wipe_task import AGAIN_MS, Untold, WipeTask, clear
from hw.sim.clock import Clock
from hw.sim.entropy import Entropy
from hw.sim.identity import Identity
from protocols.errors import Fault
from protocols.mandates import Mandate
from tests.edge.node_world import Notes, put
from tests.edge.power_rigs import RIGS, every_cut

MANDATE = Mandate("node-1", 4, None, None, None, None, True)
FILES = ("blobs/" + "a" * 64, "manifests/x", "metadata/root.json", "journal/1", "state/orders")


def prepare(storage):
    for name in FILES:
        put(storage, name, b"x" * 50)
    storage.stage("half").flush()
    Identity(storage, Entropy(b"seed"))
    standing = Standing(storage)
    standing.drop_foreign_papers("03.a")
    assert standing.carry_out("03.a", MANDATE)


def live(storage, told, answers=True):
    """Run one life of a sealed node; `answers` tells whether the hub takes its records."""
    standing, book, clock = Standing(storage), Notes(), Clock(0)
    book.facts = told.setdefault("facts", [])
    if standing.state in (DUMB, WIPED):
        clear(storage, standing)
        return clock
    assert standing.state == SEALED
    identity = Identity(storage, Entropy(b"next"))
    told.setdefault("keys", set()).add(identity.public_key())
    ended = []

    async def scene():
        task = WipeTask(clock, storage, identity, standing, book, lambda: not answers, ended.append)
        running = asyncio.create_task(task.run())
        for _ in range(26 * 3600):
            await asyncio.sleep(0)
            if running.done():
                break
            clock.advance(1000)
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(scene())
    assert ended == ["wiped"]
    return clock


@pytest.mark.parametrize("rig", ["ext4-0", "ext4-40", "ext4-100", "fat-1", "fat-4"])
def test_a_power_cut_at_any_call_ends_in_an_empty_node(rig):
    def check(storage, told):
        live(storage, told)
        live(storage, told)
        left = [name for name in (*FILES, "identity.key") if storage.size(name) is not None]
        assert left == [] and storage.open_staged("half") is None
        assert Standing(storage).state == WIPED
        reports = [body for _, kind, body in told["facts"] if kind == "order"]
        assert reports and all(body["files_left"] == 0 for body in reports)
        assert {body["order"] for body in reports} == {"mandate-03.a-4"}

    assert every_cut(rig, prepare, live, check) >= 8


def test_a_silent_hub_delays_the_end_by_a_day_at_most():
    storage = RIGS["ext4-0"][0](0).open()
    prepare(storage)
    clock = live(storage, {}, answers=False)
    assert 24 * 3600_000 <= clock.ticks_ms() <= 24 * 3600_000 + 5_000
    assert (
        storage.names("state") == ["standing", "standing-copy"]
        and storage.size("identity.key") is None
    )


def test_a_life_that_finds_its_report_written_does_not_wait_for_a_day_again():
    storage = RIGS["ext4-0"][0](0).open()
    prepare(storage)
    Standing(storage).note_told()
    clock = live(storage, {}, answers=False)
    assert AGAIN_MS <= clock.ticks_ms() <= AGAIN_MS + 5_000
    assert storage.size("identity.key") is None and Standing(storage).state == WIPED


def test_a_hub_that_refuses_a_revoked_node_has_its_report():
    class Uplink:
        refusal = ""

    storage = RIGS["ext4-0"][0](0).open()
    journal = JournalStore(storage, "node-1", Entropy(b"x").random_bytes)
    journal.open()
    book, uplink = JournalBook(journal), Uplink()
    book.write("health", "order", {"order": "mandate-03.a-4"})
    # The next life writes that it booted, which the hub will never take.
    untold = Untold(journal, book, uplink)
    assert untold()
    uplink.refusal = "records.unknown"
    assert untold()
    uplink.refusal = "records.revoked"
    assert not untold()


def test_what_cannot_be_removed_is_told_and_nothing_claimed():
    storage = RIGS["ext4-0"][0](0).open()
    prepare(storage)
    storage.remove = lambda name: None
    with pytest.raises(Fault, match="could not be removed"):
        live(storage, {})
    assert Standing(storage).state == SEALED and storage.size("identity.key") is not None
