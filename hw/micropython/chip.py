"""The `machine` of this interpreter: a board's own, or a double on the Unix port."""

import machine

if not hasattr(machine, "UART"):
    from hw.micropython import unix_machine as machine  # type: ignore[no-redef]

__all__ = ["machine"]
