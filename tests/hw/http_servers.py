"""Real HTTP servers for the link tests: aiohttp, and nginx in front of it."""

import asyncio
import datetime
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.portable.link_checks import blob

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off; default_type application/octet-stream;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
        root {folder}/www;
        location = /peer {{ return 200 "$remote_port"; }}
        location = /blob {{ }}
        location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; }}
    }}
}}
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _chunked(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    content = blob()[:50000]
    for at in range(0, len(content), 7000):
        await response.write(content[at : at + 7000])
    await response.write_eof()
    return response


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def _peer(request: web.Request) -> web.Response:
    assert request.transport is not None
    return web.Response(text=str(request.transport.get_extra_info("peername")[1]))


@asynccontextmanager
async def aiohttp_server(folder: Path) -> AsyncIterator[str]:
    """Serve the checks' resources; gives the base address."""
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www" / "blob").write_bytes(blob())

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "www" / "blob")

    app = web.Application()
    app.router.add_get("/blob", file)
    app.router.add_get("/chunked", _chunked)
    app.router.add_get("/peer", _peer)
    app.router.add_post("/echo", _echo)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def nginx_server(folder: Path, until_days: int = 1) -> AsyncIterator[tuple[str, str]]:
    """Serve /blob and /peer by nginx, the rest through it; gives plain and TLS addresses."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is missing: make setup installs Debian's nginx-light"
    certificates(folder, until_days)
    async with aiohttp_server(folder) as upstream:
        port, tls_port = free_port(), free_port()
        text = NGINX.format(
            folder=folder, port=port, tls_port=tls_port, upstream=upstream.rsplit(":", 1)[1]
        )
        (folder / "nginx.conf").write_text(text, encoding="ascii")
        folder.chmod(0o755)
        process = await asyncio.create_subprocess_exec(
            program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "user root;"
        )
        try:
            await _wait_for(port)
            yield f"http://127.0.0.1:{port}", f"https://localhost:{tls_port}"
        finally:
            process.terminate()
            await process.wait()


async def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise AssertionError("nginx did not start")


def certificates(folder: Path, until_days: int = 1) -> None:
    """Write ca.pem, ca.der and a server.pem with server.key for localhost."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Test authority", authority_key, authority_key, None, until_days)
    server = _certificate("localhost", server_key, authority_key, authority, until_days)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "ca.der").write_bytes(authority.public_bytes(serialization.Encoding.DER))
    (folder / "server.pem").write_bytes(server.public_bytes(pem))
    (folder / "server.key").write_bytes(
        server_key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    until_days: int,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=until_days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    return builder.sign(issuer_key, hashes.SHA256())
