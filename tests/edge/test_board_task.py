"""The board task: what was signed for this moment stands there, nothing else, and it is told."""

import hashlib
import io

import pytest
from PIL import Image

from hub.board_image import render, render_strip
from hw.sim.board import Board
from tests.edge.node_world import COMMUNE, MIDNIGHT_S, Node, Province
from tests.portable import manifests

DARK = [bytes(192)] * 64


@pytest.fixture
def province(tmp_path):
    return Province(tmp_path)


def picture(province, number):
    """Return (rendition, rows) of a picture that the hub made, the rows as Pillow reads them."""
    (data,) = render("Trang %d" % number, 192, 64, 1)
    pixels = Image.open(io.BytesIO(data)).tobytes()
    rendition = {
        "profile": "board-192x64x1",
        "media_type": "image/png",
        "sha256": province.put(data),
        "length": len(data),
    }
    return rendition, [pixels[192 * y : 192 * y + 192] for y in range(64)]


def programme(province, *numbers, version=1):
    """Return a bundle with one page per number, and the rows of each."""
    value = province.news_bundle(version)
    value.update(items=[], rules=[], pages=[])
    value["policy"]["quiet"] = []
    found = []
    for number in numbers:
        page = manifests.page("page-%d" % number, 1)
        rendition, rows = picture(province, number)
        page["renditions"] = [rendition]
        value["pages"].append(page)
        found.append(rows)
    return value, found


async def ready(province, value):
    province.publish(value)
    node = Node(province, clock="06:00", kind="board").start("sync", "board")
    await node.pass_ms(3000)
    return node


async def test_a_page_stands_and_its_exposure_is_told_when_it_leaves(province):
    value, (rows,) = programme(province, 1)
    node = await ready(province, value)
    assert node.panel.rows == rows
    assert node.board.showing().page.id == "page-1"
    value["pages"], value["version"] = [], 2
    province.publish(value)
    await node.pass_ms(300_000, lambda: node.panel.rows == DARK)
    await node.pass_ms(2000)
    assert node.panel.rows == DARK
    (show,) = node.book.find("show")
    shown = hashlib.sha256(b"".join(rows)).hexdigest()
    assert show["item"] == "page-1"
    assert show["evidence"] == {"grade": 2, "shown_sha256": shown}
    assert show["shown_ms"] == pytest.approx(show["ended_ms"] - show["started_ms"], abs=100)
    assert node.codes() == []
    await node.stop()


async def test_what_expires_is_wiped_without_anybody_and_also_after_a_restart(province):
    value, (rows,) = programme(province, 1)
    value["pages"][0]["until_s"] = manifests.at_ms("06:00:30") // 1000
    node = await ready(province, value)
    node.link.is_down = True
    await node.pass_to("06:00:29")
    assert node.panel.rows == rows
    await node.pass_to("06:00:32")
    assert node.panel.rows == DARK
    (show,) = node.book.find("show")
    assert abs(show["ended_ms"] - manifests.at_ms("06:00:30")) <= 1100
    await node.stop()
    # A board that holds its picture through a crash of the node is dark as soon as it is back.
    node.panel.rows = rows
    node.start("board")
    await node.pass_ms(2000)
    assert node.panel.rows == DARK
    await node.stop()


async def test_pages_take_turns(province):
    value, rows = programme(province, 1, 2)
    node = await ready(province, value)
    seen = set()
    for _ in range(5):
        seen.add(rows.index(node.panel.rows))
        await node.pass_ms(5000)
    assert seen == {0, 1}
    await node.stop()


async def test_an_emergency_stands_alone(province):
    value, _ = programme(province, 1)
    node = await ready(province, value)
    flood = province.flood(sent_s=MIDNIGHT_S + 5 * 3600)
    rendition, rows = picture(province, 9)
    page = manifests.page("flood-page", 1, "emergency")
    page.update(renditions=[rendition], from_s=flood["sent_s"], until_s=flood["expires_s"])
    flood["pages"] = [page]
    province.publish(manifests.alerts([flood], COMMUNE))
    node.sync.wake()
    await node.pass_ms(3000)
    assert node.panel.rows == rows
    await node.stop()


async def test_a_missing_picture_is_a_fault_and_shown_when_it_comes(province):
    value, (rows,) = programme(province, 1)
    blobs = dict(province.blobs)
    province.blobs.clear()
    node = await ready(province, value)
    assert node.panel.rows == DARK
    assert "blob.missing" in node.open_codes()
    province.blobs.update(blobs)
    await node.pass_ms(300_000, lambda: node.panel.rows == rows)
    assert node.panel.rows == rows
    await node.pass_ms(2000)
    assert node.open_codes() == []
    await node.stop()


