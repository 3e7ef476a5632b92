"""Every rule of `make check`: a snippet that breaks it is reported, one that keeps it passes."""

from pathlib import Path

import pytest

from tools.check.finding import Source
from tools.check.main import check_source, check_tree

HEAD = '"""A module."""\n\n'


def messages(path: str, text: str) -> list[str]:
    return [finding.message for finding in check_source(Source(path, text))]


# (words of the message, a snippet that breaks the rule, one that keeps it)
PORTABLE = [
    ("match:", "def _f(x):\n    match x:\n        case 1:\n            return 2\n", "x = 1\n"),
    (
        "except*",
        "def _f():\n    try:\n        g()\n    except* OSError:\n        return\n",
        "def _f():\n    try:\n        g()\n    except OSError:\n        return\n",
    ),
    (
        "parenthesised with",
        "def _f():\n    with (a() as b, c() as d):\n        b(d)\n",
        "def _f():\n    with a() as b, c() as d:\n        b(d)\n",
    ),
    ("positional-only", "def _f(a, /):\n    return a\n", "def _f(a, *, b):\n    return a\n"),
    ("{**a}", "x = {**a}\n", "x = dict(**a)\n"),
    ("[*a]", "x = [*a, 1]\n", "x, *y = f(*a)\n"),
    ("[*a]", "def _f(a):\n    return 0, *a\n", "def _f(a):\n    return (0,) + a\n"),
    ("*args before", "x = f(x=1, *args)\n", "x = f(*args, x=1)\n"),
    (
        "async comprehension",
        "async def _f(a):\n    return [x async for x in a]\n",
        "def _f(a):\n    return [x for x in a]\n",
    ),
    (
        "await in a comprehension",
        "async def _f(a):\n    return [await x for x in a]\n",
        "async def _f(a):\n    return await g([x for x in a])\n",
    ),
    ("async generator", "async def _f():\n    yield 1\n", "def _f():\n    yield 1\n"),
    ("metaclass", "class _A(metaclass=B):\n    pass\n", "class _A(B):\n    pass\n"),
    (
        "__init_subclass__",
        "class _A:\n    def __init_subclass__(cls):\n        pass\n",
        "class _A:\n    def __init__(self):\n        pass\n",
    ),
    (
        "__del__",
        "class _A:\n    def __del__(self):\n        pass\n",
        "class _A:\n    def close(self):\n        pass\n",
    ),
    (
        "super() reaches",
        "class _A(B):\n    def f(self):\n        return super().x\n",
        "class _A(B):\n    def f(self):\n        return super().f()\n",
    ),
    ("multiple inheritance", "class _A(B, C):\n    pass\n", "class _A(B):\n    pass\n"),
    ("negative step", "x = s[::-1]\n", "x = s[-1:]\n"),
    (
        "raise X from",
        "def _f():\n    raise ValueError('a') from b\n",
        "def _f():\n    raise ValueError('a')\n",
    ),
    (
        "super().__init__(message) first",
        "class _F(Exception):\n    def __init__(self, m):\n        self.m = m\n",
        "class _F(Exception):\n    def __init__(self, m):\n        super().__init__(m)\n"
        "        self.m = m\n",
    ),
    ("beside a literal with braces", "x = 'a{b}' f'{y}'\n", "x = 'ab' f'{y}{{}}'\n"),
    ("f-string expression", "x = f\"{y.split(':')[0]}\"\n", "x = f\"{y['a']!r:>{w}}\"\n"),
    ("lambda in an f-string", "x = f'{(lambda: 3)()}'\n", "x = f'{y()}'\n"),
    ("code at import", "for x in y:\n    z(x)\n", "x = [z(y) for y in w]\n"),
    ("code at import", "register(x)\n", "X = register(y)\n"),
    (
        "TimeoutError does not exist",
        "X = TimeoutError\n",
        "import asyncio\n\nX = asyncio.TimeoutError\n",
    ),
    ("ConnectionResetError does", "X = ConnectionResetError\n", "X = OSError\n"),
    ("RecursionError does", "X = RecursionError\n", "X = RuntimeError\n"),
    ("UnicodeDecodeError does", "X = UnicodeDecodeError\n", "X = UnicodeError\n"),
    ("format does not exist", "x = format(1)\n", "def _f(format):\n    return format(1)\n"),
    ("open():", "x = open('a')\n", "x = storage.open('a')\n"),
    (".hexdigest()", "x = h.hexdigest()\n", "x = hexlify(h.digest())\n"),
    (".bit_length()", "x = n.bit_length()\n", "x = len(n)\n"),
    ("._replace()", "x = y._replace(a=1)\n", "x = y.replace('a', 'b')\n"),
    ("._asdict()", "x = y._asdict()\n", "x = y.as_dict()\n"),
    ("defaults=", "X = namedtuple('X', 'a', defaults=(1,))\n", "X = namedtuple('X', ('a',))\n"),
    (".zfill()", "x = y.zfill(3)\n", "x = '%03d' % y\n"),
    (".removeprefix()", "x = y.removeprefix('a')\n", "x = y[1:]\n"),
    (".makefile()", "x = s.makefile()\n", "x = s.read(1)\n"),
    (
        "asyncio.Queue",
        "import asyncio\n\nX = asyncio.Queue\n",
        "import asyncio\n\nX = asyncio.Event\n",
    ),
    (
        "hashlib.sha512",
        "import hashlib\n\nX = hashlib.sha512\n",
        "import hashlib\n\nX = hashlib.sha256\n",
    ),
    ("pow with a negative", "x = pow(a, -1, n)\n", "x = pow(a, n - 2, n)\n"),
    ("deque needs", "x = deque()\n", "x = deque((), 3)\n"),
    ("iter(call, sentinel)", "x = iter(f, b'')\n", "x = iter(f)\n"),
    ("isinstance(x, A | B)", "x = isinstance(y, int | str)\n", "x = isinstance(y, (int, str))\n"),
    ("codec latin-1", "x = y.decode('latin-1')\n", "x = y.decode('utf-8')\n"),
    ("codec errors", "x = y.decode('utf-8', 'ignore')\n", "x = y.decode()\n"),
    ("byteorder=", "x = y.to_bytes(length=2, byteorder='big')\n", "x = y.to_bytes(2, 'big')\n"),
    ("signed=", "x = int.from_bytes(y, 'big', signed=True)\n", "x = int.from_bytes(y, 'big')\n"),
    ("maxsplit=", "x = y.split(' ', maxsplit=1)\n", "x = y.split(' ', 1)\n"),
    ("strict=", "x = zip(a, b, strict=True)\n", "x = zip(a, b)\n"),
    ("sort_keys=", "x = dumps(y, sort_keys=True)\n", "x = dumps(y)\n"),
    (
        "sort by at_ms",
        "x = sorted(y, key=lambda r: r.at_ms)\n",
        "x = sorted(y, key=lambda r: r.id)\n",
    ),
    (
        "sort by at_ms",
        "y.sort(key=lambda r: r['at_ms'])\n",
        "x = sorted(y, key=lambda r: (r['at_ms'], r['id']))\n",
    ),
    (
        "hides asyncio.TimeoutError",
        "import asyncio\n\n\ndef _f():\n    try:\n        g()\n    except OSError:\n        a()\n"
        "    except asyncio.TimeoutError:\n        b()\n",
        "import asyncio\n\n\ndef _f():\n    try:\n        g()\n    except asyncio.TimeoutError:\n"
        "        a()\n    except OSError:\n        b()\n",
    ),
    (
        "of a bytearray",
        "def _f():\n    x = bytearray(3)\n    del x[:2]\n",
        "def _f():\n    x = [1, 2, 3]\n    del x[:2]\n",
    ),
]


