"""What nodes fetch: metadata, manifests and media. Static files, so any HTTP cache may help."""

import hashlib
import os
import re
from pathlib import Path

from aiohttp import web

from hub.answers import not_found
from hub.services import SERVICES

IMMUTABLE = "public, max-age=31536000, immutable"
# A cache may keep a unit's timestamp only if it asks each time.
FRESH = "no-cache"

UNIT = r"{unit:[a-z0-9]{1,8}\.[a-z0-9]{1,16}}"
_SEGMENT = re.compile(r"[A-Za-z0-9_%-][A-Za-z0-9._%-]{0,127}")
_TARGET_DEPTH_MAX = 6
# Metadata are small and asked for by every node: keep the newest few hundred in memory.
_KEPT_MAX = 512

# A sound of two seconds, a picture of a board; 16 MB of memory at most.
SMALL_BYTES_MAX = 32 * 1024
# What asks for a part of a file, or for none of it.
_CONDITIONS = (
    *("Range", "If-Range", "If-Match", "If-None-Match"),
    *("If-Modified-Since", "If-Unmodified-Since"),
)

_Stamp = tuple[int, int, int]


class MetadataFiles:
    """Read small files through a cache that notices every replacement."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[_Stamp, bytes, str]] = {}

    def read(self, path: Path, bytes_max: int | None = None) -> tuple[bytes, str] | None:
        """Return a file's bytes and ETag, or None when it is not there or too long."""
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if bytes_max is not None and status.st_size > bytes_max:
            return None
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == stamp:
            return kept[1], kept[2]
        data = path.read_bytes()
        etag = self.etag(status, data)
        if len(self._kept) >= _KEPT_MAX:
            self._kept.pop(next(iter(self._kept)))
        self._kept[path] = (stamp, data, etag)
        return data, etag

    def etag(self, _status: os.stat_result, data: bytes) -> str:
        """Return a file's ETag."""
        return hashlib.sha256(data).hexdigest()[:32]


class SmallBlobs(MetadataFiles):
    """Read small media through such a cache."""

    def etag(self, status: os.stat_result, _data: bytes) -> str:
        """Return the ETag that `web.FileResponse` gives the same file when a part is asked for."""
        return f"{status.st_mtime_ns:x}-{status.st_size:x}"


METADATA_FILES = web.AppKey("metadata_files", MetadataFiles)
SMALL_BLOBS = web.AppKey("small_blobs", SmallBlobs)


def find_metadata(
    root: Path, files: MetadataFiles, unit: str, name: str
) -> tuple[bytes, str] | None:
    """Return the bytes and ETag of a file of a unit's view, or None.

    The view is the unit's own timestamp and snapshots over the shared role files; `root` is the
    repository's folder.
    """
    if not _SEGMENT.fullmatch(name) or not name.endswith(".json"):
        return None
    own = root / "units" / unit / "metadata"
    found = files.read(own / name)
    if found is None and name != "timestamp.json" and own.is_dir():
        found = files.read(root / "metadata" / name)
    return found


def find_target(root: Path, files: MetadataFiles, path: str) -> tuple[bytes, str] | None:
    """Return the bytes and ETag of a manifest under its consistent-snapshot name, or None."""
    parts = path.split("/")
    if len(parts) > _TARGET_DEPTH_MAX or not all(_SEGMENT.fullmatch(part) for part in parts):
        return None
    return files.read((root / "targets").joinpath(*parts))


async def metadata(request: web.Request) -> web.StreamResponse:
    """Serve a file of a unit's view."""
    root = request.app[SERVICES].config.repository
    unit, name = request.match_info["unit"], request.match_info["file"]
    found = find_metadata(root, request.app[METADATA_FILES], unit, name)
    if found is None:
        raise not_found()
    data, etag = found
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": IMMUTABLE if name[0].isdigit() else FRESH,
    }
    matches = request.if_none_match or ()
    if any(match.value in (etag, "*") for match in matches):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type="application/json", headers=headers)


async def target(request: web.Request) -> web.StreamResponse:
    """Serve a manifest."""
    root = request.app[SERVICES].config.repository
    found = find_target(root, request.app[METADATA_FILES], request.match_info["path"])
    if found is None:
        raise not_found()
    headers = {"ETag": f'"{found[1]}"', "Cache-Control": IMMUTABLE}
    return web.Response(body=found[0], content_type="application/json", headers=headers)


async def blob(request: web.Request) -> web.StreamResponse:
    """Serve media, whole or by range; small ones from memory."""
    sha256 = request.match_info["sha256"]
    if not await request.app[SERVICES].blobs.fetch(sha256):
        raise not_found()
    path = request.app[SERVICES].blobs.path(sha256)
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": IMMUTABLE}
    if not any(name in request.headers for name in _CONDITIONS):
        found = request.app[SMALL_BLOBS].read(path, SMALL_BYTES_MAX)
        if found is not None:
            return web.Response(body=found[0], headers={**headers, "ETag": f'"{found[1]}"'})
    return web.FileResponse(path, headers=headers)


ROUTES = [
    web.get(f"/v1/units/{UNIT}/metadata/{{file}}", metadata),
    web.get("/v1/targets/{path:.+}", target),
    web.get("/v1/blobs/{sha256}", blob),
]
