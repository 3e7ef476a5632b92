"""What a board's modules lose before they are compiled, and that nothing else changes."""

import ast

import pytest

from protocols import limits
from protocols.errors import LocalFault
from tools import pack_attributes, pack_edge, pack_parameters, pack_source


def reduced(source, **others):
    """Return what is compiled of a module `one`, beside others of a pack."""
    sources = {"one": source, **others}
    new = pack_attributes.spellings(sources)
    kept = pack_parameters.kept(map(ast.parse, sources.values()))
    return pack_source.reduced(source, "one", new["one"], kept)


SOURCE = '''"""Say so."""

from protocols.limits import (
    ID_BYTES_MAX,
    JSON_DEPTH_MAX as DEPTH,
)

_ONCE = 7
_TWICE = 1
_TWICE = 2
SHARED = 3


class Port:
    """Be implemented elsewhere."""

    async def read(self, count: int = ID_BYTES_MAX) -> bytes:
        """Return bytes."""
        raise NotImplementedError

    def size(self) -> int:
        return DEPTH * _ONCE


LAST = "địa chỉ", ID_BYTES_MAX
'''


def test_numbers_stand_where_names_stood_and_lines_keep_their_numbers():
    found = reduced(SOURCE)
    assert found.count("\n") == SOURCE.count("\n")
    lines = found.split("\n")
    assert lines[2:6] == ["pass", "", "", ""]
    assert lines[7:11] == ["_ONCE = const(7)", "_a = 1", "_a = 2", "SHARED = 3"]
    assert lines[16:19] == ["    pass", "", ""]
    assert lines[21] == f"        return {limits.JSON_DEPTH_MAX} * _ONCE"
    assert lines[24] == f'LAST = "địa chỉ", {limits.ID_BYTES_MAX}'


NAMES = """
from hw import ports

_LIST = []
_MORE: "list[int]" = [_LIST]
_seen = 0


def _count(value, times):
    global _seen
    _seen = value + times
    return [value for value in _MORE]


class Meter(ports.Meter):
    _shared = 1

    def __init__(self, unit, scale=_LIST):
        self._unit = unit
        self._scale = scale

    def read(self, wait_ms):
        return self._convert(lambda value: value + wait_ms, at=wait_ms)

    def _convert(self, value, at):
        return _count(value, at) + self._shared
"""
ANEW = """
from hw import ports

_a = []
_b: "list[int]" = [_a]
_seen = 0


def _c(value, _1):
    global _seen
    _seen = value + _1
    return [value for value in _b]


class Meter(ports.Meter):
    _2 = 1

    def __init__(self, _1, _2=_a):
        self._3 = _1
        self._1 = _2

    def read(self, _1):
        return self._0(lambda value: value + _1, at=_1)

    def _0(self, _1, at):
        return _c(_1, at) + self._2
"""


def test_private_names_are_spelled_anew_and_those_that_meet_another_scope_are_not():
    assert reduced(NAMES) == ANEW


def test_classes_that_inherit_from_each_other_spell_alike():
    base = "class Base:\n    def __init__(self):\n        self._kept = self._other = 1\n"
    child = "from base import Base\nclass Child(Base):\n    def look(self):\n        return "
    found = pack_attributes.spellings({"base": base, "child": child + "self._kept\n"})
    assert found["base"] == found["child"] == {"_kept": "_0", "_other": "_1"}
    alone = {"base": base, "other": "class Other:\n    def __init__(self):\n        self._mine = 2"}
    assert pack_attributes.spellings(alone)["other"] == {"_mine": "_0"}


@pytest.mark.parametrize(
    "line", ["text = getattr(one, '_kept')", "def see(one):\n    return one._kept"]
)
def test_an_attribute_that_others_ask_for_keeps_its_name(line):
    base = "class Base:\n    def __init__(self):\n        self._kept = self._own = 1\n"
    found = pack_attributes.spellings({"base": base, "other": line})
    assert found["base"] == {"_own": "_0"}


def test_a_pack_spells_few_enough_names_for_its_pool():
    """MicroPython's pools of 20, 40 and on to 1,280 names hold 2,540; the next costs 32 KiB."""
    words = set()
    for source in pack_edge.sources("x86").values():
        words |= _spelled(ast.parse(source))
    assert len(words) < 2540


def _spelled(tree):
    """Return what an interpreter keeps of a module's names and short texts, about."""
    words = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.arg | ast.keyword):
            words.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            words.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= {node.value} if len(node.value) <= 10 else set()
    return words


@pytest.mark.parametrize(
    "line",
    [
        "ID_BYTES_MAX = 3",
        'text = f"over {ID_BYTES_MAX}"',
        "def check(ID_BYTES_MAX):\n    return ID_BYTES_MAX",
        "for ID_BYTES_MAX in range(3):\n    pass",
    ],
)
def test_what_would_change_its_meaning_is_refused(line):
    source = "from protocols.limits import ID_BYTES_MAX\n" + line
    with pytest.raises(LocalFault, match="ID_BYTES_MAX"):
        reduced(source)


def test_no_module_of_a_board_asks_another_for_a_number_that_was_folded_away():
    private, asked = {}, set()
    for module, source in pack_edge.sources("x64").items():
        tree = ast.parse(source)
        private[module] = {
            node.targets[0].id
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("const(")
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                asked |= {(node.module, alias.name) for alias in node.names}
    assert sum(map(len, private.values())) > 50
    assert not [one for one in asked if one[1] in private.get(one[0], ())]
    assert pack_source.LIMITS not in private
