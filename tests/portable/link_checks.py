"""What every link must do against a real server: run by pytest and by MicroPython.

`python -m tests.portable.link_checks URL [CA]` checks this interpreter's link. The server offers
/blob, /chunked, /echo, /peer (the client's port) and /missing.
"""

import asyncio
import hashlib
import sys

from hw.platform import Link

BLOB_BYTES = 100000


def blob(start=0, end=BLOB_BYTES):
    """Return a part of the bytes that the server offers as /blob."""
    pattern = bytes([(i * 7 + i // 251) % 256 for i in range(1000)])
    whole = pattern * ((end - start) // 1000 + 2)
    return whole[start % 1000 : start % 1000 + end - start]


def blob_hash(start, end):
    """Return the SHA-256 of a part, made in pieces that a microcontroller can hold."""
    digest = hashlib.sha256()
    for at in range(start, end, 5000):
        digest.update(blob(at, min(at + 5000, end)))
    return digest.digest()


async def fetch(link, url, method="GET", headers=None, body=b""):
    """Return status, headers, and the body's length, SHA-256 and first bytes."""
    response = await link.request(method, url, headers or {}, body)
    digest = hashlib.sha256()
    length, first = 0, b""
    while True:
        piece = await response.read(1500)
        if not piece:
            break
        assert len(piece) <= 1500
        first = first or piece
        length += len(piece)
        digest.update(piece)
    await response.close()
    return response.status, response.headers, length, digest.digest(), first


async def check_bodies(link, base):
    """Whole, partial, chunked and absent bodies."""
    status, headers, length, digest, _ = await fetch(link, base + "/blob")
    assert (status, length, digest) == (200, BLOB_BYTES, blob_hash(0, BLOB_BYTES))
    assert int(headers["content-length"]) == BLOB_BYTES
    status, _, _, digest, _ = await fetch(link, base + "/blob", headers={"Range": "bytes=99000-"})
    assert (status, digest) == (206, blob_hash(99000, BLOB_BYTES))
    answer = await fetch(link, base + "/blob", headers={"Range": "bytes=10-19"})
    assert (answer[0], answer[4]) == (206, blob(10, 20))
    assert answer[1]["content-range"] == "bytes 10-19/" + str(BLOB_BYTES)
    status, headers, length, _, _ = await fetch(link, base + "/blob", "HEAD")
    assert (status, headers["content-length"], length) == (200, str(BLOB_BYTES), 0)
    status, headers, _, digest, _ = await fetch(link, base + "/chunked")
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert digest == blob_hash(0, 50000)
    status, _, length, _, _ = await fetch(link, base + "/missing")
    assert status == 404 and length > 0


async def check_etag(link, base):
    """The ETag goes back as it came."""
    headers = (await fetch(link, base + "/blob", "HEAD"))[1]
    etag = {"If-None-Match": headers["etag"]}
    status, _, length, _, _ = await fetch(link, base + "/blob", headers=etag)
    assert (status, length) == (304, 0)


async def check_upload(link, base):
    """A body arrives whole."""
    answer = await fetch(link, base + "/echo", "POST", {}, blob(0, 30000))
    assert (answer[0], answer[3]) == (200, blob_hash(0, 30000))


async def check_keep_alive(link, base):
    """Whole answers share one connection, an abandoned one does not."""
    ports = []
    for _ in range(3):
        ports.append((await fetch(link, base + "/peer"))[4])
    assert ports[0] and ports == [ports[0]] * 3
    response = await link.request("GET", base + "/blob", {}, b"")
    assert await response.read(10) == blob(0, 10)
    await response.close()
    assert (await fetch(link, base + "/peer"))[4] != ports[0]


async def check_counters(link, base):
    """Bytes are counted both ways."""
    received, sent = link.counters()
    await fetch(link, base + "/blob")
    after = link.counters()
    assert after[0] - received > BLOB_BYTES and 0 < after[1] - sent < 2000


CHECKS = (check_bodies, check_etag, check_upload, check_keep_alive, check_counters)


async def check_all(link, base):
    """Run every check over one link."""
    for check in CHECKS:
        await check(link, base)
    await link.close()


if __name__ == "__main__":
    asyncio.run(check_all(Link(*sys.argv[2:]), sys.argv[1]))
    print("%d checks passed" % len(CHECKS))
