"""Build Art-Net 4 packets and read the answer to a poll (Art-Net 4 specification).

Universes are 15-bit port-addresses from 0; a packet carries an even number of slots.
"""

import struct

from protocols.errors import LocalFault
from protocols.limits import DMX_SLOTS_MAX

PORT = 6454
UNIVERSE_MAX = 0x7FFF
# An unchanged frame is repeated at least every 4 s; receivers of other makes give up after 3.
REPEAT_MS = 900
# Controllers wait this long for answers to a poll.
POLL_MS = 3000

_HEAD = b"Art-Net\0"
_VERSION = 14
_OP_POLL = 0x2000
_OP_POLL_REPLY = 0x2100
_OP_DMX = 0x5000
_OP_SYNC = 0x5200


def _start(code: int) -> bytes:
    return _HEAD + struct.pack("<H", code) + struct.pack(">H", _VERSION)


class Sender:
    """Number and wrap the universes of one source."""

    port = PORT

    def __init__(self, *, synchronised: bool = False):
        self._synchronised = synchronised
        self._sequences: dict[int, int] = {}

    def host(self, universe: int) -> str:
        """Return the limited broadcast address; Art-Net 4 asks for unicast instead."""
        return "255.255.255.255"

    def data(self, universe: int, slots: bytes, terminated: bool = False) -> bytes:
        """Return the next ArtDmx packet of a universe."""
        if not 0 <= universe <= UNIVERSE_MAX or not 1 <= len(slots) <= DMX_SLOTS_MAX:
            text = "universe %d with %d slots" % (universe, len(slots))
            raise LocalFault("config.board", text, "correct the board's first universe")
        if len(slots) & 1:
            slots += b"\0"
        # 0 would switch the receiver's reordering off: the numbers go from 1 to 255.
        number = self._sequences.get(universe, 0) % 255 + 1
        self._sequences[universe] = number
        head = struct.pack("<BBH", number, 0, universe) + struct.pack(">H", len(slots))
        return _start(_OP_DMX) + head + slots

    def sync(self) -> bytes | None:
        """Return the ArtSync packet that ends a frame, None when not synchronised."""
        return _start(_OP_SYNC) + b"\0\0" if self._synchronised else None

    def sync_host(self) -> str:
        """Return where ArtSync goes."""
        return self.host(0)


def poll() -> bytes:
    """Return an ArtPoll packet: whoever hears it answers."""
    return _start(_OP_POLL) + b"\0\0"


def is_poll_reply(data: bytes) -> bool:
    """Tell whether a packet answers a poll."""
    return len(data) >= 20 and data[:8] == _HEAD and data[8:10] == struct.pack("<H", _OP_POLL_REPLY)
