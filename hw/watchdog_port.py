"""The contract with what resets a machine that hangs."""


class Watchdog:
    """Reset the machine unless fed. Not armed before `open`."""

    def open(self) -> int:
        """Arm it, nothing when it is armed; returns how long it waits for food (ms).

        Raises `WorldFault`: `watchdog.missing`, `watchdog.permission`, `watchdog.busy`.
        """
        raise NotImplementedError

    def feed(self) -> None:
        """Start its time anew; raises `WorldFault("watchdog.lost")`."""
        raise NotImplementedError

    def close(self) -> None:
        """Disarm it where that can be done; called at an end in good order only."""
        raise NotImplementedError
