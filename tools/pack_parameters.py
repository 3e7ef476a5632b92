"""Spell parameters by their place, `_0`, `_1` and on, where nobody passes them by name.

A board keeps the spelling of every parameter, used or not; two hundred of them are said nowhere
else. Functions within functions keep theirs, and so does a parameter that a string names, that one
call of the pack passes by name, or that an inner scope binds again.
"""

import ast
from collections.abc import Iterable, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def kept(trees: Iterable[ast.Module]) -> set[str]:
    """Return the names that must stay: passed by name somewhere, or standing in a string."""
    names = {"self", "cls"}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    return names


def spellings(tree: ast.Module, kept: set[str]) -> Iterator[tuple[ast.arg | ast.Name, str]]:
    """Give each parameter, and each name that means one, with its new spelling."""
    known = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for body in bodies:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _within(node, kept | {f"_{n}" for n in range(20)} & known)


def _within(function: Function, kept: set[str]) -> Iterator[tuple[ast.arg | ast.Name, str]]:
    given = [*function.args.posonlyargs, *function.args.args]
    stays = kept | set(_rebound(function))
    new = {one.arg: f"_{place}" for place, one in enumerate(given) if one.arg not in stays}
    new = {name: spelled for name, spelled in new.items() if spelled not in kept}
    yield from ((one, new[one.arg]) for one in given if one.arg in new)
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in new:
                yield node, new[node.id]


def _rebound(function: Function) -> Iterator[str]:
    """Give the names that mean something else in a part of a function, or outside of its body."""
    outside = [*function.args.defaults, *function.args.kw_defaults, *function.decorator_list]
    for part in outside:
        yield from _names(part) if part is not None else ()
    for node in ast.walk(function):
        if isinstance(node, _INNER) and node is not function:
            yield from (one.arg for one in ast.walk(node) if isinstance(one, ast.arg))
            yield from _names(node, ast.Store)
        elif isinstance(node, _LOOPS):
            for loop in node.generators:
                yield from _names(loop.target)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif isinstance(node, ast.JoinedStr):
            yield from _names(node)


def _names(tree: ast.AST, kind: type[ast.expr_context] = ast.expr_context) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, kind):
            yield node.id
