"""UDP packets that go into a list."""

from hw import ports
from protocols.errors import WorldFault


class Datagrams(ports.Datagrams):
    """Keep what is sent as (data, host, port); `feed` answers; `up` False is a network down."""

    def __init__(self, clock: ports.Clock):
        self._clock = clock
        self._received: list[bytes] = []
        self.sent: list[tuple[bytes, str, int]] = []
        self.up = True
        self.is_open = False

    async def open(self) -> None:
        """Take the socket."""
        self.is_open = True

    async def send(self, data: bytes, host: str, port: int) -> None:
        """Keep one packet."""
        if not self.up or not self.is_open:
            raise WorldFault("network.down", "simulated network", "check the cable")
        self.sent.append((data, host, port))

    async def receive(self, timeout_ms: int) -> bytes:
        """Return the next packet that was fed, looking every millisecond."""
        until_ms = self._clock.ticks_ms() + timeout_ms
        while not self._received:
            if self._clock.ticks_ms() >= until_ms:
                return b""
            await self._clock.sleep_ms(1)
        return self._received.pop(0)

    async def close(self) -> None:
        """Release the socket."""
        self.is_open = False

    def feed(self, data: bytes) -> None:
        """Let a packet arrive."""
        self._received.append(data)
