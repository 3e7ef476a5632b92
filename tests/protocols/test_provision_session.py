"""Two ends through a line that is cut, noisy and delivers late, in virtual time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import framing
from protocols.provision_session import GAP_MS, Answer, Asker, Doer, Opened, Request

STEPS = 4
# What befalls the line at one instant: bytes that pass in each direction (None: all), whether it is
# cut afterwards, and noise that arrives at both ends.
TROUBLES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 60)),
        st.one_of(st.none(), st.integers(0, 60)),
        st.booleans(),
        st.binary(max_size=4),
    ),
    max_size=12,
)


@settings(max_examples=100)
@given(TROUBLES, st.integers(1, 5))
def test_every_step_is_done_once_and_in_order_whatever_befalls_the_line(troubles, split):
    asker, doer = Asker(b"session1", 0), Doer(["chieng"], framing.READY)
    done, answered, number, is_open = [], [], 0, False
    now_ms = 0
    for turn in range(200):
        up, down, is_cut, noise = (
            troubles[turn] if turn < len(troubles) else (None, None, False, b"")
        )
        now_ms += GAP_MS
        asker.tick(now_ms)
        doer.tick(now_ms)
        carry(asker, doer, up, noise, split, now_ms)
        while (event := doer.next_event()) is not None:
            done.append(event.message)
            doer.submit(Answer(event.number, event.message[::-1]), now_ms)
            doer.confirm(event.number)
        carry(doer, asker, down, noise, split, now_ms)
        if is_cut:
            asker.link_lost(now_ms)
            doer.link_lost(now_ms)
        while (event := asker.next_event()) is not None:
            is_open = is_open or isinstance(event, Opened)
            if isinstance(event, Answer):
                answered.append(event.message)
                asker.confirm(event.number)
        if is_open and len(answered) == number < STEPS:
            number += 1
            asker.submit(Request(number, b"step %d" % number), now_ms)
    assert done == [b"step %d" % one for one in range(1, STEPS + 1)]
    assert answered == [one[::-1] for one in done]


def carry(source, target, most, noise, split, now_ms):
    line = noise + source.data_to_send()[:most]
    for at in range(0, len(line), split):
        target.receive(line[at : at + split], now_ms)
