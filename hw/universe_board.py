"""Show frames on a board that takes DMX universes over UDP: E1.31 or Art-Net.

Unicast to one controller by default: Linux joins 20 multicast groups, so a receiver on it silently
loses universes 21 and up. The last frame is repeated by a task, as receivers go dark or hold
stale pictures after some seconds of silence. UDP tells nothing back: only Art-Net's poll says
whether a controller is there.
"""

import asyncio

from hw import board_frame
from hw.ports import Board, Clock, Datagrams
from protocols import artnet, e131, universes
from protocols.errors import Fault, LocalFault

# E1.31 asks for three packets with the terminated bit (section 6.2.6).
_GOODBYES = 3
# A poll or its answer may be lost.
_POLLS = 3


class UniverseBoard(Board):
    """Send every frame as adjacent universes from `first_universe`.

    `host` is the controller's address; None sends by multicast (E1.31) or broadcast (Art-Net).
    """

    def __init__(
        self,
        sender: "e131.Sender | artnet.Sender",
        datagrams: Datagrams,
        clock: Clock,
        size: tuple[int, int, int],
        *,
        first_universe: int = 1,
        host: str | None = None,
    ):
        self.width_px, self.height_px, self.channels = size
        last = first_universe + universes.count(size[0], size[1], size[2]) - 1
        if last > (e131.UNIVERSE_MAX if isinstance(sender, e131.Sender) else artnet.UNIVERSE_MAX):
            raise LocalFault(
                "config.board", "board.first_universe: the last is %d" % last, "start lower"
            )
        self._sender = sender
        self._datagrams = datagrams
        self._clock = clock
        self._first = first_universe
        self._host = host
        self._level = 256
        self._rows = [bytes(self.width_px * self.channels)] * self.height_px
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.last_fault: Fault | None = None

    async def show(self, rows: list[bytes]) -> None:
        """Send one frame and repeat it; raises `board.size`, `network.down` (still repeated)."""
        board_frame.check(rows, self.width_px, self.height_px, self.channels)
        self._rows = rows
        if self._task is None:
            self._task = asyncio.create_task(self._repeat())
        await self._send()

    async def off(self) -> None:
        """Send black and go on repeating it."""
        await self.show([bytes(self.width_px * self.channels)] * self.height_px)

    async def set_brightness(self, percent: int) -> None:
        """Scale what is sent from now on."""
        self._level = min(max(percent, 0), 100) * 256 // 100

    async def present(self) -> bool | None:
        """Tell whether the controller answers an Art-Net poll; None for E1.31, which has none."""
        if not isinstance(self._sender, artnet.Sender):
            return None
        await self._datagrams.open()
        host = self._host or self._sender.host(0)
        for _ in range(_POLLS):
            await self._datagrams.send(artnet.poll(), host, self._sender.port)
            until_ms = self._clock.ticks_ms() + artnet.POLL_MS // _POLLS
            while self._clock.ticks_ms() < until_ms:
                left_ms = until_ms - self._clock.ticks_ms()
                if artnet.is_poll_reply(await self._datagrams.receive(left_ms)):
                    return True
        return False

    async def close(self) -> None:
        """Send black, say good-bye, and let go of the socket."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._rows = [bytes(self.width_px * self.channels)] * self.height_px
        try:
            await self._send()
            for _ in range(_GOODBYES):
                await self._send(True)
        finally:
            await self._datagrams.close()

    async def read_back(self) -> bytes | None:
        """Return None: the protocol tells nothing back."""
        return None

    async def _repeat(self) -> None:
        while True:
            await self._clock.sleep_ms(e131.REPEAT_MS)
            try:
                await self._send()
                self.last_fault = None
            except Fault as fault:
                self.last_fault = fault

    async def _send(self, terminated: bool = False) -> None:
        sender = self._sender
        async with self._turn:
            await self._datagrams.open()
            universe = self._first
            for slots in universes.split(self._rows, self.channels, self._level):
                packet = sender.data(universe, slots, terminated)
                host = self._host or sender.host(universe)
                await self._datagrams.send(packet, host, sender.port)
                universe += 1
            last = sender.sync()
            if last is not None:
                await self._datagrams.send(last, self._host or sender.sync_host(), sender.port)
