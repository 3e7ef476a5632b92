"""Pictures for boards: taken in as plain ones, refused with the reason, shown as they were seen."""

import io
import json
import struct
import zlib

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hub import bulletins, fleet, picture_reader, pictures, programme
from hw.linux.inflate import Inflate
from protocols import bundle, png_rows
from protocols.errors import RemoteFault
from protocols.hub_limits import PICTURES_MAX
from tests.hub.conftest import COMMUNE, signed_in
from tests.hub.test_pages import FIELDS, multipart, pages, write

__all__ = ("pages",)
PIECE = {"Content-Type": "application/offset+octet-stream"}


def drawn(kind="PNG", size=(90, 60), mode="RGB", **options):
    image = Image.linear_gradient("L").resize(size).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


async def upload(pages, data):
    """Send a file as the script does; return the answer to what it is as a picture."""
    response, _ = await pages("POST", "/uploads", headers={"Upload-Length": str(len(data))})
    where = response.headers["Location"]
    await pages("PATCH", where, headers={**PIECE, "Upload-Offset": "0"}, data=data)
    response, body = await pages("POST", where + "/picture")
    return response.status, json.loads(body)


def bomb():
    """Return a PNG of a few hundred bytes that says it has 3,600 megapixels."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def moving():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


SVG = b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"></svg>'
REFUSED = {
    "svg": (SVG, picture_reader.SVG),
    "svg in UTF-16": (SVG.decode().encode("utf-16"), picture_reader.SVG),
    "gif": (drawn("GIF", mode="P"), picture_reader.TYPE),
    "tiff under a name": (drawn("TIFF"), picture_reader.TYPE),
    "page": (b"<html><script>alert(1)</script>", picture_reader.TYPE),
    "bomb": (bomb(), picture_reader.LARGE),
    "moving": (moving(), picture_reader.MOVING),
    "cut": (drawn(size=(500, 400))[:-2000], picture_reader.BROKEN),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_still_picture_is_refused_by_its_reason(name, tmp_path):
    data, code = REFUSED[name]
    (tmp_path / "x").write_bytes(data)
    with pytest.raises((picture_reader.NoPicture, *picture_reader.DAMAGED)) as caught:
        picture_reader.read(tmp_path / "x")
    if code != picture_reader.BROKEN:
        assert str(caught.value) == code


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures") / "x"


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([drawn(), drawn("JPEG"), drawn("WEBP")]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_damaged_picture_becomes_one_or_is_refused(file, whole, changes):
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    file.write_bytes(data)
    try:
        image = picture_reader.read(file)
    except (picture_reader.NoPicture, *picture_reader.DAMAGED):
        return
    assert image.mode == "RGB" and not image.info


def test_what_is_taken_has_no_more_than_its_dots(file):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "GPS of the author's house"
    for data in (
        drawn("JPEG", exif=exif) + b"<script>alert(1)</script>PK\3\4",
        drawn("WEBP", mode="RGBA"), drawn(mode="LA"), drawn(mode="I;16"), drawn(mode="1"),
        drawn("JPEG", mode="CMYK"),
    ):  # fmt: skip
        file.write_bytes(data)
        image = picture_reader.read(file)
        out = io.BytesIO()
        image.save(out, "PNG")
        assert (
            image.mode == "RGB" and b"GPS" not in out.getvalue() and b"script" not in out.getvalue()
        )
    file.write_bytes(drawn("JPEG", exif=exif))
    assert picture_reader.read(file).size == (60, 90), "turned as the telephone was held"


@pytest.mark.parametrize("size", ["192x64x1", "96x48x3", "60x90x3"])
def test_a_board_gets_the_whole_picture_at_its_own_size(size):
    data = pictures.fit_to(drawn(size=(90, 60)), size)
    width, height, channels = (int(number) for number in size.split("x"))
    rows = png_rows.read_rows(io.BytesIO(data), Inflate(), png_rows.Size(width, height, channels))
    assert len(rows) == height and all(len(row) == width * channels for row in rows)
    if channels == 1:
        assert set(b"".join(rows)) == {0, 255}, "a dot is on or off"
    with pytest.raises(RemoteFault):
        pictures.fit_to(drawn(), "9999x9999x3")


async def boards(services, *sizes):
    def add(store):
        for size in sizes:
            form = fleet.NodeForm(f"bang-{size}", COMMUNE, "Bảng", "board", size.encode() * 4,
                                  hamlet="thon-2", board=size)  # fmt: skip
            fleet.add_node(store, form._replace(public_key=size.encode().ljust(32)), "test", 1)

    await services.ledger.write(add)


async def test_pictures_are_sent_seen_signed_and_stand_on_boards(pages, services, passphrases):
    await boards(services, "192x64x1", "96x48x3")
    status, first = await upload(pages, drawn("JPEG"))
    assert status == 200 and (first["width"], first["height"]) == (90, 60)
    _, second = await upload(pages, drawn("WEBP", size=(3000, 200)))
    assert second["width"] == 1920, "no larger than the largest board"
    for data, said in ((SVG, "SVG"), (b"RIFF", "không phải"), (bomb(), "quá lớn")):
        status, told = await upload(pages, data)
        assert status == 400 and said in told["text"]
    _, text = await pages("GET", f"/parts/pictures/{first['picture']}?unit={COMMUNE}")
    assert "192 × 64" in text and "96 × 48" in text
    asked = f"/parts/pictures/{first['picture']}?unit={COMMUNE}&hamlet={COMMUNE}/lang-kon"
    assert "Chưa có bảng tin" in (await pages("GET", asked))[1]
    names = [second["picture"], first["picture"]]
    shown = {"picture": names, "picture_alt": ["Bản đồ", "Áp phích"], "picture_dwell": ["20", "7"]}
    path, state = await write(pages, **shown)
    assert state == bulletins.READY
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    _, text = await pages("GET", path)
    assert 'alt="Bản đồ"' in text and "20 giây" in text
    for size in row["frames"]:
        for number, one in enumerate(names):
            _, published = await pages("GET", f"{path}/frames/{size['profile']}/{number}")
            _, seen = await pages("GET", f"/pictures/{one}/{size['profile']}")
            assert (
                published
                == seen
                == services.blobs.path(size["frames"][number]["sha256"]).read_bytes()
            )
    _, text = await pages("GET", "/approvals")
    assert 'alt="Áp phích"' in text
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    made = await services.ledger.read(
        lambda s: programme.manifest(s, COMMUNE, "bundle", services.now_s(), 420)
    )
    stands = bundle.read(made.data).pages
    assert [page.dwell_s for page in stands[:3]] == [20, 7, 10], "pictures first, then the text"
    assert {one.profile for one in stands[0].renditions} == {"board-192x64x1", "board-96x48x3"}


async def test_pictures_alone_are_a_bulletin_and_are_kept_in_drafts_and_versions(pages, services):
    _, one = await upload(pages, drawn())
    only = {"text": "", "picture": [one["picture"]], "picture_alt": ["Áp phích"],
            "picture_dwell": ["9"], "pictures_only": "1"}  # fmt: skip
    path, state = await write(pages, **only)
    assert state == bulletins.FAILED
    assert "không có bảng tin nào" in (await pages("GET", path))[1]
    await boards(services, "96x48x3")
    path, state = await write(pages, **only)
    assert state == bulletins.READY
    row = await services.ledger.read(lambda s: bulletins.current(s, path.rsplit("/", 1)[1]))
    assert row["renditions"] == [] and len(row["frames"][0]["frames"]) == 1
    adding = {**row, "timing": {"mode": "once", "date": "2099-01-01", "time": "05:30"}}
    made = await services.ledger.read(
        lambda s: programme.manifest(s, COMMUNE, "bundle", services.now_s(), 420, adding)
    )
    stands = bundle.read(made.data)
    assert stands.items == {} and stands.rules == () and len(stands.pages) == 1
    await pages("POST", path, data=multipart(**{**only, "picture_dwell": "30", "version": "1"}))
    _, text = await pages("GET", path + "/versions")
    assert "Hình cho bảng tin" in text and text.count(f"{path}/pictures/{one['picture']}") == 2
    response, body = await pages("GET", f"{path}/pictures/{one['picture']}")
    assert response.status == 200 and body[:4] == b"\x89PNG"
    await pages("POST", "/drafts/d0123456789ab", data={**FIELDS, **only, "bulletin": ""})
    _, text = await pages("GET", "/bulletins/new?draft=d0123456789ab")
    assert 'value="Áp phích"' in text and 'value="9"' in text


async def test_a_picture_without_words_or_that_nobody_took_in_is_refused(pages, services):
    _, one = await upload(pages, drawn())
    raw = services.blobs.put_bytes(SVG).sha256
    good = {"picture": one["picture"], "picture_alt": "Áp phích", "picture_dwell": "9"}
    many = {name: [value] * (PICTURES_MAX + 1) for name, value in good.items()}
    for changes, said in (
        ({"picture_alt": " "}, "thiếu lời mô tả"),
        ({"picture_dwell": "1"}, "Số giây"),
        ({"picture": raw}, "không còn ở đây"),
        (many, "quá nhiều hình"),
    ):
        response, text = await pages("POST", "/bulletins", data=multipart(**{**good, **changes}))
        assert response.status == 400 and said in text, changes
        assert "picture_alt" in text
    assert (await pages("GET", f"/pictures/{raw}"))[0].status == 404
    assert (await pages("GET", f"/pictures/{one['picture']}/board-9x9x9"))[0].status == 400


async def test_another_authors_upload_is_no_picture_of_mine(pages, services):
    response, _ = await pages("POST", "/uploads", headers={"Upload-Length": "1"})
    where = response.headers["Location"]
    cookies = await signed_in(services, "khac")
    async with aiohttp.ClientSession(cookies=cookies) as other:
        async with other.post(response.url.join(response.url.with_path(where + "/picture")),
                              headers={"Sec-Fetch-Site": "same-origin"}) as answer:  # fmt: skip
            assert answer.status == 400
