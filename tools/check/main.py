"""The tidy command: our own rules, then ruff and mypy, side by side."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.check import imports, micropython, micropython_names, stubs, tidy
from tools.check.finding import Finding, Source, read_sources

TOP = Path(__file__).resolve().parents[2]
SCRIPTS = ("Makefile", ".ci/run")


def main() -> int:
    """Print every broken rule and return the exit code."""
    stubs.prepare(TOP)
    tools = [(" ".join(command), _start(command)) for command in commands()]
    findings = sorted(check_tree(TOP))
    for finding in findings:
        print(finding)
    failed = ["rules"] if findings else []
    for name, process in tools:
        output, _ = process.communicate()
        if process.returncode != 0:
            print(f"== {name}\n{output.rstrip()}")
            failed.append(name)
    if failed:
        print(f"check: {len(findings)} broken rules; failed: {', '.join(failed)}")
    return 1 if failed else 0


def commands() -> list[list[str]]:
    """Return the public checkers' command lines, the slowest first."""
    micropython_code = [
        name for name in ("edge", "hw/micropython") if any(TOP.glob(f"{name}/*.py"))
    ]
    return [
        ["mypy"],
        ["mypy", "--config-file", "tools/check/mypy-micropython.ini", *micropython_code],
        ["ruff", "check", "--quiet", "--output-format", "concise", "."],
        ["ruff", "format", "--check", "--quiet", "."],
    ]


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=TOP,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def check_tree(top: Path) -> Iterator[Finding]:
    """Yield what our own rules find in every file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=top,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [
        name
        for name in listed.stdout.split("\0")
        if (name.endswith((".py", ".sh")) or name in SCRIPTS) and (top / name).is_file()
    ]
    for source in read_sources(top, names):
        yield from check_source(source)


def check_source(source: Source) -> Iterator[Finding]:
    """Yield what our own rules find in one file."""
    if source.is_python:
        try:
            source.tree  # noqa: B018
        except SyntaxError as error:
            yield source.finding(error.lineno or 1, f"CPython cannot parse it: {error.msg}")
            return
        yield from imports.check(source)
        if micropython.is_portable(source):
            yield from micropython.check(source)
            yield from micropython_names.check(source)
    yield from tidy.check(source)
