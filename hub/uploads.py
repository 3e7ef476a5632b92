"""Recordings that arrive in pieces: what was acknowledged is on disk, whatever is cut when.

The offset of an upload is the length of its file; a piece is flushed to disk before its sender
hears of it. A whole upload becomes a blob, and its file goes. What it sounds like stands beside it
as `<upload>.wav` for as long as its author is likely to listen.
"""

import asyncio
import os
import re
import secrets
from functools import partial
from pathlib import Path

from hub.blobs import Blobs, sync_folder
from hub.serving import Body
from hub.store import Ledger, Row, Store, UpTo
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import UPLOAD_BYTES_MAX, UPLOADS_OPEN_MAX

NAME = re.compile(r"u[0-9a-f]{16}")
KEPT_S = 7 * 86400
_NAME_LETTERS_MAX = 80


class Uploads:
    """Keep the files of uploads that are not whole yet."""

    def __init__(self, folder: Path, ledger: Ledger, blobs: Blobs):
        self._folder = folder
        self._ledger = ledger
        self._blobs = blobs
        self._busy: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    async def start(self, account: str, name: str, length: int, now_s: int) -> str:
        """Announce a recording of `length` bytes and return its upload's name.

        Raises `RemoteFault("upload.length")`, `("blob.too_long")`, or `("upload.many")`.
        """
        if length < 1:
            raise RemoteFault("upload.length", "a recording without bytes", "Choose another file.")
        if length > UPLOAD_BYTES_MAX:
            raise RemoteFault("blob.too_long", "the recording is too long", "Compress it.")
        upload = "u" + secrets.token_hex(8)
        row = {
            "upload": upload,
            "account": account,
            "name": "".join(one for one in name if one.isprintable())[:_NAME_LETTERS_MAX],
            "length": length,
            "state": "open",
            "sha256": None,
            "report_json": None,
            "created_s": now_s,
        }

        def keep(store: Store) -> None:
            if store.count("uploads", {"account": account, "state": "open"}) >= UPLOADS_OPEN_MAX:
                raise RemoteFault("upload.many", "too many uploads", "Finish or drop one first.")
            store.add("uploads", row)

        await self._ledger.write(keep)
        return upload

    async def row(self, upload: str, account: str) -> Row:
        """Return an upload's row; raises `RemoteFault("upload.unknown")` for foreign ones too.

        One that a crash or a cut link left between its last byte and its blob is finished first.
        """
        row = await self._row(upload, account)
        is_whole = row["state"] == "open" and self.offset(row) == row["length"]
        if is_whole and upload not in self._busy:
            self._busy.add(upload)
            try:
                await self._finish(upload)
            finally:
                self._busy.discard(upload)
            row = await self._row(upload, account)
        return row

    async def _row(self, upload: str, account: str) -> Row:
        row = await self._ledger.read(partial(_get, upload))
        if row is None or row["account"] != account or row["state"] == "dropped":
            raise RemoteFault("upload.unknown", "there is no such upload", "Begin it anew.")
        return row

    def offset(self, row: Row) -> int:
        """Return how many bytes of an upload are on disk."""
        if row["state"] == "done":
            return int(row["length"])
        path = self._path(row["upload"])
        return path.stat().st_size if path.exists() else 0

    async def append(self, row: Row, offset: int, body: Body) -> int:
        """Append a piece that begins at `offset` and return the offset on disk after it.

        What arrived of a piece that was cut off is kept. Raises `RemoteFault("upload.offset")` for
        a piece that does not follow, `("upload.busy")` for two at once, `("blob.too_long")`.
        """
        upload = row["upload"]
        if upload in self._busy:
            raise RemoteFault("upload.busy", "another piece is on its way", "Wait a moment.")
        self._busy.add(upload)
        try:
            # The last piece may have come since the row was read.
            row = await self._row(upload, row["account"])
            if row["state"] != "open" or offset != self.offset(row):
                raise RemoteFault("upload.offset", "a piece does not follow", "Ask where it is.")
            await self._write(row, body)
            if self.offset(row) == row["length"]:
                await self._finish(upload)
                return int(row["length"])
            return self.offset(row)
        finally:
            self._busy.discard(upload)

    async def _write(self, row: Row, body: Body) -> None:
        left = row["length"] - self.offset(row)
        try:
            with self._path(row["upload"]).open("ab") as file:
                try:
                    while piece := await body.read():
                        left -= len(piece)
                        if left < 0:
                            raise RemoteFault("blob.too_long", "more than announced", "Begin anew.")
                        file.write(piece)
                finally:
                    file.flush()
                    await asyncio.to_thread(os.fsync, file.fileno())
                    await asyncio.to_thread(sync_folder, self._folder)
        except OSError as error:
            raise WorldFault(
                "hub.disk", f"the disk did not take it: {error.strerror}", "Free some space."
            ) from error

    async def _finish(self, upload: str) -> None:
        path = self._path(upload)
        blob = await asyncio.to_thread(self._blobs.put_file, path)

        def note(store: Store) -> None:
            row = store.get("uploads", upload)
            if row is not None and row["state"] == "open":
                changes = {"state": "done", "sha256": blob.sha256}
                store.change("uploads", (upload,), changes)

        await self._ledger.write(note)
        path.unlink(missing_ok=True)

    async def drop(self, row: Row) -> None:
        """Forget an upload; what became a blob stays where it is used."""
        upload = row["upload"]
        await self._ledger.write(lambda s: s.change("uploads", (upload,), {"state": "dropped"}))
        self._path(upload).unlink(missing_ok=True)
        self.preview(upload).unlink(missing_ok=True)

    async def sweep(self, now_s: int) -> None:
        """Drop what nobody went on with for a week, old previews, and files of no upload."""
        old = {"state": "open", "created_s": UpTo(now_s - KEPT_S)}
        for row in await self._ledger.read(lambda s: s.find("uploads", old)):
            path = self._path(row["upload"])
            if not path.exists() or path.stat().st_mtime < now_s - KEPT_S:
                await self.drop(row)
        for path in self._folder.iterdir():
            stem, is_preview = path.stem, path.suffix == ".wav"
            known = await self._ledger.read(partial(_get, stem))
            state = known["state"] if known else ""
            is_old = path.stat().st_mtime < now_s - KEPT_S
            if (state != "done" or is_old) if is_preview else state != "open":
                path.unlink(missing_ok=True)

    def preview(self, upload: str) -> Path:
        """Return where the decoded sound of an upload stands, if somebody has looked into it."""
        return self._path(upload).with_suffix(".wav")

    def _path(self, upload: str) -> Path:
        if not NAME.fullmatch(upload):
            raise RemoteFault("upload.unknown", "there is no such upload", "Begin it anew.")
        return self._folder / upload


def _get(upload: str, store: Store) -> Row | None:
    return store.get("uploads", upload)


def length_of(text: str | None) -> int:
    """Return a length or an offset that a header states, -1 for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else -1
