"""A bounded HTTP/1.1 client without I/O: bytes in, events out (RFC 9112).

Theory of operation. `submit` writes one request, `data_to_send` hands its bytes over, `receive`
takes the answer's bytes in pieces of any size, and `next_event` gives `Head`, `Data`…, `End` in
order, or None when more bytes are needed. `link_lost` says that the peer closed. TABLE lists every
move; a missing entry is the error. Lines (heads, chunk sizes, trailers) wait for their CRLF in a
buffer with a limit, body bytes pass through at once. After a refusal the connection stays refused.
"""

from collections import namedtuple

from protocols.errors import Fault, LocalFault, WorldFault
from protocols.http1_head import (
    bounded,
    check_content_range,
    list_of,
    read_chunk_size,
    read_header,
    read_length,
    read_range,
    read_status_line,
    refused,
    write_request,
)
from protocols.limits import (
    HTTP_CHUNK_LINE_BYTES_MAX,
    HTTP_HEAD_BYTES_MAX,
    HTTP_HEADERS_MAX,
    HTTP_INTERIM_MAX,
    HTTP_LINE_BYTES_MAX,
)

IDLE = "idle"
HEAD = "head"
LENGTH = "length"
CHUNK_SIZE = "chunk-size"
CHUNK_DATA = "chunk-data"
CHUNK_END = "chunk-end"
TRAILERS = "trailers"
UNTIL_CLOSE = "until-close"
CLOSED = "closed"
REFUSED = "refused"

STATES = (
    IDLE, HEAD, LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS, UNTIL_CLOSE, CLOSED, REFUSED
)  # fmt: skip
TRIGGERS = (
    "submit", "interim", "head-length", "head-chunked", "head-until-close", "chunk", "last-chunk",
    "chunk-whole", "chunk-end", "end-keep", "end-close", "lost", "refuse",
)  # fmt: skip
TABLE = {
    (IDLE, "submit"): HEAD,
    (IDLE, "lost"): CLOSED,
    (IDLE, "refuse"): REFUSED,
    (HEAD, "interim"): HEAD,
    (HEAD, "head-length"): LENGTH,
    (HEAD, "head-chunked"): CHUNK_SIZE,
    (HEAD, "head-until-close"): UNTIL_CLOSE,
    (HEAD, "refuse"): REFUSED,
    (LENGTH, "end-keep"): IDLE,
    (LENGTH, "end-close"): CLOSED,
    (LENGTH, "refuse"): REFUSED,
    (CHUNK_SIZE, "chunk"): CHUNK_DATA,
    (CHUNK_SIZE, "last-chunk"): TRAILERS,
    (CHUNK_SIZE, "refuse"): REFUSED,
    (CHUNK_DATA, "chunk-whole"): CHUNK_END,
    (CHUNK_DATA, "refuse"): REFUSED,
    (CHUNK_END, "chunk-end"): CHUNK_SIZE,
    (CHUNK_END, "refuse"): REFUSED,
    (TRAILERS, "end-keep"): IDLE,
    (TRAILERS, "end-close"): CLOSED,
    (TRAILERS, "refuse"): REFUSED,
    (UNTIL_CLOSE, "lost"): CLOSED,
    (UNTIL_CLOSE, "refuse"): REFUSED,
    (CLOSED, "refuse"): REFUSED,
}


class Head(namedtuple("Head", ("status", "headers", "length"))):
    """Tell the head of an answer: lower-case header names, body length in bytes or None."""


class Data(namedtuple("Data", ("body",))):
    """Carry body bytes, never empty."""


class End(namedtuple("End", ("reusable",))):
    """Tell that the answer is whole, and whether the connection takes another request."""


