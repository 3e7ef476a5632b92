"""The pack's tar against Python's own tarfile and against hostile bytes."""

import io
import tarfile
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import tar
from protocols.errors import LocalFault, RemoteFault
from protocols.limits import BLOB_BYTES_MAX, PACK_MEMBERS_MAX

NAMES = st.from_regex(r"[a-zA-Z0-9_%-][a-zA-Z0-9._%-]{0,40}", fullmatch=True)
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=1200)), max_size=6)


def pack(files):
    return (
        b"".join(
            tar.header(name, len(body)) + body + tar.padding(len(body)) for name, body in files
        )
        + tar.END
    )


def read(pieces):
    reader = tar.PackReader()
    files = []
    for piece in pieces:
        for event in reader.receive(piece):
            if event[0] == tar.MEMBER:
                files.append([event[1], b"", event[2]])
            elif event[0] == tar.DATA:
                files[-1][1] += event[1]
    return files, reader.is_complete


@given(FILES)
def test_tarfile_reads_what_we_write(files):
    with tarfile.open(fileobj=io.BytesIO(pack(files)), mode="r:") as archive:
        found = [(one.name, archive.extractfile(one).read()) for one in archive.getmembers()]
    assert found == files


@given(FILES, st.data())
def test_any_split_gives_the_same_files(files, data):
    content = pack(files)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    edges = [0, *cuts, len(content)]
    pieces = [content[a:b] for a, b in pairwise(edges)]
    found, complete = read(pieces)
    assert complete
    assert [(name, body) for name, body, _ in found] == files
    assert all(length == len(body) for _, body, length in found)


@given(FILES)
def test_what_tarfile_writes_as_ustar_is_read(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in files:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    found, complete = read([stream.getvalue()])
    assert complete
    assert [(name, body) for name, body, _ in found] == files


@given(st.binary(max_size=3000))
def test_noise_is_refused_or_waits(noise):
    try:
        read([noise])
    except RemoteFault as fault:
        assert fault.code.startswith("pack.")


@given(FILES.filter(bool), st.data())
def test_a_flipped_bit_in_a_head_is_refused(files, data):
    content = bytearray(pack(files))
    at = data.draw(st.integers(0, 511))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RemoteFault):
        read([bytes(content)])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"x", b"L"])
def test_links_folders_and_extensions_are_refused(kind):
    member = tarfile.TarInfo("a")
    member.type = kind
    member.linkname = "b"
    with pytest.raises(RemoteFault, match="plain files"):
        read([member.tobuf(tarfile.USTAR_FORMAT)])


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", "a/../b", ".", "a/", "a b", "a\n"])
def test_names_that_lead_elsewhere_are_refused_on_both_sides(name):
    with pytest.raises(LocalFault):
        tar.header(name, 1)
    with pytest.raises(RemoteFault, match="name"):
        read([_renamed(name.encode())])


def _renamed(name):
    head = bytearray(tar.header("a", 0))
    head[0 : len(name)] = name
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def test_bounds():
    with pytest.raises(LocalFault):
        tar.header("a" * 101, 1)
    with pytest.raises(LocalFault):
        tar.header("a", BLOB_BYTES_MAX + 1)
    long = bytearray(tar.header("a", BLOB_BYTES_MAX))
    long[124:136] = b"%011o\0" % (BLOB_BYTES_MAX + 1)
    long[148:156] = b"        "
    long[148:156] = b"%06o\0 " % sum(long)
    with pytest.raises(RemoteFault, match="longer than"):
        read([bytes(long)])
    with pytest.raises(RemoteFault, match="too many"):
        read([tar.header("a", 0) * (PACK_MEMBERS_MAX + 1)])


def test_a_refused_reader_stays_refused():
    reader = tar.PackReader()
    with pytest.raises(RemoteFault):
        reader.receive(b"x" * 512)
    with pytest.raises(RemoteFault, match="already"):
        reader.receive(tar.header("a", 0))
