"""The blob store: whole, durable, bounded, named by content."""

import hashlib

import pytest

from hub.blobs import Blobs
from protocols.errors import RemoteFault


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def test_a_blob_is_found_by_the_hash_of_its_bytes(blobs, tmp_path):
    blob = blobs.put_bytes(b"gong")
    assert blob == (hashlib.sha256(b"gong").hexdigest(), 4)
    assert blobs.path(blob.sha256).read_bytes() == b"gong"
    assert blobs.verify(blob.sha256)
    (tmp_path / "file").write_bytes(b"gong")
    assert blobs.put_file(tmp_path / "file") == blob
    blobs.path(blob.sha256).write_bytes(b"bong")
    assert not blobs.verify(blob.sha256)


def test_what_is_not_committed_is_never_seen(blobs):
    with blobs.draft() as draft:
        draft.write(b"half")
    assert [path for path in blobs._root.rglob("*") if path.is_file()] == []


def test_a_draft_that_another_process_writes_is_not_swept(blobs):
    with blobs.draft() as draft:
        draft.write(b"a long recording")
        # A copy is made, or any command runs, beside the hub.
        type(blobs)(blobs._root)
        blob = draft.commit()
    assert blobs.verify(blob.sha256)


def test_a_crashed_draft_is_swept_at_start(blobs):
    (blobs._root / ".draft-x").write_bytes(b"half")
    Blobs(blobs._root)
    assert list(blobs._root.iterdir()) == []


def test_too_many_bytes_are_refused(blobs):
    with blobs.draft(bytes_max=4) as draft, pytest.raises(RemoteFault) as caught:
        draft.write(b"12345")
    assert caught.value.code == "blob.too_long"


@pytest.mark.parametrize("name", ["", "..", "A" * 64, "0" * 63, "0" * 64 + "\n", "../" + "0" * 61])
def test_a_malformed_name_is_refused(blobs, name):
    with pytest.raises(RemoteFault) as caught:
        blobs.path(name)
    assert caught.value.code == "blob.name"
