"""Take a device's settings by name and type, and name what is wrong with them."""

import binascii

from protocols.errors import LocalFault


class Settings:
    """Read one device's part of the node's configuration."""

    def __init__(self, device: str, values: dict[str, object]):
        self._device = device
        self._values = values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string that is not empty."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or not value:
            raise self._refuse(name, "needs a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string that is not empty, or None when absent or null."""
        return None if self._values.get(name) is None else self.text(name)

    def hex_bytes(self, name: str, length: int) -> bytes:
        """Return so many bytes from their hexadecimal digits."""
        try:
            value = binascii.unhexlify(self.text(name))
        except ValueError:
            value = b""
        if len(value) != length:
            raise self._refuse(name, "needs %d hexadecimal digits" % (length * 2))
        return value

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return an integer within bounds."""
        value = self._values.get(name, default)
        if value is True or value is False or not isinstance(value, int):
            raise self._refuse(name, "needs a whole number")
        if not low <= value <= high:
            raise self._refuse(name, "%d is outside %d..%d" % (value, low, high))
        return value

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        """Return an integer within bounds, or None when absent or null."""
        return None if self._values.get(name) is None else self.integer(name, low, high)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of some words."""
        value = self.text(name)
        if value not in choices:
            raise self._refuse(name, "needs one of " + ", ".join(choices))
        return value

    def _refuse(self, name: str, text: str) -> LocalFault:
        where = self._device + "." + name
        return LocalFault("config." + self._device, where + " " + text, "correct the node's file")
