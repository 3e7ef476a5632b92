"""The uplink session: every (state, trigger) pair, and two ends through a lossy link."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import outbox, records
from protocols.backoff import Backoff, seed_of
from protocols.errors import LocalFault
from protocols.outbox import (
    Acknowledged,
    Ask,
    Blocked,
    Carried,
    Close,
    Dropped,
    Forked,
    Outbox,
    Refused,
    Rewound,
    Run,
    Span,
)

EPOCH = "00112233445566ff"
OTHER = "ffffffffffffffff"


def answer(position, epoch=EPOCH):
    return records.build_answer("plays", epoch, position, 1000, "n")


def events(box):
    found = []
    while (event := box.next_event()) is not None:
        found.append(event)
    return found


def waiting(last=3):
    box = Outbox(1, [Run(EPOCH, 1, last)], {})
    box.tick(0)
    assert box.data_to_send() == Span(EPOCH, 0, 1, last)
    return box


def in_state(state):
    """Return an outbox brought to a state by its own verbs."""
    if state == outbox.IDLE:
        return Outbox(1, [], {})
    if state == outbox.READY:
        return Outbox(1, [Run(EPOCH, 1, 3)], {})
    box = waiting()
    if state == outbox.PAUSED:
        box.link_lost(0)
    elif state == outbox.REFUSED:
        box.submit(Refused("records.revoked"), 0)
    elif state == outbox.CLOSED:
        box.submit(Close(), 0)
    return box


TRIGGERS = {
    "confirm": lambda box: box.confirm(Run(EPOCH, 4, 4)),
    "ask": lambda box: box.submit(Ask(), 5),
    "carried": lambda box: box.submit(Carried(EPOCH, 4), 5),
    "drop": lambda box: box.submit(Dropped(EPOCH, 1, 1), 5),
    "refusal": lambda box: box.submit(Refused("records.unknown_node"), 5),
    "fork": lambda box: box.submit(Refused("records.fork"), 5),
    "answer": lambda box: box.receive(answer(3), 5),
    "stuck": lambda box: box.receive(answer(0), 5),
    "lost": lambda box: box.link_lost(5),
    "close": lambda box: box.submit(Close(), 5),
}


@pytest.mark.parametrize("state", outbox.STATES)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_pair_moves_as_the_table_says_or_is_refused_and_changes_nothing(state, trigger):
    box = in_state(state)
    before = {name: repr(value) for name, value in vars(box).items()}
    target = outbox.TABLE.get((state, trigger))
    if target is None:
        with pytest.raises(LocalFault):
            TRIGGERS[trigger](box)
        assert {name: repr(value) for name, value in vars(box).items()} == before
    else:
        TRIGGERS[trigger](box)
        assert box.state == target


@pytest.mark.parametrize("state", outbox.STATES)
def test_a_passed_deadline_moves_as_the_table_says(state):
    box = in_state(state)
    deadline_ms = box.deadline_ms()
    assert (deadline_ms is not None) == (state in ("waiting", "paused", "refused"))
    if deadline_ms is not None:
        box.tick(deadline_ms - 1)
        assert box.state == state
        box.tick(deadline_ms)
        assert box.state == outbox.TABLE[(state, "due")]


def test_the_table_has_no_entry_that_no_verb_reaches():
    verbs = {*TRIGGERS, "due", "send", "empty"}
    assert {trigger for _, trigger in outbox.TABLE} == verbs


@pytest.mark.parametrize("carried", [True, False])
def test_what_a_stick_took_along_is_no_fork_when_the_hub_has_it_first(carried):
    box = Outbox(1, [], {})
    box.confirm(Run(EPOCH, 1, 300))
    if carried:
        box.submit(Carried(EPOCH, 300), 0)
    assert box.data_to_send() == Span(EPOCH, 0, 1, 200)
    box.receive(answer(300), 5)
    found = events(box)
    assert Acknowledged(EPOCH, 300 if carried else 200) in found
    assert (Forked(EPOCH) in found) is not carried
    assert box.pending() == (0 if carried else 100)


def test_an_unknown_event_is_refused():
    with pytest.raises(LocalFault):
        Outbox(1, [], {}).submit("event", 0)


def test_an_acknowledged_batch_is_followed_by_what_came_meanwhile():
    box = waiting()
    box.confirm(Run(EPOCH, 4, 5))
    box.receive(answer(3), 1)
    assert events(box) == [Acknowledged(EPOCH, 3)]
    assert box.pending() == 2
    assert box.data_to_send() == Span(EPOCH, 3, 4, 2)
    box.receive(answer(5), 2)
    assert box.data_to_send() is None
    assert (box.state, box.pending(), box.deadline_ms()) == (outbox.IDLE, 0, None)


def test_a_partly_stored_batch_continues_after_it():
    box = waiting()
    box.receive(answer(2), 1)
    assert box.data_to_send() == Span(EPOCH, 2, 3, 1)


def test_large_journals_go_in_batches():
    box = Outbox(1, [Run(EPOCH, 1, 1000)], {})
    assert box.data_to_send() == Span(EPOCH, 0, 1, 200)


def test_a_hub_that_went_back_gets_what_is_held():
    box = Outbox(1, [Run(EPOCH, 4, 9)], {EPOCH: 8})
    assert box.data_to_send() == Span(EPOCH, 8, 9, 1)
    box.receive(answer(5), 1)
    assert events(box) == [Rewound(EPOCH, 5)]
    assert box.data_to_send() == Span(EPOCH, 5, 6, 4)


def test_a_hub_that_went_back_beyond_the_journal_is_told_so():
    box = Outbox(1, [Run(EPOCH, 4, 9)], {EPOCH: 8})
    box.data_to_send()
    box.receive(answer(1), 1)
    assert box.data_to_send() == Span(EPOCH, 0, 4, 6)


def test_after_a_rewind_every_other_epoch_is_doubted():
    runs = [Run(OTHER, 1, 4), Run(EPOCH, 1, 2)]
    box = Outbox(1, runs, {OTHER: 4, EPOCH: 1})
    box.data_to_send()
    box.receive(answer(0), 1)
    assert box.data_to_send() == Span(OTHER, 4, 0, 0)
    box.receive(answer(1, OTHER), 2)
    assert events(box) == [Rewound(EPOCH, 0), Rewound(OTHER, 1)]
    assert box.data_to_send() == Span(EPOCH, 0, 0, 0)
    box.receive(answer(0), 3)
    assert box.data_to_send() == Span(OTHER, 1, 2, 3)


def test_the_first_of_a_new_epoch_asks_where_the_older_ones_stand():
    """The hub may have been restored after the epoch began, and before it heard of it."""
    box = Outbox(1, [Run(EPOCH, 1, 5), Run(OTHER, 1, 2)], {EPOCH: 5})
    box.tick(0)
    assert box.data_to_send() == Span(OTHER, 0, 1, 2)
    box.receive(answer(2, OTHER), 10)
    assert events(box) == [Acknowledged(OTHER, 2)]
    assert box.data_to_send() == Span(EPOCH, 5, 0, 0)
    box.receive(answer(3), 20)
    assert events(box) == [Rewound(EPOCH, 3)]
    # The newer one, too, until the restored hub says that it is there.
    assert box.data_to_send() == Span(OTHER, 2, 0, 0)
    box.receive(answer(2, OTHER), 30)
    assert box.data_to_send() == Span(EPOCH, 3, 4, 2)
    box.receive(answer(5), 40)
    assert events(box) == [Acknowledged(EPOCH, 5)]
    assert box.data_to_send() is None
    # Once asked is enough: what follows in the new epoch goes alone.
    box.confirm(Run(OTHER, 3, 3))
    assert box.data_to_send() == Span(OTHER, 2, 3, 1)
    box.receive(answer(3, OTHER), 50)
    assert box.data_to_send() is None


def test_old_epochs_go_first_and_a_hole_breaks_the_batch():
    runs = [Run(OTHER, 1, 2), Run(OTHER, 5, 6), Run(EPOCH, 1, 1)]
    box = Outbox(1, runs, {})
    spans = []
    for position, epoch in ((2, OTHER), (6, OTHER), (1, EPOCH)):
        spans.append(box.data_to_send())
        box.receive(answer(position, epoch), 1)
    assert spans == [Span(OTHER, 0, 1, 2), Span(OTHER, 2, 5, 2), Span(EPOCH, 0, 1, 1)]


def test_a_fork_sets_its_epoch_aside_and_the_others_go_on():
    box = Outbox(1, [Run(OTHER, 1, 2), Run(EPOCH, 1, 1)], {})
    assert box.data_to_send().epoch == OTHER
    box.submit(Refused("records.fork"), 5)
    assert events(box) == [Forked(OTHER)]
    assert box.data_to_send() == Span(EPOCH, 0, 1, 1)
    box.receive(answer(1), 6)
    assert box.data_to_send() is None
    box.tick(box.deadline_ms())
    assert box.data_to_send() == Span(OTHER, 0, 1, 2)


def test_a_hub_that_is_ahead_means_another_journal_wrote():
    box = waiting()
    box.receive(answer(7), 1)
    assert Forked(EPOCH) in events(box)
    box.confirm(Run(EPOCH, 4, 4))
    assert box.data_to_send() == Span(EPOCH, 3, 4, 1)


def test_a_refused_node_asks_again_much_later():
    box = waiting()
    box.submit(Refused("records.revoked"), 0)
    assert events(box) == [Blocked("records.revoked")]
    assert box.data_to_send() is None
    assert box.deadline_ms() >= outbox.REFUSED_MS_MIN // 2


def test_asking_with_nothing_to_send_is_an_empty_batch():
    box = Outbox(1, [Run(EPOCH, 1, 3)], {EPOCH: 3})
    assert box.data_to_send() is None
    box.submit(Ask(), 1)
    assert box.data_to_send() == Span(EPOCH, 3, 0, 0)
    box.receive(answer(3), 2)
    assert (box.data_to_send(), events(box)) == (None, [])


def test_an_answer_about_another_epoch_counts_as_lost():
    box = waiting()
    box.receive(answer(3, OTHER), 1)
    assert (box.state, box.pending()) == (outbox.PAUSED, 3)


def test_dropping_splits_and_shortens_runs():
    box = Outbox(1, [Run(EPOCH, 1, 9)], {})
    box.submit(Dropped(EPOCH, 4, 5), 0)
    assert box.pending() == 7
    assert box.data_to_send() == Span(EPOCH, 0, 1, 3)
    box.receive(answer(3), 1)
    assert box.data_to_send() == Span(EPOCH, 3, 6, 4)


def test_pauses_grow_stay_bounded_and_differ_by_node():
    one, two = Backoff(seed_of("node-1"), 1000, 60000), Backoff(seed_of("node-2"), 1000, 60000)
    pauses = [one.next_ms() for _ in range(20)]
    assert pauses != [two.next_ms() for _ in range(20)]
    for index, pause in enumerate(pauses):
        ceiling = min(1000 << index, 60000)
        assert ceiling // 2 <= pause <= ceiling
    one.reset()
    assert one.next_ms() <= 1000


class Hub:
    """A model hub that stores by the product's own decision and can be restored from a copy."""

    def __init__(self):
        self.stored = {}

    def post(self, body):
        batch = records.read_batch(body)
        held = self.stored.setdefault(batch.epoch, {})
        position = max(held) if held else 0
        at = held[position] if held else records.FIRST_PREVIOUS
        verdict = records.admit(batch, position, at, held.get)
        if verdict.outcome == records.FORK:
            return None
        for entry in verdict.entries:
            held[entry.record.sequence] = entry.hash
        return records.build_answer("plays", batch.epoch, verdict.position, 1, "n")


