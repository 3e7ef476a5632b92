"""`chieng-tool flash`: put the agent on a MicroPython board, over its own USB cable.

The board then waits for `chieng-tool provision` on the same cable. A node that is enrolled stays
who it is. Exit codes: 0 done; 1 a fault that is explained; 4 no board answers.
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault
from protocols.limits import CONFIG_BYTES_MAX
from tools import flash_slot, pack_edge, provision, serial_port
from tools.context import Context
from tools.flash_board import Board
from tools.key_files import read

REPLUG_S_MAX = 120
_REPLUG_LOOK_S = 0.5
# From reset to the first greeting: loading the agent takes a board most of it.
GREETING_S_MAX = 60
# A board that hears bytes before it is up may take them for its prompt's.
BOOT_S = 3


def add_parser(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("flash", help="nạp phần mềm vào bo MicroPython / set a board up")
    command.set_defaults(run=run)
    provision.add_port(command)
    command.add_argument("--box", type=Path, help="what this make of box has, JSON; kept if absent")
    command.add_argument("--pack", type=Path, help="a folder of tools.pack_edge; made if absent")


def run(context: Context) -> None:
    """Flash the board on the port and hear it greet."""
    options = context.options
    path = (options.port or [_only_port()])[0]
    config = None
    if options.box is not None:
        config = flash_slot.box(read(options.box, CONFIG_BYTES_MAX))
    started = time.monotonic()
    known, done = _persistent(context, path, config)
    seconds = round(time.monotonic() - started, 1)
    node = asyncio.run(_greeting(context, path))
    if node["slot"] != f"/chieng.{done.slot}":
        text = f"slot {done.slot} does not load, the board runs {node['slot']}"
        raise RemoteFault(
            "flash.fell_back", text, "Flash another release; the node works as before."
        )
    told = {**done._asdict(), "arch": known.arch, "seconds": seconds, "node": node["node"]}
    if options.json:
        context.console.line(json.dumps({**told, "state": node["state"]}))
    else:
        context.console.say("flash_done", **told)
        context.console.say("visit_node", node=node["node"], spoken=node["spoken"])


def _only_port() -> str:
    found = serial_port.find()
    if not found:
        raise WorldFault("service.none", "no USB serial port is here", "Plug the board in.")
    if len(found) > 1:
        names = ", ".join(one.path for one in found)
        raise LocalFault("tool.port", f"several ports: {names}", "Name one with --port.")
    return found[0].path


def _persistent(
    context: Context, path: str, config: str | None
) -> tuple[flash_slot.Facts, flash_slot.Installed]:
    """Install; an unplugged cable is waited for, and the work goes on where it stopped."""
    packs: dict[str, dict[str, bytes]] = {}
    while True:
        try:
            return _install(context, path, config, packs)
        except Fault as fault:
            if fault.code != "flash.lost":
                raise
            _replug(context, path, fault)


def _install(
    context: Context, path: str, config: str | None, packs: dict[str, dict[str, bytes]]
) -> tuple[flash_slot.Facts, flash_slot.Installed]:
    board = Board(path, lambda word: _say(context, word))
    board.open()
    try:
        known = flash_slot.facts(board.call("about"))
        _say(context, "flash_board", machine=known.machine, arch=known.arch)
        if config is None and not known.has_config:
            text = "this board was never set up as a box"
            raise LocalFault("flash.box", text, "Name its description with --box FILE.")
        if known.arch not in packs:
            packs[known.arch] = _files(context.options.pack, known.arch)
        done = flash_slot.install(board, known, packs[known.arch], _Progress(context).show)
        flash_slot.starters(board, config)
        board.reset()
        return known, done
    finally:
        board.close()


def _files(pack: Path | None, arch: str) -> dict[str, bytes]:
    """Return the agent's modules for a machine, of a given pack after checking its hashes."""
    if pack is None:
        return pack_edge.compile_all(arch)
    return pack_edge.read(pack, arch)


def _replug(context: Context, path: str, fault: Fault) -> None:
    _say(context, "visit_unplugged")
    until = time.monotonic() + REPLUG_S_MAX
    while time.monotonic() < until:
        time.sleep(_REPLUG_LOOK_S)
        if Path(path).exists():
            _say(context, "visit_back")
            return
    raise fault


async def _greeting(context: Context, path: str) -> dict[str, Any]:
    """Return who the board says it is, once its agent answers on the cable."""
    await asyncio.sleep(BOOT_S)
    until = time.monotonic() + GREETING_S_MAX
    while True:
        line = provision.open_line(context, path)
        try:
            await line.open()
            known, _ = await line.ask("identity")
            return dict(known.values)
        except Fault as fault:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0 if fault.code.startswith("service.") else _REPLUG_LOOK_S)
        finally:
            await line.close()


class _Progress:
    """Say every tenth of the way."""

    def __init__(self, context: Context):
        self._context = context
        self._said = -1

    def show(self, done: int, whole: int) -> None:
        tenth = 10 if not whole else done * 10 // whole
        if tenth > self._said:
            self._said = tenth
            _say(self._context, "flash_progress", percent=tenth * 10, bytes=done)


def _say(context: Context, word: str, **values: object) -> None:
    if not context.options.json:
        context.console.say(word, **values)