@pytest.mark.parametrize(("words", "broken", "kept"), PORTABLE)
def test_micropython_rules(words: str, broken: str, kept: str) -> None:
    found = messages("edge/a.py", HEAD + broken)
    assert any(words in message for message in found), found
    assert not any(words in message for message in messages("edge/a.py", HEAD + kept))
    assert not any(words in message for message in messages("hub/a.py", HEAD + broken))


FOLDERS = ["protocols", "edge", "hw", "hw/micropython", "hw/sim", "tests/portable"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_micropython_rules_hold_in_every_portable_folder(folder: str) -> None:
    assert "{**a}: copy with dict(a), then update()" in messages(
        f"{folder}/a.py", HEAD + "x = {**a}\n"
    )


@pytest.mark.parametrize("folder", ["hw/linux", "hub", "tools", "tests/hub"])
def test_micropython_rules_hold_nowhere_else(folder: str) -> None:
    assert messages(f"{folder}/a.py", HEAD + "x = {**a}\n") == []


def test_annotations_are_not_evaluated() -> None:
    text = (
        "import asyncio\n\n\ndef _f(task: asyncio.Task[None]) -> TimeoutError:\n    return task\n"
    )
    assert messages("edge/a.py", HEAD + text) == []


IMPORTS = [
    ("protocols/a.py", "import json", True),
    ("protocols/a.py", "from protocols import limits", True),
    ("protocols/a.py", "from . import limits", True),
    ("protocols/a.py", "import time", False),
    ("protocols/a.py", "import typing", False),
    ("protocols/a.py", "from hw import ports", False),
    ("hw/ports.py", "import asyncio", False),
    ("hw/driver.py", "from hw import ports", True),
    ("hw/driver.py", "from hw.modbus_bus import Bus", True),
    ("hw/driver.py", "from hw.linux.serial import Serial", False),
    ("hw/driver.py", "import socket", False),
    ("hw/platform.py", "from hw.linux.clock import Clock", True),
    ("hw/linux/a.py", "import cryptography", True),
    ("hw/linux/a.py", "from hw.http_link import Link", True),
    ("hw/linux/a.py", "from hw.micropython import clock", False),
    ("hw/linux/a.py", "from edge import main", False),
    ("hw/micropython/a.py", "import machine", True),
    ("hw/micropython/a.py", "import logging", False),
    ("hw/micropython/a.py", "from hw.linux import clock", False),
    ("hw/sim/a.py", "from hw.micropython.verifier import Verifier", True),
    ("hw/sim/a.py", "import random", False),
    ("edge/a.py", "import asyncio", True),
    ("edge/a.py", "from hw.ports import Clock", True),
    ("edge/a.py", "from hw.platform import Clock", False),
    ("edge/main.py", "from hw.platform import Clock", True),
    ("edge/tuf_client.py", "from hw.platform import Clock", True),
    ("edge/a.py", "from hw.modbus_bus import Bus", False),
    ("edge/a.py", "import os", False),
    ("hub/a.py", "import aiohttp", True),
    ("hub/a.py", "from hub.repository import archive", True),
    ("hub/a.py", "from edge import main", False),
    ("hub/a.py", "from hw import ports", False),
    ("hub/repository/a.py", "import tuf.api.metadata", True),
    ("hub/repository/a.py", "import pathlib", True),
    ("hub/repository/a.py", "import aiohttp", False),
    ("hub/repository/a.py", "from hub import store", False),
    ("tools/a.py", "from hub.repository import archive", True),
    ("tools/a.py", "from hub import store", False),
    ("tools/a.py", "from hw import ports", False),
    ("tests/hub/test_a.py", "from edge import main", True),
    ("tests/portable/test_a.py", "import pytest", False),
    ("tests/portable/test_a.py", "from hub import store", False),
]


@pytest.mark.parametrize(("path", "line", "allowed"), IMPORTS)
def test_import_table(path: str, line: str, allowed: bool) -> None:
    found = [m for m in messages(path, HEAD + line + "\n") if m.startswith("import of")]
    assert (found == []) is allowed, found


def function(lines: int) -> str:
    return "def _f():\n" + "    x = 1\n" * (lines - 1)


TIDY = [
    ("hub/utils.py", HEAD, "hub/units.py", HEAD, "'utils'"),
    ("hub/session_manager.py", HEAD, "hub/session.py", HEAD, "'manager'"),
    ("tests/helpers/test_a.py", HEAD, "tests/hub/test_a.py", HEAD, "'helpers'"),
    ("hub/a.py", HEAD + "x = 1\n" * 399, "hub/a.py", HEAD + "x = 1\n" * 398, "401 lines"),
    ("hub/a.py", HEAD + function(51), "hub/a.py", HEAD + function(50), "51 lines"),
    ("tools/a.sh", "a " * 50 + "b\n", "tools/a.sh", "a " * 50 + "\n", "101 characters"),
    ("hub/a.py", "x = 1\n", "tests/hub/a.py", "x = 1\n", "module without docstring"),
    (
        "hub/a.py",
        HEAD + "def f():\n    pass\n",
        "hub/a.py",
        HEAD + "def _f():\n    pass\n",
        "f without",
    ),
    (
        "hub/a.py",
        HEAD + 'class A:\n    """An A."""\n\n    def f(self):\n        pass\n',
        "hub/a.py",
        HEAD + 'class A(Port):\n    """An A."""\n\n    def f(self):\n        pass\n',
        "A.f without",
    ),
    (
        "hub/a.py",
        HEAD + 'def f():\n    """Returns one."""\n',
        "hub/a.py",
        HEAD + 'def f():\n    """Return one."""\n',
        "imperative",
    ),
    ("hub/a.py", HEAD + "def f(:\n", "hub/a.py", HEAD, "cannot parse"),
]


@pytest.mark.parametrize(("path", "broken", "kept_path", "kept", "words"), TIDY)
def test_tidy_rules(path: str, broken: str, kept_path: str, kept: str, words: str) -> None:
    found = messages(path, broken)
    assert any(words in message for message in found), found
    assert messages(kept_path, kept) == []


def test_an_unbroken_word_may_be_long() -> None:
    assert messages("hub/a.py", HEAD + 'X = (\n    "' + "a" * 120 + '"\n)\n') == []
    assert messages("tools/a.sh", "a" * 120 + "\n") == []


def test_the_tree_keeps_its_rules() -> None:
    assert [str(finding) for finding in check_tree(Path(__file__).parents[2])] == []
