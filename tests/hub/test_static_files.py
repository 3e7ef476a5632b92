"""What nodes fetch: metadata, manifests, media."""

import hashlib
import json

import pytest
from yarl import URL

SHA = hashlib.sha256(b"{}").hexdigest()


@pytest.fixture
def repository(services):
    root = services.config.repository
    own = root / "units" / "03.test" / "metadata"
    files = {
        own / "timestamp.json": b'{"signed":{"version":1}}',
        own / "7.snapshot.json": b'{"snapshot":7}',
        root / "metadata" / "100.root.json": b'{"root":1}',
        root / "metadata" / "3.unit-03.test.json": b'{"unit":3}',
        root / "targets" / "units" / "03.test" / f"{SHA}.bundle.json": b"{}",
        root / "state" / "policy.json": b"secret",
        services.config.data / "outside.json": b"secret",
    }
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return own


VIEW = "/v1/units/03.test/metadata/"


async def test_a_view_lays_its_own_files_over_the_shared_ones(hub, repository):
    for name, body in (
        ("timestamp.json", b'{"signed":{"version":1}}'),
        ("7.snapshot.json", b'{"snapshot":7}'),
        ("100.root.json", b'{"root":1}'),
        ("3.unit-03.test.json", b'{"unit":3}'),
    ):
        response, found = await hub("GET", VIEW + name)
        assert (response.status, found) == (200, body)
        versioned = name[0].isdigit()
        assert ("immutable" in response.headers["Cache-Control"]) == versioned


async def test_an_unchanged_timestamp_is_304_and_a_new_one_is_200(hub, repository):
    response, _ = await hub("GET", VIEW + "timestamp.json")
    known = {"If-None-Match": response.headers["ETag"]}
    response, body = await hub("GET", VIEW + "timestamp.json", headers=known)
    assert (response.status, body) == (304, b"")
    draft = repository / "draft"
    draft.write_bytes(b'{"signed":{"version":2}}')
    draft.rename(repository / "timestamp.json")
    response, body = await hub("GET", VIEW + "timestamp.json", headers=known)
    assert (response.status, json.loads(body)["signed"]["version"]) == (200, 2)


async def test_a_manifest_is_served_under_its_hash(hub, repository):
    response, body = await hub("GET", f"/v1/targets/units/03.test/{SHA}.bundle.json")
    assert (response.status, body) == (200, b"{}")
    assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        VIEW + "9.root.json",
        VIEW + "..%2F..%2F..%2Foutside.json",
        VIEW + "%2e%2e/%2e%2e/%2e%2e/state/policy.json",
        "/v1/units/03.zzzz/metadata/1.root.json",
        "/v1/units/..%2f03.test/metadata/timestamp.json",
        "/v1/targets/../state/policy.json",
        "/v1/targets/..%2f..%2foutside.json",
        "/v1/targets/units/03.test/%00.json",
        "/v1/targets//etc/passwd",
        "/v1/blobs/..%2foutside.json",
        "/v1/blobs/" + "0" * 64,
        "/v1/nothing",
    ],
)
async def test_nothing_outside_is_reached(hub, repository, listener, path):
    address = URL(f"http://127.0.0.1:{listener.port}{path}", encoded=True)
    response, body = await hub("GET", address)
    assert response.status in (400, 404)
    assert set(json.loads(body)) == {"code", "message", "remedy"}
    assert b"secret" not in body


async def test_a_blob_is_served_whole_and_by_range(hub, services):
    data = bytes(range(256)) * 1000
    name = services.blobs.put_bytes(data).sha256
    response, body = await hub("GET", f"/v1/blobs/{name}")
    assert (response.status, body) == (200, data)
    assert "immutable" in response.headers["Cache-Control"]
    response, body = await hub("GET", f"/v1/blobs/{name}", headers={"Range": "bytes=1000-1999"})
    assert (response.status, body) == (206, data[1000:2000])
    assert response.headers["Content-Range"] == f"bytes 1000-1999/{len(data)}"
    past = {"Range": f"bytes={len(data)}-"}
    response, _ = await hub("GET", f"/v1/blobs/{name}", headers=past)
    assert response.status == 416
    assert response.headers["Content-Range"] == f"bytes */{len(data)}"


async def test_a_small_blob_from_memory_is_known_by_the_same_mark_as_its_parts(hub, services):
    data = b"gong" * 256
    name = services.blobs.put_bytes(data).sha256
    marks = set()
    for _ in range(2):
        response, body = await hub("GET", f"/v1/blobs/{name}")
        assert (response.status, body) == (200, data)
        marks.add((response.headers["ETag"], response.headers["Cache-Control"]))
    part = {"Range": "bytes=4-7"}
    response, body = await hub("GET", f"/v1/blobs/{name}", headers=part)
    assert (response.status, body) == (206, b"gong")
    marks.add((response.headers["ETag"], response.headers["Cache-Control"]))
    assert len(marks) == 1
    known = {"If-None-Match": response.headers["ETag"]}
    response, body = await hub("GET", f"/v1/blobs/{name}", headers=known)
    assert (response.status, body) == (304, b"")
    response, body = await hub("HEAD", f"/v1/blobs/{name}")
    assert (response.status, response.headers["Content-Length"]) == (200, str(len(data)))
    services.blobs.erase(name)
    assert (await hub("GET", f"/v1/blobs/{name}"))[0].status == 404


async def test_a_wrong_method_names_the_right_one(hub):
    response, body = await hub("DELETE", "/v1/events")
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert json.loads(body)["code"] == "http.method"
