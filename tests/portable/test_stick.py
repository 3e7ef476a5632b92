"""A stick on every interpreter: a pack read in place, batches written home and read again."""

import asyncio

from edge.stick_pack import StickPack
from hw.sim.storage import Storage
from protocols import carried, stick, tar
from protocols.carried import Name
from protocols.errors import RemoteFault

PAPERS = (("metadata/1.root.json", b"{}"), ("targets/" + "a" * 64, b"x" * 700))
MEDIA = (("blobs/" + "b" * 64, b"s" * 513), ("blobs/" + "c" * 64, b""))


def put(store, name, data):
    writer = store.stage("new")
    writer.write(data)
    writer.commit(name)


def plugged(members, end=tar.END):
    store = Storage()
    pieces = [tar.header(name, len(data)) + data + tar.padding(len(data)) for name, data in members]
    put(store, stick.pack_name("03.a"), b"".join(pieces) + end)
    return store


def code_of(call, argument):
    try:
        call(argument)
    except RemoteFault as fault:
        return fault.code
    return ""


def test_papers_are_found_in_place_and_media_one_by_one():
    store = plugged(PAPERS + MEDIA)
    found = StickPack(store, stick.pack_name("03.a"))
    asyncio.run(found.read())
    for name, data in PAPERS:
        offset, length = found.place(name)
        reader = found.open()
        reader.seek(offset)
        assert reader.read(length) == data
        reader.close()
    media = [found.next_medium(), found.next_medium()]
    assert [(one.sha256, one.length) for one in media] == [("b" * 64, 513), ("c" * 64, 0)]
    assert found.next_medium() is None


def test_a_cut_and_a_wrong_order_are_named():
    for members, end, code in (
        (PAPERS + MEDIA, b"", "pack.cut"),
        (MEDIA + PAPERS, tar.END, "pack.order"),
        (PAPERS + PAPERS, tar.END, "pack.twice"),
    ):
        found = StickPack(plugged(members, end), stick.pack_name("03.a"))
        assert code_of(asyncio.run, found.read()) == code


def test_a_mark_is_read_as_written():
    assert stick.read_mark(stick.build_mark(1800000000)) == 1800000000
    assert code_of(stick.read_mark, b"{}") == "format.field"
    assert code_of(stick.read_mark, b"") == "json.syntax"


def test_a_batch_is_read_as_written_and_a_torn_one_is_not():
    headers = {name: "v-" + name for name in carried.HEADERS}
    data = carried.build("hub.example", "/v1/records", headers, b'{"after":0}')
    found = carried.read(data)
    assert (found.host, found.path, found.body) == ("hub.example", "/v1/records", b'{"after":0}')
    assert found.headers == headers
    for cut in range(len(data)):
        assert code_of(carried.read, data[:cut]) in ("carried.cut", "carried.format")
    assert code_of(carried.read, data + b"x") == "carried.cut"
    for old, new in (
        (b"POST", b"GET"),
        (b"/v1", b"v1"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"host: ", b"cookie: "),
        (b"content-length: 11", b"content-length: -1"),
        (b"signature: ", b"signature-input: "),
    ):
        assert code_of(carried.read, data.replace(old, new, 1)) == "carried.format", old


def test_names_say_what_is_inside_or_nothing():
    name = Name("loa-17", "plays", "00" * 8, 1, 200)
    assert carried.read_name(carried.file_name(name)) == name
    for text in (
        "",
        "x.http",
        "a~plays~00~1-.http",
        "a~plays~00~2-1.http",
        "a~b~c~1-2",
        "a~/~c~1-2.http",
    ):
        assert carried.read_name(text) is None, text
