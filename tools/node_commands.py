"""`chieng-tool node …` and `verify-sheet`: look after a node over its USB cable."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from protocols import canonical, carried, enrolment
from protocols.carried import Name
from protocols.enrolment import Enrolment
from protocols.errors import LocalFault, RemoteFault
from protocols.fields import Fields
from protocols.limits import (
    BLOB_BYTES_MAX,
    CARRIED_HEAD_BYTES_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    RECORD_BATCH_BYTES_MAX,
    SERVICE_PIECE_BYTES_MAX,
)
from protocols.records import CHAINS, HEALTH
from tools import provision, sheet
from tools.context import Context, date
from tools.key_files import read
from tools.node_line import NodeLine
from tools.visit_files import VisitFiles
from tools.visit_guides import Terminal

SHOWN_MAX = 200


def add_parser(commands: Any) -> None:
    """Add the commands."""
    node = commands.add_parser("node", help="xem và chăm cụm thu qua USB / look after a node")
    verbs = node.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, work, text in (
        ("info", info, "ai, ở đâu, lỗi gì / who it is and what is wrong"),
        ("logs", logs, "nhật ký kỹ thuật / what the node wrote down"),
        ("test", test, "kiểm tra chỉ đọc / checks that only read"),
        ("push-pack", push_pack, "chép gói chương trình / hand a pack over"),
        ("pull-records", pull_records, "lấy nhật ký về / carry records home"),
        ("set-clock", set_clock, "đưa giờ máy tính / offer this laptop's time"),
        ("wipe", wipe, "xóa, cần giữ nút / forget all; hold the button"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.set_defaults(run=_on_line(work))
        provision.add_port(verb)
        if name == "push-pack":
            verb.add_argument("file", type=Path)
        if name == "pull-records":
            verb.add_argument("--hub", required=True, help="the hub's address, as nodes know it")
    swap = verbs.add_parser("swap", help="thay cụm thu hỏng / put a new node in an old one's place")
    swap.set_defaults(run=run_swap)
    provision.add_port(swap)
    provision.add_visit(swap)
    swap.add_argument("--old", required=True, help="old node's id on this laptop, or its sheet")
    check = commands.add_parser("verify-sheet", help="kiểm tra biên bản / check a sheet")
    check.set_defaults(run=run_verify_sheet)
    check.add_argument("file", type=Path)


Work = Callable[[Context, NodeLine], Awaitable[dict[str, Any]]]


def _on_line(work: Work) -> Callable[[Context], None]:
    def run(context: Context) -> None:
        options = context.options
        path = (options.port or [provision.choose_port(context)])[0]
        found = asyncio.run(_visited(context, path, work))
        if options.json:
            context.console.line(json.dumps(found, ensure_ascii=False))

    return run


async def _visited(context: Context, path: str, work: Work) -> dict[str, Any]:
    line = provision.open_line(context, path)
    await line.open()
    try:
        return await work(context, line)
    finally:
        await line.close()


async def info(context: Context, line: NodeLine) -> dict[str, Any]:
    """Say who the node is."""
    known, _ = await line.ask("identity")
    found: dict[str, Any] = dict(known.values)
    faults: list[list[str]] = found["faults"]
    if not context.options.json:
        state = context.console.text("info_" + str(found["state"]))
        shown = {**found, "state": state}
        for name in ("node", "name", "unit", "state", "spoken", "clock", "wipes", "free_bytes"):
            context.console.line(f"{context.console.text('info_' + name)}: {shown[name]}")
        for place, code in faults:
            context.console.line(f"! {place}: {code}")
    return found


async def logs(context: Context, line: NodeLine) -> dict[str, Any]:
    """Print the newest health records."""
    entries: list[dict[str, Any]] = []
    async for told, body in _batches(line, HEALTH, "http://laptop.invalid"):
        del told
        entries.extend(json.loads(body)["records"])
    if not context.options.json:
        for one in entries[-SHOWN_MAX:]:
            at = date(one["at_ms"] / 1000) if one["at_ms"] else "—"
            text = canonical.encode(one["body"]).decode()
            context.console.line(f"{at}  {one['kind']}  {text}")
    return {"records": entries[-SHOWN_MAX:]}


async def test(context: Context, line: NodeLine) -> dict[str, Any]:
    """Run the checks that only read."""
    found = []
    for name in ("clock", "modem"):
        told, _ = await line.ask("check", name=name)
        one = told.nested("check").values
        found.append(one)
        if not context.options.json:
            verdict = context.console.text("visit_" + str(one["verdict"]))
            check = context.console.text("check_" + name)
            context.console.say("visit_check", check=check, verdict=verdict, readings="")
    told, _ = await line.ask("faults")
    return {"checks": found, "faults": told.value("faults")}


async def push_pack(context: Context, line: NodeLine) -> dict[str, Any]:
    """Hand a pack over; it goes on where a broken visit stopped."""
    data = read(context.options.file, BLOB_BYTES_MAX)
    digest = hashlib.sha256(data).hexdigest()
    position, is_first = 0, True
    while is_first or position < len(data):
        piece = b"" if is_first else data[position : position + SERVICE_PIECE_BYTES_MAX]
        told, _ = await line.ask("pack", piece, offset=position, length=len(data), sha256=digest)
        position, is_first = told.integer("position", 0, len(data)), False
    if not context.options.json:
        context.console.say("visit_pack", bytes=len(data))
    return {"bytes": len(data), "sha256": digest}


async def pull_records(context: Context, line: NodeLine) -> dict[str, Any]:
    """Carry every record home, in the node's own signed envelopes."""
    files, counts = VisitFiles(context.options.home), 0
    known, _ = await line.ask("identity")
    node, hub = str(known.value("node")), str(context.options.hub)
    for chain in CHAINS:
        async for told, body in _batches(line, chain, hub):
            name, data = _carried(node, chain, told, body)
            files.keep_batch(name, data)
            counts += name.last - name.first + 1
    if not context.options.json:
        context.console.say("visit_records", count=counts)
    return {"node": node, "records": counts}


