"""The pure verifier, so that simulated nodes judge exactly as microcontrollers do."""

from hw.micropython.verifier import Verifier

__all__ = ["Verifier"]
