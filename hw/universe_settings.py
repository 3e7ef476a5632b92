"""Put a board of DMX universes together from its settings.

`{"kind": "e131" | "artnet", "host" (absent: multicast, broadcast), "first_universe",
"synchronised" 0 or 1}`, with E1.31's source id `cid` in hex and `name`.
"""

from hw.ports import Clock, Datagrams
from hw.settings import Settings
from hw.universe_board import UniverseBoard
from protocols import artnet, e131


def universe_board(
    given: Settings, kind: str, datagrams: Datagrams, clock: Clock, size: tuple[int, int, int]
) -> UniverseBoard:
    """Return the board behind a socket; raises `LocalFault("config.board")`."""
    return UniverseBoard(
        _sender(given, kind),
        datagrams,
        clock,
        size,
        first_universe=given.integer("first_universe", 0, 63999, 1 if kind == "e131" else 0),
        host=given.optional_text("host"),
    )


def port(kind: str) -> int:
    """Return the port that answers come to; 0 is any."""
    return artnet.PORT if kind == "artnet" else 0


def _sender(given: Settings, kind: str) -> "e131.Sender | artnet.Sender":
    synchronised = given.integer("synchronised", 0, 1, 0)
    if kind == "artnet":
        return artnet.Sender(synchronised=synchronised == 1)
    sync_universe = given.integer("first_universe", 1, 63999, 1) if synchronised else 0
    cid = given.hex_bytes("cid", 16)
    return e131.Sender(cid, given.text("name", "chieng"), sync_universe=sync_universe)
