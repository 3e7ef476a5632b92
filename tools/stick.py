"""`chieng-tool stick`: packs for cut-off communes out, nodes' records home."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from protocols import carried
from protocols import stick as layout
from protocols.errors import Fault, LocalFault
from protocols.limits import STICK_MARK_BYTES_MAX
from tools import stick_pack
from tools.context import Context, date
from tools.key_files import read
from tools.stick_collect import batches, collect
from tools.stick_collect import read as read_batch
from tools.stick_write import check_folder, write

DAYS = 14


def add_parser(commands: Any) -> None:
    """Add the command and its three verbs."""
    command = commands.add_parser("stick", help="USB cho xã mất mạng / sticks for cut-off communes")
    verbs = command.add_subparsers(dest="verb", required=True, metavar="VERB")
    writing = _verb(verbs, "write", "chép gói vào USB / write packs to a stick", write)
    source = writing.add_mutually_exclusive_group(required=True)
    source.add_argument("--hub", help="https://hub.example")
    source.add_argument("--node", help="http://192.168.1.20:8100, nút có bật lan / with `lan` on")
    writing.add_argument("--unit", action="append", required=True, help="đơn vị / may be repeated")
    writing.add_argument("--days", type=int, default=DAYS, help="số ngày chương trình / of media")
    collecting = _verb(verbs, "collect", "đưa nhật ký về máy chủ / bring records home", collect)
    _hub(collecting)
    collecting.add_argument("--keep", action="store_true", help="không xóa / leave the files")
    _verb(verbs, "show", "xem USB có gì / show what is on a stick", show)


def _verb(verbs: Any, name: str, text: str, run: Callable[[Context], None]) -> Any:
    parser = verbs.add_parser(name, help=text)
    parser.set_defaults(run=run)
    parser.add_argument("--out", type=Path, required=True, help="thư mục của USB / its folder")
    return parser


def _hub(parser: Any) -> None:
    parser.add_argument("--hub", required=True, help="https://hub.example")


def show(context: Context) -> None:
    """Say what is on a stick and whether it is whole; nothing on it is changed."""
    out, console = context.options.out, context.console
    check_folder(out)
    if (out / layout.MARK).is_file():
        written_s = layout.read_mark(read(out / layout.MARK, STICK_MARK_BYTES_MAX))
        console.say("stick_since", date=date(written_s))
    else:
        console.say("stick_unmarked")
    bad = 0
    for path in sorted((out / layout.PACKS).glob("*.pack")):
        bad += not _show_pack(context, path)
    for name, path in batches(out / carried.FOLDER).items():
        try:
            read_batch(path)
        except Fault as fault:
            console.fault(fault)
            bad += 1
        console.say(
            "stick_batch", node=name.node, chain=name.chain, first=name.first, last=name.last
        )
    for path in sorted(out.glob("*.offline-alert.json")):
        console.say("stick_alert", name=path.name)
    if bad:
        raise LocalFault("stick.bad", f"{bad} files are damaged", "Write the stick again.")


def _show_pack(context: Context, path: Path) -> bool:
    try:
        found = stick_pack.check(path)
    except Fault as fault:
        context.console.fault(fault)
        return False
    context.console.say(
        "stick_pack",
        unit=path.name.removesuffix(".pack"),
        version=found.version,
        media=found.media,
        mb=f"{found.bytes / 1024 / 1024:.1f}",
        date=date(found.expires_s),
    )
    return True
