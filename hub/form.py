"""Read what a page's form sends: bounded text fields, and one recording straight into a blob."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import parse_qs

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from hub.blobs import Blobs
from hub.serving import read_body
from protocols.errors import RemoteFault
from protocols.hub_limits import (
    BULLETIN_TEXT_BYTES_MAX,
    FORM_BYTES_MAX,
    FORM_FIELDS_MAX,
    HUB_STALL_S_MAX,
    UPLOAD_BYTES_MAX,
)

T = TypeVar("T")
_BROKEN = (HttpProcessingError, web.RequestPayloadError, ValueError, AssertionError, EOFError)


class Form:
    """Hold a form's text fields, and the recording's SHA-256 when one was chosen."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.upload: str | None = None
        self.upload_name = ""

    def one(self, name: str, otherwise: str = "") -> str:
        """Return the first value of a field."""
        return self.fields.get(name, [otherwise])[0]

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return self.fields.get(name, [])

    def version(self) -> int | None:
        """Return which version its writer had before him, when the form says so."""
        return self.number("version", -1) if self.one("version") else None

    def number(self, name: str, otherwise: int) -> int:
        """Return a field as a whole number, -1 for what is none."""
        text = self.one(name).strip()
        if not text:
            return otherwise
        return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1


async def read(request: web.Request, blobs: Blobs | None = None) -> Form:
    """Read a form of either encoding; a recording is taken only where `blobs` is given.

    Raises `RemoteFault` with `form.broken`, `http.too_large`, `http.stalled`, `blob.too_long`.
    """
    if request.content_type == "multipart/form-data":
        try:
            return await _multipart(request, blobs)
        except _BROKEN as error:
            raise _broken() from error
    form = Form()
    data = await read_body(request, FORM_BYTES_MAX)
    try:
        form.fields = parse_qs(
            data.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict"
        )
    except ValueError as error:
        raise _broken() from error
    return form


async def _multipart(request: web.Request, blobs: Blobs | None) -> Form:
    form = Form()
    reader = await request.multipart()
    for _ in range(FORM_FIELDS_MAX):
        part = await _soon(reader.next())
        if part is None:
            return form
        if not isinstance(part, BodyPartReader) or not part.name:
            raise _broken()
        if part.filename is None:
            form.fields.setdefault(part.name, []).append(await _text(part))
        elif blobs is None:
            if await _soon(part.read_chunk()):
                raise _broken()
        else:
            await _recording(part, blobs, form)
    raise _broken()


async def _text(part: BodyPartReader) -> str:
    data = b""
    while piece := await _soon(part.read_chunk()):
        data += piece
        if len(data) > 2 * BULLETIN_TEXT_BYTES_MAX:
            raise RemoteFault("bulletin.long", "a field is too long", "Shorten it.")
    return data.decode()


async def _recording(part: BodyPartReader, blobs: Blobs, form: Form) -> None:
    with blobs.draft(UPLOAD_BYTES_MAX) as draft:
        while piece := await _soon(part.read_chunk(256 * 1024)):
            draft.write(piece)
        if draft.length:
            form.upload = (await asyncio.to_thread(draft.commit)).sha256
            form.upload_name = (part.filename or "")[:80]


async def read_files(
    request: web.Request,
    field: str,
    files_max: int,
    bytes_max: int,
    too_long: str = "form.file_long",
) -> list[tuple[str, bytes]]:
    """Return (name, bytes) of the files of a field, none of which becomes a blob.

    Raises `RemoteFault` (`form.broken`, `form.files`, `too_long`, `http.stalled`).
    """
    if request.content_type != "multipart/form-data":
        return []
    found: list[tuple[str, bytes]] = []
    try:
        reader = await request.multipart()
        while (part := await _soon(reader.next())) is not None:
            if not isinstance(part, BodyPartReader) or part.name != field:
                raise _broken()
            if len(found) >= files_max:
                raise RemoteFault("form.files", "too many files", f"At most {files_max} at once.")
            data = b""
            while piece := await _soon(part.read_chunk()):
                data += piece
                if len(data) > bytes_max:
                    raise RemoteFault(too_long, "a file is too long", "Choose others.")
            if data:
                found.append(((part.filename or "")[:200], data))
    except _BROKEN as error:
        raise _broken() from error
    return found


async def _soon(waiting: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(HUB_STALL_S_MAX):
            return await waiting
    except TimeoutError:
        raise RemoteFault(
            "http.stalled", "the upload stopped", "Send it again on a better link."
        ) from None


def _broken() -> RemoteFault:
    return RemoteFault("form.broken", "the form did not arrive whole", "Send it once more.")
