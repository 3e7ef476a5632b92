"""`chieng-tool image`: make the application image of a Linux board from this tree's own sources.

The same sources make the same bytes: files in the order of their names, dated 0.
"""

from pathlib import Path
from typing import Any

from hub.repository.durable import Disk
from protocols import image, tar
from tools.context import Context

TOP = Path(__file__).parents[1]
# What a Linux board never loads: simulations, the other platform, and what stays outside images.
LEFT_OUT = ("hw/sim/", "hw/micropython/", "hw/linux/chooser.py")


def add_parser(commands: Any) -> None:
    """Add the command."""
    make = commands.add_parser("image", help="tạo ảnh phần mềm / make an application image")
    make.set_defaults(run=run)
    make.add_argument("out", type=Path, help="the image's file")
    make.add_argument("--tree", type=Path, default=TOP, help="folder of edge/, hw/, protocols/")


def run(context: Context) -> None:
    """Write the image."""
    options = context.options
    files = members(options.tree)
    Disk().write(options.out, pack(files))
    context.console.say("image_made", path=options.out, count=len(files))


def members(tree: Path) -> dict[str, bytes]:
    """Return what goes into an image of a tree, by path."""
    found = {}
    for folder in image.FOLDERS:
        for path in sorted((tree / folder).rglob("*")):
            name = path.relative_to(tree).as_posix()
            if path.suffix in (".py", ".mpy") and not name.startswith(LEFT_OUT):
                found[name] = path.read_bytes()
    return found


def pack(files: dict[str, bytes]) -> bytes:
    """Return the image of these files."""
    pieces = []
    for name in sorted(files):
        data = files[name]
        pieces += [tar.header(name, len(data)), data, tar.padding(len(data))]
    return b"".join([*pieces, tar.END])
