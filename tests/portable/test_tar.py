"""The pack's tar, the same on every interpreter."""

from protocols import tar
from protocols.errors import RemoteFault


def pack(files):
    return (
        b"".join(
            tar.header(name, len(body)) + body + tar.padding(len(body)) for name, body in files
        )
        + tar.END
    )


def read(data, step):
    reader = tar.PackReader()
    files = []
    for at in range(0, len(data), step):
        for event in reader.receive(data[at : at + step]):
            if event[0] == tar.MEMBER:
                files.append((event[1], b""))
            elif event[0] == tar.DATA:
                name, body = files[-1]
                files[-1] = (name, body + event[1])
    return files, reader.is_complete


def test_what_is_written_is_read():
    files = [("metadata/1.root.json", b"{}"), ("empty", b""), ("blobs/ab", bytes(1300))]
    data = pack(files)
    assert len(data) % 512 == 0
    for step in (1, 7, 512, 4096):
        assert read(data, step) == (files, True)


def test_a_cut_pack_is_not_complete():
    data = pack([("a", b"12345")])
    for cut in (1, 511, 512, 515, 1024, 1535, len(data) - 1):
        files, complete = read(data[:cut], 100)
        assert not complete
        assert files in ([], [("a", b"12345"[: max(0, cut - 512)])])


def test_hostile_packs_are_refused():
    good = bytearray(pack([("a", b"12345")]))
    wrong = []
    for at, value in ((0, ord("/")), (124, ord("9")), (148, ord("1")), (156, ord("5")), (257, 0)):
        data = bytearray(good)
        data[at] = value
        wrong.append(bytes(data))
    wrong.append(bytes(good) + b"x" * 512)
    for data in wrong:
        try:
            read(data, 512)
        except RemoteFault as fault:
            assert fault.code.startswith("pack.")
        else:
            raise AssertionError("a hostile pack was read")
