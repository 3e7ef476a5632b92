"""AT commands, the terminal's side: sans-I/O exchanges and what the replies of a modem mean.

Sources: 3GPP TS 27.007 (+CPIN, +CSQ, +CREG, +CGREG, +CEREG, +COPS, +CGDCONT, +CFUN, +CGATT), ITU-T
V.250 (results), SIM7500/SIM7600 AT manual 2.00 (+CPSI, +CRESET), Quectel EC2x AT manual 2.0
(+QNWINFO). A modem may echo, may speak unasked at any line, and may be in the middle of a line when
we come: what is neither the asked reply nor a final result is left out. The verdict depends only on
the bytes, not on how they were split.
"""

from collections import namedtuple

from protocols.errors import RemoteFault, WorldFault
from protocols.limits import AT_LINE_BYTES_MAX, AT_LINES_MAX, AT_REPLY_BYTES_MAX

_FAILED = ("ERROR", "NO CARRIER", "NO DIALTONE", "BUSY", "NO ANSWER", "COMMAND NOT SUPPORT")

# 3GPP TS 36.133: below about -110 dBm an LTE link breaks; CSQ tells little below -107.
WEAK_DBM = -107
READY = "ready"
PIN = "pin"
PUK = "puk"
ABSENT = "absent"
OTHER = "other"

HOME = "home"
ROAMING = "roaming"
SEARCHING = "searching"
DENIED = "denied"
NONE = "none"
# +CREG and its sisters, <stat>; 6 to 10 are registrations for part of the services.
_REGISTRATION = (NONE, HOME, SEARCHING, DENIED, NONE, ROAMING, HOME, ROAMING, NONE, HOME, ROAMING)

Done = namedtuple("Done", ("lines",))
"""A command was carried out; `lines` are the texts that came before OK."""

Failed = namedtuple("Failed", ("fault",))
"""A command was not carried out, or nobody answered in time."""


class Exchange:
    """Hold one command and its reply; `submit` the next when `next_event` has given the last."""

    def __init__(self, command: str, now_ms: int, timeout_ms: int):
        self._command = command
        self._deadline_ms = now_ms + timeout_ms
        self._line = bytearray()
        self._is_long = False
        self._lines: list[str] = []
        self._count = 0
        self._event: Done | Failed | None = None

    def data_to_send(self) -> bytes:
        """Return the command as bytes."""
        return self._command.encode() + b"\r"

    def deadline_ms(self) -> int:
        """Return when silence ends the exchange."""
        return self._deadline_ms

    def next_event(self) -> "Done | Failed | None":
        """Return what became of the command, or None while it is open."""
        return self._event

    def receive(self, data: bytes, now_ms: int) -> None:
        """Take bytes; empty ones only tell the time."""
        for byte in data:
            if self._event is not None:
                return
            self._count += 1
            if self._count > AT_REPLY_BYTES_MAX:
                self._refuse("at.oversize", "never ends its reply to ")
            elif byte in (13, 10):
                self._end_line()
            elif len(self._line) >= AT_LINE_BYTES_MAX:
                self._is_long = True
            else:
                self._line.append(byte)
        if self._event is None and now_ms >= self._deadline_ms:
            text = "the modem does not answer " + _shown(self._command)
            remedy = "Check the modem's supply and cable; it is reset by itself."
            self._event = Failed(WorldFault("modem.silent", text, remedy))

    def _end_line(self) -> None:
        line, self._line = bytes(self._line), bytearray()
        is_long, self._is_long = self._is_long, False
        if not line or is_long:
            return
        text = _text(line)
        if text == "OK":
            self._event = Done(self._lines)
        elif text in _FAILED or text.startswith(("+CME ERROR:", "+CMS ERROR:")):
            self._refuse("at.error", text + " from ")
        elif text != self._command and len(self._lines) < AT_LINES_MAX:
            self._lines.append(text)

    def _refuse(self, code: str, what: str) -> None:
        remedy = "Look whether the SIM is in; else take a modem that this node knows."
        self._event = Failed(RemoteFault(code, what + _shown(self._command), remedy))


def _text(line: bytes) -> str:
    """Return the ASCII of a line; noise becomes a question mark."""
    return "".join([chr(byte) if 32 <= byte < 127 else "?" for byte in line]).strip()


def _shown(command: str) -> str:
    """Return a command for a record: never the PIN in it."""
    return "AT+CPIN" if command.startswith("AT+CPIN=") else command


def fields_of(lines: "list[str]", name: str) -> "list[str] | None":
    """Return the fields of the first line `name: a,"b,c",d` without quotes, or None."""
    for line in lines:
        if line.startswith(name + ":"):
            return _split(line[len(name) + 1 :])
    return None


def _split(text: str) -> "list[str]":
    found = [""]
    quoted = False
    for letter in text:
        if letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            found.append("")
        else:
            found[-1] += letter
    return [one.strip() for one in found]


