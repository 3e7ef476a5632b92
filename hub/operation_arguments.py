"""The words of the operator's commands."""

from collections.abc import Callable
from typing import Any

from hub import retention

KEEP = 14


def add(commands: Any, command: Callable[..., Any]) -> None:
    """Add `migrate`, `backup`, `restore`, `join`, `export`, `doctor` and `retain`."""
    command(commands, "migrate", "Bring the database to the newest schema.")
    backup = command(commands, "backup", "Copy the hub while it runs.")
    backup.add_argument("--to", required=True, metavar="DIR", help="best on another disk")
    backup.add_argument("--keep", type=int, default=KEEP, metavar="N", help="newest copies kept")
    restore = command(commands, "restore", "Make a hub in an empty folder from a copy.")
    restore.add_argument(
        "--copy", required=True, metavar="DIR", help="one copy: …/20261124T030000Z"
    )
    restore.add_argument(
        "--signed-files",
        action="append",
        default=[],
        metavar="DIR",
        help="newer signed files from a mirror, a stick or a node; may be repeated",
    )
    join = command(
        commands, "join", "Make a companion, a further hub that serves nodes, of a copy."
    )
    join.add_argument("--copy", required=True, metavar="DIR", help="one copy of the first hub")
    export = command(commands, "export", "Write everything the hub knows in open formats.")
    export.add_argument("--out", required=True, metavar="FILE.zip")
    doctor = command(commands, "doctor", "Look the hub over; exit 1 when something needs doing.")
    doctor.add_argument("--copies", metavar="DIR", help="where backups are kept")
    retain = command(commands, "retain", "Show or set how long things are kept; erase the older.")
    retain.add_argument("verb", choices=("show", "set", "unused", "erase"))
    for name in retention.Kept._fields:
        retain.add_argument(f"--{name}", type=int, metavar="DAYS")
