"""Spell private attributes in as few ways as there are, in classes that never meet.

A board keeps each spelling once, in pools that double: 800 names that only one class ever says make
the last pool necessary, 32 KiB of it on a 64-bit machine. Modules whose classes inherit from each
other form a family; within it one name becomes one other, `_0`, `_1` and on, and every family
begins anew. A name stays as it is everywhere when any module says it of something that its own
family does not bind, when it stands in a string, or when it is said bare.
"""

import ast
import re
from collections.abc import Container, Iterator, Mapping
from itertools import count

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)


def spellings(sources: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the new spellings of private attributes, by module, of sources by module."""
    trees = {module: ast.parse(source) for module, source in sources.items()}
    families = _families(trees)
    kept = set().union(*(_kept([trees[one] for one in family]) for family in families))
    kept |= {name for tree in trees.values() for name in _said(tree)}
    found = {}
    for family in families:
        words = {word for module in family for word in _WORD.findall(sources[module])}
        names = sorted({name for module in family for name in bound(trees[module])} - kept)
        fresh = (f"_{number}" for number in count() if f"_{number}" not in words)
        new = dict(zip(names, fresh, strict=False))
        found.update(dict.fromkeys(family, new))
    return found


def _families(trees: Mapping[str, ast.Module]) -> list[list[str]]:
    """Return the modules, those together that inherit from each other."""
    family = {module: [module] for module in trees}
    for module, tree in trees.items():
        places = dict(_imported(tree))
        for node in ast.walk(tree):
            for base in node.bases if isinstance(node, ast.ClassDef) else []:
                other, name = _place(base, places, trees)
                if _hands_down(trees.get(other), name) and family[other] is not family[module]:
                    family[module].extend(family[other])
                    for one in family[other]:
                        family[one] = family[module]
    return list({id(one): one for one in family.values()}.values())


def _place(base: ast.expr, places: Mapping[str, str], known: Container[str]) -> tuple[str, str]:
    """Return the module and the name of a base class."""
    head, _, tail = ast.unparse(base).partition(".")
    whole = f"{places.get(head, head)}.{tail}" if tail else places.get(head, head)
    module, _, name = whole.rpartition(".")
    return (module, name) if module in known else ("", name)


def _hands_down(tree: ast.Module | None, name: str) -> bool:
    """Tell whether a class of another module may have private attributes."""
    for node in tree.body if tree else []:
        if isinstance(node, ast.ClassDef) and node.name == name:
            alone = ast.Module([node], [])
            return bool(node.bases or bound(alone))
    return tree is not None


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Give the imported names of a module, each with where it comes from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name


def bound(tree: ast.Module) -> set[str]:
    """Return the private attributes that a module's classes bind, themselves or on `self`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            names |= {one.name for one in node.body if isinstance(one, _DEFINED)}
            names |= {target.id for target in class_targets(node)}
    return {name for name in names if re.match("_[^_]", name)}


def class_targets(node: ast.ClassDef) -> list[ast.Name]:
    """Return the names that a class's body assigns."""
    targets: list[ast.expr] = []
    for one in node.body:
        targets += one.targets if isinstance(one, ast.Assign) else []
        targets += [one.target] if isinstance(one, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _kept(family: list[ast.Module]) -> set[str]:
    """Return the names that a family says of what is not its own."""
    known = set().union(*(bound(tree) for tree in family))
    kept = set()
    for tree in family:
        own = bound(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                is_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                if node.attr not in (known if is_self else own):
                    kept.add(node.attr)
    return kept


def _said(tree: ast.Module) -> Iterator[str]:
    """Give what stands in strings, and names that class bodies say bare."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        for one in node.body if isinstance(node, ast.ClassDef) else []:
            if not isinstance(one, _DEFINED):
                names = (inner for inner in ast.walk(one) if isinstance(inner, ast.Name))
                yield from (name.id for name in names if isinstance(name.ctx, ast.Load))
