"""The HTTP/1.1 client against h11 as a server, any split, any noise, every (state, trigger)."""

import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import http1
from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault
from protocols.http1 import Connection, Data, End, Head

HEADER_VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20).filter(
    lambda value: not any(127 <= ord(c) <= 160 for c in value)
)
NAMES = st.sampled_from(["etag", "x-a", "X-B", "content-type", "server"])
PIECES = st.lists(st.binary(max_size=60), max_size=5)


def connection(method: str = "GET", headers: dict[str, str] | None = None) -> Connection:
    client = Connection()
    client.submit(method, "hub.test", "/a", headers or {}, b"")
    return client


def events(client: Connection, data: bytes, cuts: list[int], lost: bool = True) -> list[object]:
    """Feed `data` cut at the given places; return the events with neighbouring Data joined."""
    found: list[object] = []
    edges = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    for start, end in itertools.pairwise(edges):
        client.receive(data[start:end])
        drain(client, found)
    if lost:
        client.link_lost()
        drain(client, found)
    return found


def drain(client: Connection, found: list[object]) -> None:
    while True:
        try:
            event = client.next_event()
        except Fault as fault:
            if not found or found[-1] != fault.code:
                found.append(fault.code)
            return
        if event is None:
            return
        if isinstance(event, Data) and found and isinstance(found[-1], Data):
            found[-1] = Data(found[-1].body + event.body)
        else:
            found.append(event)


def answer(status: int, headers: list[tuple[str, str]], pieces: list[bytes], framing: str) -> bytes:
    """Let h11 write one answer in the framing: length, chunked or close."""
    server = h11.Connection(h11.SERVER)
    version = "1.0" if framing == "close" else "1.1"
    server.receive_data(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
    server.next_event(), server.next_event()
    fields = [(name, value.encode("latin-1")) for name, value in headers]
    if framing == "length":
        fields.append(("Content-Length", str(sum(map(len, pieces))).encode()))
    data = server.send(h11.Response(status_code=status, headers=fields, reason=b"What")) or b""
    for piece in pieces:
        data += server.send(h11.Data(data=piece)) or b""
    return data + (server.send(h11.EndOfMessage()) or b"")


@settings(max_examples=100)
@given(
    status=st.sampled_from([200, 203, 404, 500]),
    headers=st.dictionaries(NAMES, HEADER_VALUES, max_size=3),
    pieces=PIECES,
    framing=st.sampled_from(["length", "chunked", "close"]),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_what_h11_writes_we_read_in_any_split(
    status: int, headers: dict[str, str], pieces: list[bytes], framing: str, cuts: list[int]
) -> None:
    data = answer(status, list(headers.items()), pieces, framing)
    whole = events(connection(), data, [])
    assert events(connection(), data, cuts) == whole
    head = whole[0]
    assert isinstance(head, Head) and head.status == status
    for name, value in headers.items():
        assert head.headers[name.lower()] == value
    assert b"".join(e.body for e in whole if isinstance(e, Data)) == b"".join(pieces)
    assert whole[-1] == End(framing != "close")


@settings(max_examples=100)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]),
    target=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
    headers=st.dictionaries(NAMES, HEADER_VALUES, max_size=3),
    body=st.binary(max_size=300),
)
def test_what_we_write_h11_reads(
    method: str, target: str, headers: dict[str, str], body: bytes
) -> None:
    client = Connection()
    client.submit(method, "hub.test:8080", "/" + target, headers, body)
    server = h11.Connection(h11.SERVER)
    while data := client.data_to_send():
        server.receive_data(data)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (method.encode(), b"/" + target.encode())
    got = dict(request.headers)
    for name, value in headers.items():
        assert got[name.lower().encode()] == value.encode("latin-1")
    received = b""
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        received += bytes(event.data)
    assert received == body


@settings(max_examples=100)
@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
def test_noise_is_refused_alike_in_any_split(data: bytes, cuts: list[int]) -> None:
    whole = events(connection(), data, [])
    assert whole == events(connection(), data, cuts)
    assert isinstance(whole[-1], str) and whole[-1].startswith("http.")


