"""A lamp on a pin: it toggles while there is work, and is lit when the work is done."""

from hw import ports


class Led(ports.Indicator):
    """Drive one lamp; `pin` is a `machine.Pin` made as an output."""

    def __init__(self, pin: "object"):
        self._pin = pin
        self._lit = 0

    def show(self, state: str, percent: int) -> None:
        """Show a state: trouble is dark, as off is; the node's record has the reason."""
        if state == "working":
            self._lit = 1 - self._lit
        else:
            self._lit = 1 if state == "done" else 0
        self._pin.value(self._lit)  # type: ignore[attr-defined]
