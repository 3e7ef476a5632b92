"""A server that is no good bucket: its answers are of another length than it says."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hub import bucket
from hub.bucket_blobs import BucketBlobs
from protocols.errors import WorldFault

KEYS = {"access_key_id": "AKIACHIENG", "secret_access_key": "a secret"}


def test_an_answer_of_another_length_is_an_answer_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.bucket_blobs.AWAY_S", 0)

    class Strange(BaseHTTPRequestHandler):
        body = b""

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            asked = self.headers.get("Range", "")
            self.send_response(206 if asked else 200)
            if asked:
                first, last = asked.removeprefix("bytes=").split("-")
                self.send_header("Content-Range", f"bytes {first}-{last}/1000")
            self.send_header("Content-Length", str(len(self.body) if asked else 1000))
            self.send_header("Last-Modified", "Tue, 24 Nov 2026 03:00:00 GMT")
            self.send_header("ETag", '"x"')
            self.end_headers()
            if self.command == "GET":
                with contextlib.suppress(OSError):
                    self.wfile.write(self.body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Strange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KEYS))
    keys.chmod(0o600)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    blobs = BucketBlobs(
        tmp_path / "blobs",
        bucket.Bucket(bucket.Place("strange", endpoint, keys=str(keys))),
    )
    try:
        for Strange.body in (b"", b"x" * 999, b"x" * 1001, b"x" * 20_000_000):
            with pytest.raises(WorldFault, match="another length"):
                blobs.bring("0" * 64)
    finally:
        server.shutdown()
        server.server_close()
