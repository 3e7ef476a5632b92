"""Carry steps from a technician's tool to a node over a line that may be cut at any byte.

Theory of operation. One step is under way at a time. The tool (`Asker`) greets with a session of
its own making and the versions it speaks; the node (`Doer`) picks one. A request carries session
and number and is sent again until its answer comes; the node does a number once and gives the same
answer to every copy of it, after any number of cuts. A node that lost its memory (power) asks "who
are you?" and does the step again, so steps are written to be repeatable. Durable before
acknowledged: an answer leaves the node after `confirm`, and the tool asks the next thing after it
has confirmed that the last answer is on its own disk. Improv's "what are you" is answered beside.

Both roles speak the verbs of STYLE section 2. Times are monotonic milliseconds.
"""

import struct
from collections import namedtuple

from protocols import framing
from protocols.errors import LocalFault, RemoteFault
from protocols.framing import Frame
from protocols.limits import FRAME_BODY_BYTES_MAX

VERSION_MIN = 1
VERSION_MAX = 1
SESSION_BYTES = 8

# Kinds of frames.
HELLO = 1
WELCOME = 2
REQUEST = 3
ANSWER = 4
WORKING = 5
BUSY = 6
WHO = 7

# Every byte of the largest frame twice over at 115,200 baud, and the node's thinking.
RETRY_MS = 1_500
# A started frame whose rest does not come within this was noise.
GAP_MS = 300
# Nothing was heard for this long, while something was asked: the person should know.
SILENT_MS = 8_000
# Another tool that was not heard for this long has gone.
OWNER_MS = 5_000
MESSAGE_BYTES_MAX = FRAME_BODY_BYTES_MAX - SESSION_BYTES - 4

Request = namedtuple("Request", ("number", "message"))
"""Event in at the tool: do this. Event out at the node. Numbers count up from 1."""

Answer = namedtuple("Answer", ("number", "message"))
"""Event in at the node, event out at the tool: what came of a request."""

Close = namedtuple("Close", ())
"""Event in: end the session."""

Opened = namedtuple("Opened", ("version",))
"""Event out at the tool: the node greets back."""

Met = namedtuple("Met", ("texts",))
"""Event out at the tool: an Improv device named itself (firmware, version, hardware, name)."""

Busy = namedtuple("Busy", ())
"""Event out at the tool: the node works for another tool; it is asked again."""

Incompatible = namedtuple("Incompatible", ("least", "most"))
"""Event out at the tool: the node speaks other versions; the session is over."""

Silent = namedtuple("Silent", ("noise",))
"""Event out at the tool: nothing is heard, but for so many bytes that mean nothing."""

GREETING = "greeting"
OPEN = "open"
WAITING = "waiting"
HOLDING = "holding"
IDLE = "idle"
DOING = "doing"
DONE = "done"
CLOSED = "closed"

# (state, trigger) → state; a missing entry is the error. A greeting that follows a cut while a
# request is out is still WAITING: `_greeted` says whether the node has greeted back since.
ASKER_TABLE = {
    (GREETING, "welcome"): OPEN,
    (WAITING, "welcome"): WAITING,
    (OPEN, "request"): WAITING,
    (WAITING, "answer"): HOLDING,
    (HOLDING, "confirm"): OPEN,
    (GREETING, "lost"): GREETING,
    (OPEN, "lost"): OPEN,
    (WAITING, "lost"): WAITING,
    (HOLDING, "lost"): HOLDING,
    (GREETING, "incompatible"): CLOSED,
    (WAITING, "incompatible"): CLOSED,
    (GREETING, "close"): CLOSED,
    (OPEN, "close"): CLOSED,
    (WAITING, "close"): CLOSED,
    (HOLDING, "close"): CLOSED,
}
DOER_TABLE = {
    (IDLE, "request"): DOING,
    (DOING, "answer"): DONE,
    (DONE, "confirm"): IDLE,
    (IDLE, "lost"): IDLE,
    (DOING, "lost"): DOING,
    (DONE, "lost"): DONE,
    (IDLE, "close"): CLOSED,
    (DOING, "close"): CLOSED,
    (DONE, "close"): CLOSED,
}


