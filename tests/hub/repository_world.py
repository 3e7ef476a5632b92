"""A small province on disk, served as static files, read by clients."""

import contextlib
import http.server
import threading
import time
from pathlib import Path

from hub.repository import signers
from hub.repository.ceremony import Founders, found
from hub.repository.online_keys import OnlineKeys
from hub.repository.registry import Unit
from tests.hub.repository_clients import BODIES

# Stock clients read the wall clock, so the world is dated by it.
NOW_S = int(time.time())


class World:
    """Found a province with two communes and serve it."""

    def __init__(self, folder: Path, now_s: int = NOW_S, body: str = "stock"):
        self.folder = folder
        self.body = body
        self.founders = Founders.generate()
        self.online = OnlineKeys.create(folder / "online")
        self.repository = found(
            folder / "repository", self.online, self.founders, ["00", "03"], now_s
        )
        self.approvers = {}
        self.clients = 0
        for unit, ancestors in (("00.prov", []), ("03.a", ["00.prov"]), ("03.b", ["00.prov"])):
            self.add_unit(unit, ancestors, now_s)

    def add_unit(self, unit, ancestors, now_s=NOW_S, **options):
        self.approvers[unit] = [signers.generate() for _ in range(2)]
        keys = [signer.public_key for signer in self.approvers[unit]]
        return self.repository.add_unit(
            Unit(unit, keys, **options), ancestors, self.founders.registrars, now_s
        )

    def publish(self, unit, manifest, now_s=NOW_S):
        return self.repository.sign_bundle(unit, self.approvers[unit][:1], manifest, now_s)

    def __enter__(self):
        self.service = serving(self.folder / "repository")
        self.url = self.service.__enter__()
        return self

    def __exit__(self, *_):
        self.service.__exit__(None, None, None)

    def client(self, unit, name=None):
        """Return a client; the same name again keeps what it trusted before."""
        self.clients += 1
        root = (self.folder / "repository/metadata/1.root.json").read_bytes()
        folder = self.folder / "clients" / (name or str(self.clients))
        return BODIES[self.body](folder, self.url, unit, root)


@contextlib.contextmanager
def serving(root):
    """Serve a repository's folder as static files; give the address that ends in /v1."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(root))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(root):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            parts = self.path.split("/")[2:]
            path = root / "/".join(parts)
            if parts[0] == "units" and not path.exists():
                path = root / "metadata" / parts[-1]
            found = path.is_file()
            data = path.read_bytes() if found else b"absent"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    return Handler
