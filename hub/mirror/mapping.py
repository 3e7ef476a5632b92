"""A mapping file: how our words become a peer's fields and values, so that no name is in code.

`fields` of each kind map a peer's field (dots nest) to ours: a plain name; `{"from", "values"}` for
enumerations; `{"from", "as"}` with `time` (RFC 3339, UTC), `thousandth` or `text`; or
`{"always": value}`. What is unknown here is left out there, never guessed.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from protocols.errors import LocalFault

Value = Any
_MAPPINGS = Path(__file__).parent


def moment(wall_ms: int) -> str:
    """Return a time as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(wall_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> int:
    """Return a time as Unix seconds; raises `ValueError`."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return int(found.timestamp())


_AS: dict[str, Callable[[Value], Value]] = {
    "time": moment,
    "thousandth": lambda value: value / 1000,
    "text": str,
}
_Rule = tuple[list[str], str, Callable[[Value], Value] | None, Value]


class Mapping:
    """Translate bodies; built once from a mapping file."""

    def __init__(self, content: dict[str, Any]):
        self.content = content
        try:
            self._rules = {
                kind: [_rule(field, how) for field, how in one["fields"].items()]
                for kind, one in content["kinds"].items()
            }
            self.paths: dict[str, str] = {
                kind: one["path"] for kind, one in content["kinds"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise LocalFault(
                "mirror.mapping", f"the mapping lacks {error}", "Compare it with the one shipped."
            ) from error

    def body(self, kind: str, ours: dict[str, Any]) -> dict[str, Any]:
        """Return a body in the peer's words."""
        found: dict[str, Any] = {}
        for path, name, convert, fixed in self._rules[kind]:
            value = ours.get(name) if name else fixed
            if value is None:
                continue
            if convert is not None:
                value = convert(value)
                if value is None:
                    continue
            here = found
            for step in path[:-1]:
                here = here.setdefault(step, {})
            here[path[-1]] = value
        return found


def _rule(field: str, how: Any) -> _Rule:
    path = field.split(".")
    if isinstance(how, str):
        return path, how, None, None
    if "always" in how:
        return path, "", None, how["always"]
    if "values" in how:
        return path, how["from"], how["values"].get, None
    return path, how["from"], _AS[how["as"]], None


def shipped(name: str) -> Path:
    """Return the path of a mapping file that comes with the hub."""
    return _MAPPINGS / f"{name}.json"


def read(path: Path) -> Mapping:
    """Read a mapping file; raises `LocalFault("mirror.mapping")`."""
    try:
        return Mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise LocalFault(
            "mirror.mapping", f"{path} cannot be read: {error}", "Check the file."
        ) from error
