"""The client under test in its several bodies: in this process, and as a command."""

import asyncio
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

from edge.metadata_fetch import MetadataFetch
from hw import ports
from hw.linux.storage import Storage
from hw.linux.verifier import Verifier
from protocols.errors import Fault, WorldFault
from protocols.trust import quote
from tests.deadline import killed_after
from tests.edge.repository import NOW, Repository

TOP = Path(__file__).parents[2]
INTERPRETERS = {
    "python": [sys.executable],
    "micropython": [".cache/micropython/bin/micropython", "-X", "heapsize=256k"],
    "micropython32": [".cache/micropython/bin/micropython32", "-X", "heapsize=160k"],
}


class Response(ports.Response):
    """Hold bytes, or only a status; `cut` breaks off in the middle."""

    cut = False

    def __init__(self, data: bytes | int):
        self.status = data if isinstance(data, int) else 200
        self.headers = {}
        self.data = b"" if isinstance(data, int) else data
        self._left = self.data

    async def read(self, count: int) -> bytes:
        if self.cut and len(self._left) <= len(self.data) // 2:
            raise WorldFault("link.cut", "cut", "try again")
        if self.cut:
            count = min(count, len(self.data) // 2 + 1)
        piece, self._left = self._left[:count], self._left[count:]
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
        return Response(data)


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

    def first_root(self) -> bytes:
        """Return the repository's first root."""
        return self.repository.files["metadata/1.root.json"]

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
        self.put("root", self.first_root() if root is None else root)
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
    disable_nagle_algorithm = True

    def do_GET(self):
        number, _, path = self.path.lstrip("/").partition("/")
        data = _SERVED[int(number)].fetch(path)
        if isinstance(data, int):
            self.send_error(data or 500)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


_SERVED: dict[int, Repository] = {}


@functools.cache
def _server() -> str:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


class Command(Client):
    """Run `edge.tuf_client` of one interpreter against a real server."""

    interpreter = "python"

    def __init__(self, folder: Path, repository: Repository):
        super().__init__(folder, repository)
        self._number = len(_SERVED)
        _SERVED[self._number] = repository
        self._base = f"{_server()}{self._number}/"
        self.url = self._base + "metadata/"

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
        path.write_bytes(self.first_root() if root is None else root)
        return self.run("--metadata-dir", str(self.metadata), "init", str(path))

    def refresh(self, now_s: int | None = None) -> int:
        assert now_s is None
        where = ["--metadata-url", self.url, "--metadata-dir", str(self.metadata)]
        return self.run(*where, "refresh")

    def download(self, *paths: str, now_s: int | None = None) -> int:
        assert now_s is None
        words = ["--metadata-url", self._base + "metadata", "--metadata-dir", str(self.metadata)]
        for path in paths:
            words += ["--target-name", path]
        words += ["--target-dir", str(self.targets), "--target-base-url", self._base + "targets"]
        return self.run(*words, "download")


class Loop:
    """One long-lived interpreter that runs commands as they come, one line each."""

    running: ClassVar[dict[str, "Loop"]] = {}

    def __init__(self, interpreter: str):
        # The loop holds more than the command alone, whose heap `INTERPRETERS` says: this protocol,
        # a clock, and what earlier commands left.
        command = list(INTERPRETERS[interpreter])
        if interpreter == "micropython32":
            command[-1] = "heapsize=224k"
        command += ["-m", "tests.edge.tuf_loop"]
        self._process = subprocess.Popen(
            command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @classmethod
    def of(cls, interpreter: str) -> "Loop":
        """Return the loop of an interpreter, started at its first use."""
        if interpreter not in cls.running:
            cls.running[interpreter] = cls(interpreter)
        return cls.running[interpreter]

    @classmethod
    def stop_all(cls) -> None:
        """End every interpreter."""
        while cls.running:
            process = cls.running.popitem()[1]._process
            process.stdin.close()
            process.stdout.close()
            process.wait(10)

    def run(self, now_s: int, words: tuple[str, ...]) -> str:
        """Run one command at a time; return the code of its fault, or nothing."""
        with killed_after(self._process, 120):
            self._process.stdin.write(json.dumps([now_s, *words]) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().rstrip("\n")
            assert answer.startswith("done "), answer + self._process.stdout.read(3000)
        return answer[5:]


class MicroPython(Command):
    """The command in a long-lived 64-bit MicroPython with a 256 KiB heap."""

    interpreter = "micropython"

    def run(self, *words: str) -> int:
        self.code = Loop.of(self.interpreter).run(self._now_s, words)
        return 1 if self.code else 0

    def refresh(self, now_s: int | None = None) -> int:
        self._now_s = now_s or int(NOW.timestamp())
        return super().refresh()

    def download(self, *paths: str, now_s: int | None = None) -> int:
        self._now_s = now_s or int(NOW.timestamp())
        return super().download(*paths)

    _now_s = int(NOW.timestamp())


class MicroPython32(MicroPython):
    """The same in a 32-bit MicroPython with a 160 KiB heap."""

    interpreter = "micropython32"


BODIES = {"cpython": InProcess, "micropython": MicroPython, "micropython32": MicroPython32}
