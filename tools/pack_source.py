"""Rewrite a module for a small heap: what only names something costs a board memory.

Every global costs a place in a dict, every spelling of a name a place in the interpreter's pools,
every method of a port a function, and none of that is ever used on a board. So limits become their
numbers, private numbers become `const`, which the compiler folds away, and methods that only say
`raise NotImplementedError` are left out. Each module spells its private names `_a`, `_b` and on;
private attributes and parameters are spelled anew, too (`pack_attributes`, `pack_parameters`).
Lines keep their numbers: a trace from a board is read beside the source.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from protocols import limits
from protocols.errors import LocalFault
from tools import pack_attributes, pack_parameters

LIMITS = "protocols.limits"

Edit = tuple[tuple[int, int], tuple[int, int], str]
"""From where to where (line from 1, byte in it), and what comes there."""


def reduced(source: str, name: str, attributes: Mapping[str, str], kept: set[str]) -> str:
    """Return what is compiled of a module's source.

    `attributes` spells its private attributes, `kept` are the parameters that stay as they are.

    Raises `LocalFault("pack.source")` where the meaning would change: a limit that is written to
    or stands in an f-string.
    """
    tree = ast.parse(source)
    folded = _constants(tree)
    edits = [*_limits(tree, name), *folded.values(), *_abstract(tree)]
    edits += [*_spellings(source, tree, set(folded)), *_attributes(source, tree, attributes)]
    for node, new in pack_parameters.spellings(tree, kept):
        old = node.arg if isinstance(node, ast.arg) else node.id
        start = node.lineno, node.col_offset
        edits.append((start, (start[0], start[1] + len(old)), new))
    return _edited(source, edits)


def without_limits(source: str, name: str) -> str:
    """Return a module's source with its limits as numbers, and no import of them; raises so."""
    return _edited(source, _limits(ast.parse(source), name))


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


def _constants(tree: ast.Module) -> dict[str, Edit]:
    """Let the compiler fold private numbers of the module that are set once; by name."""
    targets = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    edits = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            private = len(names) == len(node.targets) == 1 and names[0][:1] == "_"
            if private and type(node.value.value) is int and targets.count(names[0]) == 1:
                edits[names[0]] = _edit(node.value, f"const({node.value.value})")
    return edits


def _spellings(source: str, tree: ast.Module, folded: set[str]) -> list[Edit]:
    """Spell private functions, classes and values of the module in as few ways as there are."""
    known = {word for word in re.findall(r"[A-Za-z_][A-Za-z_0-9]*", source)}
    fresh = (f"_{letters}" for letters in _letters() if f"_{letters}" not in known)
    new = {name: next(fresh) for name in _private(tree) if name not in folded}
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    edits = [_edit(node, new[node.id]) for node in named if node.id in new]
    return edits + _definitions(source, tree.body, new)


def _attributes(source: str, tree: ast.Module, new: Mapping[str, str]) -> list[Edit]:
    """Spell private attributes anew where they are said, assigned in a class, or defined."""
    edits = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in new:
            line, end = node.end_lineno or 0, node.end_col_offset or 0
            edits.append(((line, end - len(node.attr)), (line, end), new[node.attr]))
        elif isinstance(node, ast.ClassDef):
            targets = pack_attributes.class_targets(node)
            edits += [_edit(one, new[one.id]) for one in targets if one.id in new]
            edits += _definitions(source, node.body, new)
    return edits


def _definitions(source: str, body: Sequence[ast.stmt], new: Mapping[str, str]) -> list[Edit]:
    """Spell anew what a module or a class defines."""
    lines = source.split("\n")
    edits = []
    for node in body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and node.name in new:
            at = len(lines[node.lineno - 1].partition(" " + node.name)[0]) + 1
            until = node.lineno, at + len(node.name)
            edits.append(((node.lineno, at), until, new[node.name]))
    return edits


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINED = (*_FUNCTIONS, ast.ClassDef)


def _private(tree: ast.Module) -> list[str]:
    """Return the private names that only the module's top level binds, in their order there."""
    top: dict[str, None] = {}
    elsewhere: set[str] = set()
    bound = {id(node) for node in tree.body}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        bound |= {id(target) for target in targets}
        top.update({target.id: None for target in targets if isinstance(target, ast.Name)})
        if isinstance(node, _DEFINED):
            top[node.name] = None
    for inner in ast.walk(tree):
        if isinstance(inner, ast.JoinedStr):
            elsewhere |= {one.id for one in ast.walk(inner) if isinstance(one, ast.Name)}
        if id(inner) not in bound:
            elsewhere |= set(_binds(inner))
    return [name for name in top if re.match("_[^_]", name) and name not in elsewhere]


def _binds(node: ast.AST) -> Iterator[str]:
    """Give the names that a node binds by itself, wherever it stands."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, _DEFINED):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    elif isinstance(node, ast.alias):
        yield node.asname or node.name
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def _letters() -> Iterator[str]:
    for number in count():
        letters = chr(97 + number % 26)
        while number >= 26:
            number = number // 26 - 1
            letters = chr(97 + number % 26) + letters
        yield letters


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
