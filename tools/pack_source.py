"""Rewrite a module for a small heap: names that only carry a number cost a board memory.

Every global costs a place in a dict and its spelling, every method of a port a function, and none
of that is ever used on a board: limits become their numbers, private numbers become `const`, which
the compiler folds away, and methods that only say `raise NotImplementedError` are left out. Lines
keep their numbers, so a trace from a board reads like the source.
"""

import ast

from protocols import limits
from protocols.errors import LocalFault

LIMITS = "protocols.limits"

Edit = tuple[tuple[int, int], tuple[int, int], str]
"""From where to where (line from 1, byte in it), and what comes there."""


def reduced(source: str, name: str) -> str:
    """Return what is compiled of a module's source.

    Raises `LocalFault("pack.source")` where the meaning would change: a limit that is written to
    or stands in an f-string.
    """
    tree = ast.parse(source)
    edits = [*_limits(tree, name), *_constants(tree), *_abstract(tree)]
    return _edited(source, edits)


def _limits(tree: ast.Module, name: str) -> list[Edit]:
    """Put the number where an imported limit is named, and drop the import."""
    edits: list[Edit] = []
    values: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == LIMITS:
            for alias in node.names:
                values[alias.asname or alias.name] = vars(limits)[alias.name]
            edits.append(_edit(node, "pass"))
    in_text = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in values:
            raise _other_meaning(name, node.lineno, node.arg)
        if isinstance(node, ast.Name) and node.id in values:
            if not isinstance(node.ctx, ast.Load) or id(node) in in_text:
                raise _other_meaning(name, node.lineno, node.id)
            edits.append(_edit(node, str(values[node.id])))
    return edits


def _other_meaning(name: str, line: int, limit: str) -> LocalFault:
    text = f"{name}: line {line} writes or formats the limit {limit}"
    return LocalFault("pack.source", text, "Give the local another name.")


def _constants(tree: ast.Module) -> list[Edit]:
    """Let the compiler fold private numbers of the module that are set once."""
    targets = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    edits = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            private = len(names) == len(node.targets) == 1 and names[0][:1] == "_"
            if private and type(node.value.value) is int and targets.count(names[0]) == 1:
                edits.append(_edit(node.value, f"const({node.value.value})"))
    return edits


def _abstract(tree: ast.Module) -> list[Edit]:
    """Leave out methods that nobody may call."""
    edits = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            edits += [_edit(one, "pass") for one in node.body if _is_abstract(one)]
    return edits


def _is_abstract(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.decorator_list:
        return False
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return len(body) == 1 and ast.unparse(body[0]) == "raise NotImplementedError"


def _edit(node: ast.stmt | ast.expr, text: str) -> Edit:
    until = (node.end_lineno or 0, node.end_col_offset or 0)
    return (node.lineno, node.col_offset), until, text


def _edited(source: str, edits: list[Edit]) -> str:
    lines = [line.encode() for line in source.split("\n")]
    for (first, start), (last, end), text in sorted(edits, reverse=True):
        head, tail = lines[first - 1][:start], lines[last - 1][end:]
        lines[first - 1 : last] = [head + text.encode() + tail] + [b""] * (last - first)
    return b"\n".join(lines).decode()
