"""Look at a button through a file of the kernel."""

from hw import button_port
from protocols.errors import WorldFault


class Button(button_port.Button):
    """Read `path` (a GPIO's `value` file); the button is held while it says `pressed`."""

    def __init__(self, path: str, pressed: str):
        self._path = path
        self._pressed = pressed

    def is_held(self) -> bool:
        """Tell whether it is pressed now; raises `WorldFault("button.silent")`."""
        try:
            with open(self._path, encoding="ascii") as file:
                return file.read(16).strip() == self._pressed
        except (OSError, ValueError) as error:
            raise WorldFault(
                "button.silent", "%s: %s" % (self._path, error), "Check the button's setting"
            ) from error
