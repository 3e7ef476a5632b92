"""Who may import whom: the table of DESIGN section 3."""

import ast
import sys
from collections.abc import Iterator

from tools.check.finding import Finding, Source

OURS = {"protocols", "hw", "edge", "hub", "tools", "tests"}
PURE = {"binascii", "collections", "hashlib", "json", "struct"}
DRIVER = PURE | {"asyncio", "deflate", "errno", "gc", "sys"}
# The contracts with the world, in one file and those that did not fit it.
PORTS = (
    "hw.ports",
    "hw.announcer_port",
    "hw.button_port",
    "hw.modem_port",
    "hw.watchdog_port",
)
# MicroPython's own modules, for the one folder that adapts them.
MICROPYTHON = DRIVER | {
    "array", "cryptolib", "esp", "esp32", "ffi", "framebuf", "io", "machine", "micropython",
    "neopixel", "network", "ntptime", "onewire", "os", "random", "select", "socket", "ssl",
    "termios", "time", "tls", "uctypes", "vfs",
}  # fmt: skip
TRUST_WRITERS = {"argon2", "cryptography", "pkcs11", "securesystemslib", "tuf"}
PLATFORM_USERS = ("edge/main.py", "edge/tuf_client.py")
INSTEAD = {
    "abc": "raise NotImplementedError in the port",
    "argparse": "read sys.argv by hand",
    "base64": "binascii.a2b_base64 and b2a_base64",
    "contextlib": "try/finally",
    "copy": "build the new value",
    "dataclasses": "class X(namedtuple(...))",
    "datetime": "protocols works in milliseconds; dates are computed by hand",
    "enum": "constants of short strings",
    "functools": "a plain function or a dict",
    "hmac": "the verifier port",
    "itertools": "a loop",
    "logging": "raise a Fault, or write a record",
    "operator": "a lambda",
    "os": "the storage port",
    "pathlib": "the storage port",
    "random": "the entropy port",
    "re": "parse by hand",
    "secrets": "the entropy port",
    "socket": "the link port",
    "ssl": "the link port",
    "threading": "an asyncio task",
    "time": "the clock port",
    "traceback": "sys.print_exception at the shell",
    "typing": "annotate with builtins only",
    "__future__": "annotate with builtins only, quote forward names",
    "unicodedata": "normalise at the hub",
    "uuid": "binascii.hexlify of the entropy port's bytes",
    "zlib": "the inflate port",
}


def check(source: Source) -> Iterator[Finding]:
    """Yield every import that the table does not allow."""
    ours, others, table = _allowed(source)
    for node, name in _imported(source):
        top = name.split(".")[0]
        if top in OURS:
            if not any(name == own or name.startswith(own + ".") for own in ours):
                yield source.finding(
                    node, f"import of {name}: here only {_listed(ours)} of ours (DESIGN section 3)"
                )
        elif others is not None and top not in others:
            hint = INSTEAD.get(top)
            yield source.finding(
                node,
                f"import of {top}: use {hint}" if hint
                else f"import of {top}: {table} may import only {_listed(others)}",
            )  # fmt: skip


def _allowed(source: Source) -> tuple[set[str], set[str] | None, str]:
    """Return what a file may import: of ours, of others (None: anything), and who it is."""
    folder = "/".join(source.folders)
    top = folder.split("/", maxsplit=1)[0]
    if top == "tests":
        return (OURS, None, folder) if folder != "tests/portable" else _portable_tests()
    if top == "protocols":
        return {"protocols"}, PURE, folder
    if top == "edge":
        ours = {"protocols", "edge", *PORTS}
        if source.path in PLATFORM_USERS:
            ours |= {"hw.platform", "hw.loading"}
        return ours, PURE | {"asyncio", "gc", "sys"}, folder
    if top == "hw":
        return _hardware(source, folder)
    if folder.startswith("hub/repository"):
        return {"protocols", "hub.repository"}, TRUST_WRITERS | set(sys.stdlib_module_names), folder
    if top == "hub":
        return {"protocols", "hub"}, None, folder
    return {"protocols", "hub.repository", "tools"}, None, folder


def _portable_tests() -> tuple[set[str], set[str] | None, str]:
    return {"protocols", "edge", "hw", "tests.portable"}, MICROPYTHON, "tests/portable"


def _hardware(source: Source, folder: str) -> tuple[set[str], set[str] | None, str]:
    if source.path in [name.replace(".", "/") + ".py" for name in PORTS]:
        return {"protocols"}, set(), source.path
    if source.path == "hw/platform.py":
        return {"protocols", "hw"}, DRIVER, "hw/platform.py"
    drivers = {"protocols", "hw.ports"} | _drivers(source)
    if folder == "hw":
        return drivers, DRIVER, "a driver"
    others = {"hw/linux": None, "hw/micropython": MICROPYTHON}.get(folder, DRIVER)
    own = {folder.replace("/", ".")}
    if folder == "hw/sim":
        own.add("hw.micropython")  # simulated nodes judge exactly as microcontrollers do
    return drivers | own, others, folder


def _drivers(source: Source) -> set[str]:
    """Return the modules directly in hw/ that this file names, bar the one that picks adapters."""
    folders = {"hw.linux", "hw.micropython", "hw.sim", "hw.platform"}
    names = {".".join(name.split(".")[:2]) for _, name in _imported(source)}
    return {name for name in names if name.startswith("hw.") and name not in folders}


def _imported(source: Source) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = source.path.removesuffix(".py").split("/")[: -node.level]
                base = ".".join(package + ([base] if base else []))
            if base in OURS or base in ("hw", "hub"):
                for alias in node.names:
                    yield node, f"{base}.{alias.name}"
            else:
                yield node, base


def _listed(names: set[str]) -> str:
    return " ".join(sorted(names)) or "nothing"
