"""The HTTP/1.1 client on this interpreter: framings, splits, refusals."""

from protocols import http1
from protocols.errors import Fault

HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = (
    (HEAD + b"Content-Length: 5\r\nETag: W/\"\xe9\"\r\n\r\nhello", b"hello", True),
    (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n",
        b"hello",
        True,
    ),
    (HEAD + b"content-length:5\r\nconnection: x, Close\r\n\r\nhello", b"hello", False),
    (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", False),
    (HEAD + b"\r\nhello", b"hello", False),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\n"
        + HEAD + b"Content-Length: 0\r\n\r\n",
        b"",
        True,
    ),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", True),
)  # fmt: skip
REFUSED = (
    (b"HTTP/2 200 OK\r\n", "http.status_line"),
    (b"HTTP/1.1 2000 OK\r\n", "http.status_line"),
    (b"HTTP/1.1 20x OK\r\n", "http.status_line"),
    (b"HTTP/1.1 099 OK\r\n", "http.status_line"),
    (b"SSH-2.0-OpenSSH\r\n", "http.status_line"),
    (b"HTTP/1.1 200 OK\n", "http.line"),
    (b"HTTP/1.1 200\rOK\r\n", "http.line"),
    (HEAD + b"A: b\r\n c\r\n", "http.header"),
    (HEAD + b"A : b\r\n", "http.header"),
    (HEAD + b": b\r\n", "http.header"),
    (HEAD + b"no colon\r\n", "http.header"),
    (HEAD + b"A: b\x00c\r\n", "http.header"),
    (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n", "http.header"),
    (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "http.framing"),
    (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "http.framing"),
    (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "http.framing"),
    (HEAD + b"Content-Length: 5, 5\r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: -5\r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: +5\r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: 1_0\r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: \r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: 0x5\r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", "http.length"),
    (HEAD + b"Content-Length: 999999999999\r\n\r\n", "http.body_too_long"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", "http.chunk"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\n", "http.chunk"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n 1\r\n", "http.chunk"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\n", "http.chunk"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "http.chunk"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\nab\r\n", "http.line"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n", "http.chunk"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", "http.body_too_long"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 70, "http.line_too_long"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA\r\n", "http.header"),
    (HEAD + b"A: " + b"x" * 8200, "http.line_too_long"),
    (HEAD + (b"A: " + b"x" * 6000 + b"\r\n") * 3, "http.head_too_long"),
    (HEAD + b"A: b\r\n" * 65, "http.headers"),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "http.interim"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "http.interim"),
    (HEAD + b"Content-Length: 0\r\n\r\nmore", "http.unasked"),
    (b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/9\r\n\r\n", "http.range"),
)


def get(headers=None, method="GET"):
    connection = http1.Connection()
    connection.submit(method, "hub.test", "/a", headers or {}, b"")
    return connection


def run(connection, data, step, lost=False):
    """Return head, body and whether reusable; the last two None while not ended."""
    head, body, reusable = None, [], None
    for at in range(0, len(data), step):
        connection.receive(data[at : at + step])
        if lost and at + step >= len(data):
            connection.link_lost()
        while True:
            event = connection.next_event()
            if event is None:
                break
            if isinstance(event, http1.Head):
                head = event
            elif isinstance(event, http1.Data):
                body.append(event.body)
            else:
                reusable = event.reusable
    return head, b"".join(body), reusable


def code_of(connection, data, step, lost=False):
    try:
        run(connection, data, step, lost)
    except Fault as fault:
        return fault.code
    return None


def test_every_framing_in_any_split():
    for data, body, reusable in ANSWERS:
        for step in (1, 2, 7, 1000):
            head, got, kept = run(get(), data, step, True)
            assert head.status in (200, 204, 304) and got == body and kept is reusable, data
    head, _, _ = run(get(), ANSWERS[0][0], 3)
    assert head.headers["etag"] == 'W/"\xe9"' and head.length == 5


def test_head_has_no_body():
    head, body, reusable = run(get(method="HEAD"), HEAD + b"Content-Length: 5\r\n\r\n", 4)
    assert (head.headers["content-length"], body, reusable) == ("5", b"", True)


def test_refusals_in_any_split():
    for data, code in REFUSED:
        for step in (1, 13, 100000):
            connection = get()
            assert code_of(connection, data, step) == code, (data, code)
            assert connection.is_closed()
            assert code_of(connection, b"x", 1) == code


def test_truncation_is_a_cut():
    for data, _, _ in ANSWERS[:4]:
        for length in range(1, len(data)):
            assert code_of(get(), data[:length], 1000, True) == "http.cut", data[:length]


def test_ranges():
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes "
    good = head + b"3-4/9\r\nContent-Length: 2\r\n\r\nlo"
    assert run(get({"Range": "bytes=3-"}), good, 1)[1:] == (b"lo", True)
    assert run(get({"range": "bytes=3-4"}), good, 5)[1:] == (b"lo", True)
    assert run(get({"range": "bytes=3-"}), head + b"3-4/*\r\n\r\nlo", 5, True)[1] == b"lo"
    assert run(get({"range": "bytes=3-"}), HEAD + b"Content-Length: 1\r\n\r\na", 5)[1] == b"a"
    for asked, rest in (
        ("bytes=2-", b"3-4/9\r\nContent-Length: 2\r\n\r\n"),
        ("bytes=3-3", b"3-4/9\r\nContent-Length: 2\r\n\r\n"),
        ("bytes=3-", b"3-4/9\r\nContent-Length: 3\r\n\r\n"),
        ("bytes=3-", b"3-4/4\r\nContent-Length: 2\r\n\r\n"),
        ("bytes=3-", b"3-2/9\r\n\r\n"),
        ("bytes=3-", b"3-x/9\r\n\r\n"),
        ("bytes=3-", b"3-4/9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
        ("bytes=3-", b"3-4/9\r\n\r\nlong"),
    ):
        assert code_of(get({"range": asked}), head + rest, 50, True) == "http.range", rest


def test_requests():
    connection = http1.Connection()
    connection.submit("POST", "hub.test:80", "/v1?a=b", {"B": "c\xe9", "A": ""}, b"xyz")
    head = connection.data_to_send()
    assert head == (
        b"POST /v1?a=b HTTP/1.1\r\nhost: hub.test:80\r\n"
        b"A: \r\nB: c\xe9\r\ncontent-length: 3\r\n\r\n"
    )
    assert (connection.data_to_send(), connection.data_to_send()) == (b"xyz", b"")
    assert connection.bytes_sent == len(head) + 3
    wrong = (
        ("TRACE", "h", "/", {}),
        ("GET", "h", "a", {}),
        ("GET", "h", "/a b", {}),
        ("GET", "h", "/\r\n", {}),
        ("GET", "", "/", {}),
        ("GET", "h\n", "/", {}),
        ("GET", "h", "/", {"A": "b\r\nC: d"}),
        ("GET", "h", "/", {"A\r\n": "b"}),
        ("GET", "h", "/", {"Content-Length": "5"}),
        ("GET", "h", "/", {"range": "bytes=5-3"}),
        ("GET", "h", "/", {"range": "bytes=-3"}),
        ("GET", "h", "/", {"A": "\u1ea3"}),
    )
    for method, host, target, headers in wrong:
        connection = http1.Connection()
        try:
            connection.submit(method, host, target, headers, b"")
            raise AssertionError((method, target, headers))
        except Fault as fault:
            assert fault.code == "http.request"
        assert connection.state == http1.IDLE


def test_the_next_request_uses_the_connection():
    connection = get()
    for _ in range(3):
        assert run(connection, ANSWERS[1][0], 9)[1:] == (b"hello", True)
        connection.submit("GET", "hub.test", "/b", {}, b"")
    assert connection.bytes_received == 3 * len(ANSWERS[1][0])
