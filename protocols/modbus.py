"""Modbus RTU, the master's side: request frames and a sans-I/O reply reader.

RTU carries no transaction number and ends a frame by silence, which no operating system keeps. So a
reply is recognised by what was asked (unit, function, length or echo) and by its CRC, wherever it
starts in the bytes received; noise before it is skipped. The verdict depends only on the bytes, not
on how they were split. Source: MODBUS over serial line V1.02, MODBUS application protocol V1.1b3.
"""

import struct
from collections import namedtuple

from protocols.errors import LocalFault, RemoteFault, WorldFault
from protocols.limits import MODBUS_FRAME_BYTES_MAX, MODBUS_NOISE_BYTES_MAX

READ_COILS = 1
READ_DISCRETE_INPUTS = 2
READ_HOLDING_REGISTERS = 3
READ_INPUT_REGISTERS = 4
WRITE_COIL = 5
WRITE_REGISTER = 6
WRITE_COILS = 15
WRITE_REGISTERS = 16

BROADCAST = 0
COIL_ON = 0xFF00
COIL_OFF = 0x0000

_BIT_READS = (READ_COILS, READ_DISCRETE_INPUTS)
_REGISTER_READS = (READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS)

# Largest counts of the application protocol, sections 6.1 to 6.12.
_BITS_READ_MAX = 2000
_REGISTERS_READ_MAX = 125
_BITS_WRITE_MAX = 1968
_REGISTERS_WRITE_MAX = 123

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, not ready",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target silent",
}
# Exceptions that say "ask again" rather than "never".
_EXCEPTIONS_PASSING = (5, 6, 11)


def _crc_table() -> bytes:
    table = bytearray(512)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        struct.pack_into("<H", table, byte * 2, crc)
    return bytes(table)


_CRC_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """Return the Modbus CRC of bytes; over a frame that ends with its own CRC it is 0."""
    crc = 0xFFFF
    for byte in data:
        index = ((crc ^ byte) & 0xFF) * 2
        crc = (crc >> 8) ^ (_CRC_TABLE[index] | _CRC_TABLE[index + 1] << 8)
    return crc


def frame(unit: int, function: int, body: bytes) -> bytes:
    """Return the bytes on the wire of one frame."""
    head = bytes((unit, function)) + body
    return head + struct.pack("<H", crc16(head))


