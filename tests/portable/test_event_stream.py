"""Server-sent events: any split gives the same events, nothing endless is kept."""

from protocols.errors import RemoteFault
from protocols.event_stream import EventStream
from protocols.limits import EVENT_BYTES_MAX

STREAM = (
    b": open\n\nevent: timestamp\ndata: 03.a 7\n\n:\n\ndata:x\r\ndata: y\r\n\r\n"
    b"event: lone\n\nid: 1\nretry: 5\ndata\n\ndata: \xc3\xa2\rdata: b\r\r"
)
EVENTS = [("timestamp", "03.a 7"), ("message", "x\ny"), ("message", ""), ("message", "\xe2\nb")]


def test_any_split_gives_the_same_events():
    assert EventStream().receive(STREAM) == EVENTS
    for step in range(1, 9):
        stream, found = EventStream(), []
        for at in range(0, len(STREAM), step):
            found.extend(stream.receive(STREAM[at : at + step]))
        assert found == EVENTS, step


def test_what_does_not_end_is_refused():
    for piece in (b"a", b"data: x\n", b": "):
        stream = EventStream()
        try:
            for _ in range(EVENT_BYTES_MAX + 1):
                stream.receive(piece)
        except RemoteFault as fault:
            assert fault.code == "events.length"
            continue
        raise AssertionError(piece)


def test_heartbeats_may_go_on_for_ever():
    stream = EventStream()
    for _ in range(2 * EVENT_BYTES_MAX):
        assert stream.receive(b":\n\n") == []
    assert stream.receive(b"data: 1\n\n") == [("message", "1")]


def test_what_is_no_text_is_refused():
    try:
        EventStream().receive(b"data: \xff\xfe\n")
    except RemoteFault as fault:
        assert fault.code == "events.text"
        return
    raise AssertionError("taken")
