"""The shipped nginx example in Debian's nginx, before a real hub."""

import asyncio
import shutil
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.hub.conftest import COMMUNE

EXAMPLE = Path(__file__).parents[2] / "tools" / "package" / "nginx.conf"
FRAME = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; user {user};
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/example.conf;
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def example(folder, root, hub_port, port):
    """Return the shipped example with this test's addresses instead of the province's."""
    text = EXAMPLE.read_text()
    for old, new in (
        ("server 127.0.0.1:8080", f"server 127.0.0.1:{hub_port}"),
        ("/var/cache/nginx/chieng", f"{folder}/cache"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("    listen 443 ssl http2;\n", ""),
        ("    ssl_certificate /etc/chieng-hub/tls/fullchain.pem;\n", ""),
        ("    ssl_certificate_key /etc/chieng-hub/tls/privkey.pem;\n", ""),
        ("root /var/lib/chieng-hub", f"root {root}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture(params=["beside the hub", "elsewhere"])
async def ask(request, listener, services, tmp_path):
    """Ask nginx that can read the hub's folder, or one that can only ask the hub."""
    folder, port = tmp_path / "nginx", free_port()
    folder.mkdir()
    root = services.config.data if request.param == "beside the hub" else tmp_path / "nothing"
    (folder / "example.conf").write_text(example(folder, root, listener.port, port))
    frame = FRAME.format(folder=folder, user=Path(folder).owner())
    (folder / "nginx.conf").write_text(frame)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-c", folder / "nginx.conf", "-p", folder])
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            for _ in range(300):
                try:
                    await session.get("/")
                    break
                except aiohttp.ClientConnectionError:
                    assert process.poll() is None, (folder / "error.log").read_text()
                    await asyncio.sleep(0.02)

            async def get(path, **options):
                async with session.get(path, **options) as answer:
                    return answer, await answer.read()

            get.here = request.param == "beside the hub"
            yield get
    finally:
        process.terminate()
        process.wait(20)


async def test_every_static_file_comes_from_nginx_as_the_hub_serves_it(
    ask, hub, services, listener
):
    blob = services.blobs.put_bytes(bytes(range(256)) * 400)
    layout = services.repository.layout
    target = next(layout.targets.rglob("*.json"), None)
    paths = [
        f"/v1/units/{COMMUNE}/metadata/timestamp.json",
        f"/v1/units/{COMMUNE}/metadata/{layout.snapshot_versions(COMMUNE)[0]}.snapshot.json",
        f"/v1/units/{COMMUNE}/metadata/1.root.json",
        f"/v1/blobs/{blob.sha256}",
    ]
    if target is not None:
        paths.append("/v1/targets/" + target.relative_to(layout.targets).as_posix())
    for path in paths:
        direct, expected = await hub("GET", path)
        answer, body = await ask(path)
        assert (direct.status, answer.status, body) == (200, 200, expected), path
        assert answer.headers["Cache-Control"] == direct.headers["Cache-Control"]
        assert answer.headers["Content-Type"] == direct.headers["Content-Type"].split(";")[0]
    # What never changes is still served when the hub is gone; a timestamp only from its disk.
    await listener.close()
    for path in paths:
        answer, body = await ask(path)
        assert answer.status == (200 if ask.here or "timestamp" not in path else 502), path
    headers = {"Range": "bytes=100-199"}
    answer, body = await ask(f"/v1/blobs/{blob.sha256}", headers=headers)
    assert (answer.status, body) == (206, bytes(range(100, 200)))


async def test_what_is_not_public_stays_inside(ask, services):
    for path in (
        "/repository/state/policy.json",
        "/chieng.sqlite3",
        "/keys/online/timestamp.1.pem",
        f"/v1/units/{COMMUNE}/metadata/..%2f..%2f..%2fstate%2flock",
        "/v1/targets/../../keys/online/timestamp.1.pem",
        "/",
        "/metrics",
    ):
        answer, body = await ask(path)
        assert answer.status in (400, 404), path
        assert b"PRIVATE" not in body


async def test_nodes_reach_the_hub_through_it(ask, services, hub):
    answer, _ = await ask(f"/v1/units/{COMMUNE}/pack")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-tar"
    # The papers came deflated; what they are does not depend on that.
    pack_etag = answer.headers["ETag"].strip('"').removesuffix(".deflate")
    answer, _ = await ask(f"/v1/units/{COMMUNE}/pack?have={pack_etag}")
    assert answer.status == 204
    assert (await ask("/v1/openapi.json"))[0].status == 200
    first, _ = await ask(f"/v1/units/{COMMUNE}/metadata/timestamp.json")
    services.repository.reissue(services.now_s() + 5)
    again, _ = await ask(f"/v1/units/{COMMUNE}/metadata/timestamp.json")
    assert again.headers["ETag"] != first.headers["ETag"], "a timestamp is never old"
