"""What a board's modules lose before they are compiled, and that nothing else changes."""

import ast

import pytest

from protocols import limits
from protocols.errors import LocalFault
from tools import pack_edge, pack_source

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
    found = pack_source.reduced(SOURCE, "one")
    assert found.count("\n") == SOURCE.count("\n")
    lines = found.split("\n")
    assert lines[2:6] == ["pass", "", "", ""]
    assert lines[7:11] == ["_ONCE = const(7)", "_TWICE = 1", "_TWICE = 2", "SHARED = 3"]
    assert lines[16:19] == ["    pass", "", ""]
    assert lines[21] == f"        return {limits.JSON_DEPTH_MAX} * _ONCE"
    assert lines[24] == f'LAST = "địa chỉ", {limits.ID_BYTES_MAX}'


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
        pack_source.reduced(source, "one")


def test_no_module_of_a_board_asks_another_for_a_number_that_was_folded_away():
    private, asked = {}, set()
    for module in pack_edge.closure("x64"):
        tree = ast.parse(pack_edge.source_of(module))
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
