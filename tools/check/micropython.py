"""What MicroPython cannot parse or means otherwise: syntax and classes (STYLE section 3).

Every rule stands for a construct that was run on both interpreters and differed. The messages say
what to write instead.
"""

import ast
import io
import tokenize
from collections.abc import Iterator

from tools.check.finding import Finding, Source

PORTABLE = ("protocols", "edge", "hw/micropython", "hw/sim", "tests/portable")
# `hw/` itself holds the port contracts and the drivers.
PORTABLE_EXACT = ("hw",)
EXCEPTION_ENDS = ("Exception", "Error", "Fault")


def is_portable(source: Source) -> bool:
    """Tell whether a file must run under MicroPython."""
    folder = "/".join(source.folders)
    return folder in PORTABLE_EXACT or any(
        folder == name or folder.startswith(name + "/") for name in PORTABLE
    )


def check(source: Source) -> Iterator[Finding]:
    """Yield every construct of the file that MicroPython refuses or reads differently."""
    yield from _grammar(source)
    called = {id(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    starred_in_call = {
        id(argument)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        for argument in node.args
    }
    for node in ast.walk(source.tree):
        for message in _node(node, called, starred_in_call):
            yield source.finding(node, message)
        if isinstance(node, ast.JoinedStr):
            for message in _fstring(source, node):
                yield source.finding(node, message)
    if source.folders[:2] != ("tests", "portable"):
        yield from _import_time(source)


def _grammar(source: Source) -> Iterator[Finding]:
    """Let CPython's parser of an older grammar find the newer syntax."""
    try:
        ast.parse(source.text, source.path, feature_version=(3, 8))
    except SyntaxError as error:
        text = str(error.msg)
        if "Parenthesized context" in text:
            text = "parenthesised with: nest two with statements or use a backslash-free line"
        elif "Pattern matching" in text:
            text = "match: use if/elif or a dict"
        elif "Exception groups" in text:
            text = "except*: catch the exceptions one by one"
        yield source.finding(error.lineno or 1, text)


def _node(node: ast.AST, called: set[int], starred_in_call: set[int]) -> Iterator[str]:
    if isinstance(node, ast.arguments) and node.posonlyargs:
        yield "positional-only '/': leave it out"
    elif isinstance(node, ast.Dict) and None in node.keys:
        yield "{**a}: copy with dict(a), then update()"
    elif isinstance(node, ast.Starred) and isinstance(node.ctx, ast.Load):
        if id(node) not in starred_in_call:
            yield "[*a]: use list(a) + [...]"
    elif isinstance(node, ast.comprehension) and node.is_async:
        yield "async comprehension: use a loop"
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        if any(isinstance(inner, ast.Await) for inner in ast.walk(node)):
            yield "await in a comprehension: use a loop"
    elif isinstance(node, ast.Slice):
        step = node.step
        if isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub):
            yield "slice with a negative step: use reversed() or range()"
    elif isinstance(node, ast.Raise) and node.cause is not None:
        yield "raise X from err: put what matters into X's message"
    elif isinstance(node, ast.Attribute) and _is_super(node.value) and id(node) not in called:
        yield "super() reaches methods only: make the property a method"
    elif isinstance(node, ast.Call):
        yield from _star_after_keyword(node)
    elif isinstance(node, ast.ClassDef):
        yield from _class(node)
    elif isinstance(node, ast.AsyncFunctionDef) and _yields(node):
        yield "async generator: give callers a read() method"


def _is_super(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "super"
    )  # fmt: skip


def _star_after_keyword(node: ast.Call) -> Iterator[str]:
    keywords = [(k.value.lineno, k.value.col_offset) for k in node.keywords if k.arg]
    for argument in node.args:
        if isinstance(argument, ast.Starred) and any(
            position < (argument.lineno, argument.col_offset) for position in keywords
        ):
            yield "f(x=1, *args): put *args before the keywords"


def _yields(function: ast.AsyncFunctionDef) -> bool:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return False


def _class(node: ast.ClassDef) -> Iterator[str]:
    if len(node.bases) > 1:
        yield "multiple inheritance: hold the other object as a field"
    if node.keywords:
        yield "metaclass= and class keywords: leave them out"
    for member in node.body:
        name = getattr(member, "name", "")
        if name == "__init_subclass__":
            yield "__init_subclass__: register in a dict by hand"
        if name == "__del__":
            yield "__del__: give a close() and call it in finally"
        if name == "__init__" and isinstance(member, ast.FunctionDef) and _is_exception(node):
            if not _starts_with_super(member):
                yield "exception: super().__init__(message) first, then the attributes"


def _is_exception(node: ast.ClassDef) -> bool:
    names = [getattr(base, "attr", getattr(base, "id", "")) for base in node.bases]
    return any(name.endswith(EXCEPTION_ENDS) for name in names)


def _starts_with_super(function: ast.FunctionDef) -> bool:
    body = [
        statement
        for statement in function.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    first = body[0] if body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Call)
        and isinstance(first.value.func, ast.Attribute)
        and _is_super(first.value.func.value)
    )


def _fstring(source: Source, node: ast.JoinedStr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.FormattedValue):
            inner = [n for n in ast.walk(part.value) if isinstance(n, ast.Constant)]
            texts = [n.value for n in inner if isinstance(n.value, str)]
            if any(sign in text for text in texts for sign in ":!{}"):
                yield "f-string expression with : ! or braces in a literal: name the value first"
            if any(isinstance(n, ast.Lambda) for n in ast.walk(part.value)):
                yield "lambda in an f-string: name the value first"
    segment = ast.get_source_segment(source.text, node) or ""
    if _plain_braces_beside(segment):
        yield "f-string beside a literal with braces: make both f-strings and double the braces"


def _plain_braces_beside(segment: str) -> bool:
    """Tell whether one of the joined literals of an f-string is a plain one with braces."""
    depth = 0
    opens = getattr(tokenize, "FSTRING_START", -1)
    closes = getattr(tokenize, "FSTRING_END", -1)
    for token in tokenize.generate_tokens(io.StringIO("(" + segment + ")").readline):
        depth += (token.type == opens) - (token.type == closes)
        if token.type == tokenize.STRING and depth == 0:
            prefix = token.string[: token.string.find(token.string[-1])].lower()
            if "f" not in prefix and ("{" in token.string or "}" in token.string):
                return True
    return False


def _import_time(source: Source) -> Iterator[Finding]:
    for node in source.tree.body:
        runs = isinstance(node, ast.For | ast.While | ast.With) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        )
        if runs:
            yield source.finding(node, "code at import: nothing but definitions, move it to a call")
