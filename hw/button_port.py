"""The contract with the button in the cabinet."""


class Button:
    """Look at a button inside the cabinet."""

    def is_held(self) -> bool:
        """Tell whether it is pressed now; raises `WorldFault("button.silent")`."""
        raise NotImplementedError