class Sender:
    """A model journal in memory with its outbox."""

    def __init__(self):
        self.chain = records.Chain("node-1", "plays", EPOCH)
        self.data = {}
        self.hashes = {}
        self.box = Outbox(7, [], {})

    def record(self):
        entry = self.chain.build(1, "hub", 1, "play", {"n": self.chain.sequence})
        self.chain.advance(entry)
        self.data[entry.record.sequence] = entry.data
        self.hashes[entry.record.sequence] = entry.hash
        self.box.confirm(Run(EPOCH, entry.record.sequence, entry.record.sequence))

    def reboot(self):
        runs = [Run(EPOCH, min(self.data), max(self.data))] if self.data else []
        self.box = Outbox(7, runs, {})

    def body(self, span):
        wanted = [self.data[span.first + index] for index in range(span.count_max)]
        return records.build_batch("node-1", "plays", span.epoch, span.after, wanted)


STEPS = st.sampled_from(
    ["record", "ok", "lost-request", "lost-answer", "reboot", "restore", "copy"]
)


@given(st.lists(STEPS, max_size=60))
@settings(max_examples=100)
def test_through_a_lossy_link_everything_arrives_once_and_unchanged(steps):
    hub, sender, now, copy = Hub(), Sender(), 0, {}

    def exchange(fate):
        nonlocal now
        now = max(now + 1, sender.box.deadline_ms() or 0)
        sender.box.tick(now)
        span = sender.box.data_to_send()
        if span is None:
            return
        reply = None if fate == "lost-request" else hub.post(sender.body(span))
        if fate != "ok" or reply is None:
            assert fate != "ok", "an honest sender is never a fork"
            sender.box.link_lost(now)
        else:
            sender.box.receive(reply, now)
        while sender.box.next_event() is not None:
            pass

    for step in steps:
        if step == "record":
            sender.record()
        elif step == "reboot":
            sender.reboot()
        elif step == "copy":
            copy = {epoch: dict(held) for epoch, held in hub.stored.items()}
        elif step == "restore":
            hub.stored = {epoch: dict(held) for epoch, held in copy.items()}
        else:
            exchange(step)
    if sender.data:
        sender.box.submit(Ask(), now)
        for _ in range(12):
            exchange("ok")
        assert hub.stored.get(EPOCH) == sender.hashes
        assert sender.box.pending() == 0
