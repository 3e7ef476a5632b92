"""The contract with a modem; as `hw.ports`, of which it is a part in a file of its own."""


class Modem:
    """Look at a modem beside whoever connects it, and mend it; `WorldFault`s of its line pass."""

    def rungs(self) -> "tuple[str, ...]":
        """Return which of `protocols.link_ladder.RUNGS` this modem can do."""
        raise NotImplementedError

    async def look(self) -> "dict[str, object]":
        """Return what it tells: `sim`, and with a ready one any of `signal_dbm`, `registration`,
        `operator`, `technology` (see `protocols.at`). Raises `WorldFault("modem.silent")`."""
        raise NotImplementedError

    async def unlock(self, pin: str) -> None:
        """Give the SIM its PIN, once; raises `RemoteFault("at.error")` when it is refused."""
        raise NotImplementedError

    async def set_apn(self, apn: str) -> bool:
        """Make the access point the modem's own; tells whether it was another before."""
        raise NotImplementedError

    async def locate(self) -> "tuple[int, int] | None":
        """Return where it is in millionths of a degree by its satellite receiver, which is switched
        on by the first call; None before it has found satellites, or where it has no receiver."""
        raise NotImplementedError

    async def mend(self, rung: str) -> None:
        """Attach anew, reset, or cut the power for a while."""
        raise NotImplementedError

    async def close(self) -> None:
        """Release the line; the modem keeps its power."""
        raise NotImplementedError
