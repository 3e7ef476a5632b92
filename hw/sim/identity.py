"""The identity of microcontrollers, over the simulated storage and entropy."""

from hw.micropython.identity import Identity

__all__ = ["Identity"]
