"""Both languages say the same, and every text is used."""

import string
from pathlib import Path

from tools.messages import FAULTS, TEXTS

SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in (Path(__file__).parents[2] / "tools").glob("*.py")
    if path.name != "messages.py"
)


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_places_and_differ():
    for key, (vietnamese, english) in TEXTS.items():
        assert places(vietnamese) == places(english), key
        shown = places(vietnamese) and vietnamese.startswith(("  - {", "      {", "{date}"))
        assert vietnamese != english or shown, key


def test_every_text_is_used():
    for key in TEXTS:
        assert f'"{key}"' in SOURCES or f"'{key}'" in SOURCES, key


def test_every_remedy_speaks_of_a_code_that_exists():
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("hub", "hub/repository", "protocols", "tools")
        for path in (Path(__file__).parents[2] / folder).glob("*.py")
        if path.name != "messages.py"
    )
    for name in FAULTS:
        assert f'"{name}"' in code, name
