"""Who answers during a visit: a person at the terminal, or a prepared file."""

import json
from collections.abc import Sequence
from typing import Any

from protocols.errors import LocalFault
from tools import readings
from tools.console import Console


class Terminal:
    """Ask a person, in the console's language; an empty line takes the answer in brackets."""

    def __init__(self, console: Console):
        self._console = console

    async def tell(self, key: str, **values: object) -> None:
        """Print a sentence; a value that names a text is translated too."""
        self._console.say(key, **_translated(self._console, values))

    async def ask(self, key: str, default: str, **values: object) -> str:
        """Ask for a text."""
        shown = f" [{default}]" if default else ""
        return self._console.ask_line(self._console.text(key, **values) + shown) or default

    async def choose(self, key: str, options: Sequence[tuple[str, str]]) -> str:
        """List the options by number and ask for one, until it is one."""
        self._console.say(key)
        for number, (_, text) in enumerate(options, 1):
            self._console.line(f"  {number}. {text}")
        while True:
            typed = self._console.ask_line(self._console.text("visit_number"))
            if typed.isdigit() and 1 <= int(typed) <= len(options):
                return options[int(typed) - 1][0]

    async def agree(self, key: str, **values: object) -> bool:
        """Ask a yes-or-no question."""
        return self._console.confirm(key, **values)


_FIELDS = {
    "visit_ask_unit": "unit",
    "visit_ask_hamlet": "hamlet",
    "visit_ask_name": "name",
    "visit_ask_map": "map",
    "visit_ask_apn": "apn",
    "visit_ask_pin": "pin",
    "visit_ask_hub": "hub",
    "visit_ask_devices": "devices",
    "visit_units": "unit",
    "visit_hamlets": "hamlet",
    "visit_kind": "kind",
}


class Prepared:
    """Answer from one entry of a batch file; what it does not say stays as offered.

    Keys: `unit hamlet name kind map apn pin hub devices`, and `go_on_bad`, `heard` (true or false).
    The root is compared with `root_phrase` of the file, once for all.
    """

    def __init__(self, entry: dict[str, Any], root_phrase: str, teller: Terminal | None):
        self._entry = entry
        self._root_phrase = root_phrase
        self._teller = teller
        self._asked: set[str] = set()

    async def tell(self, key: str, **values: object) -> None:
        """Pass a sentence on, where somebody watches."""
        if self._teller is not None:
            await self._teller.tell(key, **values)

    async def ask(self, key: str, default: str, **values: object) -> str:
        """Return the entry's answer; the same question twice means that it did not fit."""
        given = self._entry.get(_FIELDS[key])
        if given is not None and key in self._asked:
            raise self._unfit(key)
        self._asked.add(key)
        if given is None:
            if key in ("visit_ask_unit", "visit_ask_hamlet") and not default:
                raise self._unfit(key)
            return default
        if key == "visit_ask_devices" and not isinstance(given, str):
            return json.dumps(given)
        return str(given)

    async def choose(self, key: str, options: Sequence[tuple[str, str]]) -> str:
        """Return the option that the entry names exactly."""
        given = self._entry.get(_FIELDS[key], "speaker" if key == "visit_kind" else None)
        if given in dict(options):
            return str(given)
        raise self._unfit(key)

    async def agree(self, key: str, **values: object) -> bool:
        """Compare the root's phrase; answer the rest as the entry says."""
        if key == "visit_root":
            return values.get("phrase") == self._root_phrase
        return self._entry.get(key.removeprefix("visit_")) is True

    def _unfit(self, key: str) -> LocalFault:
        field = _FIELDS[key]
        return LocalFault(
            "tool.batch",
            f"the entry's {field} ({self._entry.get(field)!r}) does not name exactly one",
            "Write its id from the kit in the batch file.",
        )


def _translated(console: Console, values: dict[str, object]) -> dict[str, object]:
    """Return values in the console's language: names of texts, and a `reason` (code, message)."""
    found = dict(values)
    for name, value in values.items():
        if name in ("check", "verdict"):
            found[name] = console.text(str(value))
        elif name == "readings" and isinstance(value, dict):
            found[name] = readings.told(console.language, value)
        elif name == "reason" and isinstance(value, tuple):
            found[name] = console.sentence(str(value[0])) or value[1]
    return found