class Request(namedtuple("Request", ("unit", "function", "body", "count"))):
    """Hold one request: `body` as sent, `count` of values that the reply carries or echoes."""

    def frame(self) -> bytes:
        """Return the bytes on the wire."""
        return frame(int(self.unit), int(self.function), bytes(self.body))

    def is_read(self) -> bool:
        """Tell whether the reply carries values."""
        return self.function in _BIT_READS or self.function in _REGISTER_READS

    def reply_head(self) -> bytes:
        """Return the bytes every true reply starts with (unit, function, byte count or echo)."""
        head = bytes((self.unit, self.function))
        if self.function in _BIT_READS:
            return head + bytes(((self.count + 7) // 8,))
        if self.function in _REGISTER_READS:
            return head + bytes((self.count * 2,))
        return head + bytes(self.body[:4])

    def reply_length(self) -> int:
        """Return the length of a true reply with its CRC; 0 for a broadcast, which has none."""
        if self.unit == BROADCAST:
            return 0
        head = self.reply_head()
        return len(head) + (head[2] if self.is_read() else 0) + 2

    def values(self, reply: bytes) -> list[int]:
        """Return the bits or registers of a checked reply; an empty list for a write."""
        if self.function in _BIT_READS:
            return [(reply[3 + i // 8] >> (i % 8)) & 1 for i in range(self.count)]
        if self.function in _REGISTER_READS:
            return list(struct.unpack(">" + "H" * self.count, reply[3:-2]))
        return []


def _check(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise LocalFault(
            "modbus.request",
            "%s %d is outside %d..%d" % (name, value, low, high),
            "correct the device settings of this node",
        )
    return value


def _body(address: int, word: int) -> bytes:
    return struct.pack(
        ">HH", _check("address", address, 0, 0xFFFF), _check("word", word, 0, 0xFFFF)
    )


def read(function: int, unit: int, address: int, count: int) -> Request:
    """Ask for `count` bits (functions 1, 2) or registers (3, 4) from `address`."""
    if function not in _BIT_READS and function not in _REGISTER_READS:
        raise LocalFault("modbus.request", "function %d does not read" % function, "use 1 to 4")
    high = _BITS_READ_MAX if function in _BIT_READS else _REGISTERS_READ_MAX
    body = _body(address, _check("count", count, 1, high))
    return Request(_check("unit", unit, 1, 255), function, body, count)


def write_coil(unit: int, address: int, word: int) -> Request:
    """Write one coil by function 5 with a raw value word (boards give it meanings of their own)."""
    return Request(_check("unit", unit, 0, 255), WRITE_COIL, _body(address, word), 0)


def write_register(unit: int, address: int, value: int) -> Request:
    """Write one holding register by function 6."""
    return Request(_check("unit", unit, 0, 255), WRITE_REGISTER, _body(address, value), 0)


def write_coils(unit: int, address: int, bits: list[int]) -> Request:
    """Write adjacent coils by function 15."""
    count = _check("count", len(bits), 1, _BITS_WRITE_MAX)
    packed = bytearray((count + 7) // 8)
    for i in range(count):
        if bits[i]:
            packed[i // 8] |= 1 << (i % 8)
    body = _body(address, count) + bytes((len(packed),)) + bytes(packed)
    return Request(_check("unit", unit, 0, 255), WRITE_COILS, body, 0)


def write_registers(unit: int, address: int, values: list[int]) -> Request:
    """Write adjacent holding registers by function 16."""
    count = _check("count", len(values), 1, _REGISTERS_WRITE_MAX)
    body = _body(address, count) + bytes((count * 2,))
    for value in values:
        body += struct.pack(">H", _check("value", value, 0, 0xFFFF))
    return Request(_check("unit", unit, 0, 255), WRITE_REGISTERS, body, 0)


class Reply(namedtuple("Reply", ("values",))):
    """Hold what a device answered: bits or registers, an empty list for a write."""


class Failure(namedtuple("Failure", ("fault", "again"))):
    """Hold why an exchange ended without a reply, and whether asking again can help."""


class Exchange:
    """Follow one request to its reply or its failure.

    A session of one request: send `data_to_send`, feed `receive`, call `tick` at `deadline_ms`,
    take the one event. A broadcast is answered by nobody and ends as an empty `Reply` at once.
    With `echo` the adapter returns every byte we send, and as many bytes are skipped.
    """

    def __init__(self, request: Request, now_ms: int, timeout_ms: int, echo: bool = False):
        self.request = request
        self._deadline_ms = now_ms + timeout_ms
        self._unsent = request.frame()
        self._skip = len(self._unsent) if echo else 0
        self._received = bytearray()
        self._event: Reply | Failure | None = None
        self._closed = False
        if request.unit == BROADCAST:
            self._close(Reply([]))

    def data_to_send(self) -> bytes:
        """Return the request's bytes, once."""
        data = self._unsent
        self._unsent = b""
        return data

    def deadline_ms(self) -> int:
        """Return when `tick` must be called."""
        return self._deadline_ms

    def is_closed(self) -> bool:
        """Tell whether the exchange has ended; nothing more changes it."""
        return self._closed

    def next_event(self) -> "Reply | Failure | None":
        """Return the `Reply` or the `Failure`, once."""
        event = self._event
        self._event = None
        return event

    def echo_seen(self) -> bool:
        """Tell whether our own request came back before the reply (sure only for a read)."""
        own = self.request.frame()
        return self.request.is_read() and self._received[: len(own)] == own

    def receive(self, data: bytes, now_ms: int) -> None:
        """Take bytes from the line in any pieces."""
        if self._closed:
            return
        for i in range(len(data)):
            self._received.append(data[i])
            if self._find_reply():
                return
            if len(self._received) >= MODBUS_FRAME_BYTES_MAX + MODBUS_NOISE_BYTES_MAX:
                self._close(Failure(self._babble(), True))
                return
        self.tick(now_ms)

    def tick(self, now_ms: int) -> None:
        """End the exchange when its time is over."""
        if not self._closed and now_ms >= self._deadline_ms:
            self._close(Failure(self._why(), True))

    def link_lost(self, now_ms: int) -> None:
        """End the exchange because the line is gone."""
        if not self._closed:
            self._close(
                Failure(
                    WorldFault("modbus.line_lost", self._who() + ": line lost", "plug it in"), True
                )
            )

    def _close(self, event: Reply | Failure) -> None:
        self._event = event
        self._closed = True

    def _who(self) -> str:
        return "unit %d function %d" % (self.request.unit, self.request.function)

    def _find_reply(self) -> bool:
        """Look whether the newest byte completes a reply or an exception."""
        received = self._received
        length = self.request.reply_length()
        head = self.request.reply_head()
        start = len(received) - length
        if start >= self._skip and received[start : start + len(head)] == head:
            reply = bytes(received[start:])
            if crc16(reply) == 0:
                self._close(Reply(self.request.values(reply)))
                return True
        start = len(received) - 5
        if start >= self._skip and received[start] == self.request.unit:
            refusal = bytes(received[start:])
            if refusal[1] == self.request.function | 0x80 and crc16(refusal) == 0:
                self._refused(refusal[2])
                return True
        return False

    def _refused(self, code: int) -> None:
        word = _EXCEPTIONS.get(code, "unknown exception")
        again = code in _EXCEPTIONS_PASSING
        fault = RemoteFault(
            "modbus.busy" if again else "modbus.refused",
            "%s answered exception %d, %s" % (self._who(), code, word),
            "wait" if again else "check the device's model and its settings on this node",
        )
        self._close(Failure(fault, again))

    def _babble(self) -> RemoteFault:
        return RemoteFault(
            "modbus.oversize",
            "%s: %d bytes and no reply among them" % (self._who(), len(self._received)),
            "look for a second master, a wrong baud rate or a broken device on the line",
        )

    def _why(self) -> WorldFault | RemoteFault:
        """Name the failure by what did arrive."""
        received = bytes(self._received[self._skip :])
        request = self.request
        if not received:
            text = self._who() + " is silent"
            return WorldFault("modbus.silent", text, "check power, wiring A/B, unit and baud rate")
        if received == request.frame():
            text = self._who() + ": only our own bytes came back"
            return RemoteFault("modbus.local_echo", text, "switch the adapter's echo off")
        # First, as one cut in 65,536 has a sound checksum by chance.
        head = request.reply_head()
        if len(received) < request.reply_length() and head.startswith(received[: len(head)]):
            text = "%s: reply cut after %d bytes" % (self._who(), len(received))
            return RemoteFault("modbus.truncated", text, "check wiring and termination")
        whole = len(received) >= 5 and crc16(received) == 0
        if whole and received[0] != request.unit:
            text = "%s: unit %d answered" % (self._who(), received[0])
            return RemoteFault("modbus.wrong_unit", text, "give every device its own unit number")
        if whole:
            text = self._who() + ": a sound frame that answers something else"
            return RemoteFault("modbus.unexpected", text, "look for a second master on the line")
        text = "%s: %d bytes with a wrong checksum" % (self._who(), len(received))
        return RemoteFault("modbus.crc", text, "check termination, grounding and baud rate")
