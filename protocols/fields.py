"""Take typed, bounded fields out of decoded objects, naming the field and the remedy on refusal."""

from protocols.errors import RemoteFault
from protocols.limits import JSON_INTEGER_MAX

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
_HEX_DIGITS = "0123456789abcdef"


def refuse(path: str, complaint: str, remedy: str) -> RemoteFault:
    """Return the fault that refuses the field at `path` (`bundle.items[3].title`)."""
    return RemoteFault("format.field", path + ": " + complaint, remedy)


def is_integer(value: object) -> bool:
    """Tell whether a decoded value is an integer (a boolean is none)."""
    return value is not True and value is not False and isinstance(value, int)


def is_id(text: str, bytes_max: int) -> bool:
    """Tell whether a text is an id: 1 to `bytes_max` of `A-Z a-z 0-9 . _ -`, no leading dot."""
    if not 1 <= len(text) <= bytes_max or text[0] == ".":
        return False
    for letter in text:
        if letter not in _ID_LETTERS:
            return False
    return True


def is_digest(text: str) -> bool:
    """Tell whether a text is a SHA-256 in lower-case hex."""
    if len(text) != 64:
        return False
    for letter in text:
        if letter not in _HEX_DIGITS:
            return False
    return True


def has_control(text: str) -> bool:
    """Tell whether a text holds a control character (C0, DEL, C1) or half a surrogate pair."""
    for letter in text:
        code = ord(letter)
        if code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000:
            return True
    return False


class Fields:
    """Read one decoded object field by field; every refusal names the full path of the field.

    A field with an `absent` value may be missing or null; any other must be there.
    Fields nobody asks for are ignored, so that an old node reads what a newer hub adds; a change
    that an old node must not ignore takes a new number in `format`.
    """

    def __init__(self, value: object, path: str):
        if not isinstance(value, dict):
            raise refuse(path, "is not an object", "Write an object { … } here.")
        self.path = path
        self.values: dict[str, object] = value

    def name(self, field: str) -> str:
        """Return the full path of one field."""
        return self.path + "." + field

    def has(self, field: str) -> bool:
        """Tell whether the field is there and not null."""
        return self.values.get(field) is not None

    def value(self, field: str) -> object:
        """Return a field's raw value; raises `RemoteFault("format.field")` when it is absent."""
        if field not in self.values:
            raise refuse(self.name(field), "is missing", "Add the field and sign again.")
        return self.values[field]

    def text(self, field: str, bytes_min: int, bytes_max: int, absent: str | None = None) -> str:
        """Return a text of bounded UTF-8 length without control characters."""
        if absent is not None and not self.has(field):
            return absent
        return check_text(self.value(field), self.name(field), bytes_min, bytes_max)

    def integer(self, field: str, least: int, most: int, absent: int | None = None) -> int:
        """Return an integer within least..most (both allowed); booleans are refused."""
        if absent is not None and not self.has(field):
            return absent
        return check_integer(self.value(field), self.name(field), least, most)

    def flag(self, field: str, absent: bool | None = None) -> bool:
        """Return true or false."""
        if absent is not None and not self.has(field):
            return absent
        value = self.value(field)
        if value is not True and value is not False:
            raise refuse(self.name(field), "is not true or false", "Write true or false.")
        return value is True

    def choice(self, field: str, choices: tuple[str, ...], absent: str | None = None) -> str:
        """Return one of a fixed set of words."""
        if absent is not None and not self.has(field):
            return absent
        value = self.value(field)
        if not isinstance(value, str) or value not in choices:
            raise refuse(self.name(field), "is none of its words", "Use " + " or ".join(choices))
        return value

    def id(self, field: str, bytes_max: int, absent: str | None = None) -> str:
        """Return an id (`is_id`)."""
        if absent is not None and not self.has(field):
            return absent
        return check_id(self.value(field), self.name(field), bytes_max)

    def digest(self, field: str) -> str:
        """Return a SHA-256 as 64 lower-case hex digits."""
        value = self.value(field)
        if not isinstance(value, str) or not is_digest(value):
            raise refuse(self.name(field), "is no SHA-256", "Write 64 lower-case hex digits.")
        return value

    def entries(
        self, field: str, count_min: int, count_max: int, absent: bool = False
    ) -> list[object]:
        """Return a list of bounded length; with `absent` a missing one is empty."""
        if absent and not self.has(field):
            return []
        return check_list(self.value(field), self.name(field), count_min, count_max)

    def ids(self, field: str, count_max: int, bytes_max: int) -> tuple[str, ...]:
        """Return a list of different ids; a missing list is empty."""
        names: list[str] = []
        for index, value in enumerate(self.entries(field, 0, count_max, True)):
            path = self.name(field) + "[" + str(index) + "]"
            name = check_id(value, path, bytes_max)
            if name in names:
                raise refuse(path, "stands twice", "Name every id once.")
            names.append(name)
        return tuple(names)

    def nested(self, field: str) -> "Fields":
        """Return a nested object."""
        return Fields(self.value(field), self.name(field))

    def objects(self, field: str, count_max: int) -> "list[Fields]":
        """Return a bounded list of objects; a missing list is empty."""
        found = []
        for index, value in enumerate(self.entries(field, 0, count_max, True)):
            found.append(Fields(value, self.name(field) + "[" + str(index) + "]"))
        return found


def check_text(value: object, path: str, bytes_min: int, bytes_max: int) -> str:
    """Return a value that is a text of bounded UTF-8 length without control characters."""
    if not isinstance(value, str):
        raise refuse(path, "is not a text", "Write a text in quotes.")
    if has_control(value):
        raise refuse(path, "holds a control character", "Remove line ends, tabs and the like.")
    size = len(value.encode())
    if not bytes_min <= size <= bytes_max:
        limits = str(bytes_min) + " to " + str(bytes_max)
        raise refuse(path, "is " + str(size) + " bytes long", "Write " + limits + " bytes.")
    return value


def check_integer(value: object, path: str, least: int, most: int) -> int:
    """Return a value that is an integer within least..most."""
    if not is_integer(value):
        raise refuse(path, "is not an integer", "Write a whole number.")
    number = int(value)  # type: ignore[call-overload]
    if not max(least, -JSON_INTEGER_MAX) <= number <= min(most, JSON_INTEGER_MAX):
        remedy = "Write a number from " + str(least) + " to " + str(most) + "."
        raise refuse(path, "is out of its range", remedy)
    return int(number)


def check_id(value: object, path: str, bytes_max: int) -> str:
    """Return a value that is an id (`is_id`)."""
    if not isinstance(value, str) or not is_id(value, bytes_max):
        remedy = "Write 1 to " + str(bytes_max) + " letters of A-Z a-z 0-9 . _ - here."
        raise refuse(path, "is not an id", remedy)
    return value


def check_list(value: object, path: str, count_min: int, count_max: int) -> list[object]:
    """Return a value that is a list of bounded length."""
    if not isinstance(value, list):
        raise refuse(path, "is not a list", "Write a list [ … ] here.")
    if not count_min <= len(value) <= count_max:
        limits = str(count_min) + " to " + str(count_max)
        complaint = "has " + str(len(value)) + " entries"
        raise refuse(path, complaint, "List " + limits + " entries.")
    return value
