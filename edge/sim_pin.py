"""Give a SIM its PIN once in all: the third wrong one locks it, whatever restarts meanwhile."""

import binascii
import hashlib

from edge import state_file
from hw import ports
from hw.modem_port import Modem
from protocols import at
from protocols.errors import Fault

_TRIED = "state/modem"


class SimPin:
    """Remember in a store which PIN was given and not taken; `pin` is empty where none is known."""

    def __init__(self, storage: ports.Storage, pin: str):
        self._storage = storage
        self._pin = pin

    async def look(self, modem: Modem) -> "dict[str, object]":
        """Return what a modem tells, after its PIN where it asks for one that was never refused."""
        seen = await modem.look()
        if seen["sim"] == at.PIN and await self._unlock(modem):
            seen = await modem.look()
        if seen["sim"] == at.READY and self._tried() is not None:
            state_file.remove_both(self._storage, _TRIED)
        return seen

    async def _unlock(self, modem: Modem) -> bool:
        """Give the PIN that was never refused; tells whether it was taken."""
        if not self._pin:
            return False
        mark = binascii.hexlify(hashlib.sha256(self._pin.encode()).digest())
        if self._tried() == mark:
            return False
        state_file.write_twice(self._storage, _TRIED, mark)
        try:
            await modem.unlock(self._pin)
        except Fault as fault:
            if fault.code != "at.error":
                raise
            return False
        return True

    def _tried(self) -> "bytes | None":
        return state_file.read_either(self._storage, _TRIED, 64)
