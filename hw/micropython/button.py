"""Look at a button on a pin."""

from hw import button_port
from hw.micropython.chip import machine


class Button(button_port.Button):
    """Read a pin with its pull-up; the button is held while it says `pressed` (`0` or `1`)."""

    def __init__(self, path: str, pressed: str):
        self._pin = machine.Pin(int(path), machine.Pin.IN, machine.Pin.PULL_UP)
        self._pressed = 1 if pressed == "1" else 0

    def is_held(self) -> bool:
        """Tell whether it is pressed now."""
        return bool(self._pin.value() == self._pressed)
