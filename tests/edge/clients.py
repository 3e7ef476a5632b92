"""The client under test in its several bodies: in this process, and as a command."""

import asyncio
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

from edge.metadata_fetch import MetadataFetch
from hw import ports
from hw.linux.storage import Storage
from hw.linux.verifier import Verifier
from protocols.errors import Fault, WorldFault
from protocols.trust import quote
from tests.edge.repository import NOW, Repository

TOP = Path(__file__).parents[2]
INTERPRETERS = {
    "python": [sys.executable],
    "micropython": [".cache/micropython/bin/micropython", "-X", "heapsize=256k"],
    "micropython32": [".cache/micropython/bin/micropython32", "-X", "heapsize=160k"],
}


class _Response(ports.Response):
    def __init__(self, data: bytes | int):
        self.status = data if isinstance(data, int) else 200
        self.headers = {}
        self._data = b"" if isinstance(data, int) else data

    async def read(self, count: int) -> bytes:
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    async def close(self) -> None:
        pass


class MemoryLink(ports.Link):
    """Answer from a repository without a network."""

    def __init__(self, repository: Repository):
        self._repository = repository

    async def request(self, method, url, headers, body):
        assert method == "GET" and url.startswith("http://repository/")
        data = self._repository.fetch(url[len("http://repository/") :])
        if data == 0:
            raise WorldFault("link.cut", "cut", "try again")
        return _Response(data)


class Client:
    """The client's two folders, and what is in them."""

    def __init__(self, folder: Path, repository: Repository):
        self.repository = repository
        self.metadata = folder / "metadata"
        self.targets = folder / "targets"
        self.metadata.mkdir()
        self.targets.mkdir()
        self.code = ""

    def init(self, root: bytes | None = None) -> int:
        """Trust a root, by default the repository's first."""
        raise NotImplementedError

    def refresh(self, now_s: int | None = None) -> int:
        """Run an update cycle; return the exit status and keep the fault's code."""
        raise NotImplementedError

    def download(self, *paths: str, now_s: int | None = None) -> int:
        """Run an update cycle and download targets."""
        raise NotImplementedError

    def trusted(self) -> dict[str, int]:
        """Return the version of every metadata file that stands, by file name without `.json`."""
        from tuf.api.metadata import Metadata

        versions = {}
        for name in os.listdir(self.metadata):
            if name.endswith(".json"):
                metadata = Metadata.from_file(str(self.metadata / name))
                versions[name[:-5]] = metadata.signed.version
        return versions

    def held(self) -> dict[str, bytes]:
        """Return everything that stands anywhere under the targets folder."""
        found = {}
        for folder, _, names in os.walk(self.targets):
            for name in names:
                found[name] = (Path(folder) / name).read_bytes()
        return found

    def staged(self) -> list[str]:
        """Return what was left staged."""
        return [str(path) for path in self.metadata.glob(".staged/**/*") if path.is_file()]

    def put(self, role: str, data: bytes) -> None:
        """Place a metadata file as an earlier cycle would have."""
        (self.metadata / (quote(role) + ".json")).write_bytes(data)


class InProcess(Client):
    """Drive `MetadataFetch` without a network, at any time."""

    verifier = Verifier

    def init(self, root: bytes | None = None) -> int:
        self.put("root", root or self.repository.files["metadata/1.root.json"])
        return 0

    def refresh(self, now_s: int | None = None) -> int:
        return self.download(now_s=now_s)

    def download(self, *paths: str, now_s: int | None = None) -> int:
        try:
            asyncio.run(self._update(paths, now_s or int(NOW.timestamp())))
        except Fault as fault:
            self.code = fault.code
            assert fault.remedy and fault.message
            return 1
        self.code = ""
        return 0

    async def _update(self, paths, now_s: int) -> None:
        link = MemoryLink(self.repository)
        storage = Storage(str(self.metadata))
        base = "http://repository/"
        fetch = MetadataFetch(
            link, storage, self.verifier(), base + "metadata", base + "targets", folder=""
        )
        await fetch.refresh(now_s)
        for path in paths:
            target = await fetch.find_target(path)
            store = Storage(str(self.targets), str(self.metadata / ".staged/targets"))
            await fetch.download_target(target, store, quote(path))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        data = self.server.repository.fetch(self.path.lstrip("/"))
        if isinstance(data, int):
            self.send_error(data or 500)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


class Command(Client):
    """Run `edge.tuf_client` of one interpreter against a real server."""

    interpreter = "python"

    def __init__(self, folder: Path, repository: Repository):
        super().__init__(folder, repository)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.repository = repository
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._base = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def run(self, *words: str) -> int:
        """Run the command with words; return its exit status."""
        command = [*INTERPRETERS[self.interpreter], "-m", "edge.tuf_client", *words]
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        assert "Traceback" not in done.stdout, done.stdout
        self.code = done.stderr.split(":")[0] if done.returncode else ""
        return done.returncode

    def init(self, root: bytes | None = None) -> int:
        path = self.metadata.parent / "trusted_root.json"
        path.write_bytes(root or self.repository.files["metadata/1.root.json"])
        return self.run("--metadata-dir", str(self.metadata), "init", str(path))

    def refresh(self, now_s: int | None = None) -> int:
        assert now_s is None
        where = ["--metadata-url", self._base + "metadata/", "--metadata-dir", str(self.metadata)]
        return self.run(*where, "refresh")

    def download(self, *paths: str, now_s: int | None = None) -> int:
        assert now_s is None
        words = ["--metadata-url", self._base + "metadata", "--metadata-dir", str(self.metadata)]
        for path in paths:
            words += ["--target-name", path]
        words += ["--target-dir", str(self.targets), "--target-base-url", self._base + "targets"]
        return self.run(*words, "download")


class MicroPython(Command):
    """The command under 64-bit MicroPython with a 256 KiB heap."""

    interpreter = "micropython"


class MicroPython32(Command):
    """The command under 32-bit MicroPython with a 160 KiB heap."""

    interpreter = "micropython32"


CLIENTS = {
    "in-process": InProcess,
    "python": Command,
    "micropython": MicroPython,
    "micropython32": MicroPython32,
}
