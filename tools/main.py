"""`chieng-tool`: the operator's and technician's command line."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from hub.repository.wrapped_key import COST, Cost
from protocols.errors import Fault
from tools import (
    alert,
    enrolments,
    flash,
    image,
    keys,
    lan,
    node_commands,
    provision,
    run_province,
    sign,
    stick,
)
from tools.console import Console, language_of
from tools.context import Context

# Exit codes that a script may branch on; every other fault is 1.
EXITS = {"provision.check": 3, "service.none": 4, "service.silent": 4, "flash.no_repl": 4}


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = argparse.ArgumentParser(
        prog="chieng-tool",
        description="Khóa, ký duyệt, cảnh báo tay, USB / Keys, approval, alerts, sticks.",
    )
    top.add_argument("--lang", choices=("vi", "en"), help="vi (mặc định) / en")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (
        keys, sign, alert, stick, image, flash, provision, node_commands, enrolments,
        lan, run_province,
    ):  # fmt: skip
        module.add_parser(commands)
    return top


def run(
    arguments: Sequence[str], console: Console, now_s: int | None = None, cost: Cost = COST
) -> int:
    """Run one command and return its exit code; `now_s` and `cost` are given by tests."""
    options = parser().parse_args(arguments)
    try:
        at_s = int(time.time()) if now_s is None else now_s
        options.run(Context(options, console, at_s, cost))
    except Fault as fault:
        console.fault(fault)
        return EXITS.get(fault.code, 1)
    return 0


def main() -> int:
    """Run the command line of this process."""
    arguments = sys.argv[1:]
    known, _ = parser_of_language().parse_known_args(arguments)
    return run(arguments, Console(language_of(known.lang, dict(os.environ))))


def parser_of_language() -> argparse.ArgumentParser:
    """Return a parser that reads the language alone."""
    only = argparse.ArgumentParser(add_help=False)
    only.add_argument("--lang", choices=("vi", "en"))
    return only


if __name__ == "__main__":
    sys.exit(main())