class Session:
    """What both roles share."""

    table: "dict[tuple[str, str], str]" = {}

    def __init__(self, state: str):
        self.state = state
        self._reader = framing.Reader()
        self._out = b""
        self._events: list[object] = []
        self._heard_ms = 0

    def receive(self, data: bytes, now_ms: int) -> None:
        """Take bytes from the line, split anyhow."""
        if self.state == CLOSED:
            return
        self._heard_ms = now_ms
        for message in self._reader.receive(data):
            self._take(message, now_ms)

    def tick(self, now_ms: int) -> None:
        """Let time pass: give up half frames, ask again."""
        if self._reader.is_partial and now_ms - self._heard_ms >= GAP_MS:
            for message in self._reader.rescan():
                self._take(message, now_ms)

    def link_lost(self, now_ms: int) -> None:
        """Note that the line was cut; what was under way goes on when it is back."""
        self._move("lost")
        self._out = b""
        self._reader.clear()

    def data_to_send(self) -> bytes:
        """Return the bytes to write now, once."""
        data = self._out
        self._out = b""
        return data

    def next_event(self) -> "object | None":
        """Return the oldest event, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """Return when `tick` has something to do, or None."""
        return self._heard_ms + GAP_MS if self._reader.is_partial else None

    def is_closed(self) -> bool:
        """Tell whether the session is over."""
        return self.state == CLOSED

    def _move(self, trigger: str) -> None:
        try:
            self.state = self.table[(self.state, trigger)]
        except KeyError:
            text = trigger + " in state " + self.state
            raise LocalFault("provision.order", text, "Wait for the answer, then confirm it.")

    def _send(self, kind: int, body: bytes) -> None:
        self._out += framing.encode(kind, body)

    def _take(self, message: object, now_ms: int) -> None:
        raise NotImplementedError


class Asker(Session):
    """The tool's end; `session` is 8 random bytes, new for every visit."""

    table = ASKER_TABLE

    def __init__(self, session: bytes, now_ms: int):
        Session.__init__(self, GREETING)
        if len(session) != SESSION_BYTES:
            raise LocalFault("provision.session", "a session has 8 bytes", "Draw 8 random bytes.")
        self._session = session
        self._number = 0
        self._message = b""
        self._greeted = False
        self._met = False
        self._again_ms = now_ms
        self._since_ms = now_ms
        self._told = False

    def submit(self, event: object, now_ms: int) -> None:
        """Ask for a step (`Request`, its number one above the last), or `Close`."""
        if isinstance(event, Request):
            if event.number != self._number + 1 or len(event.message) > MESSAGE_BYTES_MAX:
                raise LocalFault("provision.number", "not the next number", "Count up by one.")
            self._move("request")
            self._number, self._message = event.number, event.message
            self._since_ms, self._told = now_ms, False
            self._ask(now_ms)
        elif isinstance(event, Close):
            self._move("close")
            if self._greeted:
                self._send(REQUEST, self._session + bytes(4))
        else:
            raise LocalFault("provision.event", "no such event here", "Submit Request or Close.")

    def confirm(self, position: int) -> None:
        """Say that what followed from the answer to this number is on disk."""
        if position != self._number:
            raise LocalFault("provision.number", "not the last number", "Confirm the last answer.")
        self._move("confirm")

    def tick(self, now_ms: int) -> None:
        """Ask again what is not answered; say when nothing is heard."""
        Session.tick(self, now_ms)
        if self.state not in (GREETING, WAITING):
            return
        if now_ms >= self._again_ms:
            self._ask(now_ms)
        if not self._told and now_ms - self._since_ms >= SILENT_MS:
            self._told = True
            self._events.append(Silent(self._reader.noise))

    def link_lost(self, now_ms: int) -> None:
        """Greet anew when the line is back."""
        Session.link_lost(self, now_ms)
        self._greeted = False
        self._again_ms = self._since_ms = now_ms
        self._told = False

    def deadline_ms(self) -> "int | None":
        """Return when to ask again."""
        gap_ms = Session.deadline_ms(self)
        if self.state not in (GREETING, WAITING):
            return gap_ms
        return self._again_ms if gap_ms is None else min(gap_ms, self._again_ms)

    def _ask(self, now_ms: int) -> None:
        self._again_ms = now_ms + RETRY_MS
        if not self._greeted:
            if not self._met:
                self._out += framing.call(framing.CALL_DEVICE)
            self._send(HELLO, bytes((VERSION_MIN, VERSION_MAX)) + self._session)
        else:
            self._send(REQUEST, self._session + struct.pack(">I", self._number) + self._message)

    def _take(self, message: object, now_ms: int) -> None:
        if not isinstance(message, Frame):
            self._packet(message)
            return
        kind, body = message.kind, message.body
        if body[:SESSION_BYTES] != self._session or kind == REQUEST:
            return
        rest = body[SESSION_BYTES:]
        self._since_ms, self._told = now_ms, False
        if kind == WELCOME and len(rest) == 3 and not self._greeted:
            self._welcome(rest, now_ms)
        elif kind == BUSY and not self._greeted:
            self._again_ms = now_ms + RETRY_MS
            self._events.append(Busy())
        elif kind == WHO and self.state == WAITING:
            self._greeted = False
            self._ask(now_ms)
        elif kind in (WORKING, ANSWER) and self.state == WAITING and len(rest) >= 4:
            if struct.unpack(">I", rest[:4])[0] != self._number:
                return
            if kind == WORKING:
                self._again_ms = now_ms + RETRY_MS
                return
            self._move("answer")
            self._events.append(Answer(self._number, rest[4:]))

    def _welcome(self, rest: bytes, now_ms: int) -> None:
        if not VERSION_MIN <= rest[0] <= VERSION_MAX:
            if self.state not in (GREETING, WAITING):
                return
            self._move("incompatible")
            self._events.append(Incompatible(rest[1], rest[2]))
            return
        self._greeted = True
        if self.state == WAITING:
            self._move("welcome")
            self._ask(now_ms)
        elif self.state == GREETING:
            self._move("welcome")
            self._events.append(Opened(rest[0]))

    def _packet(self, packet: "object") -> None:
        if packet.type != framing.RESULT or self._met:  # type: ignore[attr-defined]
            return
        try:
            command, texts = framing.read_result(packet.data)  # type: ignore[attr-defined]
        except RemoteFault:
            return
        if command == framing.CALL_DEVICE:
            self._met = True
            self._events.append(Met(texts))


