"""What MicroPython lacks or means otherwise: names, methods and calls (STYLE section 3).

The lists were read off the interpreter itself: `dir()` of its builtins, types and modules.
"""

import ast
import builtins
from collections.abc import Iterator

from tools.check.finding import Finding, Source

# dir(builtins) of MicroPython 1.25, Unix port, without what a board may lack.
BUILTINS = set(
    "ArithmeticError AssertionError AttributeError BaseException EOFError Ellipsis Exception "
    "GeneratorExit ImportError IndentationError IndexError KeyError KeyboardInterrupt LookupError "
    "MemoryError NameError NotImplemented NotImplementedError OSError OverflowError RuntimeError "
    "StopAsyncIteration StopIteration SyntaxError SystemExit TypeError UnicodeError ValueError "
    "ZeroDivisionError __build_class__ __debug__ __import__ __name__ __doc__ abs all any bin bool "
    "bytearray bytes callable chr classmethod compile delattr dict dir divmod enumerate eval exec "
    "False filter float frozenset getattr globals hasattr hash hex id input int isinstance "
    "issubclass iter len list locals map max memoryview min next None object oct open ord pow "
    "print property range repr reversed round set setattr slice sorted staticmethod str sum super "
    "True tuple type zip".split()
)
BUILTIN_INSTEAD = {
    "ConnectionError": "OSError and its errno", "ConnectionResetError": "OSError and its errno",
    "ConnectionRefusedError": "OSError and its errno",
    "ConnectionAbortedError": "OSError and its errno", "BrokenPipeError": "OSError and its errno",
    "TimeoutError": "asyncio.TimeoutError", "FileNotFoundError": "OSError and its errno",
    "FileExistsError": "OSError and its errno", "PermissionError": "OSError and its errno",
    "IOError": "OSError", "UnicodeDecodeError": "UnicodeError", "RecursionError": "RuntimeError",
    "UnicodeEncodeError": "UnicodeError", "ModuleNotFoundError": "ImportError",
    "complex": "two integers", "ascii": "repr", "format": "an f-string", "vars": "the attributes",
    "aiter": "a read() loop", "anext": "a read() loop", "Warning": "Exception",
}  # fmt: skip
METHODS = {
    "hexdigest": "binascii.hexlify(h.digest()).decode()",
    "bit_length": "a loop or a comparison with a power of two",
    "bit_count": "bin(n).count('1')",
    "casefold": "fold at the hub",
    "zfill": "'%0*d' % (width, n)",
    "ljust": "text + ' ' * (width - len(text))",
    "rjust": "' ' * (width - len(text)) + text",
    "removeprefix": "startswith and a slice",
    "removesuffix": "endswith and a slice",
    "expandtabs": "replace",
    "translate": "replace or a loop",
    "maketrans": "a dict",
    "swapcase": "a loop",
    "capitalize": "a slice and upper()",
    "format_map": "format(**d)",
    "isnumeric": "a comparison of characters",
    "isdecimal": "a comparison of characters",
    "isalnum": "a comparison of characters",
    "isascii": "all(ord(c) < 128 for c in text)",
    "isidentifier": "a comparison of characters",
    "isprintable": "a comparison of characters",
    "tobytes": "bytes(view)",
    "cast": "struct.unpack_from",
    "_replace": "a new value with its fields",
    "_asdict": "a dict by hand",
    "_make": "the class with *fields",
    "move_to_end": "pop and set again",
    "makefile": "asyncio streams (a finaliser closes a reused descriptor)",
    "readuntil": "readline or read and split",
    "popitem": "a chosen key (dicts have no order)",
}
ASYNCIO = set(
    "run create_task gather wait_for sleep Event Lock open_connection start_server "
    "CancelledError TimeoutError".split()
)
TIME_BANNED = {
    "monotonic": "ticks_ms",
    "strftime": "six fields of gmtime",
    "perf_counter": "ticks_ms",
}
OS_BANNED = {"path": "names by hand", "replace": "rename", "fsync": "sync", "makedirs": "mkdir"}
# Keyword arguments that the same-named function refuses there.
KEYWORDS = {
    "to_bytes": {"length", "byteorder", "signed"},
    "from_bytes": {"byteorder", "signed"},
    "split": {"sep", "maxsplit"},
    "rsplit": {"sep", "maxsplit"},
    "encode": {"encoding", "errors"},
    "decode": {"encoding", "errors"},
    "zip": {"strict"},
    "sum": {"start"},
    "print": {"flush"},
    "namedtuple": {"defaults", "module", "rename"},
    "dumps": {"sort_keys", "indent", "default", "ensure_ascii", "cls"},
    "loads": {"object_pairs_hook", "object_hook", "parse_int", "parse_float", "parse_constant"},
}
CODECS = set("ascii us-ascii latin-1 latin1 iso-8859-1 utf-16 utf-16-le utf-16-be cp1252".split())
# A sort key that ends with one of these is unique in its list.
UNIQUE = ("id", "key_id", "name", "path", "sequence", "position", "node", "unit", "index")


