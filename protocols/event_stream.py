"""Read server-sent events: bytes in, (event, data) out.

After the WHATWG's HTML standard, section 9.2.6 "Interpreting an event stream"; `id` and `retry` are
of no use here. What does not end is refused.
"""

from protocols.errors import RemoteFault
from protocols.limits import EVENT_BYTES_MAX


class EventStream:
    """Take a stream's bytes in any pieces."""

    def __init__(self) -> None:
        self._line = b""
        self._after_return = False
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def receive(self, data: bytes) -> "list[tuple[str, str]]":
        """Return the events that these bytes complete; comments give none.

        Raises `RemoteFault("events.length" | "events.text")`.
        """
        found: list[tuple[str, str]] = []
        start = 0
        for at in range(len(data)):
            byte = data[at]
            if byte == 10 and self._after_return:
                start = at + 1
            elif byte in (10, 13):
                self._take_line(self._line + data[start:at], found)
                self._line = b""
                start = at + 1
            self._after_return = byte == 13
        self._line += data[start:]
        self._bound(len(self._line))
        return found

    def _bound(self, more: int) -> None:
        if self._size + more > EVENT_BYTES_MAX:
            raise RemoteFault("events.length", "an event does not end", "Check the hub's address")

    def _take_line(self, line: bytes, found: "list[tuple[str, str]]") -> None:
        self._bound(len(line))
        if not line:
            if self._data:
                found.append((self._event or "message", "\n".join(self._data)))
            self._event, self._data, self._size = "", [], 0
            return
        if line[:1] == b":":
            return
        self._size += len(line)
        try:
            text = str(line, "utf-8")
        except (ValueError, UnicodeError):
            raise RemoteFault("events.text", "an event is not UTF-8", "Check the hub's address")
        name, _, value = text.partition(":")
        value = value[1:] if value[:1] == " " else value
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
