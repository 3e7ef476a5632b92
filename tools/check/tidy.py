"""Rules of size, names and docstrings (STYLE sections 1 and 2)."""

import ast
from collections.abc import Iterator

from tools.check.finding import Finding, Source

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
LINE_CHARS_MAX = 100
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# Generated once and kept as history: long by nature.
GENERATED = "hub/migrations/versions/"
DOCUMENTED = ("protocols", "hw", "edge", "hub", "tools")
FIRST_WORDS = {
    "Returns": "Return", "Gets": "Get", "Sets": "Set", "Creates": "Create", "Makes": "Make",
    "Reads": "Read", "Writes": "Write", "Checks": "Check", "Sends": "Send", "Builds": "Build",
    "Raises": "Raise", "Yields": "Yield", "Tells": "Tell", "Gives": "Give", "Parses": "Parse",
}  # fmt: skip


def check(source: Source) -> Iterator[Finding]:
    """Yield every broken rule of one Python or shell file."""
    yield from _names(source)
    if source.path.startswith(GENERATED):
        return
    yield from _sizes(source)
    if source.is_python:
        yield from _functions(source)
        if source.folders and source.folders[0] in DOCUMENTED:
            yield from _docstrings(source)


def _names(source: Source) -> Iterator[Finding]:
    for part in source.path.rsplit(".", 1)[0].split("/"):
        banned = BANNED_NAMES.intersection(part.lower().replace("-", "_").split("_"))
        if banned:
            yield source.finding(
                1, f"file name says '{banned.pop()}': name the one noun that the file holds"
            )


def _sizes(source: Source) -> Iterator[Finding]:
    count = len(source.lines)
    if count > FILE_LINES_MAX:
        yield source.finding(count, f"{count} lines: split the file, {FILE_LINES_MAX} at most")
    for number, line in enumerate(source.lines, 1):
        # One unbroken word (a table of constants, an address) cannot be wrapped.
        if len(line) > LINE_CHARS_MAX and len(line.split()) > 1:
            yield source.finding(number, f"{len(line)} characters: {LINE_CHARS_MAX} at most")


def _functions(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > FUNCTION_LINES_MAX:
                yield source.finding(
                    node,
                    f"{node.name} has {count} lines: split it, {FUNCTION_LINES_MAX} at most",
                )


def _docstrings(source: Source) -> Iterator[Finding]:
    if source.tree.body and not ast.get_docstring(source.tree):
        yield source.finding(1, "module without docstring: say in one sentence what it holds")
    yield from _members(source, source.tree.body, "")


def _members(source: Source, body: list[ast.stmt], owner: str) -> Iterator[Finding]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_") or _is_setter(node):
            continue
        name = owner + node.name
        text = ast.get_docstring(node)
        if not text:
            yield source.finding(
                node, f"{name} without docstring: say in one sentence what it does"
            )
        elif not isinstance(node, ast.ClassDef) and text.split()[0] in FIRST_WORDS:
            word = text.split()[0]
            yield source.finding(
                node, f"docstring of {name}: '{FIRST_WORDS[word]}', not '{word}' (imperative)"
            )
        if isinstance(node, ast.ClassDef) and not _has_documented_base(node):
            yield from _members(source, node.body, name + ".")


def _is_setter(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(
        (isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter"))
        or (isinstance(d, ast.Name) and d.id == "overload")
        for d in decorators
    )


def _has_documented_base(node: ast.ClassDef) -> bool:
    """Tell whether methods may take their contract from a base class (a port, a handler)."""
    return any(isinstance(base, ast.Name | ast.Attribute) for base in node.bases)