def _carried(node: str, chain: str, told: Fields, body: bytes) -> tuple[Name, bytes]:
    """Return the name and the file of a batch; raises `RemoteFault` for what is none."""
    try:
        count = len(json.loads(body)["records"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RemoteFault("tool.records", "a batch is none", "Pull once more.") from None
    headers = told.nested("headers")
    given = {name: headers.text(name, 0, CARRIED_HEAD_BYTES_MAX) for name in carried.HEADERS}
    last = told.integer("position", 0, JSON_INTEGER_MAX)
    name = Name(node, chain, told.text("epoch", 1, ID_BYTES_MAX), last - count + 1, last)
    host, path = (told.text(one, 1, CARRIED_HEAD_BYTES_MAX) for one in ("host", "path"))
    return name, carried.build(host, path, given, body)


async def _batches(line: NodeLine, chain: str, hub: str) -> Any:
    """Yield (description, body) of every batch that the node holds of a chain."""
    epoch, position = "", 0
    while True:
        told, _ = await line.ask("batch", chain=chain, hub=hub, epoch=epoch, position=position)
        length = told.integer("length", 0, RECORD_BATCH_BYTES_MAX)
        if not length:
            return
        body = b""
        while len(body) < length:
            _, piece = await line.ask("piece", offset=len(body))
            if not piece:
                raise LocalFault("tool.records", "the batch came short", "Pull once more.")
            body += piece
        epoch, position = str(told.value("epoch")), told.integer("position", 0, 1 << 50)
        yield told, body


async def set_clock(context: Context, line: NodeLine) -> dict[str, Any]:
    """Offer this laptop's time; a node that knows better keeps its own."""
    told, _ = await line.ask("clock", wall_ms=context.now_s * 1000)
    differs = told.value("differs_ms")
    if not context.options.json:
        seconds = differs / 1000 if isinstance(differs, int) else "?"
        context.console.say("visit_clock", clock=told.value("clock"), seconds=seconds)
    return dict(told.values)


async def wipe(context: Context, line: NodeLine) -> dict[str, Any]:
    """Let the node forget everything, once its button is held for five seconds."""
    known, _ = await line.ask("identity")
    if not context.options.json:
        context.console.say("visit_hold")
    told, _ = await line.ask("wipe", wipes=known.value("wipes"))
    if not context.options.json:
        context.console.say("visit_wiped", node=known.value("node"))
    return dict(told.values)


def run_swap(context: Context) -> None:
    """Install a new node in an old one's place."""
    options = context.options
    found = provision.read_kit(options.kit)
    path = (options.port or [provision.choose_port(context)])[0]
    guide = Terminal(context.console)
    asyncio.run(provision.visit(context, path, found, guide, _old(options.old, options.home)))


def _old(name: str, home: Path) -> Enrolment:
    kept = VisitFiles(home).enrolment(name)
    if kept is not None:
        return enrolment.read_enrolment(kept)
    if Path(name).exists():
        return sheet.verify(sheet.read(read(Path(name), sheet.SHEET_BYTES_MAX)))
    raise LocalFault(
        "tool.old", f"nothing is known of {name} here", "Give the old node's sheet (a file)."
    )


def run_verify_sheet(context: Context) -> None:
    """Check that a sheet says what its node signed."""
    data = read(context.options.file, sheet.SHEET_BYTES_MAX)
    given = sheet.read(data)
    found = sheet.verify(given)
    if data.lstrip()[:1] == b"<":
        sheet.check_photo(data, found)
    context.console.say(
        "sheet_whole",
        node=found.node,
        name=found.name,
        unit=found.unit,
        spoken=enrolment.spoken(found.public_key),
        digest=given.digest(),
    )
