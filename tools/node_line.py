"""Speak with one node over a cable that may be pulled and put back at any moment.

The session decides (`protocols.provision_session`); this pump carries its bytes, waits for a lost
cable to come back, and turns silence into a sentence. It knows no terminal: `notice(word)` is told
what a person should hear of (`unplugged`, `back`, `busy`).
"""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from protocols import service_message
from protocols.errors import RemoteFault, WorldFault
from protocols.fields import Fields
from protocols.provision_session import (
    Answer,
    Asker,
    Busy,
    Close,
    Incompatible,
    Met,
    Opened,
    Request,
    Silent,
)

FIRMWARE = "chieng"
# A cable that was pulled may hang loose this long before the tool gives up and says so.
REPLUG_MS_MAX = 120_000
REPLUG_LOOK_MS = 500
# A node that works for another tool is asked again this long.
BUSY_MS_MAX = 15_000
# A node that starts anew is silent for a while; then something is wrong.
SILENT_MS_MAX = 60_000


class Port(Protocol):
    """A serial port; raises `WorldFault("serial.*")` when it is missing, busy or lost."""

    async def open(self) -> None:
        """Take the port."""

    async def read(self, timeout_ms: int) -> bytes:
        """Return what comes within a time, or nothing."""

    async def write(self, data: bytes) -> None:
        """Send bytes."""

    async def close(self) -> None:
        """Release the port."""


class Clock(Protocol):
    """Monotonic milliseconds, and a way to wait."""

    def now_ms(self) -> int:
        """Return monotonic milliseconds."""

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""


class NodeLine:
    """Hold one visit to one node; `session` is 8 random bytes."""

    def __init__(
        self,
        port: Port,
        clock: Clock,
        session: bytes,
        notice: Callable[[str], None] = lambda word: None,
    ):
        self._port = port
        self._clock = clock
        self._asker = Asker(session, clock.now_ms())
        self._notice = notice
        self._number = 0
        self._is_open = False
        self.met: list[str] = []

    async def open(self) -> None:
        """Take the port and greet; raises `serial.*`, or `service.*` for a wrong or busy device."""
        await self._port.open()
        self._is_open = True
        await self._until(Opened)

    async def close(self) -> None:
        """Say farewell where somebody was met, and release the port."""
        if not self._asker.is_closed():
            self._asker.submit(Close(), self._clock.now_ms())
            with contextlib.suppress(WorldFault):
                await self._port.write(self._asker.data_to_send())
        await self._port.close()

    async def ask(
        self,
        step: str,
        piece: bytes = b"",
        keep: Callable[[Fields, bytes], None] | None = None,
        **words: object,
    ) -> tuple[Fields, bytes]:
        """Do one step at the node; return its answer's words and piece.

        `keep(words, piece)` puts what must not be lost on this laptop's disk before the node is
        told that the answer arrived. Raises the fault that the node answers with.
        """
        self._number += 1
        message = service_message.encode({"do": step, **words}, piece)
        self._asker.submit(Request(self._number, message), self._clock.now_ms())
        answer = await self._until(Answer)
        try:
            found, tail = service_message.read(answer.message)
            service_message.raise_refusal(found)
            if keep is not None:
                keep(found, tail)
        finally:
            self._asker.confirm(self._number)
        return found, tail

    async def _until(self, kind: type) -> Any:
        started_ms = self._clock.now_ms()
        while True:
            while (event := self._asker.next_event()) is not None:
                if isinstance(event, kind):
                    return event
                self._judge(event, started_ms)
            try:
                await self._exchange()
            except WorldFault as fault:
                if fault.code != "serial.lost":
                    raise
                await self._replug()

    async def _exchange(self) -> None:
        asker, clock = self._asker, self._clock
        asker.tick(clock.now_ms())
        data = asker.data_to_send()
        if data:
            await self._port.write(data)
        deadline_ms = asker.deadline_ms()
        wait_ms = 200 if deadline_ms is None else deadline_ms - clock.now_ms()
        received = await self._port.read(max(1, min(wait_ms, 200)))
        if received:
            asker.receive(received, clock.now_ms())

    def _judge(self, event: object, started_ms: int) -> None:
        waited_ms = self._clock.now_ms() - started_ms
        if isinstance(event, Met):
            self.met = event.texts
        elif isinstance(event, Busy):
            self._notice("busy")
            if waited_ms > BUSY_MS_MAX:
                raise WorldFault(
                    "service.busy",
                    "another tool is speaking with this node",
                    "Close the other program, then start again.",
                )
        elif isinstance(event, Incompatible):
            raise RemoteFault(
                "service.version",
                f"the node speaks versions {event.least} to {event.most}",
                "Use the tool of the node's release.",
            )
        elif isinstance(event, Silent):
            self._silence(event, waited_ms)

    def _silence(self, event: Silent, waited_ms: int) -> None:
        if self.met and self.met[0] != FIRMWARE:
            raise RemoteFault(
                "service.other_device",
                f"this device is {' '.join(self.met[:4])}",
                "Plug into the node's service port.",
            )
        if not self._number and event.noise:
            raise RemoteFault(
                "service.noise",
                f"{event.noise} bytes came that no node sends",
                "Check the port and the cable.",
            )
        if not self._number or waited_ms > SILENT_MS_MAX:
            raise WorldFault(
                "service.silent", "nothing answers", "Check that the node has power and the cable."
            )
        # It may be starting anew: greet it again.
        self._asker.link_lost(self._clock.now_ms())

    async def _replug(self) -> None:
        clock = self._clock
        self._asker.link_lost(clock.now_ms())
        await self._port.close()
        self._notice("unplugged")
        until_ms = clock.now_ms() + REPLUG_MS_MAX
        while True:
            await clock.sleep_ms(REPLUG_LOOK_MS)
            try:
                await self._port.open()
            except WorldFault:
                if clock.now_ms() > until_ms:
                    raise WorldFault(
                        "service.unplugged",
                        "the cable stayed unplugged",
                        "Plug it in and run the same command: it goes on where it stopped.",
                    ) from None
                continue
            self._notice("back")
            return
