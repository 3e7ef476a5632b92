"""What a rule reads and what it reports."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """Name one broken rule: the file, the line, and what to write instead."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """Hold one file of the tree: its path from the top, its text and, for Python, its syntax."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        """Tell whether the file is Python."""
        return self.path.endswith(".py")

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the folders above the file."""
        return tuple(self.path.split("/")[:-1])

    @property
    def module(self) -> str:
        """Return the dotted name that the file is imported by."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines of the text."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree; raises SyntaxError."""
        return ast.parse(self.text, self.path)

    def finding(self, node: ast.AST | int, message: str) -> Finding:
        """Report a rule broken at a node or a line."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(self.path, line, message)


def read_sources(top: Path, names: list[str]) -> list[Source]:
    """Read the files of the tree; names are relative to `top`."""
    return [Source(name, (top / name).read_text(encoding="utf-8")) for name in sorted(names)]