async def test_what_is_over_is_darkened_although_its_successor_cannot_be_shown(province):
    value, (rows,) = programme(province, 1)
    node = await ready(province, value)
    assert node.panel.rows == rows
    after, _ = programme(province, 3, version=2)
    after["pages"][0]["id"] = "other"
    province.blobs.clear()
    province.publish(after)
    await node.pass_ms(300_000, lambda: node.panel.rows == DARK)
    assert node.panel.rows == DARK
    assert "blob.missing" in node.open_codes()
    await node.stop()


@pytest.mark.parametrize("data", [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
async def test_a_picture_that_is_none_is_not_shown_and_not_decoded_every_second(province, data):
    value, _ = programme(province, 1)
    value["pages"][0]["renditions"][0].update(sha256=province.put(data), length=len(data))
    node = await ready(province, value)
    opened = []
    open_blob = node.blobs.open_blob

    async def count(sha256):
        opened.append(sha256)
        return await open_blob(sha256)

    node.blobs.open_blob = count
    await node.pass_ms(60_000)
    assert node.panel.rows == DARK
    assert len(node.open_codes()) == 1
    assert len(opened) <= 7
    await node.stop()


async def test_a_dead_board_is_a_fault_and_is_taken_up_again(province):
    value, (rows,) = programme(province, 1)
    province.publish(value)
    node = Node(province, clock="06:00", kind="board")
    node.panel.plugged = False
    node.start("sync", "board")
    await node.pass_ms(5000)
    assert node.open_codes() == ["board.lost"]
    node.panel.plugged = True
    await node.pass_ms(11_000)
    assert node.panel.rows == rows
    assert node.open_codes() == []
    await node.stop()


async def test_a_board_that_shows_something_else_is_found_out(province):
    value, (rows,) = programme(province, 1)
    province.publish(value)
    node = Node(province, clock="06:00", kind="board")
    node.panel.honest = False
    node.start("sync", "board")
    await node.pass_ms(3000)
    assert node.open_codes() == ["board.read_back"]
    node.panel.honest = True
    await node.pass_ms(61_000)
    assert node.panel.rows == rows
    assert node.open_codes() == []
    await node.stop()


async def test_a_board_that_cannot_tell_is_no_fault_and_a_lower_grade(province):
    value, (rows,) = programme(province, 1)
    province.publish(value)
    node = Node(province, clock="06:00", kind="board")

    class Mute(Board):
        async def read_back(self):
            return None

    node.panel.__class__ = Mute
    node.start("sync", "board")
    await node.pass_ms(3000)
    assert (node.panel.rows, node.codes()) == (rows, [])
    await node.stop()
    assert node.panel.rows == DARK
    (show,) = node.book.find("show")
    assert show["evidence"] == {"grade": 1}


async def test_an_unknown_clock_shows_no_dated_page_but_a_live_emergency(province):
    value, _ = programme(province, 1)
    province.publish(value)
    node = Node(province, clock=None, kind="board").start("sync", "board")
    await node.pass_ms(3000)
    assert node.panel.rows == DARK
    flood = province.flood(sent_s=MIDNIGHT_S)
    rendition, rows = picture(province, 9)
    page = manifests.page("flood-page", 1, "emergency")
    page.update(renditions=[rendition], from_s=flood["sent_s"], until_s=flood["expires_s"])
    flood["pages"] = [page]
    province.publish(manifests.alerts([flood], COMMUNE))
    node.sync.wake()
    await node.pass_ms(3000)
    assert node.panel.rows == rows
    await node.stop()


async def test_a_ticker_runs_and_bands_of_the_day_dim_the_board(province):
    value, _ = programme(province)
    data = render_strip("Chiều nay nước sông lên nhanh", 64, 1)
    page = manifests.page("ticker", 1)
    page.update(scroll_px_s=20, dwell_s=60)
    page["renditions"] = [
        {
            "profile": "ticker-64x1",
            "media_type": "image/png",
            "sha256": province.put(data),
            "length": len(data),
        }
    ]
    value["pages"] = [page]
    value["policy"]["brightness"] = [["18:00", "06:01", 30]]
    node = await ready(province, value)
    image = Image.open(io.BytesIO(data))
    pixels = image.tobytes()
    strip = [pixels[image.width * y : image.width * (y + 1)] for y in range(64)]
    assert node.panel.brightness_percent == 30
    before = node.panel.shown
    await node.pass_ms(12_000)
    assert 200 < node.panel.shown - before <= 241
    (offset,) = [x for x in range(image.width) if node.panel.rows[20] == strip[20][x : x + 192]]
    assert [row[offset : offset + 192] for row in strip] == node.panel.rows
    await node.pass_to("06:01:03")
    assert node.panel.brightness_percent == 100
    await node.pass_ms(2000)
    assert node.codes() == []
    await node.stop()
