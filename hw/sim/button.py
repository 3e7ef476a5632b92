"""A button that a test holds."""

from hw import button_port


class Button(button_port.Button):
    """Hold down with `held`."""

    def __init__(self) -> None:
        self.held = False

    def is_held(self) -> bool:
        """Tell whether it is pressed now."""
        return self.held
