"""Both languages say the same, and every text is used."""

import string
from pathlib import Path

from tools.messages import FAULTS, TEXTS
from tools.visit_messages import SENTENCES

SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in (Path(__file__).parents[2] / "tools").glob("*.py")
    if path.name not in ("messages.py", "visit_messages.py")
)

CODE = "".join(
    path.read_text(encoding="utf-8")
    for folder in ("tools", "protocols")
    for path in (Path(__file__).parents[2] / folder).glob("*.py")
    if path.name not in ("messages.py", "visit_messages.py")
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
        prefix, _, rest = key.partition("_")
        made = f'"{prefix}_" + ' in SOURCES and f'"{rest}"' in CODE
        assert f'"{key}"' in SOURCES or f"'{key}'" in SOURCES or made, key


def test_every_remedy_speaks_of_a_code_that_exists():
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("hub/repository", "hub", "edge", "hw/linux", "hw/sim", "protocols", "tools")
        for path in (Path(__file__).parents[2] / folder).glob("*.py")
        if path.name not in ("messages.py", "visit_messages.py")
    )
    for name in [*FAULTS, *SENTENCES]:
        group, _, rest = name.partition(".")
        made = f'"{group}." + code' in code and f'"{rest}"' in code
        assert f'"{name}"' in code or made, name
