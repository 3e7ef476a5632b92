"""`chieng-tool provision`: install nodes over a USB cable, with no network.

Exit codes: 0 all done; 1 a fault that is explained; 3 a check failed; 4 no node found.
"""

import argparse
import asyncio
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from protocols import enrolment, kit, paper
from protocols.enrolment import Enrolment
from protocols.errors import Fault, LocalFault, WorldFault
from protocols.kit import Kit
from protocols.limits import KIT_BYTES_MAX, PAPER_BYTES_MAX
from protocols.provision_session import SESSION_BYTES
from tools import serial_port, sheet, signature
from tools.context import Context
from tools.key_files import read
from tools.node_line import NodeLine
from tools.provision_flow import Guide, Visit
from tools.visit_files import VisitFiles, default_home
from tools.visit_guides import Prepared, Terminal

BATCH_BYTES_MAX = 1024 * 1024


def add_parser(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("provision", help="lắp đặt cụm thu qua USB / install a node")
    command.set_defaults(run=run)
    add_port(command)
    add_visit(command)
    command.add_argument("--batch", type=Path, help="answers for many nodes, JSON")


def add_port(command: argparse.ArgumentParser) -> None:
    """Add what every command on the cable takes."""
    command.add_argument("--port", action="append", default=[], help="found by itself if absent")
    command.add_argument("--home", type=Path, default=default_home(), help="folder of your visits")
    command.add_argument("--json", action="store_true", help="one line of JSON for each node")


def add_visit(command: argparse.ArgumentParser) -> None:
    """Add what a visit needs."""
    command.add_argument("--kit", type=Path, required=True, help="from chieng-hub kit")
    command.add_argument("--ticket", type=Path, action="append", default=[])
    command.add_argument("--photo", type=Path, help="JPEG, for the sheet / ảnh cho biên bản")
    command.add_argument("--technician", required=True, help="tên người lắp / your name")


def run(context: Context) -> None:
    """Install the node on the port, or every node of a batch."""
    options = context.options
    found = read_kit(options.kit)
    entries: list[dict[str, Any]] = [{}]
    phrase = ""
    if options.batch is not None:
        entries, phrase = _batch(options.batch)
    ports = options.port or [choose_port(context)]
    if options.batch is not None and len(ports) > len(entries):
        raise LocalFault("tool.batch", "more nodes than entries", "Add entries to the batch file.")
    for path, entry in zip(ports, entries, strict=False):
        guide: Guide = Terminal(context.console)
        if options.batch is not None:
            guide = Prepared(entry, phrase, None if options.json else Terminal(context.console))
        asyncio.run(visit(context, path, found, guide, None))


async def visit(
    context: Context, path: str, found: Kit, guide: Guide, old: Enrolment | None
) -> None:
    """Do one visit on one port and write its sheet."""
    options, console = context.options, context.console
    files = VisitFiles(options.home)
    tickets = [paper.read(read(one, PAPER_BYTES_MAX), enrolment.TICKET) for one in options.ticket]
    photo = read_photo(options.photo)
    line = open_line(context, path)
    await line.open()
    try:
        made = await Visit(line, guide, found, tickets, files, context.now_s, photo).run(
            options.technician, old
        )
    finally:
        await line.close()
    enrolled = sheet.verify(made)
    place = files.sheet(enrolled.node)
    # A node that was enrolled by an earlier visit signed for that visit's photo.
    digest = hashlib.sha256(photo).hexdigest() if photo else ""
    is_signed = enrolled.photo_sha256 == digest
    if is_signed or not place.exists():
        shown = photo if is_signed else b""
        files.write(place, sheet.page(console, enrolled, made, found, shown))
    if options.json:
        told = {"node": enrolled.node, "unit": enrolled.unit, "enrolment": made.digest()}
        console.line(json.dumps({**told, "sheet": str(place)}))
    else:
        console.say("visit_sheet", path=place)


def open_line(context: Context, path: str) -> NodeLine:
    """Return a line to the node on a port, not opened yet."""
    console = context.console

    def notice(word: str) -> None:
        if not context.options.json:
            console.say("visit_" + word)

    port = serial_port.SerialPort(path)
    return NodeLine(port, serial_port.WallClock(), os.urandom(SESSION_BYTES), notice)


def read_photo(path: Path | None) -> bytes:
    """Return a JPEG, or nothing; raises `LocalFault("tool.photo")` for anything else."""
    if path is None:
        return b""
    data = read(path, sheet.PHOTO_BYTES_MAX)
    if data[:3] != b"\xff\xd8\xff":
        raise LocalFault("tool.photo", f"{path} is no JPEG", "Choose a JPEG of at most 8 MB.")
    return data


def read_kit(path: Path) -> Kit:
    """Return a kit after checking that the hub whose root it holds signed it."""
    found, given = kit.read(read(path, KIT_BYTES_MAX))
    signature.check_hub(found, given, "kit")
    return found


def choose_port(context: Context) -> str:
    """Find the node's port: every USB port is asked; several nodes are listed to choose from."""
    candidates = serial_port.find()
    if not candidates:
        raise WorldFault("service.none", "no USB serial port is here", "Plug the node's cable in.")
    answers = asyncio.run(_probe_all(context, [one.path for one in candidates]))
    nodes = [(path, text) for path, text in answers if not isinstance(text, Fault)]
    if not nodes:
        raise answers[0][1]  # type: ignore[misc]
    if len(nodes) == 1:
        return nodes[0][0]
    if context.options.json:
        raise LocalFault("tool.port", "several nodes are plugged in", "Name one with --port.")
    return asyncio.run(
        Terminal(context.console).choose("visit_ports", [(a, f"{a}  {b}") for a, b in nodes])
    )


async def _probe_all(context: Context, paths: list[str]) -> list[tuple[str, str | Fault]]:
    return list(await asyncio.gather(*(_probe(context, path) for path in paths)))


async def _probe(context: Context, path: str) -> tuple[str, str | Fault]:
    """Return (path, the node's id), or why no node speaks there."""
    line = open_line(context, path)
    try:
        await line.open()
        known, _ = await line.ask("identity")
        return path, f"{known.value('node')} {known.value('name')}".strip()
    except Fault as fault:
        return path, fault
    finally:
        await line.close()


def _batch(path: Path) -> tuple[list[dict[str, Any]], str]:
    try:
        value = json.loads(read(path, BATCH_BYTES_MAX))
        entries, phrase = value["nodes"], str(value["root_phrase"])
    except (ValueError, KeyError, TypeError) as error:
        raise LocalFault(
            "tool.batch", f"{path}: {error}", 'Write {"root_phrase": "…", "nodes": [{…}]}.'
        ) from error
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise LocalFault("tool.batch", f"{path}: nodes is no list", "List one object per node.")
    return entries, phrase
