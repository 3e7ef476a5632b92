"""Recordings in pieces, as tus 1.0.0 (core and creation) has them; and what each sounds like."""

import asyncio
import base64
import binascii
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import web

from hub import access, fault_texts, sound_report
from hub.answers import Handler, not_found, status_of
from hub.pages import part
from hub.services import SERVICES
from hub.serving import Body
from hub.store import Row
from hub.translations import chosen
from hub.uploads import length_of
from protocols.errors import Fault, RemoteFault
from protocols.hub_limits import UPLOAD_PIECE_BYTES_MAX

UPLOAD = r"{upload:u[0-9a-f]{16}}"
TUS = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
# Looking into a recording takes a processor for seconds: one at a time.
LOOKING = web.AppKey("looking", asyncio.Lock)


def told(handler: Handler) -> Handler:
    """Answer faults as JSON in the reader's language, for the script to show."""

    @functools.wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Fault as fault:
            status = 409 if fault.code in _WHERE_IS_IT else status_of(fault)
            said = fault_texts.explain(fault, chosen(request))
            return web.json_response(said, status=status, headers=TUS)

    return guarded


# The sender asks for the offset and goes on from there.
_WHERE_IS_IT = ("upload.offset", "upload.busy")


async def upload_row(request: web.Request) -> Row:
    """Return the row of the upload that a path names; the reader's own."""
    account = access.reader(request).account
    return await request.app[SERVICES].uploads.row(request.match_info["upload"], account)


@told
async def start(request: web.Request) -> web.Response:
    """Announce a recording (`Upload-Length`, `Upload-Metadata: filename …`)."""
    services = request.app[SERVICES]
    length, name = length_of(request.headers.get("Upload-Length")), _name(request)
    account = access.reader(request).account
    upload = await services.uploads.start(account, name, length, services.now_s())
    headers = {**TUS, "Location": f"/uploads/{upload}"}
    return web.Response(status=201, headers=headers)


def _name(request: web.Request) -> str:
    for pair in request.headers.get("Upload-Metadata", "")[:2000].split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return ""
    return ""


async def where(request: web.Request) -> web.Response:
    """Say how much of a recording is on disk."""
    row = await upload_row(request)
    offset = request.app[SERVICES].uploads.offset(row)
    headers = {**TUS, "Upload-Offset": str(offset), "Upload-Length": str(row["length"])}
    if row["state"] == "done":
        headers["X-Sha256"] = row["sha256"]
    return web.Response(headers=headers)


@told
async def append(request: web.Request) -> web.Response:
    """Take the next piece (`Upload-Offset`); what arrived of a cut piece is kept."""
    uploads = request.app[SERVICES].uploads
    row = await upload_row(request)
    if request.content_type != "application/offset+octet-stream":
        raise RemoteFault("upload.type", "no piece of an upload", "Send it as tus 1.0.0 does.")
    offset = length_of(request.headers.get("Upload-Offset"))
    reached = await uploads.append(row, offset, Body(request, UPLOAD_PIECE_BYTES_MAX))
    return web.Response(status=204, headers={**TUS, "Upload-Offset": str(reached)})


@told
async def drop(request: web.Request) -> web.Response:
    """Forget a recording."""
    await request.app[SERVICES].uploads.drop(await upload_row(request))
    return web.Response(status=204, headers=TUS)


async def _report(request: web.Request, row: Row) -> dict[str, Any]:
    services = request.app[SERVICES]
    async with request.app[LOOKING]:
        row, preview = await upload_row(request), services.uploads.preview(row["upload"])
        if row["report_json"] is not None and preview.exists():
            return dict(json.loads(row["report_json"]))
        with tempfile.TemporaryDirectory(dir=services.config.work) as folder:
            source = await services.blobs.fetched(row["sha256"])
            report = await sound_report.inspect(source, Path(folder))
            await asyncio.to_thread(shutil.move, Path(folder) / "plain.wav", preview)
        changes = {"report_json": json.dumps(report, separators=(",", ":"))}
        await services.ledger.write(lambda s: s.change("uploads", (row["upload"],), changes))
    return report


async def show_report(request: web.Request) -> web.Response:
    """Show how a whole recording sounds: length, loudness, clipping, shape, and a way to cut it."""
    row = await upload_row(request)
    if row["state"] != "done":
        raise not_found()
    values = {"row": row, "report": None, "judged": "", "fault": None}
    try:
        report = await _report(request, row)
        values.update(report=report, judged=sound_report.judged(report))
    except Fault as fault:
        values["fault"] = fault_texts.explain(fault, chosen(request))
    return part(request, "sound_part.html", **values)


async def sound(request: web.Request) -> web.StreamResponse:
    """Play a recording as the hub decoded it: never the bytes that were uploaded."""
    row = await upload_row(request)
    path = request.app[SERVICES].uploads.preview(row["upload"])
    if not path.exists():
        raise not_found()
    headers = {"Content-Type": "audio/wav", "Cache-Control": "private, no-cache"}
    return web.FileResponse(path, headers=headers)


def install(app: web.Application) -> None:
    """Add the routes and what they share."""
    app[LOOKING] = asyncio.Lock()
    app.add_routes(
        [
            web.post("/uploads", start),
            web.get(f"/uploads/{UPLOAD}", where),
            web.patch(f"/uploads/{UPLOAD}", append),
            web.delete(f"/uploads/{UPLOAD}", drop),
            web.get(f"/parts/uploads/{UPLOAD}", show_report, allow_head=False),
            web.get(f"/uploads/{UPLOAD}/sound", sound),
        ]
    )
