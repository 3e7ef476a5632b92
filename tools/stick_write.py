"""`chieng-tool stick write`: bring packs from a hub, or from a node on the LAN, onto a stick.

A pack is staged as `packs/<unit>.pack.part` with the hub's mark of it beside; what a lost link left
is continued as long as the hub still means the same bytes. Only a pack that was read back and found
whole takes its name.
"""

import os
import shutil
import tempfile
from pathlib import Path

from hub.repository.durable import Disk
from protocols import stick as layout
from protocols.errors import LocalFault, RemoteFault, WorldFault
from protocols.hub_limits import PACK_DAYS_MAX
from protocols.limits import STICK_SPARE_BYTES
from protocols.pack import have
from protocols.units import is_unit_id
from tools import stick_pack
from tools.context import Context, date
from tools.hub_client import Answer, Hub
from tools.stick_node import NodeFiles

_READ_BYTES = 256 * 1024
# Made durable at a time: what pulling the stick throws away at most.
_FLUSH_BYTES = 16 * 1024 * 1024
_MEGA = 1024 * 1024


def write(context: Context) -> None:
    """Write the packs of every unit named, then the mark that makes the stick ours."""
    options = context.options
    hub = Hub(options.node or options.hub)
    for unit in options.unit:
        if not is_unit_id(unit):
            raise LocalFault("tool.unit", f"{unit} is no unit", "Write it as in 03.k7f2.")
    if not 1 <= options.days <= PACK_DAYS_MAX:
        raise LocalFault("tool.days", f"{options.days} days", f"Use 1 to {PACK_DAYS_MAX} days.")
    check_folder(options.out)
    for unit in options.unit:
        download = _Download(context, hub, unit)
        if options.node:
            download.gather()
        else:
            download.run()
    Disk().write(options.out / layout.MARK, layout.build_mark(context.now_s))
    context.console.say("stick_written", path=options.out, count=len(options.unit))


def check_folder(path: Path) -> None:
    """Refuse what is no folder: a stick that is not mounted must not fill the laptop's disk."""
    if not path.is_dir():
        raise LocalFault("tool.stick", f"{path} is no folder", "Plug the stick in and mount it.")


class _Download:
    """Bring one pack."""

    def __init__(self, context: Context, hub: Hub, unit: str):
        self._context = context
        self._hub = hub
        self._unit = unit
        self._days = context.options.days
        self._path = context.options.out / layout.pack_name(unit)
        self._part = self._path.with_name(self._path.name + ".part")
        self._mark = self._path.with_name(self._path.name + ".mark")

    def run(self) -> None:
        """Download, check, and put in place."""
        self._path.parent.mkdir(exist_ok=True)
        path = f"{self._hub.prefix}/v1/units/{self._unit}/pack"
        query = f"?have={have(0, 0)}&days={self._days}"
        with self._hub.ask("GET", path + query, self._range()) as answer:
            if answer.status == 404:
                text = f"the hub has no unit {self._unit}"
                raise RemoteFault("stick.unit", text, "Check the unit's id on the hub's page.")
            if answer.status not in (200, 206):
                text = f"{self._unit}: the hub answers {answer.status}"
                raise WorldFault("stick.status", text, "Look at the hub's log, then try again.")
            try:
                self._save(answer)
            except OSError as error:
                text = f"{self._part}: {error.strerror}"
                raise WorldFault("stick.disk", text, "Check the stick, then try again.") from error
        self._finish()

    def gather(self) -> None:
        """Make the pack of a node's files, check it, and put it in place."""
        self._path.parent.mkdir(exist_ok=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                chosen = NodeFiles(self._hub, self._unit, Path(folder)).pack()
                self._check_room(chosen.length, 0)
                with self._part.open("wb") as file:
                    file.writelines(chosen.pieces())
                    _sync(file.fileno(), file.flush)
        except OSError as error:
            text = f"{error.filename or self._part}: {error.strerror}"
            raise WorldFault("stick.disk", text, "Check the stick, then try again.") from error
        self._finish()

    def _range(self) -> dict[str, str]:
        try:
            begun, mark = self._part.stat().st_size, self._mark.read_text("ascii")
        except (OSError, UnicodeError):
            return {}
        return {"Range": f"bytes={begun}-", "If-Range": mark} if begun else {}

    def _save(self, answer: Answer) -> None:
        left = int(answer.headers.get("Content-Length", "0"))
        begun = self._part.stat().st_size if answer.status == 206 else 0
        span = answer.headers.get("Content-Range", "")
        if answer.status == 206 and not span.startswith(f"bytes {begun}-"):
            text = f"{self._unit}: the hub sent other bytes than asked for"
            raise RemoteFault("stick.range", text, "Run the same command again.")
        if begun:
            self._context.console.say("stick_resumed", unit=self._unit, mb=_mega(begun))
        self._check_room(left, begun)
        self._mark.write_text(answer.headers.get("ETag", ""), "ascii")
        total, told, flushed = begun + left, -1, begun
        with self._part.open("ab" if begun else "wb") as file:
            while piece := answer.read(_READ_BYTES):
                file.write(piece)
                begun += len(piece)
                if begun - flushed >= _FLUSH_BYTES:
                    _sync(file.fileno(), file.flush)
                    flushed = begun
                if begun * 10 // total > told:
                    told = begun * 10 // total
                    self._context.console.say(
                        "stick_progress", unit=self._unit, percent=told * 10, mb=_mega(begun)
                    )
            _sync(file.fileno(), file.flush)

    def _check_room(self, needed: int, begun: int) -> None:
        free = shutil.disk_usage(self._path.parent).free
        # The part that a new download replaces gives its room back.
        if not begun and self._part.exists():
            free += self._part.stat().st_size
        if needed + STICK_SPARE_BYTES > free:
            text = f"{self._unit} needs {_mega(needed)} MB, {_mega(free)} MB are free"
            remedy = "Delete other files, take fewer --days, or use a larger stick."
            raise WorldFault("stick.full", text, remedy)
        if needed + begun > stick_pack.FILE_BYTES_MAX:
            text = f"{self._unit} is {_mega(needed + begun)} MB"
            raise LocalFault("stick.large", text, "Take fewer --days: a file on FAT ends at 4 GB.")

    def _finish(self) -> None:
        try:
            contents = stick_pack.check(self._part)
        except RemoteFault:
            self._part.unlink()
            self._mark.unlink(missing_ok=True)
            raise
        self._part.replace(self._path)
        self._mark.unlink(missing_ok=True)
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._context.console.say(
            "stick_pack",
            unit=self._unit,
            version=contents.version,
            media=contents.media,
            mb=_mega(contents.bytes),
            date=date(contents.expires_s),
        )


def _mega(count: int) -> str:
    return f"{count / _MEGA:.1f}"


def _sync(descriptor: int, flush: "object") -> None:
    flush()  # type: ignore[operator]
    os.fsync(descriptor)
