"""Style sheets, scripts, icons, samples: read once, compressed once, named by their content."""

import gzip
import hashlib
import mimetypes
from pathlib import Path

from aiohttp import web

from hub.answers import not_found
from hub.static_files import IMMUTABLE

_FOLDER = Path(__file__).parent / "static"
_SUFFIXES = (".css", ".js", ".svg", ".csv")


class Assets:
    """Hold every file of `hub/static`."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, bytes, str]] = {}
        self._names: dict[str, str] = {}
        for path in sorted(_FOLDER.rglob("*")):
            if path.suffix in _SUFFIXES:
                data = path.read_bytes()
                tag = hashlib.sha256(data).hexdigest()[:12]
                media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                self._files[f"{tag}/{path.name}"] = (data, gzip.compress(data, 9), media_type)
                self._names[path.name] = f"/static/{tag}/{path.name}"

    def url(self, name: str) -> str:
        """Return the address of a file."""
        return self._names[name]

    def answer(self, name: str, accepts_gzip: bool) -> web.Response:
        """Return a file, compressed where the browser accepts it."""
        if name not in self._files:
            raise not_found()
        plain, packed, media_type = self._files[name]
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        if accepts_gzip:
            headers["Content-Encoding"] = "gzip"
        body = packed if accepts_gzip else plain
        return web.Response(body=body, content_type=media_type, charset="utf-8", headers=headers)


ASSETS = web.AppKey("assets", Assets)


async def get(request: web.Request) -> web.Response:
    """Serve one asset."""
    accepts_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    name = f"{request.match_info['tag']}/{request.match_info['name']}"
    return request.app[ASSETS].answer(name, accepts_gzip)


ROUTES = [web.get("/static/{tag}/{name}", get)]
