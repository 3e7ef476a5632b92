"""Carry the service cable: bytes between the port and the session, steps to the desk.

The pump never waits for a step: while one is under way, copies of its request are told so.
"""

import asyncio

from edge.service_desk import Desk
from hw import ports
from protocols.errors import WorldFault
from protocols.provision_session import Answer, Doer, Request

_READ_BYTES = 512
_LOOK_MS = 50
_REPLUG_MS = 1_000


class ServiceTask:
    """Serve one port for as long as the program runs; `desk` may be exchanged between steps."""

    def __init__(self, serial: ports.Serial, clock: ports.Clock, doer: Doer, desk: Desk):
        self._serial = serial
        self._clock = clock
        self._doer = doer
        self.desk = desk
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; a port that is unplugged is opened again."""
        try:
            while True:
                try:
                    await self._serial.open()
                    while True:
                        await self._turn()
                except WorldFault:
                    self._doer.link_lost(self._clock.ticks_ms())
                    await self._serial.close()
                    await self._clock.sleep_ms(_REPLUG_MS)
        finally:
            await self._serial.close()

    async def _turn(self) -> None:
        data = await self._serial.read(_READ_BYTES, _LOOK_MS)
        now_ms = self._clock.ticks_ms()
        if data:
            self._doer.receive(data, now_ms)
        self._doer.tick(now_ms)
        event = self._doer.next_event()
        if isinstance(event, Request):
            self._work = asyncio.create_task(self._do(event))
        sent = self._doer.data_to_send()
        if sent:
            await self._serial.write(sent)

    async def _do(self, request: Request) -> None:
        """Do a step; its effects are on disk when the desk answers."""
        answer = await self.desk.answer(request.message)
        self._doer.submit(Answer(request.number, answer), self._clock.ticks_ms())
        self._doer.confirm(request.number)
        if self.desk.is_changed:
            self.desk.is_changed = False
            self.changed.set()
