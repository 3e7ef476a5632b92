"""Ask time servers at boot and then now and again; what two of them agree on is offered."""

from edge.faults import Faults
from edge.node_time import NodeTime
from edge.supervisor import Task
from hw import ports
from protocols import clock_trust, sntp
from protocols.backoff import Backoff, seed_of
from protocols.budget import CONTROL
from protocols.errors import WorldFault

# Long enough for a 3G link that wakes up; a server that is there answers within one.
ROUND_MS = 3_000
# At 100 ppm a crystal strays by a tenth of a second meanwhile; three servers cost 1.3 MB a month.
AGAIN_MS = 1_024_000
PAUSE_MS_MIN = 2_000
PAUSE_MS_MAX = 600_000
# A server that asks to be left alone is left alone for a day.
KISSED_MS = 86_400_000
# Silence is a fault after so many rounds: a modem needs a minute to find its network.
SILENT_ROUNDS = 5


class NetworkTimeTask(Task):
    """Ask `servers` (names or addresses, `host` or `host:port`)."""

    name = "time"

    def __init__(
        self,
        node: str,
        servers: "tuple[str, ...]",
        time: NodeTime,
        faults: Faults,
        datagrams: ports.Datagrams,
        entropy: ports.Entropy,
        allowed: "object",
    ):
        """`allowed(purpose)` is the SIM's budget."""
        self._servers = servers
        self._time = time
        self._faults = faults
        self._datagrams = datagrams
        self._entropy = entropy
        self._allowed = allowed
        self._backoff = Backoff(seed_of(node + "/time"), PAUSE_MS_MIN, PAUSE_MS_MAX)
        self._kissed: dict[str, int] = {}
        self._silent = 0

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            if self._allowed(CONTROL) and await self.ask():  # type: ignore[operator]
                self._backoff.reset()
                await self._time.sleep_ms(AGAIN_MS)
            else:
                await self._time.sleep_ms(self._backoff.next_ms())

    async def ask(self) -> bool:
        """Ask every server once; tells whether two agreed."""
        round_ = sntp.Round()
        try:
            await self._datagrams.open()
            await self._send(round_)
            await self._receive(round_)
        except WorldFault:
            # Counted as silence; the sync task says what is wrong with the link.
            round_ = sntp.Round()
        finally:
            await self._datagrams.close()
        for server in round_.kissed:
            self._kissed[server] = self._time.ticks_ms() + KISSED_MS
        return self._judge(round_.offers())

    async def _send(self, round_: sntp.Round) -> None:
        failed: WorldFault | None = None
        sent = 0
        for server in self._servers:
            if self._time.ticks_ms() < self._kissed.get(server, 0):
                continue
            host, mark, port = server.partition(":")
            packet = round_.add(
                server, self._entropy.random_bytes(sntp.NONCE_BYTES), self._time.ticks_ms()
            )
            try:
                await self._datagrams.send(packet, host, int(port) if mark else sntp.PORT)
                sent += 1
            except WorldFault as fault:
                failed = fault
        if not sent and failed is not None:
            raise failed

    async def _receive(self, round_: sntp.Round) -> None:
        until_ms = self._time.ticks_ms() + ROUND_MS
        while not round_.is_complete():
            left_ms = until_ms - self._time.ticks_ms()
            if left_ms <= 0:
                return
            data = await self._datagrams.receive(left_ms)
            if data:
                round_.receive(data, self._time.ticks_ms())

    def _judge(self, offers: "list[tuple[int, int]]") -> bool:
        agreed = clock_trust.agreed(offers)
        if agreed is not None:
            self._silent = 0
            self._faults.clear("time")
            ticks_ms = self._time.ticks_ms()
            self._time.offer_network(ticks_ms + agreed[0], ticks_ms, agreed[1])
            return True
        if len(offers) > 1:
            text, remedy = "time servers contradict each other", "Name other time servers"
            self._faults.note("time", WorldFault("time.disagree", text, remedy))
            return False
        self._silent += 1
        if self._silent >= SILENT_ROUNDS:
            text = str(len(offers)) + " of " + str(len(self._servers)) + " time servers answer"
            remedy = "Check the names of the time servers and that UDP port 123 is open"
            self._faults.note("time", WorldFault("time.silent", text, remedy))
        return False