def _number(text: str, most: int) -> "int | None":
    """Return a whole number from 0 to `most`, or None."""
    if not text or len(text) > 9 or any([not "0" <= letter <= "9" for letter in text]):
        return None
    number = int(text)
    return number if number <= most else None


def sim(event: "Done | Failed") -> "str | None":
    """Return the SIM's state from the reply to `AT+CPIN?`; None when nobody answered."""
    if isinstance(event, Failed):
        if event.fault.code != "at.error":
            return None
        # 10 not inserted, 13 failure, 15 wrong; with and without +CMEE=1. "busy" (14) passes.
        for word in ("not inserted", "ERROR: 10 ", "failure", "ERROR: 13 ", "ERROR: 15 "):
            if word in event.fault.message + " ":
                return ABSENT
        return OTHER
    fields = fields_of(event.lines, "+CPIN")
    if fields is None:
        return OTHER
    return {"READY": READY, "SIM PIN": PIN, "SIM PUK": PUK, "NOT INSERTED": ABSENT}.get(
        fields[0], OTHER
    )


def signal_dbm(lines: "list[str]") -> "int | None":
    """Return the signal from `AT+CSQ` (0 to 31: -113 dBm in steps of 2), None when unknown."""
    fields = fields_of(lines, "+CSQ")
    steps = None if not fields else _number(fields[0], 31)
    return None if steps is None else 2 * steps - 113


def registration(lines: "list[str]", name: str) -> "str | None":
    """Return the state from `AT+CREG?`, `AT+CGREG?` or `AT+CEREG?`, None when it is not told."""
    fields = fields_of(lines, name)
    if fields is None or len(fields) < 2:
        return None
    number = _number(fields[1], len(_REGISTRATION) - 1)
    return None if number is None else _REGISTRATION[number]


def operator(lines: "list[str]") -> str:
    """Return the operator's name from `AT+COPS?`, "" when there is none."""
    fields = fields_of(lines, "+COPS")
    return fields[2] if fields is not None and len(fields) > 2 else ""


def technology(lines: "list[str]") -> str:
    """Return the radio's kind from `AT+CPSI?` (SIM7600) or `AT+QNWINFO` (EC25), "" unknown."""
    for name in ("+CPSI", "+QNWINFO"):
        fields = fields_of(lines, name)
        if fields and fields[0] not in ("NO SERVICE", "No Service"):
            return fields[0]
    return ""


def position_e6(lines: "list[str]") -> "tuple[int, int] | None":
    """Return (latitude, longitude) in millionths of a degree from `AT+CGPSINFO` (SIM7600:
    `1358.80,N,10800.60,E`) or `AT+QGPSLOC=2` (EC25: `utc,13.98000,108.01000`), None before a fix.
    """
    fields = fields_of(lines, "+CGPSINFO")
    if fields and len(fields) > 3 and fields[0]:
        pair = [_arc_e6(fields[0], fields[1]), _arc_e6(fields[2], fields[3])]
    else:
        fields = fields_of(lines, "+QGPSLOC")
        if not fields or len(fields) < 3:
            return None
        pair = [_signed_e6(fields[1]), _signed_e6(fields[2])]
    latitude, longitude = pair
    if latitude is None or longitude is None:
        return None
    if abs(latitude) > 90_000_000 or abs(longitude) > 180_000_000:
        return None
    return latitude, longitude


def _arc_e6(text: str, side: str) -> "int | None":
    """Return degrees and minutes (`ddmm.mmmm`) with N, S, E or W in millionths of a degree."""
    dot = text.find(".")
    degrees = _number(text[: dot - 2], 180) if dot > 2 else None
    minutes = _micro(text[dot - 2 :]) if dot > 2 else None
    if degrees is None or minutes is None or side not in ("N", "S", "E", "W"):
        return None
    found = degrees * 1_000_000 + minutes // 60
    return -found if side in ("S", "W") else found


def _signed_e6(text: str) -> "int | None":
    found = _micro(text[1:] if text.startswith("-") else text)
    return None if found is None else -found if text.startswith("-") else found


def _micro(text: str) -> "int | None":
    """Return a decimal number in millionths."""
    whole, _, part = text.partition(".")
    units, parts = _number(whole, 999), _number((part + "000000")[:6], 999_999)
    return None if units is None or parts is None else units * 1_000_000 + parts


def context_apn(lines: "list[str]", number: int) -> "str | None":
    """Return the APN of one context from `AT+CGDCONT?`, None when it is not defined."""
    for line in lines:
        fields = fields_of([line], "+CGDCONT")
        if fields is not None and len(fields) > 2 and fields[0] == str(number):
            return fields[2]
    return None


def is_apn(text: str) -> bool:
    """Tell whether a text can be an APN (3GPP TS 23.003): letters, digits, dots, hyphens."""
    good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
    return 1 <= len(text) <= 100 and all([letter in good for letter in text])


def is_pin(text: str) -> bool:
    """Tell whether a text can be a SIM's PIN: 4 to 8 digits."""
    return 4 <= len(text) <= 8 and all(["0" <= letter <= "9" for letter in text])
