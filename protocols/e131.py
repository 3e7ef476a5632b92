"""Build E1.31 (streaming ACN) packets: ANSI E1.31-2018, tables 4-1 to 6-4.

A sender repeats its frames: receivers give a source up after 2.5 s of silence (section 6.7.1).
"""

import struct

from protocols.errors import LocalFault
from protocols.limits import DMX_SLOTS_MAX

PORT = 5568
UNIVERSE_MAX = 63999
# Between two packets of an unchanged universe at most this long (section 6.6.2: 800 to 1000 ms).
REPEAT_MS = 900

_PREAMBLE = struct.pack(">HH12s", 0x0010, 0, b"ASC-E1.17\0\0\0")
_TERMINATED = 0x40
_NAME_BYTES = 64


def group(universe: int) -> str:
    """Return a universe's multicast address (section 9.3.1)."""
    return "239.255.%d.%d" % (universe >> 8, universe & 0xFF)


def _layer(length: int) -> int:
    """Return flags and length of a layer."""
    return 0x7000 | length


class Sender:
    """Number and wrap the universes of one source.

    `cid` is the source's permanent UUID (16 bytes). With `sync_universe` not 0, receivers that know
    synchronisation show all universes of a frame at once.
    """

    port = PORT

    def __init__(self, cid: bytes, name: str, *, priority: int = 100, sync_universe: int = 0):
        text = name.encode()
        if len(cid) != 16 or not 1 <= len(text) < _NAME_BYTES or not 0 <= priority <= 200:
            raise LocalFault(
                "config.board", "E1.31 source name or priority", "correct the settings"
            )
        self._cid = cid
        self._name = text + bytes(_NAME_BYTES - len(text))
        self._priority = priority
        self._sync_universe = sync_universe
        self._sequences: dict[int, int] = {}

    def host(self, universe: int) -> str:
        """Return where a universe goes by multicast."""
        return group(universe)

    def data(self, universe: int, slots: bytes, terminated: bool = False) -> bytes:
        """Return the next data packet of a universe (table 4-1)."""
        if not 1 <= universe <= UNIVERSE_MAX or len(slots) > DMX_SLOTS_MAX:
            text = "universe %d with %d slots" % (universe, len(slots))
            raise LocalFault("config.board", text, "correct the board's first universe")
        options = _TERMINATED if terminated else 0
        count = len(slots)
        head = struct.pack(">HI", _layer(110 + count), 4) + self._cid
        framing = struct.pack(">HI", _layer(88 + count), 2) + self._name
        framing += struct.pack(
            ">BHBBH", self._priority, self._sync_universe, self._next(universe), options, universe
        )
        dmp = struct.pack(">HBBHHHB", _layer(11 + count), 2, 0xA1, 0, 1, count + 1, 0)
        return _PREAMBLE + head + framing + dmp + slots

    def sync(self) -> bytes | None:
        """Return the packet that ends a frame (table 4-2), None when not synchronised."""
        if not self._sync_universe:
            return None
        head = struct.pack(">HI", _layer(33), 8) + self._cid
        framing = struct.pack(">HIBHH", _layer(11), 1, self._next(-1), self._sync_universe, 0)
        return _PREAMBLE + head + framing

    def sync_host(self) -> str:
        """Return where the sync packet goes by multicast."""
        return group(self._sync_universe)

    def _next(self, key: int) -> int:
        number = self._sequences.get(key, 0)
        self._sequences[key] = (number + 1) & 0xFF
        return number