class Doer(Session):
    """The node's end.

    `texts` are what Improv tells: firmware, version, hardware, name; `improv_state` is one of
    READY, PROVISIONING, PROVISIONED; `address` is where to go on when it is provisioned.
    """

    table = DOER_TABLE

    def __init__(self, texts: "list[str]", improv_state: int, address: str = ""):
        Session.__init__(self, IDLE)
        self.texts = texts
        self.improv_state = improv_state
        self.address = address
        self._owner = b""
        self._owner_ms: int | None = None
        self._number = 0
        self._answer: bytes | None = None

    def submit(self, event: object, now_ms: int) -> None:
        """Give the `Answer` to the request under way (sent once confirmed), or `Close`."""
        if isinstance(event, Answer):
            if event.number != self._number or len(event.message) > MESSAGE_BYTES_MAX:
                raise LocalFault("provision.number", "answers no request", "Answer the last one.")
            self._move("answer")
            self._answer = event.message
        elif isinstance(event, Close):
            self._move("close")
        else:
            raise LocalFault("provision.event", "no such event here", "Submit Answer or Close.")

    def confirm(self, position: int) -> None:
        """Say that what the answer to this number claims is on disk: it may leave."""
        if position != self._number:
            raise LocalFault("provision.number", "not the last number", "Confirm the last answer.")
        self._move("confirm")
        self._reply(ANSWER, self._answer or b"")

    def link_lost(self, now_ms: int) -> None:
        """Let any tool come next; the same one finds its answer kept."""
        Session.link_lost(self, now_ms)
        self._owner_ms = None

    def _take(self, message: object, now_ms: int) -> None:
        if not isinstance(message, Frame):
            self._packet(message)
        elif message.kind == HELLO and len(message.body) == 2 + SESSION_BYTES:
            self._hello(message.body, now_ms)
        elif message.kind == REQUEST and len(message.body) >= SESSION_BYTES + 4:
            self._request(message.body, now_ms)

    def _hello(self, body: bytes, now_ms: int) -> None:
        session = body[2:]
        if session != self._owner:
            is_live = self._owner_ms is not None and now_ms - self._owner_ms < OWNER_MS
            if self.state != IDLE or is_live:
                self._send(BUSY, session)
                return
            self._owner, self._number, self._answer = session, 0, None
        self._owner_ms = now_ms
        chosen = min(VERSION_MAX, body[1])
        if chosen < max(VERSION_MIN, body[0]):
            chosen = 0
        self._send(WELCOME, session + bytes((chosen, VERSION_MIN, VERSION_MAX)))

    def _request(self, body: bytes, now_ms: int) -> None:
        session = body[:SESSION_BYTES]
        if session != self._owner:
            self._send(WHO, session)
            return
        number = struct.unpack(">I", body[SESSION_BYTES : SESSION_BYTES + 4])[0]
        # Number 0 is a farewell: the next tool need not wait.
        self._owner_ms = now_ms if number else None
        if self.state != IDLE:
            if number == self._number:
                self._reply(WORKING, b"")
        elif number == self._number and self._answer is not None:
            self._reply(ANSWER, self._answer)
        elif number > self._number:
            self._move("request")
            self._number, self._answer = number, None
            self._events.append(Request(number, body[SESSION_BYTES + 4 :]))

    def _reply(self, kind: int, message: bytes) -> None:
        self._send(kind, self._owner + struct.pack(">I", self._number) + message)

    def _packet(self, packet: "object") -> None:
        if packet.type != framing.RPC:  # type: ignore[attr-defined]
            return
        data = packet.data  # type: ignore[attr-defined]
        if len(data) < 2 or len(data) != 2 + data[1]:
            self._out += framing.packet(framing.ERROR, bytes((framing.ERROR_INVALID,)))
        elif data[0] == framing.CALL_STATE:
            self._out += framing.packet(framing.STATE, bytes((self.improv_state,)))
            if self.improv_state == framing.PROVISIONED:
                self._out += framing.result(data[0], [self.address])
        elif data[0] == framing.CALL_DEVICE:
            self._out += framing.result(data[0], self.texts)
        else:
            self._out += framing.packet(framing.ERROR, bytes((framing.ERROR_UNKNOWN,)))
