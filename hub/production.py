"""Make what will play: speech or a recording becomes renditions and board frames.

One bulletin at a time, and beside it one alert, which never waits behind a long bulletin; what a
crash left half made is made again at start.
"""

import asyncio
import logging
import secrets
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from hub import (
    board_image,
    bulletins,
    fleet,
    pictures,
    renditions,
    speech,
    spoken_words,
    timing,
    variants,
)
from hub.blobs import Blobs
from hub.config import Config
from hub.renditions import Rendition
from hub.store import Ledger, Row, Store
from protocols.errors import Fault, RemoteFault
from protocols.limits import PAGES_MAX

_log = logging.getLogger("chieng.hub")

# Making takes minutes at most; another process (the command line) may be at it now.
STALE_S = 3600

Key = tuple[str, int]
Layout = tuple[list[str], list[str]]


class Production:
    """Make bulletins in the order in which they were asked for."""

    def __init__(self, config: Config, ledger: Ledger, blobs: Blobs):
        self._config = config
        self.voices = speech.Voices(config.data)
        self._ledger = ledger
        self._blobs = blobs
        sweep(config.work, config.now_ms() // 1000)
        self._asked: asyncio.Queue[Key] = asyncio.Queue()

    def ask(self, bulletin: str, version: int) -> None:
        """Queue one version of a bulletin."""
        self._asked.put_nowait((bulletin, version))

    async def run(self) -> None:
        """Make what was left and then what is asked for, until cancelled."""
        left = await self._ledger.read(lambda s: s.find("bulletins", {"state": bulletins.MAKING}))
        for row in left:
            self.ask(row["bulletin"], row["version"])
        lanes: dict[bool, asyncio.Queue[Key]] = {False: asyncio.Queue(), True: asyncio.Queue()}
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._serve(lane))
            while True:
                key = await self._asked.get()
                lanes[await self._ledger.read(partial(_is_alert, *key))].put_nowait(key)

    async def _serve(self, lane: "asyncio.Queue[Key]") -> None:
        while True:
            await self.make(*await lane.get())

    async def make(self, bulletin: str, version: int) -> None:
        """Make one version; what goes wrong is kept with it as a fault code."""
        now_s = self._config.now_ms() // 1000
        try:
            row = await self._ledger.read(lambda s: bulletins.current(s, bulletin))
            if row["version"] != version or row["state"] != bulletins.MAKING:
                return
            made = await self._make(row)
        except Exception as error:
            fault = error if isinstance(error, Fault) else None
            code = fault.code if fault else "bulletin.making"
            _log.warning("%s.%d was not made: %s", bulletin, version, error, exc_info=not fault)
            await self._ledger.write(lambda s: bulletins.failed(s, bulletin, version, code, now_s))
            return
        await self._ledger.write(lambda s: bulletins.made(s, bulletin, version, made, now_s))

    async def _make(self, row: Row) -> dict[str, Any]:
        reading = ""
        files: list[Rendition] = []
        spoken = [dict(one) for one in row["variants"]]
        with tempfile.TemporaryDirectory(dir=self._config.work) as name:
            folder = Path(name)
            if bulletins.is_heard(row):
                source, cut, reading = await self._sound(row, row["text"], folder)
                others = [
                    (one, await self._variant(row, one, folder))
                    for one in spoken
                    if variants.is_heard(one)
                ]
                if row["class"] == "emergency" and others:
                    # An alert is one sound: every language of it, one after another.
                    source, cut = (
                        await renditions.join(
                            [(source, cut), *(found for _, found in others)], folder
                        ),
                        renditions.WHOLE,
                    )
                    others = []
                files = await self._files(source, cut, folder)
                for one, found in others:
                    one["renditions"] = _plain(await self._files(*found, folder))
        return {
            "renditions": _plain(files),
            "variants": spoken,
            "frames": await self._frames(row),
            "spoken": reading,
        }

    async def _files(self, source: Path, cut: renditions.Cut, folder: Path) -> list[Rendition]:
        return await renditions.make(source, self._blobs.put_file, folder, cut)

    async def _sound(self, row: Row, text: str, folder: Path) -> tuple[Path, renditions.Cut, str]:
        """Return a version's sound, where it is cut, and what a voice reads in it."""
        making = row["making"]
        if row["upload_sha256"] is not None:
            cut = tuple(making.get("cut_ms", renditions.WHOLE))
            return await self._blobs.fetched(row["upload_sha256"]), cut, ""
        dictionary = await self._ledger.read(spoken_words.dictionary)
        reading = speech.reading_of(text, making, dictionary)
        speed = making.get("speed", speech.WORDS_PER_MINUTE_DEFAULT)
        source = folder / "speech.wav"
        await self.voices.synthesise(reading, source, row["voice"], speed)
        return source, renditions.WHOLE, reading

    async def _variant(self, row: Row, one: Row, folder: Path) -> tuple[Path, renditions.Cut]:
        """Return a variant's recording and where it is cut, or what a voice reads of it."""
        if one["upload"]:
            return await self._blobs.fetched(one["upload"]), tuple(
                one["cut_ms"] or renditions.WHOLE
            )
        said = {**row, "upload_sha256": None, "making": {}}
        scratch = folder / "variant"
        scratch.mkdir()
        source, cut, _ = await self._sound(said, one["text"], scratch)
        return source, cut

    async def _frames(self, row: Row) -> list[dict[str, Any]]:
        """Return the frames of every size of board: the pictures first, then the text.

        `tongues` are the same once more, for whoever asks for other languages.
        """
        texts = variants.written(row)
        if not texts and not row["pictures"]:
            return []
        sizes, layouts = await self._ledger.read(lambda s: self._boards(s, row))
        if not sizes and not bulletins.is_heard(row):
            raise RemoteFault("picture.nowhere", "no board is here", "Add a text or a recording.")
        found = [await asyncio.to_thread(self._drawn, row, texts, layouts, size) for size in sizes]
        if any(len(bulletins.frames(one)) > PAGES_MAX for one in found):
            raise RemoteFault("board.text", "too many pages in all languages", "Shorten it.")
        return found

    def _drawn(
        self, row: Row, texts: dict[str, str], layouts: list[Layout], size: str
    ) -> dict[str, Any]:
        shown = [
            self._keep(pictures.fit_to(self._blobs.brought(one["picture"]).read_bytes(), size))
            for one in row["pictures"]
        ]
        width, height, channels = (int(number) for number in size.split("x"))

        def frames(languages: list[str]) -> list[dict[str, Any]]:
            said = [texts[one] for one in languages if one in texts]
            is_urgent = row["class"] == "emergency"
            drawn = board_image.render_tongues(said, width, height, channels, is_urgent)
            return shown + [self._keep(one) for one in drawn]

        found = {"profile": f"board-{size}", "frames": frames([row["language"]])}
        others = [
            {"asked": asked, "languages": languages, "frames": frames(languages)}
            for asked, languages in layouts
        ]
        return {**found, "tongues": others} if others else found

    def _boards(self, store: Store, row: Row) -> tuple[list[str], list[Layout]]:
        """Return the sizes of a bulletin's boards, and the orders of languages to draw for."""
        today = timing.local_time(self._config.now_ms() // 1000, self._config.utc_offset_min)
        units = fleet.standing_on(store, today.date().isoformat())
        sizes = fleet.board_profiles(store, fleet.subtree(units, row["unit"]))
        return sizes, variants.layouts(store, units, row)

    def _keep(self, picture: bytes) -> dict[str, Any]:
        blob = self._blobs.put_bytes(picture)
        return {"sha256": blob.sha256, "length": blob.length}


def _plain(files: list[Rendition]) -> list[dict[str, Any]]:
    return [dict(one._asdict()) for one in files]


def _is_alert(bulletin: str, version: int, store: Store) -> bool:
    row = store.get("bulletin_versions", bulletin, version)
    return row is not None and row["class"] == "emergency"


def sweep(work: Path, now_s: int) -> None:
    """Make the folder for files being made, and drop what a crash left there an hour ago."""
    work.mkdir(parents=True, exist_ok=True)
    for path in work.iterdir():
        if path.stat().st_mtime < now_s - STALE_S:
            shutil.rmtree(path, ignore_errors=True)


def new_name() -> str:
    """Return an opaque name for a new bulletin."""
    return "b" + secrets.token_hex(6)
