"""The reader of AT replies: any split gives one verdict, any noise an answer or a fault."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import at
from protocols.limits import AT_LINE_BYTES_MAX, AT_LINES_MAX, AT_REPLY_BYTES_MAX

REPLY = b'AT+COPS?\r\r\n+CREG: 5\r\n+COPS: 0,0,"Viettel, Vn",7\r\n\r\nOK\r\n'


def run(pieces, command="AT+COPS?"):
    exchange = at.Exchange(command, 0, 1000)
    for piece in pieces:
        exchange.receive(piece, 1)
    return exchange


@settings(deadline=None)
@given(st.lists(st.integers(0, len(REPLY)), max_size=8))
def test_any_split_gives_the_same_reply(cuts):
    edges = [0, *sorted(cuts), len(REPLY)]
    event = run(REPLY[a:b] for a, b in pairwise(edges)).next_event()
    assert event == at.Done(["+CREG: 5", '+COPS: 0,0,"Viettel, Vn",7'])
    assert at.operator(event.lines) == "Viettel, Vn"


@settings(deadline=None)
@given(st.binary(max_size=600), st.data())
def test_noise_never_raises_and_the_split_changes_nothing(noise, data):
    cut = data.draw(st.integers(0, len(noise)))
    whole, split = run([noise]), run([noise[:cut], noise[cut:]])
    assert type(whole.next_event()) is type(split.next_event())
    event = whole.next_event()
    if isinstance(event, at.Done):
        assert event == split.next_event()
    elif event is not None:
        assert event.fault.code == split.next_event().fault.code == "at.error"


LINES = st.lists(st.text(st.characters(codec="ascii"), max_size=60), max_size=4)


@settings(deadline=None)
@given(LINES)
def test_readers_of_lines_take_any_text(lines):
    assert at.sim(at.Done(lines)) in (at.READY, at.PIN, at.PUK, at.ABSENT, at.OTHER)
    dbm = at.signal_dbm(lines)
    assert dbm is None or -113 <= dbm <= -51
    for name in ("+CREG", "+CEREG"):
        for prefix in ("", name + ": "):
            told = at.registration([prefix + line for line in lines], name)
            assert told in (None, at.HOME, at.ROAMING, at.SEARCHING, at.DENIED, at.NONE)
    assert isinstance(at.operator(lines) + at.technology(lines), str)
    at.context_apn(["+CGDCONT: " + line for line in lines], 1)


def test_truncated_replies_end_by_time_alone():
    for end in range(len(REPLY) - 1):
        exchange = run([REPLY[:end]])
        assert exchange.next_event() is None or end > REPLY.index(b"OK")
        exchange.receive(b"", 1000)
        if isinstance(exchange.next_event(), at.Failed):
            assert exchange.next_event().fault.code == "modem.silent"


def test_oversize():
    event = run([b"x" * AT_REPLY_BYTES_MAX + b"y"]).next_event()
    assert event.fault.code == "at.oversize"
    long = b"+COPS: " + b"z" * AT_LINE_BYTES_MAX + b"\r\nOK\r\n"
    assert run([long]).next_event() == at.Done([])
    many = b"a\r\n" * (AT_LINES_MAX + 9) + b"OK\r\n"
    assert len(run([many]).next_event().lines) == AT_LINES_MAX


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("+CME ERROR: 10", at.ABSENT),
        ("+CME ERROR: SIM not inserted", at.ABSENT),
        ("+CME ERROR: SIM failure", at.ABSENT),
        ("+CME ERROR: 13", at.ABSENT),
        ("+CME ERROR: 14", at.OTHER),
        ("+CME ERROR: 100", at.OTHER),
        ("ERROR", at.OTHER),
    ],
)
def test_errors_of_the_sim(error, state):
    event = run([error.encode() + b"\r\n"], "AT+CPIN?").next_event()
    assert event.fault.code == "at.error" and at.sim(event) == state


def test_a_silent_sim_says_nothing():
    exchange = run([b"\r\n"], "AT+CPIN?")
    exchange.receive(b"", 1000)
    assert at.sim(exchange.next_event()) is None


def test_what_can_be_typed():
    assert at.is_apn("v-internet") and at.is_apn("m3.viettel.vn")
    assert not any(at.is_apn(text) for text in ("", 'a"b', "a b", "á", "x" * 101))
    assert at.is_pin("0000") and at.is_pin("12345678")
    assert not any(at.is_pin(text) for text in ("123", "123456789", "12a4", "", '12"4'))