def check(source: Source) -> Iterator[Finding]:
    """Yield every name, method and call of the file that MicroPython lacks or reads otherwise."""
    bound = _bound(source.tree)
    arrays = _bytearrays(source.tree)
    adapter = source.folders[:2] == ("hw", "micropython")
    portable_test = source.folders[:2] == ("tests", "portable")
    annotations = _annotations(source.tree)
    for node in ast.walk(source.tree):
        if id(node) in annotations:
            continue
        messages: list[str] = []
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            messages.extend(_builtin(node, bound))
        elif isinstance(node, ast.Attribute):
            messages.extend(_attribute(node, adapter))
        elif isinstance(node, ast.Call):
            messages.extend(_call(node))
            if _name(node.func) == "open" and isinstance(node.func, ast.Name):
                if not (adapter or portable_test or "open" in bound):
                    messages.append("open(): only storage adapters touch files")
        elif isinstance(node, ast.Try):
            messages.extend(_handlers(node))
        elif isinstance(node, ast.Delete):
            messages.extend(_delete(node, arrays))
        for message in messages:
            yield source.finding(node, message)


def _annotations(tree: ast.Module) -> set[int]:
    """Return the nodes of annotations, which MicroPython never evaluates."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots.append(node.returns)
    return {id(inner) for root in roots if root is not None for inner in ast.walk(root)}


def _bound(tree: ast.Module) -> set[str]:
    """Return every name that the file itself gives a meaning."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names


def _bytearrays(tree: ast.Module) -> set[str]:
    """Return the names and attributes that are assigned a bytearray somewhere in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if _name(node.value.func) == "bytearray":
                found.update(ast.unparse(target) for target in targets)
    return found


def _builtin(node: ast.Name, bound: set[str]) -> Iterator[str]:
    name = node.id
    if hasattr(builtins, name) and name not in BUILTINS and name not in bound:
        instead = BUILTIN_INSTEAD.get(name, "something else")
        yield f"{name} does not exist there: use {instead}"


def _attribute(node: ast.Attribute, adapter: bool) -> Iterator[str]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if owner == "asyncio" and not adapter and node.attr not in ASYNCIO:
        yield f"asyncio.{node.attr}: only {' '.join(sorted(ASYNCIO))}"
    elif owner == "hashlib" and node.attr != "sha256":
        yield f"hashlib.{node.attr}: only sha256 (protocols.sha512 for the other)"
    elif owner == "time" and node.attr in TIME_BANNED:
        yield f"time.{node.attr}: use {TIME_BANNED[node.attr]}"
    elif owner == "os" and node.attr in OS_BANNED:
        yield f"os.{node.attr}: use {OS_BANNED[node.attr]}"


def _call(node: ast.Call) -> Iterator[str]:
    name = _name(node.func)
    if isinstance(node.func, ast.Attribute) and name in METHODS:
        yield f".{name}() does not exist there: use {METHODS[name]}"
    yield from _keywords(node, name)
    if name == "pow" and len(node.args) > 1 and _is_negative(node.args[1]):
        yield "pow with a negative exponent gives 0: use pow(a, n - 2, n)"
    elif name == "deque" and len(node.args) < 2:
        yield "deque needs (iterable, maxlen), and drops silently when full"
    elif name == "iter" and len(node.args) == 2:
        yield "iter(call, sentinel): use a loop"
    elif name == "isinstance" and len(node.args) == 2 and isinstance(node.args[1], ast.BinOp):
        yield "isinstance(x, A | B): use a tuple of types"
    elif name in ("decode", "encode") and isinstance(node.func, ast.Attribute):
        yield from _codec(node)
    elif name in ("sorted", "sort"):
        yield from _sort_key(node)


def _keywords(node: ast.Call, name: str) -> Iterator[str]:
    for keyword in node.keywords:
        if keyword.arg in KEYWORDS.get(name, ()):
            yield f"{name}({keyword.arg}=) is refused there: pass it by position or do without"


def _codec(node: ast.Call) -> Iterator[str]:
    values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    texts = [value for value in values if isinstance(value, str)]
    if texts and texts[0].lower().replace("_", "-") in CODECS:
        yield f"codec {texts[0]}: text is UTF-8 only there, check the characters by hand"
    elif len(texts) > 1 and texts[1] != "strict":
        yield f"codec errors '{texts[1]}' are not known there: catch UnicodeError"


def _sort_key(node: ast.Call) -> Iterator[str]:
    for keyword in node.keywords:
        if keyword.arg == "key" and isinstance(keyword.value, ast.Lambda):
            body = keyword.value.body
            field = None
            if isinstance(body, ast.Attribute):
                field = body.attr
            elif isinstance(body, ast.Subscript) and isinstance(body.slice, ast.Constant):
                field = body.slice.value if isinstance(body.slice.value, str) else None
            if isinstance(field, str) and not field.endswith(UNIQUE):
                yield f"sort by {field}: sorting is not stable there, use ({field}, id)"


def _handlers(node: ast.Try) -> Iterator[str]:
    seen_os_error = False
    for handler in node.handlers:
        names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        texts = [ast.unparse(name) for name in names if name is not None]
        if seen_os_error and "asyncio.TimeoutError" in texts:
            yield "except OSError hides asyncio.TimeoutError on CPython: catch the time-out first"
        seen_os_error = seen_os_error or "OSError" in texts


def _delete(node: ast.Delete, arrays: set[str]) -> Iterator[str]:
    for target in node.targets:
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
            name = ast.unparse(target.value)
            if name in arrays:
                yield f"del {name}[:n] of a bytearray: use {name} = {name}[n:]"


def _name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _is_negative(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
