"""Read the bugs from the text files beside this one.

== protocols/trust.py        the file that the bugs below are put into
by TEST TEST                 the tests that must notice (below a bug's name: its own)
# what the bug breaks
- text as it stands, exactly once in the file
+ text with the bug
"""

from pathlib import Path
from typing import NamedTuple

FILES = ("workflow.txt", "formats.txt", "cryptography.txt")


class Mutant(NamedTuple):
    """One bug: `old` stands exactly once in `file`; `killers` are pytest arguments."""

    file: str
    breaks: str
    killers: tuple[str, ...]
    old: str
    new: str


def read(text: str) -> list[Mutant]:
    """Return the bugs of one text."""
    found: list[Mutant] = []
    file, by = "", ()
    for block in text.split("\n\n")[1:]:
        lines = block.strip("\n").split("\n")
        if lines[0].startswith("== "):
            file, by = lines[0][3:], tuple(lines[1][3:].split())
            continue
        own = [line[3:].split() for line in lines if line.startswith("by ")]
        sides = ["\n".join(x[2:] for x in lines if x[0] == mark) for mark in "-+"]
        assert lines[0].startswith("# ") and len(own) < 2 and all(x[0] in "#b-+" for x in lines)
        found.append(Mutant(file, lines[0][2:], tuple(own[0]) if own else by, *sides))
    return found


MUTANTS = [mutant for name in FILES for mutant in read((Path(__file__).parent / name).read_text())]