@settings(max_examples=100)
@given(
    framing=st.sampled_from(["length", "chunked"]),
    at=st.integers(0, 200),
    new=st.binary(min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_damage_gives_the_same_verdict_in_any_split(
    framing: str, at: int, new: bytes, cuts: list[int]
) -> None:
    data = answer(200, [("ETag", '"x"')], [b"hello", b"world"], framing)
    at = min(at, len(data) - 1)
    damaged = data[:at] + new + data[at + len(new) :]
    assert events(connection(), damaged, []) == events(connection(), damaged, cuts)


@settings(max_examples=50)
@given(length=st.integers(1, 200), framing=st.sampled_from(["length", "chunked"]))
def test_a_cut_is_never_an_end(length: int, framing: str) -> None:
    data = answer(200, [], [b"hello", b"world"], framing)
    cut = data[: min(length, len(data) - 1)]
    assert events(connection(), cut, [])[-1] == "http.cut"


def test_endless_bodies_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.http1_head.BLOB_BYTES_MAX", 10_000)
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    endless = {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n": chunk,
        b"HTTP/1.1 200 OK\r\n\r\n": b"x" * 1000,
    }
    for head, more in endless.items():
        client = connection()
        found = events(client, head + more * 10, [], lost=False)
        assert len(found[-1].body) == 10_000  # type: ignore[attr-defined]
        assert events(client, more, [], lost=False)[-1] == "http.body_too_long"


# ---- every (state, trigger) -----------------------------------------------------------------

HEADS = {
    http1.HEAD: b"",
    http1.LENGTH: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    http1.CHUNK_SIZE: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    http1.CHUNK_DATA: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    http1.CHUNK_END: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r",
    http1.TRAILERS: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    http1.UNTIL_CLOSE: b"HTTP/1.1 200 OK\r\n\r\n",
    http1.CLOSED: b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    http1.REFUSED: b"no\r\n",
}


def brought_to(state: str) -> Connection:
    client = Connection()
    if state != http1.IDLE:
        client = connection()
        events(client, HEADS[state], [], lost=False)
    assert client.state == state
    return client


@pytest.mark.parametrize("state", http1.STATES)
@pytest.mark.parametrize("trigger", http1.TRIGGERS)
def test_listed_pairs_move_and_others_change_nothing(state: str, trigger: str) -> None:
    client = brought_to(state)
    if (state, trigger) in http1.TABLE:
        client._move(trigger)
        assert client.state == http1.TABLE[state, trigger]
    else:
        with pytest.raises(WorldFault if trigger == "lost" else LocalFault):
            client._move(trigger)
        assert client.state == state


def test_the_table_names_known_states_and_triggers_only() -> None:
    assert {state for state, _ in http1.TABLE} | set(http1.TABLE.values()) == set(http1.STATES)
    assert {trigger for _, trigger in http1.TABLE} == set(http1.TRIGGERS)


@pytest.mark.parametrize("state", http1.STATES)
def test_submit_from_outside(state: str) -> None:
    client = brought_to(state)
    if state == http1.IDLE:
        client.submit("GET", "h", "/", {}, b"")
        assert client.state == http1.HEAD
    else:
        with pytest.raises(LocalFault, match="busy"):
            client.submit("GET", "h", "/", {}, b"")
        assert client.state == state


LOST = {
    http1.IDLE: (None, http1.CLOSED),
    http1.CLOSED: (None, http1.CLOSED),
    http1.UNTIL_CLOSE: (End(False), http1.CLOSED),
    http1.REFUSED: ("http.status_line", http1.REFUSED),
}


@pytest.mark.parametrize("state", http1.STATES)
def test_loss_from_outside(state: str) -> None:
    client = brought_to(state)
    expected, after = LOST.get(state, ("http.cut", http1.REFUSED))
    client.link_lost()
    found: list[object] = []
    drain(client, found)
    assert found == ([expected] if expected else [])
    assert client.state == after


@pytest.mark.parametrize("state", [http1.IDLE, http1.CLOSED])
def test_bytes_nobody_asked_for(state: str) -> None:
    client = brought_to(state)
    client.receive(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(RemoteFault, match="unasked"):
        client.next_event()
    assert client.is_closed()
