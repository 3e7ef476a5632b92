"""The fault switch: what goes wrong at the province, how often, from which seed."""

import json
import random
from typing import Any

# Each is a probability from 0 to 1, drawn for every request it may touch.
CHANCES = (
    "slow",  # the answer takes `slow_ms`
    "error",  # 500 before anything is stored
    "busy",  # 429 with `retry_after_s`
    "expired",  # the token is forgotten
    "doubled",  # every result stands twice in the answer
    "partial",  # only the first part of the list is taken and answered
    "later",  # a record is answered with 3, and all later ones of its subject
    "lost",  # the answer is lost after the records were stored
)
NUMBERS = {"slow_ms": 3000, "retry_after_s": 5, "skew_s": 0, "token_s": 3600, "seed": 0}


class Faults:
    """Hold the switch's positions; everything is off at first."""

    def __init__(self) -> None:
        self.chances = dict.fromkeys(CHANCES, 0.0)
        self.numbers = dict(NUMBERS)
        self._random = random.Random(0)  # noqa: S311

    def turn(self, wanted: dict[str, Any]) -> str:
        """Turn some switches; return what is wrong with the words, or nothing."""
        for name, value in wanted.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if name in self.chances and is_number and 0 <= value <= 1:
                self.chances[name] = float(value)
            elif name in self.numbers and is_number:
                self.numbers[name] = int(value)
            else:
                return f"{name}: {value!r}"
        if "seed" in wanted:
            self._random.seed(self.numbers["seed"])
        return ""

    def turn_text(self, text: str) -> str:
        """Turn the switches that a JSON object names; return what is wrong with it, or nothing."""
        try:
            wanted = json.loads(text)
        except (ValueError, RecursionError) as error:
            return f"JSON: {error}"
        return self.turn(wanted) if isinstance(wanted, dict) else "JSON: an object is wanted"

    def happens(self, name: str) -> bool:
        """Draw whether a fault happens now."""
        chance = self.chances[name]
        return chance > 0 and self._random.random() < chance

    def part_of(self, count: int) -> int:
        """Return how much of a list is taken when a part is."""
        return self._random.randrange(count)

    def as_dict(self) -> dict[str, Any]:
        """Return every position."""
        return {**self.chances, **self.numbers}