class Connection:
    """Speak HTTP/1.1 over one connection, one request after another."""

    def __init__(self) -> None:
        self.state = IDLE
        self.bytes_received = 0
        self.bytes_sent = 0
        self._out: list[bytes] = []
        self._data = b""
        self._searched = 0
        self._lost = False
        self._fault: Fault | None = None
        self._method = ""
        self._status = 0
        self._passed = 0
        self._asked: tuple[int, int | None] | None = None
        self._start_head()

    def submit(
        self, method: str, host: str, target: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Write one request; raises `LocalFault("http.busy")` while another is under way."""
        asked = None
        for name, value in headers.items():
            if name.lower() == "range":
                asked = read_range(value)
        head = write_request(method, host, target, headers, body)
        self._move("submit")
        self._method = method
        self._asked = asked
        self._interim = 0
        self._start_head()
        self._out = [head, body] if body else [head]

    def data_to_send(self) -> bytes:
        """Return the next bytes for the peer; empty when all were taken."""
        data = self._out.pop(0) if self._out else b""
        self.bytes_sent += len(data)
        return data

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer, in pieces of any size."""
        self.bytes_received += len(data)
        self._data = self._data + data if self._data else data

    def link_lost(self) -> None:
        """Take the end of the peer's bytes; what it means comes from `next_event`."""
        self._lost = True

    def next_event(self) -> "Head | Data | End | None":
        """Return the next event, or None when more bytes are needed.

        Raises `RemoteFault` for bytes that break HTTP or a limit, `WorldFault("http.cut")` when
        the peer closed inside an answer; and the same again on every later call.
        """
        if self._fault is not None:
            raise self._fault
        try:
            event = self._next()
            if event is None and self._lost and self.state != CLOSED:
                event = self._next_of_loss()
            return event
        except Fault as fault:
            self._move("refuse")
            self._fault = fault
            self._data = b""
            raise

    def is_closed(self) -> bool:
        """Tell whether no request can ever be sent again."""
        return self.state in (CLOSED, REFUSED)

    def _move(self, trigger: str) -> None:
        after = TABLE.get((self.state, trigger))
        if after is None:
            if trigger == "lost":
                raise WorldFault(
                    "http.cut", "the connection ended inside an answer", "try again later"
                )
            raise LocalFault(
                "http.busy", trigger + " in state " + self.state, "one request at a time"
            )
        self.state = after

    def _next(self) -> "Head | Data | End | None":
        while True:
            if self.state in (LENGTH, CHUNK_DATA, UNTIL_CLOSE):
                body_event = self._next_of_body()
                if body_event is not None or self.state != CHUNK_END:
                    return body_event
            elif self.state in (IDLE, CLOSED):
                if self._data:
                    raise refused("unasked", "bytes after the answer's end")
                return None
            else:
                line = self._line()
                if line is None:
                    return None
                event = self._take_line(line)
                if event is not None:
                    return event

    def _next_of_loss(self) -> End | None:
        ended = self.state == UNTIL_CLOSE
        self._move("lost")
        if not ended:
            return None
        self._check_range_length()
        return End(False)

    def _next_of_body(self) -> "Data | End | None":
        if self.state == UNTIL_CLOSE:
            body, self._data = self._data, b""
            bounded(self._passed + len(body))
        else:
            if self._left == 0:
                if self.state == LENGTH:
                    return self._end()
                self._move("chunk-whole")
                return None
            body = self._data
            if len(body) > self._left:
                body = body[: self._left]
            self._data = self._data[len(body) :]
            self._left -= len(body)
        self._passed += len(body)
        return Data(body) if body else None

    def _check_range_length(self) -> None:
        if self._range_length is not None and self._passed != self._range_length:
            raise refused("range", "a partial body of another length than its Content-Range")

    def _end(self) -> End:
        self._check_range_length()
        self._move("end-keep" if self._keep else "end-close")
        return End(self._keep)

    def _line(self) -> bytes | None:
        """Cut one line off the buffer without its CRLF, or return None until it is whole."""
        longest = HTTP_LINE_BYTES_MAX
        if self.state in (CHUNK_SIZE, CHUNK_END):
            longest = HTTP_CHUNK_LINE_BYTES_MAX
        at = self._data.find(b"\n", self._searched)
        size = len(self._data) if at < 0 else at + 1
        if size > longest:
            raise refused("line_too_long", "a line above %d bytes" % longest)
        if at < 0:
            self._searched = size
            return None
        self._searched = 0
        line = self._data[:at]
        self._data = self._data[at + 1 :]
        if line[-1:] != b"\r" or b"\r" in line[:-1]:
            raise refused("line", "a line that does not end with CR LF")
        if self.state in (HEAD, TRAILERS):
            self._head_bytes += size
            if self._head_bytes > HTTP_HEAD_BYTES_MAX:
                raise refused("head_too_long", "a head above %d bytes" % HTTP_HEAD_BYTES_MAX)
        return line[:-1]

    def _take_line(self, line: bytes) -> "Head | End | None":
        if self.state == CHUNK_SIZE:
            self._take_chunk_size(line)
        elif self.state == CHUNK_END:
            if line:
                raise refused("chunk", "a chunk longer than its size")
            self._move("chunk-end")
        elif self.state == TRAILERS:
            if not line:
                return self._end()
            self._count_header()
            read_header(line)
        elif self._status == 0:
            self._minor, self._status = read_status_line(line)
        elif line:
            self._take_header(line)
        elif self._status < 200:
            self._take_interim()
        else:
            return self._take_head()
        return None

    def _take_chunk_size(self, line: bytes) -> None:
        self._left = read_chunk_size(line)
        bounded(self._passed + self._left)
        if self._left:
            self._move("chunk")
        else:
            self._count = 0
            self._move("last-chunk")

    def _count_header(self) -> None:
        self._count += 1
        if self._count > HTTP_HEADERS_MAX:
            raise refused("headers", "more than %d headers" % HTTP_HEADERS_MAX)

    def _take_header(self, line: bytes) -> None:
        self._count_header()
        name, value = read_header(line)
        if name in self._headers:
            if name in ("content-length", "content-range", "transfer-encoding"):
                raise refused("header", "two " + name + " headers")
            value = self._headers[name] + ", " + value
        self._headers[name] = value

    def _take_interim(self) -> None:
        self._interim += 1
        if self._status == 101 or self._interim > HTTP_INTERIM_MAX:
            raise refused("interim", "an upgrade, or too many interim answers")
        self._move("interim")
        self._start_head()

    def _start_head(self) -> None:
        self._minor = 1
        self._status = 0
        self._headers: dict[str, str] = {}
        self._count = 0
        self._head_bytes = 0
        self._left = 0
        self._passed = 0
        self._keep = True
        self._range_length: int | None = None

    def _take_head(self) -> Head:
        """Decide how the body is framed (RFC 9112, section 6.3)."""
        headers = self._headers
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        if coding is not None and length is not None:
            raise refused("framing", "both a transfer coding and a length")
        if coding is not None and (coding.lower() != "chunked" or self._minor == 0):
            raise refused("framing", "a transfer coding other than chunked")
        stated = None if length is None else read_length(length)
        self._keep = self._minor == 1 and "close" not in list_of(headers.get("connection", ""))
        self._check_range(stated)
        if self._method == "HEAD" or self._status in (204, 304):
            self._range_length = None
            self._move("head-length")
            return Head(self._status, headers, 0)
        if coding is not None:
            self._move("head-chunked")
        elif stated is not None:
            self._left = stated
            self._move("head-length")
        else:
            self._keep = False
            self._move("head-until-close")
        return Head(self._status, headers, stated)

    def _check_range(self, stated: int | None) -> None:
        if self._status != 206:
            return
        if self._asked is None:
            raise refused("range", "a partial answer that was not asked for")
        length = check_content_range(self._headers.get("content-range", ""), self._asked)
        if stated is not None and stated != length:
            raise refused("range", "a length other than that of the Content-Range")
        self._range_length = length
