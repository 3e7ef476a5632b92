"""Ask time servers what time it is: SNTP, the client's side (RFC 5905, section 14), without I/O.

Theory of operation. A round asks all servers at once, each with a random number in the place of
our own time: the answer repeats it, which ties answer to question, tells the servers apart and
tells them nothing of our clock. An answer gives an offset: how far the server's clock is ahead of
our monotonic one, with half the trip and what the server says of itself as uncertainty. Which
offsets are believed is decided in `protocols/clock_trust.py`; a liar is outvoted there.
"""

import struct
from collections import namedtuple

from protocols.errors import RemoteFault

PORT = 123
NONCE_BYTES = 8
PACKET_BYTES = 48
# Version 4, mode 3 (client); the rest is zero, as draft-ietf-ntp-data-minimization asks.
_FIRST_BYTE = 0x23
_MODE_SERVER = 4
_UNSYNCHRONISED = 3
_STRATUM_MAX = 15
# Seconds from 1900 to 1970.
_EPOCH_S = 2_208_988_800
# A server that claims a farther root than this is of no use (RFC 5905: MAXDIST is one second).
ROOT_DISTANCE_MS_MAX = 1_000

Reply = namedtuple("Reply", ("received_ms", "sent_ms", "stratum", "distance_ms"))
"""A server's answer: when our question came and its answer left, by its clock (Unix ms), and how
far it may be off itself."""

Offer = namedtuple("Offer", ("offset_ms", "uncertainty_ms"))
"""The server's time is our monotonic clock plus `offset_ms`, give or take."""


def request(nonce: bytes) -> bytes:
    """Return a question; `nonce` are eight random bytes, not all zero."""
    return bytes([_FIRST_BYTE]) + bytes(PACKET_BYTES - 1 - NONCE_BYTES) + nonce


def nonce_of(data: bytes) -> bytes:
    """Return the question's number that an answer repeats; empty for what is too short."""
    return data[24:32] if len(data) >= PACKET_BYTES else b""


def read(data: bytes) -> Reply:
    """Return a server's answer.

    Raises `RemoteFault`: `sntp.format` (no answer of a server), `sntp.kiss` (it asks to be left
    alone; the message is its code), `sntp.unsynchronised` (it does not know the time itself).
    """
    if len(data) < PACKET_BYTES:
        raise _refuse("sntp.format", "the answer is too short")
    leap, mode = data[0] >> 6, data[0] & 7
    stratum = data[1]
    if mode != _MODE_SERVER:
        raise _refuse("sntp.format", "the answer is no server's")
    if stratum == 0:
        code = "".join([chr(byte) for byte in data[12:16] if 32 < byte < 127])
        raise _refuse("sntp.kiss", code)
    sent_ms = _unix_ms(data, 40)
    delay_ms, dispersion_ms = _short_ms(data, 4), _short_ms(data, 8)
    distance_ms = (delay_ms + 1) // 2 + dispersion_ms
    is_lost = leap == _UNSYNCHRONISED or stratum > _STRATUM_MAX
    if sent_ms is None or is_lost or distance_ms > ROOT_DISTANCE_MS_MAX:
        raise _refuse("sntp.unsynchronised", "the server does not know the time")
    received_ms = _unix_ms(data, 32)
    if received_ms is None or received_ms > sent_ms:
        raise _refuse("sntp.format", "the answer left before the question came")
    return Reply(received_ms, sent_ms, stratum, distance_ms)


def offer(reply: Reply, sent_ticks_ms: int, received_ticks_ms: int) -> "Offer | None":
    """Return what an answer says of our clock, by when the question left and the answer came.

    None when the server claims to have kept the question longer than the whole trip took.
    """
    kept_ms = reply.sent_ms - reply.received_ms
    trip_ms = received_ticks_ms - sent_ticks_ms - kept_ms
    if trip_ms < -1:
        return None
    middle_ms = (reply.received_ms + reply.sent_ms) // 2
    offset_ms = middle_ms - (sent_ticks_ms + received_ticks_ms) // 2
    return Offer(offset_ms, max(trip_ms, 0) // 2 + reply.distance_ms + 1)


def _unix_ms(data: bytes, at: int) -> "int | None":
    """Return an NTP timestamp as Unix milliseconds, None for none.

    The 32 bits of seconds begin anew in February 2036; what lies before 1968 is of that era.
    """
    seconds, fraction = struct.unpack(">II", data[at : at + 8])
    if not seconds and not fraction:
        return None
    if seconds < 1 << 31:
        seconds += 1 << 32
    return int((seconds - _EPOCH_S) * 1000 + (fraction * 1000 >> 32))


def _short_ms(data: bytes, at: int) -> int:
    # Rounded up: what is claimed must not be less than what is so.
    return int(struct.unpack(">I", data[at : at + 4])[0] * 1000 + 0xFFFF >> 16)


def _refuse(code: str, what: str) -> RemoteFault:
    return RemoteFault(code, what, "Other time servers are asked; name better ones")


class Round:
    """Hold one round of questions.

    `add` for each server asked, `receive` for each packet that comes, `offers` at the end.
    """

    def __init__(self) -> None:
        self._asked: dict[bytes, tuple[str, int]] = {}
        self._offers: list[tuple[int, int]] = []
        self.kissed: list[str] = []

    def add(self, server: str, nonce: bytes, ticks_ms: int) -> bytes:
        """Note that a server is asked now and return the packet."""
        self._asked[nonce] = (server, ticks_ms)
        return request(nonce)

    def receive(self, data: bytes, ticks_ms: int) -> None:
        """Take a packet; what answers no question of this round is left alone."""
        asked = self._asked.get(nonce_of(data))
        if asked is None:
            return
        try:
            reply = read(data)
        except RemoteFault as fault:
            if fault.code == "sntp.kiss":
                self.kissed.append(asked[0])
            self._asked.pop(nonce_of(data))
            return
        self._asked.pop(nonce_of(data))
        found = offer(reply, asked[1], ticks_ms)
        if found is not None:
            self._offers.append((found.offset_ms, found.uncertainty_ms))

    def is_complete(self) -> bool:
        """Tell whether every server has answered."""
        return not self._asked

    def offers(self) -> "list[tuple[int, int]]":
        """Return the (offset_ms, uncertainty_ms) of every good answer."""
        return list(self._offers)
